"""The issue of a notice: the number in the request, the document in a reaction.

    request    check the fields → `NoticeNumbered` on the series: the act of issue
    reaction   render → store → `NoticeIssued` on the case, or `NumberVoided` where the case refuses it

Every step has a cause that is derived from the number, so that a process that dies in between is continued by the next one, and
nothing happens twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from services.routing.commands.issued_notices import (
    HTML,
    PDF,
    RecordNotice,
    RenderedFile,
    issuing_office,
    may_issue,
    void_number,
)
from services.routing.notices.document_store import DocumentStore
from services.routing.notices.html_form import html
from services.routing.notices.notice_content import content, date_text
from services.routing.notices.notice_document import NoticeDocument, composed, empty_fields, field_empty
from services.routing.notices.number_series import Numbering, Series
from services.routing.notices.pdf_form import available, pdf
from services.routing.notices.seal import NoSeal, Seal
from shared.application.ports import Ports
from shared.case import STREAM, Case, fold
from shared.commands.authorization import Action, Principal, Role, authorize
from shared.commands.command import RULES
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata, first_answer
from shared.events.notices import DocumentKind, Language, NoticeNumbered
from shared.eventstore.commit import Commit
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.failpoints import failpoint
from shared.kernel.identifiers import request_digest
from shared.kernel.legal_time import day_of
from shared.kernel.refusals import Refused, Unavailable
from shared.policy.book import PolicyBook
from shared.policy.loading.loader import hash_of, plain
from shared.policy.template_language import filled
from shared.policy.templates import NoticeTemplate, Templates, template_of
from shared.queries.case_details import find
from shared.repositories.matter_cases import lead_of

ISSUE = Action("issue_notice", ("organisation", "clerk", "registrar"))
_RECORD = "record_notice"
_OURS: tuple[Role, ...] = ("service",)
_VOID = Action("void_number", _OURS)


def cause_of(event_id: str) -> str:
    """The cause of what follows from this number on the case: the issue, or the voiding."""
    return f"routing.notice:{event_id}"


@dataclass(frozen=True)
class NoticeIssuer:
    """Issues notices and completes them. `documents`: where they are stored."""

    ports: Ports
    documents: DocumentStore
    seal: Seal = field(default_factory=NoSeal)

    @cached_property
    def handling(self) -> CommandHandler:
        return self.ports.handling("routing")

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering(self.handling)

    # ------------------------------------------------------------ in the request

    async def number(
        self, principal: Principal, reference: str, kind: DocumentKind, language: Language, command_id: str
    ) -> tuple[RecordedEvent, bool]:
        """Issue a notice: give it its number. The document follows. Returns the event, and whether it was there already.

        Raises:
            Unknown: the principal may not see the case.
            Denied, Refused: as may_issue(); `notice_field_empty` names the field; `same_id_other_content`.
        """
        case = await find(self.ports, principal, reference)
        authorize(principal, ISSUE)
        book = await self.ports.policies.book(case.jurisdiction)
        office = issuing_office(principal, book)
        now = self.ports.clock.now()
        series = Series(case.jurisdiction, office, kind, day_of(now, book.zone).year)
        request = orjson.dumps(["issue_notice", kind, language])
        stamp = EventMetadata(
            principal,
            f"{principal.name}:{command_id}",
            request=request_digest(self.ports.keys.secret("request"), case.id, request),
            jurisdiction=case.jurisdiction,
        )
        for known in (series, series._replace(year=series.year - 1)):  # repeated after the turn of the year
            commit = await self.ports.log.by_cause(known.stream, stamp.cause)
            if commit is not None:
                return first_answer(commit, stamp).recorded[0], True
        return await self.give(case, kind, office, language, stamp)

    async def give(
        self, case: Case, kind: DocumentKind, office: str, language: Language, stamp: EventMetadata
    ) -> tuple[RecordedEvent, bool]:
        """Give the notice of this office on the case its number, once per cause. Raises as number()."""
        book, now = await self.ports.policies.book(case.jurisdiction), self.ports.clock.now()
        series = Series(case.jurisdiction, office, kind, day_of(now, book.zone).year)
        known = await self.ports.log.by_cause(series.stream, stamp.cause)
        if known is not None:
            return first_answer(known, stamp).recorded[0], True
        may_issue(case, kind, office, book)
        template = template_of(book.templates_at(now), kind)
        events = await self._events(case.id, case.version)
        lead = await lead_of(self.ports.cases, case)
        values = await content(self.ports.keys, events, book, kind, office, language, lead)
        if missing := empty_fields(template, values):
            raise field_empty(kind, missing[0])
        commit, repeated = await self._numbering.give(
            series,
            stamp._replace(policy=book.reference),
            lambda number: NoticeNumbered(
                case=case.id,
                kind=kind,
                office=office,
                document_number=number_text(template, book, office, series.year, number),
                language=language,
                case_version=events[-1].version,
                template=digest_of(template),
            ),
        )
        return commit.recorded[0], repeated

    async def drafted(self, principal: Principal, case: Case, kind: DocumentKind, language: Language) -> NoticeDocument:
        """The notice as it would be issued now, without a number. Raises Denied, Refused as number()."""
        authorize(principal, ISSUE)
        book = await self.ports.policies.book(case.jurisdiction)
        office, now = issuing_office(principal, book), self.ports.clock.now()
        may_issue(case, kind, office, book)
        template = template_of(book.templates_at(now), kind)
        lead = await lead_of(self.ports.cases, case)
        events = await self._events(case.id, case.version)
        values = await content(self.ports.keys, events, book, kind, office, language, lead)
        number = "（草稿，未编号）" if language == "zh" else "(draft without a number)"
        return composed(
            template, language, values, number=number, office=name_of(book, office, language),
            date=date_text(now, book.zone, language),
        )  # fmt: skip

    # ------------------------------------------------------------ in the reaction

    async def complete(self, event: RecordedEvent) -> None:
        """Render and store the notice of a number and record it on its case, or void the number. Does nothing where that has
        happened already.

        Raises:
            Unavailable, SealUnavailable: later.
        """
        body = event.body
        assert isinstance(body, NoticeNumbered)
        if await self.outcome(event) is not None:
            return
        try:
            await self._issue(event, body)
        except Unavailable:
            raise
        except Refused as refused:
            await self._void(event, body, refused.code)

    async def outcome(self, event: RecordedEvent) -> Commit | None:
        """The commit that completed or voided this number; None while it is under way."""
        body = event.body
        assert isinstance(body, NoticeNumbered)
        return await self.ports.log.by_cause(STREAM + body.case, cause_of(event.event_id))

    async def _issue(self, event: RecordedEvent, body: NoticeNumbered) -> None:
        case, _head = await self.ports.cases.get(body.case, at_least=body.case_version)
        book = await self.ports.policies.book(case.jurisdiction)
        may_issue(case, body.kind, body.office, book)  # before the work of rendering; decided again when it is recorded
        template = template_of(book.templates_at(event.recorded_at), body.kind)
        events = await self._events(body.case, body.case_version)
        lead = await lead_of(self.ports.cases, fold(events))
        values = await content(self.ports.keys, events, book, body.kind, body.office, body.language, lead)
        document = composed(
            template,
            body.language,
            values,
            number=body.document_number,
            office=name_of(book, body.office, body.language),
            date=date_text(event.recorded_at, book.zone, body.language),
        )
        page, paper = html(document), await asyncio.to_thread(pdf, document) if available() else None
        seal: str | None = None
        if paper is not None:
            paper, seal = await self.seal.seal(paper, case.jurisdiction, body.office, body.document_number)
        forms = [(HTML, page)] + ([(PDF, paper)] if paper is not None else [])
        stored = [(media, await self.documents.keep(form)) for media, form in forms]
        addresses = [one.address for _media, one in stored]
        failpoint("notice.stored", event.event_id)
        series = Series.of_stream(event.stream)
        command = RecordNotice(
            kind=body.kind,
            office=body.office,
            document_number=body.document_number,
            seq=event.version,
            year=series.year,
            language=body.language,
            template=digest_of(template),
            files=tuple(RenderedFile(media, one.address, one.key, one.size) for media, one in stored),
            seal=seal,
        )
        rule = RULES[_RECORD]
        try:
            done = await self.handling.handle(
                body.case, rule.action, self._stamp(event), lambda found, given: rule(found, command, given)
            )
        except Unavailable:
            raise
        except Refused:
            await self.documents.discard(addresses)
            raise
        if done.repeated:  # another process was first
            await self.documents.discard(addresses)
        failpoint("notice.recorded", event.event_id)

    async def _void(self, event: RecordedEvent, body: NoticeNumbered, code: str) -> None:
        void = void_number(body, event.version, Series.of_stream(event.stream).year, code)
        await self.handling.handle(body.case, _VOID, self._stamp(event), lambda _case, _given: [void])

    def _stamp(self, event: RecordedEvent) -> EventMetadata:
        body = event.body
        assert isinstance(body, NoticeNumbered)
        return EventMetadata(
            principal=Principal("service", body.office, "routing"),
            cause=cause_of(event.event_id),
            correlation=event.correlation or event.event_id,
            jurisdiction=event.jurisdiction,
        )

    async def _events(self, case: str, version: int) -> list[RecordedEvent]:
        commits = await self.ports.log.load(STREAM + case)
        return [event for commit in commits for event in commit.recorded if event.version <= version]


def number_text(template: NoticeTemplate, book: PolicyBook, office: str, year: int, number: int) -> str:
    """The number as it is printed. Without a mark (机关代字) the name of the office stands in its place."""
    mark = book.document("templates", Templates).marks.get(office) or book.names.get(office, office)
    return filled(template.number, {"mark": mark, "year": str(year), "n": str(number)})


def name_of(book: PolicyBook, office: str, language: Language) -> str:
    """The name of an office in the language of a notice."""
    known = book.organisation(office)
    return (known.name_en if known and language == "en" else None) or book.names.get(office, office)


def digest_of(template: NoticeTemplate) -> str:
    """`sha256:…` of a template: which text a notice was made of."""
    return hash_of(plain(template))
