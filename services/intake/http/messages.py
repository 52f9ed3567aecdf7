"""HTTP of messages: what a person has to deliver by letter or call, what was sent in a case, and the delivery reports of
gateways."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.intake.messages.failed_service import record_failed_service
from services.intake.messages.outgoing import OPEN, OUTGOING, STREAM, Message, fold, instead_of
from shared.application.problem import NotAuthenticated
from shared.application.request_validation import parse, validated
from shared.application.response import Answer, TimeText
from shared.commands.authorization import Action, Principal, Role, authorize, visible
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events import messages as m
from shared.events.base import Event
from shared.eventstore.read_models import Condition
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, operation
from shared.http.request_bodies import read_body, read_model
from shared.http.router import api_router
from shared.kernel.refusals import Refused, Unknown
from shared.messaging.webhooks.signatures import verified
from shared.queries import case_details as reading

DESK = Action("messages", ("registrar", "supervisor"))
_REGISTRARS: tuple[Role, ...] = ("registrar",)
DO = Action("message_by_hand", _REGISTRARS)
_LIMIT = 8 * 1024
TOLD_BY_REPORTS = OPEN | {"sent"}
"""A report may come before the answer to the attempt is on record, or instead of it."""


class MessageAnswer(Answer):
    """One message, without its address and text."""

    id: str = Field(description="Id of the message")
    case: str = Field(description="Case id")
    number: str = Field(description="Case number")
    kind: str = Field(description="registered, accepted, notice, reply, opinion, asked, reminder, …")
    carries_notice: bool = Field(validation_alias="notice", description="True if it announces a notice")
    state: str = Field(description="waiting, sending, sent, delivered, letter, call, given_up or done")
    channel: str | None = Field(description="sms, email or account; null before one was chosen")
    attempts: int = Field(validation_alias="attempt", description="Attempts so far")
    reason: str | None = Field(
        description="Why it failed or was given up: no_address, landline, no_consent, exhausted, …"
    )
    requested_at: TimeText = Field(description="When it was requested")
    next_at: TimeText | None = Field(description="Not before this instant is the next attempt")


class MessagesAnswer(Answer):
    """Messages."""

    messages: list[MessageAnswer] = Field(description="Oldest first")


class DoneByHand(BaseModel):
    """How a person informed the petitioner."""

    model_config = ConfigDict(extra="forbid")
    by: Literal["letter", "call"] = Field(description="letter or call")


class DeliveryReport(BaseModel):
    """What a gateway reports about a message that it took."""

    model_config = ConfigDict(extra="forbid")
    effect_id: str = Field(min_length=1, max_length=100, description="Id of the message")
    status: Literal["delivered", "failed"] = Field(description="delivered or failed")
    code: str | None = Field(None, pattern=r"^[a-z0-9_]{1,40}$", description="Why it failed, as a code of the gateway")


def router(runtime: Process) -> APIRouter:
    routes = api_router("messages")
    ports, secret = runtime.ports, runtime.settings.gateway_secret

    async def found(message: str) -> tuple[str, Message]:
        """The case and the message of that id. Raises Unknown."""
        row = await ports.views.get(OUTGOING.name, message)
        case = (row.values or {}).get("case") if row is not None else None
        if case is None:
            raise _unknown()
        commits = await ports.log.load(f"{STREAM}{case}")
        state = fold(event for commit in commits for event in commit.recorded).get(message)
        if state is None:
            raise _unknown()
        return str(case), state

    async def append(case: str, state: Message, body: Event, principal: Principal, cause: str) -> Message:
        stamp = EventMetadata(principal, cause, jurisdiction=state.jurisdiction)
        await runtime.handling("intake").append(STREAM + case, stamp, lambda _head: [NewEvent(body)])
        _case, present = await found(state.id)
        await ports.views.write({OUTGOING.name: [present.row(case)]}, renew=True)
        return present

    @routes.get("/v1/messages", **operation("messages_v1_messages_get", *READING))
    async def tasks(
        caller: Caller,
        limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of messages")] = 50,
    ) -> MessagesAnswer:
        """The messages that could not be sent and that a person delivers by letter or call."""
        authorize(caller, DESK)
        states = ("letter", "call")
        where = [Condition("state", "in", states)]
        if caller.jurisdiction is not None:
            where = [Condition("jurisdiction", "=", caller.jurisdiction), *where]
        shown: list[MessageAnswer] = []
        for row in await ports.views.find(OUTGOING.name, where, limit=limit):
            case, state = await found(row.key)
            known, _head = await ports.cases.get(case)
            if state.state in states and visible(caller, known):
                shown.append(
                    MessageAnswer.built_from(state, case=case, number=known.number, channel=state.channel or None)
                )
        return MessagesAnswer(messages=sorted(shown, key=lambda one: one.requested_at))

    @routes.get("/v1/messages/of/{reference:path}", **operation("messages_of_v1_messages_of__reference__get", *READING))
    async def of_case(reference: str, caller: Caller) -> MessagesAnswer:
        """The messages of a case."""
        authorize(caller, DESK)
        case = await reading.find(ports, caller, reference)
        commits = await ports.log.load(STREAM + case.id)
        states = fold(event for commit in commits for event in commit.recorded).values()
        return MessagesAnswer(
            messages=[
                MessageAnswer.built_from(one, case=case.id, number=case.number, channel=one.channel or None)
                for one in states
            ]
        )

    @routes.post(
        "/v1/messages/{message}:done",
        **operation("message_done_v1_messages__message__done_post", 400, 409, 413, 415, 507, *READING, body=DoneByHand),
    )
    async def done(request: Request, message: str, caller: Caller) -> MessageAnswer:
        """Record that the petitioner was informed by letter or call. Repeating it has no effect."""
        authorize(caller, DO)
        given = await read_model(request, DoneByHand, _LIMIT)
        case, state = await found(message)
        known, _head = await ports.cases.get(case)
        if not visible(caller, known):
            raise _unknown()
        if state.state not in ("letter", "call", "done"):
            raise Refused(
                "not_by_hand",
                "This message does not wait for a person: it is being sent, or was sent.",
                detail_zh="该消息无需人工告知，正在发送或已经发送。",
            )
        if state.state != "done":
            body = m.MessageDoneByHand(message=message, by=given.by)
            state = await append(case, state, body, caller, f"{caller.name}:message_done:{message}")
        return MessageAnswer.built_from(state, case=case, number=known.number, channel=state.channel or None)

    @routes.post(
        "/v1/gateways/reports",
        status_code=204,
        include_in_schema=False,  # for gateways, which show a signature instead of a key: docs/integrating.md
    )
    async def report(request: Request) -> None:
        """A gateway reports that a message arrived or did not. Signed by Standard Webhooks (v1) with the secret of the
        gateways; repeating a report has no effect."""
        data = await read_body(request, _LIMIT)
        known = None if secret is None else secret.get_secret_value()
        if known is None or verified(known, request.headers, data, ports.clock.now()) is None:
            raise NotAuthenticated(
                "signature_wrong",
                "The signature of this report is not valid. Sign it by Standard Webhooks with the secret of the"
                " gateway.",
                detail_zh="回执签名无效，请按 Standard Webhooks 规范使用网关密钥签名。",
            )
        given = validated(DeliveryReport, parse(data))
        case, state = await found(given.effect_id)
        gateway = Principal("service", None, "gateway")
        if state.state == "waiting" and not state.attempt:
            raise Refused(
                "message_not_sent",
                "No gateway was given this message yet, so that nothing can be reported about it. Check the effect_id.",
                detail_zh="该消息尚未交网关发送，不能回报结果，请核对 effect_id。",
                field="effect_id",
            )
        if given.status == "delivered":
            if state.state in TOLD_BY_REPORTS:
                await append(case, state, m.MessageDelivered(message=state.id), gateway, f"report:{state.id}:delivered")
            return
        if state.state not in TOLD_BY_REPORTS | {"delivered"}:
            return
        code = given.code or "not_delivered"
        about, _head = await ports.cases.get(case)
        await record_failed_service(ports, about, state, "not_delivered")
        body = m.MessageGivenUp(message=state.id, reason=code, instead=instead_of(state))
        await append(case, state, body, gateway, f"report:{state.id}:failed")

    return routes


def _unknown() -> Unknown:
    return Unknown(
        "unknown_message",
        "There is no such message, or you may not see it.",
        detail_zh="没有该消息，或您无权查看。",
        field="message",
    )
