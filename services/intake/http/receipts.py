"""What a receipt says, as JSON: for pages that show it in their own way."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from services.intake.http.citizen_status import LIMIT, StatusQuestion, StatusReaders
from services.intake.receipt_facts import filed_under, received_on, rights, still_looked_at
from shared.application.response import Answer
from shared.case import Case
from shared.hosting.process import Process
from shared.http.openapi import operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.identifiers import telephone_pin
from shared.kernel.legal_time import day_of
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook
from shared.queries.citizen_status import called
from shared.queries.sealed_status import told_case


class Sentence(Answer):
    """A text in both languages."""

    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")


class ReceiptLine(Answer):
    """What the filing was registered under."""

    label: Sentence = Field(description="Channel, place, subject, …")
    value: Sentence = Field(description="Its name; what is not determined yet says so")


class ReceiptDetails(Answer):
    """The content of the receipt in addition to number and query code."""

    number: str = Field(description="Number of the case")
    pin: str = Field(description="Six digits for a question by telephone; they work at an operator's desk only")
    received: str = Field(description="When it was received, in the zone of the jurisdiction")
    registered: str | None = Field(description="Day of the registration")
    office: Sentence = Field(description="The office that registered it")
    lines: list[ReceiptLine] = Field(description="What it was registered under, and what a person still looks at")
    for_another: bool = Field(
        description="Somebody filed for the petitioner: number and query code belong to the petitioner"
    )
    rights: list[Sentence] = Field(description="Your rights, each with its period and article")


def details(case: Case, book: PolicyBook, pin: str) -> ReceiptDetails:
    """The receipt of a registered case, as far as it may be shown."""
    office = called(book, book.petition_office) if book.petition_office else Words("信访部门", "Petition Office")
    lines = [*filed_under(case, book), *still_looked_at(case)]
    return ReceiptDetails(
        number=case.number,
        pin=pin,
        received=received_on(case, book),
        registered=day_of(case.registered_at, book.zone).isoformat() if case.registered_at else None,
        office=Sentence(zh=office.zh, en=office.en),
        lines=[
            ReceiptLine(label=Sentence(zh=zh, en=en), value=Sentence(zh=value.zh, en=value.en or value.zh))
            for zh, en, value in lines
        ],
        for_another="agent" in dict(case.filing.parties).values(),
        rights=[Sentence(zh=one.zh, en=one.en) for one in rights(case, book)],
    )


def router(runtime: Process, askers: StatusReaders) -> APIRouter:
    routes = api_router("citizens")
    ports = runtime.ports

    @routes.post(
        "/v1/receipt/details",
        **operation("details_v1_receipt_details_post", 400, 404, 413, 415, 422, 429, 503, body=StatusQuestion),
    )
    async def tell(request: Request) -> ReceiptDetails:
        """What the receipt says, by number and query code."""
        question = await read_model(request, StatusQuestion, LIMIT)
        _citizen, case = await askers.opened(request, question.number, question.code)
        pin = telephone_pin(ports.keys.secret("telephone-pin"), case.id, case.filing.code_generation)
        return details(await told_case(ports, case), await ports.policies.book(case.jurisdiction), pin)

    return routes
