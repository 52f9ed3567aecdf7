"""Reading of documents by the petitioner, and receipts that are printed again. Pure: what is recorded about them.

They are no commands: only opening the documents with number and query code records a reading.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.case import Case
from shared.commands.command import DecisionContext, NewEvent
from shared.deadlines.unread import window_waits
from shared.events import intake as e
from shared.kernel.refusals import Refused
from shared.queries.citizen_documents import Document, Opened


def check_private(case: Case) -> None:
    """Raises Refused for the documents of an accusation with a code that a member of staff has handled: the answer is for the
    accuser only (Art. 30)."""
    if case.accusation.sealed and case.service.code_issued_by != "own":
        raise Refused(
            "code_known_to_staff",
            "A member of staff has had this query code in hand, so the answer is not shown with it. The organ that handles the"
            " matter hands it over to you.",
            detail_zh="该查询码曾由工作人员经手，不能凭此查阅答复；答复由承办机关直接向您反馈。",
        )


def read_documents(case: Case, opened: Iterable[Opened], given: DecisionContext) -> list[NewEvent]:
    """The readings to record: each document once, and once more when a code of the petitioner's own is used for the first time."""
    issuer: e.CodeIssuer = "own" if case.service.code_issued_by == "own" else "staff"
    events: list[NewEvent] = []
    begun: set[str] = set()
    for one in opened:
        if (one.of, issuer) in case.service.read or (one.of, "own") in case.service.read:
            continue
        opens = (
            issuer == "own"
            and one.document not in begun
            and _states_right(case, one.document)
            and window_waits(case, given.book, "DocumentRead", one.document)
        )
        if opens:
            begun.add(one.document)
        events.append(
            NewEvent(e.DocumentRead(document=one.document, of=one.of, code_issued_by=issuer, opens_window=opens))
        )
    return events


def _states_right(case: Case, document: Document) -> bool:
    served = {"reply": "ReplyDelivered", "opinion": "OpinionDelivered"}.get(document)
    fact = case.fact(served) if served is not None else None
    return fact is None or fact.kind != "unstated"


def receipt_printed(case: Case) -> list[NewEvent]:
    """A member of staff prints the receipt: the code is not the petitioner's alone any more."""
    return [] if case.service.code_issued_by == "staff" else [NewEvent(e.ReceiptIssued(code_issued_by="staff"))]
