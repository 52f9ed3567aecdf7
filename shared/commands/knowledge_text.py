"""Texts of the knowledge in commands: a reference to an entry, and its text filled for one case. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from shared.case import Case
from shared.commands.command import DecisionContext
from shared.kernel.legal_time import day_of
from shared.kernel.refusals import Refused

IMPERSONAL = ("case_number", "filed_on", "today", "office")
"""Fields that a text may show without any personal data."""


class NamesEntry:
    """Marks a field that names an entry of the knowledge (`ENTRY`, or `ENTRY@VERSION`). The caller resolves it to a KnowledgeText,
    or to the Refused that says why it cannot be used."""


EntryName = Annotated[
    str,
    Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]+(@[0-9]{1,9})?$"),
    NamesEntry(),
]
OptionalEntry = Annotated[EntryName | None, NamesEntry()]


class KnowledgeText(NamedTuple):
    """A version of an entry that is valid today."""

    entry: str
    version: int
    subject: str | None
    text: str


def filled_at_once(found: object, case: Case, given: DecisionContext) -> KnowledgeText:
    """A resolved entry with its text for this case, without personal data.

    Raises:
        Refused: why the entry cannot be used; `other_subject`, it is for another subject; `needs_a_draft`, it shows personal data.
    """
    if isinstance(found, Refused):
        raise found
    assert isinstance(found, KnowledgeText)
    subject = case.filing.subject
    if found.subject is not None and subject is not None:
        line = given.book.subject_lines.get(subject, (subject,))
        if found.subject not in line:
            raise Refused(
                "other_subject",
                f"This entry is for the subject {found.subject}, and the case has another one. Choose another entry, or correct"
                " the subject.",
                detail_zh=f"该知识条目适用于分类 {found.subject}，与本件分类不符。请另选条目，或先更正分类。",
                field="from",
            )
    from shared.policy.template_language import filled, names_in

    if not names_in(found.text) <= set(IMPERSONAL):
        raise Refused(
            "needs_a_draft",
            "This entry shows data of the petitioner. Fill a draft from it, read it, then send its text.",
            detail_zh="该知识条目包含信访人信息，请先据此生成拟稿，核对后再发送。",
            field="from",
        )
    return found._replace(text=filled(found.text, impersonal(case, given)))


def impersonal(case: Case, given: DecisionContext) -> Mapping[str, str]:
    """The values of the fields without personal data."""
    zone, filed = given.book.zone, case.filing.filed_at
    return {
        "case_number": case.number,
        "filed_on": day_of(filed, zone).isoformat() if filed is not None else "",
        "today": day_of(given.now, zone).isoformat(),
        "office": given.book.names.get(given.org, given.org),
    }
