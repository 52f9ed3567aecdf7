"""The words of reply, opinions and notices, by number and query code. Opening them is recorded as the petitioner's reading."""

from __future__ import annotations

from fastapi import APIRouter, Request

from services.intake.commands.document_access import check_private, read_documents
from services.intake.http.citizen_status import LIMIT, StatusQuestion, StatusReaders
from shared.case import Case
from shared.commands.authorization import Action, Principal, Role
from shared.commands.command import DecisionContext, NewEvent
from shared.commands.event_writer import EventMetadata
from shared.hosting.process import Process
from shared.http.openapi import operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.queries.citizen_documents import CitizenDocuments, Opened, document_of, documents, events_of, readable
from shared.queries.petitioner_data import PetitionerData, petitioner_data

_READERS: tuple[Role, ...] = ("citizen",)
READ_DOCUMENTS = Action("read_documents", _READERS)


async def opened_documents(runtime: Process, citizen: Principal, case: Case) -> CitizenDocuments:
    """The documents of the case. The reading is recorded before anything is decrypted.

    Raises Refused `code_known_to_staff` for an accusation whose code a member of staff has handled."""
    check_private(case)
    handling = runtime.handling("intake")
    events = await events_of(runtime.ports.log, case)
    opened = [Opened(document_of(event), version) for version, event in sorted(readable(events).items())]

    def decide(found: Case, given: DecisionContext) -> list[NewEvent]:
        check_private(found)
        return read_documents(found, opened, given)

    if decide(case, await _context(runtime, citizen, case)):
        stamp = EventMetadata(citizen, f"read:{handling.clock.new_id()}", jurisdiction=case.jurisdiction)
        await handling.handle(case.id, READ_DOCUMENTS, stamp, decide)
    return await documents(handling, case, events, await runtime.ports.policies.book(case.jurisdiction))


async def _context(runtime: Process, citizen: Principal, case: Case) -> DecisionContext:
    now = runtime.ports.clock.now()
    return DecisionContext(citizen, now, now, await runtime.ports.policies.book(case.jurisdiction))


def router(runtime: Process, askers: StatusReaders) -> APIRouter:
    routes = api_router("citizens")

    @routes.post(
        "/v1/status/documents",
        **operation(
            "documents_v1_status_documents_post", 400, 404, 409, 413, 415, 422, 429, 503, 507, body=StatusQuestion
        ),
    )
    async def read(request: Request) -> CitizenDocuments:
        """The reply, the opinions and the notices in their words, by number and query code. The reading is recorded."""
        question = await read_model(request, StatusQuestion, LIMIT)
        citizen, case = await askers.opened(request, question.number, question.code)
        return await opened_documents(runtime, citizen, case)

    @routes.post(
        "/v1/status/data",
        **operation("data_v1_status_data_post", 400, 404, 409, 413, 415, 422, 429, 503, body=StatusQuestion),
    )
    async def data(request: Request) -> PetitionerData:
        """A copy of your personal data in this case: who you are, and what you wrote (PIPL Art. 45)."""
        question = await read_model(request, StatusQuestion, LIMIT)
        _citizen, case = await askers.opened(request, question.number, question.code)
        check_private(case)
        ports = runtime.ports
        book = await ports.policies.book(case.jurisdiction)
        return await petitioner_data(ports.keys, case, await events_of(ports.log, case), book.zone)

    return routes
