"""What a person may read of notices: the register of an office, one notice, and its document. Reading a document is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal, NamedTuple

from pydantic import Field

from services.routing.commands.issued_notices import issuing_office
from services.routing.notices.document_store import DocumentMissing, DocumentStore
from services.routing.notices.html_form import document_in
from services.routing.notices.issuer import NoticeIssuer, cause_of
from services.routing.notices.number_series import PREFIX, Series, first_since
from services.routing.notices.pdf_form import pdf
from shared.application.case_reference import jurisdiction_needed
from shared.application.ports import Ports
from shared.application.response import Answer, TimeText
from shared.case import EMPTY, Case, head_of
from shared.commands.authorization import NOTICES, SEES_ALL, Principal, authorize, visible
from shared.events.files import FileAttached
from shared.events.notices import Language, NoticeIssued, NoticeNumbered, NumberVoided
from shared.eventstore.commit import Commit
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import end_of_day, start_of_day
from shared.kernel.refusals import Denied, Refused, Unknown
from shared.queries.case_content import purposes, record_reading
from shared.repositories.matter_cases import lead_of, whole_lines

Status = Literal["pending", "issued", "void"]
Format = Literal["html", "pdf"]
MEDIA: dict[str, str] = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
BOTH = frozenset({"identity", "text"})
_LARGEST = 2**53
_TOGETHER = 200
"""Notices of a day whose cases are read at once."""
OWN = "-"
"""In place of an office: the one that issues for the principal."""


class NoticeAnswer(Answer):
    """A notice of the register. Its number never changes, whether it was issued or is void."""

    id: str = Field(description="OFFICE/KIND/YEAR/NUMBER, the name of the notice in these routes")
    document_number: str = Field(description="The number as it is printed (文号)")
    kind: str = Field(description="Kind of the notice")
    office: str = Field(description="The organisation that issued it")
    language: Language = Field(description="zh or en")
    status: Status = Field(description="pending: the document is being made; issued; void: the case refused it (作废)")
    code: str | None = Field(None, description="For void: the code of the refusal")
    case: str | None = Field(None, description="Case id, if you may see the case")
    case_number: str | None = Field(None, description="Case number for people, if you may see the case")
    version: int | None = Field(None, description="For issued: version of the case's event")
    html: str | None = Field(
        None, description="For issued: address of the stored page, the hash of its encrypted bytes"
    )
    pdf: str | None = Field(
        None, description="For issued: address of the stored PDF; null without the extra huiyin[pdf]"
    )
    template: str = Field(description="Digest of the template")
    seal: str | None = Field(None, description="The electronic seal; null: a place for a wet seal")
    numbered_at: TimeText = Field(description="When the number was given: the act of issue")
    repeated: bool = Field(False, description="True if this command_id was carried out before")


class NoticePage(Answer):
    """One page of the register of an office (发文登记簿), by kind and number. No number is left out."""

    notices: list[NoticeAnswer] = Field(description="By kind, then by number")
    after: str | None = Field(description="Cursor of the next page; null at the end")


class NoticeName(NamedTuple):
    """The name of a notice: its series and its number."""

    series: Series
    number: int

    @property
    def text(self) -> str:
        return f"{self.series.office}/{self.series.kind}/{self.series.year}/{self.number}"


class _Found(NamedTuple):
    """A number, its case and the lead of that, and the commit that completed or voided it."""

    event: RecordedEvent
    case: Case
    lead: Case | None
    outcome: Commit | None


def unknown_notice() -> Unknown:
    return Unknown(
        "unknown_notice", "There is no such notice among those you may see.", detail_zh="没有该文书，或您无权查看。"
    )


_YEARS, _NUMBERS = 10_000, 2**31
"""No year and no number of a notice is larger; a store could not even look for it."""


class NoticeReader:
    """Reads notices for a principal."""

    def __init__(self, issuing: NoticeIssuer) -> None:
        self._issuing = issuing

    @property
    def _ports(self) -> Ports:
        return self._issuing.ports

    @property
    def _documents(self) -> DocumentStore:
        return self._issuing.documents

    async def register(
        self,
        principal: Principal,
        office: str,
        *,
        year: int | None = None,
        kind: str | None = None,
        day: date | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> NoticePage:
        """One page of the register of an office. Raises Unknown `unknown_organisation`."""
        jurisdiction, office = await self.register_of(principal, office)
        events = [one async for one in self._numbered(jurisdiction, office, year, kind, day, after, limit + 1)]
        page = [_answered(principal, found) for found in await self._found(events[:limit])]
        last = f"{page[-1].kind}:{page[-1].id.rpartition('/')[2]}:{page[-1].id.split('/')[-2]}" if page else None
        return NoticePage(notices=page, after=last if len(events) > limit else None)

    async def of_day(
        self, principal: Principal, office: str, day: date, kind: str | None
    ) -> AsyncIterator[tuple[NoticeIssued, Sequence[RecordedEvent], Case]]:
        """The notices that an office issued on a day and whose cases the principal may read, by kind and number."""
        jurisdiction, office = await self.register_of(principal, office)
        waiting: list[RecordedEvent] = []
        async for event in self._numbered(jurisdiction, office, None, kind, day, None, _LARGEST):
            waiting.append(event)
            if len(waiting) == _TOGETHER:
                for one in await self._readable(principal, office, waiting):
                    yield one
                waiting = []
        for one in await self._readable(principal, office, waiting):
            yield one

    async def answer(self, principal: Principal, event: RecordedEvent, *, repeated: bool = False) -> NoticeAnswer:
        """One notice of the register."""
        (found,) = await self._found([event])
        return _answered(principal, found, repeated=repeated)

    async def one(self, principal: Principal, office: str, kind: str, year: int, number: int) -> RecordedEvent:
        """The number of a notice. Raises Unknown for one that the principal may not see."""
        jurisdiction, office = await self.register_of(principal, office)
        if not (0 <= year < _YEARS and 1 <= number <= _NUMBERS):
            raise unknown_notice()
        commits = await self._ports.log.load(Series(jurisdiction, office, kind, year).stream, after=number - 1, limit=1)
        for commit in commits:
            for event in commit.recorded:
                if event.version == number and isinstance(event.body, NoticeNumbered):
                    return event
        raise unknown_notice()

    async def document(self, principal: Principal, event: RecordedEvent, form: Format) -> bytes:
        """The stored document of a notice. The reading is recorded first.

        Raises:
            Unknown: the principal may not see the case.
            Denied: `notice_not_for_you`.
            Refused: `notice_pending`, `notice_void`, `pdf_not_installed`.
        """
        body = event.body
        assert isinstance(body, NoticeNumbered)
        case, lead = await self._case(body.case)
        if not visible(principal, case, lead):
            raise unknown_notice()
        outcome = await self._issuing.outcome(event)
        if outcome is None:
            raise Refused(
                "notice_pending",
                "The document is being made. Ask again in a moment.",
                detail_zh="文书正在生成，请稍后再试。",
                retry_after=1,
            )
        issued = issued_in(outcome.recorded)
        if issued is None:
            raise Refused(
                "notice_void",
                "This number is void: the case refused the notice, so there is no document.",
                detail_zh="该文号已作废，没有文书。",
            )
        await self.reading(principal, case, lead, body.office)
        return await self.stored(issued, outcome.recorded, form)

    async def reading(self, principal: Principal, case: Case, lead: Case | None, office: str) -> None:
        """Check that the principal may read documents of this office on the case, and record the reading. Raises Denied."""
        if not _may_read(principal, case, lead, office):
            raise Denied(
                "notice_not_for_you",
                "This document names a petitioner whose identity you may not read. The petition office prints and serves it.",
                detail_zh="该文书载有您无权查阅的信访人身份信息，由信访部门打印、送达。",
            )
        await record_reading(self._ports.handling("routing"), principal, case, "notice", sorted(BOTH))

    async def stored(self, issued: NoticeIssued, events: Sequence[RecordedEvent], form: Format) -> bytes:
        """The stored document of an issued notice. A PDF that was not rendered with it is made of the page, in the same words.

        Args:
            events: Events of the case, among them those that attach the documents.

        Raises:
            Refused: `pdf_not_installed`; `party_erased`; `document_missing`.
        """
        address = issued.pdf if form == "pdf" and issued.pdf is not None else issued.html
        attached = [one for one in events if isinstance(one.body, FileAttached) and one.body.blob == address]
        opened = [part.values for part in await open_sealed(self._ports.keys, attached) if not part.erased]
        if not opened:
            raise Refused(
                "party_erased",
                "The petitioner's data were erased, and the document with them.",
                detail_zh="该当事人的信息已依法删除，文书不能再打开。",
            )
        try:
            content = await self._documents.read(address, str(opened[0]["key"]))
        except DocumentMissing as error:
            raise Refused(
                "document_missing",
                "The stored document is missing or damaged. Tell the operators: huiyin verify names it.",
                detail_zh="文书文件缺失或者损坏，请通知运维人员核查。",
            ) from error
        return await asyncio.to_thread(pdf, document_in(content)) if form == "pdf" and issued.pdf is None else content

    # ------------------------------------------------------------ inside

    async def _found(self, events: Sequence[RecordedEvent]) -> list[_Found]:
        """The cases of these numbers and what became of each. A few questions to the log, whatever their number."""
        wanted = [event.body.case for event in events if isinstance(event.body, NoticeNumbered)]
        lines, commits = await whole_lines(self._ports.log, wanted)
        found = []
        for event, name in zip(events, wanted, strict=True):
            case = lines.get(name, EMPTY)
            lead = None if case.matter.lead is None else head_of(case.matter.lead, lines)
            cause = cause_of(event.event_id)
            outcome = next((commit for commit in commits[name] if commit.cause == cause), None)
            found.append(_Found(event, case, lead, outcome))
        return found

    async def _readable(
        self, principal: Principal, office: str, events: Sequence[RecordedEvent]
    ) -> list[tuple[NoticeIssued, Sequence[RecordedEvent], Case]]:
        """Those of these numbers that were issued and whose documents the principal may read."""
        return [
            (issued, outcome.recorded, case)
            for _event, case, lead, outcome in await self._found(events)
            if outcome is not None
            and (issued := issued_in(outcome.recorded)) is not None
            and visible(principal, case, lead)
            and _may_read(principal, case, lead, office)
        ]

    async def _case(self, case_id: str) -> tuple[Case, Case | None]:
        case, _head = await self._ports.cases.get(case_id)
        return case, await lead_of(self._ports.cases, case)

    async def register_of(self, principal: Principal, office: str) -> tuple[str, str]:
        """(jurisdiction, office) of a register that the principal may read. `OWN` names its own office.

        Raises:
            Unknown: `unknown_organisation`.
            Invalid: `jurisdiction_needed`, several jurisdictions have that office.
        """
        authorize(principal, NOTICES)
        books = {
            code: book
            for code, book in sorted((await self._ports.policies.all()).items())
            if principal.jurisdiction in (None, code)
        }
        having = [
            (code, named)
            for code, book in books.items()
            for named in [issuing_office(principal, book) if office == OWN else office]
            if (principal.role in SEES_ALL or principal.org == named)
            and (book.ever_listed(named) or book.petition_office == named)
        ]
        if len(having) > 1:
            raise jurisdiction_needed()
        if having:
            return having[0]
        raise Unknown(
            "unknown_organisation",
            "There is no such organisation, or you may not see it.",
            detail_zh="没有这一单位，或您无权查看。",
            field="office",
        )

    async def _numbered(
        self,
        jurisdiction: str,
        office: str,
        year: int | None,
        kind: str | None,
        day: date | None,
        after: str | None,
        limit: int,
    ) -> AsyncIterator[RecordedEvent]:
        """The numbers of an office in the order of the register; at most `limit`. The cost grows with what is returned."""
        log = self._ports.log
        zone = (await self._ports.policies.book(jurisdiction)).zone
        position = _position(after)
        left = limit
        for stream, end in await self._streams(jurisdiction, office):
            series = Series.of_stream(stream)
            if kind not in (None, series.kind) or year not in (None, series.year):
                continue
            if day is not None and day.year != series.year:
                continue
            if (series.kind, series.year) < position[:2]:
                continue
            first, last = 1, end
            if day is not None:
                first = await first_since(log, stream, end, start_of_day(day, zone))
                last = await first_since(log, stream, end, end_of_day(day, zone)) - 1
            if (series.kind, series.year) == position[:2]:
                first = max(first, position[2] + 1)
            while first <= last and left > 0:
                commits = await log.load(stream, after=first - 1, limit=min(left, 200, last - first + 1))
                for commit in commits:
                    for event in commit.recorded:
                        if isinstance(event.body, NoticeNumbered) and left > 0:
                            left -= 1
                            yield event
                if not commits:
                    break
                first = commits[-1].last + 1

    async def _streams(self, jurisdiction: str, office: str) -> list[tuple[str, int]]:
        """(stream, last number) of the series of an office, by kind and year."""
        prefix = f"{PREFIX}{jurisdiction}/{office}/"
        found = []
        async for heads in self._ports.log.heads(prefix):
            found += [(stream, head.version) for stream, head in heads if Series.of_stream(stream).office == office]
        return sorted(found, key=lambda one: (Series.of_stream(one[0]).kind, Series.of_stream(one[0]).year))


def _answered(principal: Principal, found: _Found, *, repeated: bool = False) -> NoticeAnswer:
    """A notice as the register shows it."""
    event, case, lead, outcome = found
    body = event.body
    assert isinstance(body, NoticeNumbered)
    shown = case if visible(principal, case, lead) else None
    bodies = [one.body for one in outcome.recorded] if outcome is not None else []
    issued = issued_in(outcome.recorded) if outcome is not None else None
    void = next((one for one in bodies if isinstance(one, NumberVoided)), None)
    return NoticeAnswer(
        id=NoticeName(Series.of_stream(event.stream), event.version).text,
        document_number=body.document_number,
        kind=body.kind,
        office=body.office,
        language=body.language,
        status="issued" if issued is not None else "void" if void is not None else "pending",
        code=void.code if void is not None else None,
        case=shown.id if shown is not None else None,
        case_number=shown.number if shown is not None else None,
        version=outcome.last if outcome is not None and issued is not None else None,
        html=issued.html if issued is not None else None,
        pdf=issued.pdf if issued is not None else None,
        template=issued.template if issued is not None else body.template,
        seal=issued.seal if issued is not None else None,
        numbered_at=event.recorded_at,
        repeated=repeated,
    )


def issued_in(events: Sequence[RecordedEvent]) -> NoticeIssued | None:
    """The issue among these events."""
    return next((one.body for one in events if isinstance(one.body, NoticeIssued)), None)


def _position(after: str | None) -> tuple[str, int, int]:
    """KIND:NUMBER:YEAR of the last entry of the previous page, as (kind, year, number)."""
    kind, _, rest = (after or "").partition(":")
    number, _, year = rest.partition(":")
    if not (number.isascii() and number.isdigit() and year.isascii() and year.isdigit()):
        return "", 0, 0
    return kind, int(year), int(number)


def _may_read(principal: Principal, case: Case, lead: Case | None, office: str) -> bool:
    """True if the principal may read a document of `office` on this case, which holds the petitioner's name. An answer to an
    accusation is read by the organ that gave it only (Art. 30)."""
    if case.accusation.sealed and principal.org != office:
        return False
    return (principal.org == office and principal.role in SEES_ALL) or purposes(principal, case, lead) >= BOTH
