"""Filing by the people themselves, without an access key: the form, and the submission.

The `command_id` names the filing: the same one gives the same receipt, so that a form that is sent twice is one case. It has to be
random, because the receipt holds the query code. How many one network sends in a minute is limited; a repeat does not count. What
is more gets a turn in a slower queue, or goes on at once with a proof of work (docs/adr/0066).
"""

from __future__ import annotations

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.intake.commands.filing import FileCase
from services.intake.commands.parties import PARTIES_LIMIT, Person, Respondent
from services.intake.filing_limit import FilingLimit
from services.intake.public_form import (
    FormAnswer,
    Identity,
    SubjectGuesses,
    channel_of_sign,
    form,
    guesses,
    open_channels,
)
from services.intake.public_map import MapAnswer, map_of
from services.intake.registration import Receipt, file_case
from shared.application.command_dispatch import no_personal_number
from shared.application.file_references import filing_owner
from shared.application.problem import TooMany
from shared.commands.attached_files import FileReferences
from shared.commands.authorization import Principal
from shared.commands.command import Command
from shared.commands.command_fields import FreeText, GivenCode, Short
from shared.events.fields import AgentRelation, Class
from shared.hosting.process import Process
from shared.http.admission import admitted
from shared.http.client_network import client_network
from shared.http.openapi import WRITING, answers, operation, takes
from shared.http.request_bodies import read_model
from shared.http.responses import ReceiptAnswer
from shared.http.router import api_router
from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook
from shared.queries.query_code_access import RateLimiter

GUESSES = 120
"""Texts of one network in a minute whose subject is guessed (own choice): a page asks a few times while somebody writes."""
PUBLIC = "public"
"""`ref` of the citizen who files: nothing that tells two of them apart."""
FilingId = Annotated[
    str, Field(min_length=16, max_length=100, pattern=r"^[A-Za-z0-9_-]+$"), AfterValidator(no_personal_number)
]


class PublicFiling(Command):
    """What a person files."""

    command_id: FilingId = Field(
        description="A random id of this filing, such as a UUID, made with the form. The same one gives the same receipt"
    )
    jurisdiction: GivenCode | None = Field(None, description="Jurisdiction; needed where there are several")
    channel: GivenCode | None = Field(None, description="Channel of the form; by default the first one")
    title: Short | None = Field(None, description="Title, sealed")
    text: FreeText = Field(description="The complaint or request, sealed")
    place: GivenCode | None = Field(None, description="Place of the problem: a code of the form, or words")
    subject: GivenCode | None = Field(None, description="Subject: a code of the form, or words; empty: I don't know")
    qr: GivenCode | None = Field(None, description="The scanned QR code: the place is derived from it")
    location: Short | None = Field(None, description="Exact location, sealed")
    class_: Class | None = Field(None, alias="class", description="Class, if the person knows it")
    identity: Identity = Field(description="named, anonymous or confidential")
    petitioner: Person | None = Field(None, description="The person whose matter it is")
    agent: Person | None = Field(None, description="The person who files for somebody else")
    agent_relation: AgentRelation | None = Field(
        None,
        description="As whom the agent files: guardian of a petitioner under 14, who consents to the processing of the child's"
        " data, or authorised by the petitioner",
    )
    co_petitioners: tuple[Person, ...] = Field((), max_length=PARTIES_LIMIT, description="Those who file with them")
    representatives: tuple[Annotated[int, Field(ge=1, le=PARTIES_LIMIT + 1)], ...] = Field(
        (), max_length=PARTIES_LIMIT, description="Representatives: 1 is the petitioner, 2 the first co-petitioner, …"
    )
    respondent: Respondent | None = Field(None, description="The respondent of an accusation")
    files: FileReferences = ()
    turn: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="The `turn` of the answer 429 to this filing: it is taken when its time has come"
    )
    work: Annotated[str, Field(max_length=40)] | None = Field(
        None,
        description="A proof of work: a text for which SHA-256 of `turn:work` begins with `bits` zero bits. The turn is taken at"
        " once",
    )


class SubjectQuestion(BaseModel):
    """A text whose subject is wanted."""

    model_config = ConfigDict(extra="forbid")

    jurisdiction: GivenCode | None = Field(None, description="Jurisdiction; needed where there are several")
    title: Short | None = Field(None, description="Title")
    text: FreeText = Field(description="The complaint or request, as far as it is written")


def filing_of(wanted: PublicFiling, book: PolicyBook) -> FileCase:
    """The filing in the terms of the channel. Raises Invalid."""
    open_to_all = open_channels(book)
    if not open_to_all or wanted.channel not in (None, *open_to_all):
        raise Invalid(
            "channel_not_public",
            "People cannot file in this channel themselves. Use a channel of GET /v1/public/form.",
            detail_zh="该渠道不能由群众直接提交，请使用表单（/v1/public/form）中的渠道。",
            field="channel",
        )
    named = wanted.petitioner is not None and bool(wanted.petitioner.name and wanted.petitioner.name.strip())
    if wanted.identity != "anonymous" and not named:
        raise Invalid(
            "name_needed",
            "Give the name of the petitioner, or file anonymously.",
            detail_zh="请填写姓名；不愿填写姓名的，请选择匿名提出。",
            field="petitioner.name",
        )
    given = wanted.model_dump(
        exclude={"command_id", "jurisdiction", "channel", "identity", "turn", "work"}, by_alias=True, exclude_none=True
    )
    return FileCase.model_validate(
        {
            **given,
            "channel": wanted.channel or (channel_of_sign(book, wanted.qr) if wanted.qr else None) or open_to_all[0],
            "item": wanted.command_id,
            "anonymous": wanted.identity == "anonymous",
            "confidential": wanted.identity == "confidential",
        }
    )


def router(runtime: Process) -> APIRouter:
    routes = api_router("citizens")
    ports = runtime.ports
    handling = ports.handling("intake")
    sent = FilingLimit(ports, runtime.settings.public_filings)
    guessed = RateLimiter(ports.clock, GUESSES)

    async def one_of(named: str | None) -> PolicyBook | None:
        """The named jurisdiction, or the only one. Raises Refused for an unknown one."""
        if named is not None:
            return await ports.policies.book(named)
        books = await ports.policies.all()
        preferred = runtime.settings.jurisdiction
        if preferred in books:
            return books[preferred]
        return next(iter(books.values())) if len(books) == 1 else None

    @routes.get("/v1/public/form", **operation("form_v1_public_form_get", 409, 422, 503))
    async def public_form(
        jurisdiction: str | None = Query(None, max_length=80, description="Jurisdiction; optional where there is one"),
        qr: str | None = Query(None, max_length=200, description="A scanned QR code, whose place is wanted"),
    ) -> FormAnswer:
        """What a person needs to file: places, subjects, channels, and what has to be said beforehand."""
        return form(await ports.policies.all(), await one_of(jurisdiction), qr)

    @routes.get("/v1/public/map", **operation("map_v1_public_map_get", 409, 422, 503))
    async def public_map(
        jurisdiction: str | None = Query(None, max_length=80, description="Jurisdiction; optional where there is one"),
        area: str | None = Query(None, max_length=80, description="Code of a place whose parts are wanted"),
    ) -> MapAnswer:
        """The outlines of the places, to choose one on a map. The list of GET /v1/public/form has the same places."""
        book = await one_of(jurisdiction)
        return MapAnswer(area=None, above=None, box=None, shapes=[]) if book is None else map_of(book, area)

    @routes.post(
        "/v1/public/subjects",
        **operation("subjects_v1_public_subjects_post", 400, 409, 413, 415, 422, 429, 503, body=SubjectQuestion),
        dependencies=admitted(runtime),
    )
    async def subjects(request: Request) -> SubjectGuesses:
        """At most three likely subjects of a text, by the keyword rules. Nothing is stored."""
        wait = guessed.take(await client_network(request))
        if wait:
            raise TooMany(
                "too_many_guesses",
                "Your network sends too many requests for subjects. Choose one from the list, or try again in"
                f" {wait} seconds.",
                detail_zh=f"您所在的网络请求过于频繁，请直接从列表中选择，或{wait}秒后再试。",
                retry_after=wait,
            )
        wanted = await read_model(request, SubjectQuestion, runtime.settings.body_limit)
        book = await one_of(wanted.jurisdiction)
        return SubjectGuesses(subjects=[]) if book is None else guesses(book, wanted.title or "", wanted.text)

    @routes.post(
        "/v1/public/submissions",
        operation_id="submit_v1_public_submissions_post",
        status_code=201,
        response_model=ReceiptAnswer,
        responses={
            **answers(*(status for status in WRITING if status not in (401,)), 429),
            200: {"model": ReceiptAnswer, "description": "Filed before; the same receipt again"},
        },
        openapi_extra=takes(PublicFiling),
        dependencies=admitted(runtime),
    )
    async def submit(request: Request) -> Response:
        """File without an access key. The same `command_id` gives the same receipt."""
        network = await client_network(request)
        wanted = await read_model(request, PublicFiling, runtime.settings.body_limit)
        if await sent.take(network):
            await in_turn(network, wanted)
            receipt = await file(wanted)
        else:
            counted = False
            try:
                receipt = await file(wanted)
                counted = not receipt.repeated
            finally:
                if not counted:
                    await sent.give_back(network)
        answer = ReceiptAnswer.model_validate(receipt)
        return Response(answer.model_dump_json(), 200 if receipt.repeated else 201, media_type="application/json")

    async def in_turn(network: str, wanted: PublicFiling) -> None:
        """Nothing where it is the filing's turn. Raises TooMany with its turn otherwise: it is queued, not refused."""
        turn = sent.turns.taken(wanted.turn, wanted.command_id, wanted.work) if wanted.turn is not None else None
        if turn is None:
            turn = await sent.give_turn(network, wanted.command_id)
        if not turn.wait:
            return
        wait = max(1, ceil(turn.wait))
        raise TooMany(
            "too_many_filings",
            "Your network is sending many filings, so this one is queued. Keep the text and send it again with"
            f" `turn` in {wait} seconds, or immediately with `work`. You can also telephone.",
            detail_zh=f"您所在的网络提交较多，本件已排队。请保留已填写的内容，{wait}秒后连同排队凭证（turn）再次提交，完成计算（work）的"
            "可以立即提交；也可以电话反映。",
            retry_after=wait,
            turn=turn.text,
            bits=turn.bits,
        )

    async def file(wanted: PublicFiling) -> Receipt:
        book = await one_of(wanted.jurisdiction)
        if book is None:
            raise Invalid(
                "jurisdiction_needed",
                "There are several jurisdictions. Name the one in which the problem is.",
                detail_zh="有多个辖区，请选择问题所在的辖区。",
                field="jurisdiction",
            )
        citizen = Principal("citizen", None, PUBLIC, jurisdiction=book.jurisdiction)
        owner = filing_owner(wanted.command_id)
        command = filing_of(wanted, book)
        return await file_case(handling, citizen, command, book.jurisdiction, files=ports.files, owner=owner)

    return routes
