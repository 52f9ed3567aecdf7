"""The check of the organisations that a row names: known ones, and for an accusation only those that receive accusations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from services.intake.history.case_of_row import other_organisation
from services.intake.history.items import HistoryItem, HistoryStep
from shared.case import Case
from shared.deadlines.episodes import DISPATCHES
from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook

ORG_FIELDS = ("org", "body", "decider", "assist", "by_office")
"""Fields of steps that hold codes of organisations."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
"""The code of an organisation that the policy never listed: one that was dissolved, or one of another level."""
_PERSONAL_NUMBER = re.compile(r"1\d{10}|\d{6}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]")
"""A mobile telephone number or an identity number, which includes a date of birth."""
_RESPONSIBLE = "-"
"""Represents the responsible organisation in a step that names none."""
_WITHOUT_ACCESS = frozenset({"received_by", "steps.SupervisionOpened.decider", "steps.InstructionRecorded.by_office"})
"""Fields whose organisation gets no access to the case."""
_RECEIVERS = frozenset(
    {"organisation", *(f"steps.{name}.org" for name in DISPATCHES), "steps.JurisdictionRuled.assist"}
) | {f"steps.{name}.body" for name in ("ReviewOpinionIssued", "ReReviewOpinionIssued", "OpinionDelivered")}
"""Fields whose organisation receives the case. The other fields may name the petition office, which acted."""


def check_organisations(item: HistoryItem, steps: Sequence[HistoryStep], case: Case, book: PolicyBook) -> None:
    """Check the organisations that a row names. `steps`: those of the row that the case does not have yet.

    Raises Invalid, with the field: the responsible organisation is not in the policy; another one is neither in the policy nor
    looks like a code, since such a cell may contain a name and is not encrypted; or an accusation would go to an organisation
    that does not receive accusations (Art. 30)."""
    named = list(_named(item, steps, case))
    for field, code in named:
        if field == "organisation":
            unknown = bool(book.organisations) and book.organisation(code) is None
        else:
            is_code = _CODE.fullmatch(code) and not _PERSONAL_NUMBER.fullmatch(code)
            unknown = not is_code and not book.ever_listed(code)
        if unknown:
            raise unknown_organisation(field)
    known = case.filing.class_ == "accusation" and all(correction.field != "class_" for correction in case.corrections)
    if case.accusation.sealed and not accuses(item) and not known:
        raise other_organisation()  # the importing person must not learn that it is an accusation
    if not (accuses(item) or known):
        return
    moved = any(step.type in DISPATCHES for step in steps)
    ruled = any(step.type == "JurisdictionRuled" for step in steps)
    holders = [*(() if moved else case.handlers), *(() if ruled else case.assignment.assist)]
    holders += [case.review.reviewer] if case.review.reviewer else []
    for field, code in (*named, *(("organisation", org) for org in holders)):
        if field in _WITHOUT_ACCESS or book.takes_accusations(code):
            continue
        if (
            field not in _RECEIVERS
            and (found := book.organisation(code)) is not None
            and found.kind == "petition_office"
        ):
            continue
        raise Invalid(
            "accusation_needs_sealed_organ",
            "An accusation goes only to an organisation marked for them that is not the respondent (Art. 30).",
            detail_zh="检举控告只能转送有权处理且不是被反映人的机关（条例第三十条），请另选机关。",
            field=field,
        )


def accuses(item: HistoryItem) -> bool:
    """True if it is an accusation, or one of its steps makes it one."""
    return item.filing.class_ == "accusation" or any(
        getattr(step.event, "class_", None) == "accusation" for step in item.steps
    )


def unknown_organisation(field: str, *, accused: bool = False) -> Invalid:
    """The error of a code that the policy does not have. `accused`: of an accusation, for which no organisation is created."""
    if accused:
        how = "an accusation creates none, name the one marked for them, or none"
        how_zh = "检举控告件不新增单位，请写明有权处理的机关，或不写单位"
    elif field == "organisation":
        how = "add it there, list it in the mapping's table, or set create: true"
        how_zh = "请先添加，或写入映射文件的对照表，或设置 create: true"
    else:
        how, how_zh = "add it there, or list it in the mapping's table", "请先添加，或写入映射文件的对照表"
    return Invalid(
        "unknown_organisation",
        f"The policy has no such organisation: {how}.",
        detail_zh=f"规则中没有该单位，{how_zh}。",
        field=field,
    )


def _named(item: HistoryItem, steps: Sequence[HistoryStep], case: Case) -> Iterator[tuple[str, str]]:
    """(field of the row, code) of each organisation that the row names."""
    if item.filing.received_by is not None and not case.exists:
        yield "received_by", item.filing.received_by
    if item.org is not None:
        yield "organisation", item.org
    for step in steps:
        for name in ORG_FIELDS:
            value = getattr(step.event, name, None)
            for code in value if isinstance(value, tuple) else (value,):
                if isinstance(code, str) and code != _RESPONSIBLE:
                    yield f"steps.{step.type}.{name}", code
