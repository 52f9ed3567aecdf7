"""Events of notices as documents: the number, the issue, and what the office states in them besides the case's own facts.

The stream `notices/<jurisdiction>/<office>/<kind>/<year>` is the act of issue: the version of a `NoticeNumbered` is the number, so
that numbers have no gap. It names the case and holds no personal data. The case's event follows under a cause derived from it:
`NoticeIssued`, or `NumberVoided` where the case refuses it. One cause has one commit, so that a number is never both.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Service, Text, Texts

DocumentKind = Literal[
    "receipt",
    "transfer",
    "acceptance",
    "non_acceptance",
    "no_longer_accepted",
    "joined",
    "extension",
    "request_for_more",
    "decision",
    "guidance",
    "led_into",
    "duty_performed",
    "review_opinion",
    "re_review_opinion",
    "suggestion_answered",
    "closing",
    "publication",
]
Language = Literal["zh", "en"]


class _Notices(Event):
    owner: ClassVar[Service] = "routing"


class NoticeNumbered(_Notices, zh="编制文号", en="A notice was numbered.", shows=("kind",)):
    """A notice was issued under the next number of its office, kind and year; the version of this event is that number.

    `case_version`: the notice states the case as it was then. `template`: digest of the template that was in force.
    """

    case: str
    kind: DocumentKind
    office: str
    document_number: str
    """As it is printed: 某信访复字〔2026〕3号."""
    language: Language = "zh"
    case_version: int
    template: str


class NumberVoided(_Notices, zh="文号作废", en="The number of a notice was voided.", shows=("kind",)):
    """The case refused the notice of this number, which stays assigned and void. `code`: the code of the refusal."""

    kind: DocumentKind
    office: str
    document_number: str
    seq: int
    year: int
    code: str


class NoticePrepared(_Notices, zh="填写文书内容", en="The content of a notice was prepared.", shows=("kind",)):
    """The office stated what a notice of this kind says besides the facts of the case. The last one counts."""

    org: str | None = None
    kind: DocumentKind
    request: Text = None
    facts: Text = None
    opinion: Text = None
    reason: Text = None
    remedy: Text = None
    address: Text = None
    questions: Texts = ()
    legal_basis: Texts = ()
    remarks: Text = None


class NoticeIssued(
    _Notices, zh="出具文书", en="A notice was issued.", shows=("kind", "document_number"), for_petitioner=True
):
    """The notice of this number was rendered, stored, and is from now on the document of the office.

    `html`, `pdf`: addresses of the stored documents, which are hashes of their encrypted bytes; they never change. The same commit
    attaches them to the case (`FileAttached`) under the petitioner's key, so that erasing the petitioner closes them.
    """

    kind: DocumentKind
    office: str
    document_number: str
    seq: int
    year: int
    language: Language = "zh"
    template: str
    html: str
    pdf: str | None = None
    """None: rendered where the extra for PDF is not installed."""
    seal: str | None = None
    """The electronic seal on the PDF (电子印章); None: a place for a wet seal."""
