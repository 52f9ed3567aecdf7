"""HTTP of webhooks: `/v1/webhooks`, for the organisation or platform whose entries they get; operations see and disable them."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.application.case_reference import jurisdiction_needed
from shared.application.ports import Ports
from shared.application.response import Answer, TimeText
from shared.commands.authorization import Principal, authorize
from shared.events import webhooks as w
from shared.events.platforms import UpdateKind
from shared.events.routing import OutboxKind
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.refusals import Invalid, Refused, Unknown
from shared.messaging import organisation_inbox as inbox
from shared.messaging import platform_updates as updates
from shared.messaging.member import Member
from shared.messaging.webhooks.deliveries import STREAM, last_commit, standing
from shared.messaging.webhooks.endpoints import ENABLE, MANAGE, Endpoint, WebhookEndpoints, no_kinds, not_stopped
from shared.messaging.webhooks.sender import replay, resume, send_test
from shared.messaging.webhooks.signatures import KeyPair

_LIMIT = 16 * 1024
_KEYS = "Shown once, when the webhook is added or its keys are renewed"


class WebhookWanted(BaseModel):
    """The webhook to add."""

    model_config = ConfigDict(extra="forbid")
    command_id: str = Field(min_length=1, max_length=100, description="Your id of this request")
    url: str = Field(min_length=1, max_length=2000, description="https address of your server, stored encrypted")
    kinds: list[str] = Field(default=[], max_length=60, description="Kinds of entries to send; empty: all")
    after: int | None = Field(
        None, ge=0, le=2**53, description="Cursor after which entries are sent; 0: all; default: only new ones"
    )


class ReplayWanted(BaseModel):
    """The entries to send again, by their cursors."""

    model_config = ConfigDict(extra="forbid")
    first: int = Field(ge=1, le=2**53, description="First entry")
    last: int | None = Field(None, ge=1, le=2**53, description="Last entry; default: only the first")


class WebhookAnswer(Answer):
    """A webhook. Its address and its keys are not shown."""

    id: str = Field(description="Id of the webhook")
    audience: str = Field(description="organisation or platform")
    owner: str = Field(validation_alias="member.code", description="Code of the organisation or platform")
    jurisdiction: str = Field(validation_alias="member.jurisdiction", description="Its jurisdiction")
    kinds: list[str] = Field(description="Kinds of entries that it gets; empty: all")
    created_at: TimeText = Field(description="When it was added")
    public_key: str = Field(description="whpk_…: verifies the signatures v1a")
    disabled: str | None = Field(
        description="Why nothing is sent: owner, operations, exhausted (three days of failures), gone (answer 410)"
    )
    after: int = Field(description="Cursor of the last entry that the receiver took")
    attempt: int = Field(description="Failed attempts for the next entry")
    next_at: TimeText | None = Field(description="Not before this instant is the next attempt")


class WebhooksAnswer(Answer):
    """Webhooks."""

    webhooks: list[WebhookAnswer] = Field(description="In the order in which they were added")


class WebhookKeysAnswer(WebhookAnswer):
    """A webhook with its new keys."""

    secret: str = Field(description=f"whsec_…: verifies the signatures v1. {_KEYS}")


class TriedAnswer(Answer):
    """The result of a test message."""

    ok: bool = Field(description="True if the server answered with a status from 200 to 299")
    status: int | None = Field(description="HTTP status of the answer")
    problem: str | None = Field(description="Why there was no answer: timeout, unreachable, tls, unknown_host, …")
    milliseconds: int = Field(description="Time until the answer")


class DeliveryAnswer(Answer):
    """One attempt to deliver an entry."""

    seq: int | None = Field(description="Cursor of the entry; null for a test or a replay")
    kind: str = Field(description="delivered, failed, tested or replay")
    status: int | None = Field(description="HTTP status of the answer")
    problem: str | None = Field(description="Why there was no answer")
    milliseconds: int = Field(description="Time until the answer")
    attempt: int = Field(description="Failed attempts for this entry so far")
    next_at: TimeText | None = Field(description="Not before this instant is the next attempt")
    answer: str | None = Field(description="Beginning of the body of a failed answer")
    at: TimeText = Field(description="When the result was recorded")


class DeliveriesAnswer(Answer):
    """The delivery log of a webhook."""

    deliveries: list[DeliveryAnswer] = Field(description="The newest first")


def router(runtime: Process, endpoints: WebhookEndpoints) -> APIRouter:
    routes = api_router("webhooks")
    ports = runtime.ports

    async def described(endpoint: Endpoint) -> WebhookAnswer:
        at = await standing(ports.log, endpoint.id, endpoint.after)
        return WebhookAnswer.built_from(endpoint, after=at.after, attempt=at.attempt, next_at=at.next_at)

    async def with_keys(endpoint: Endpoint, pair: KeyPair) -> WebhookKeysAnswer:
        at = await standing(ports.log, endpoint.id, endpoint.after)
        return WebhookKeysAnswer.built_from(
            endpoint, after=at.after, attempt=at.attempt, next_at=at.next_at, secret=pair.secret
        )

    @routes.post(
        "/v1/webhooks",
        status_code=201,
        **operation("add_webhook_v1_webhooks_post", 400, 409, 413, 415, 507, *READING, body=WebhookWanted),
    )
    async def add(request: Request, caller: Caller) -> WebhookKeysAnswer:
        """Add a webhook: the entries of your inbox or updates are sent to your server, signed by Standard Webhooks."""
        authorize(caller, MANAGE)
        wanted = await read_model(request, WebhookWanted, _LIMIT)
        member = await own_member(ports, caller)
        platform = caller.role == "platform"
        known: tuple[str, ...] = get_args(UpdateKind if platform else OutboxKind)
        if unknown := [kind for kind in wanted.kinds if kind not in known]:
            raise no_kinds(unknown, known)
        after = wanted.after
        if after is None:
            last = await last_commit(ports.log, member.stream(updates.STREAM if platform else inbox.STREAM))
            after = last.last if last is not None else 0
        added, pair = await endpoints.add(caller, member, wanted.url, wanted.kinds, after, wanted.command_id)
        return await with_keys(added, pair)

    @routes.get("/v1/webhooks", **operation("webhooks_v1_webhooks_get", *READING))
    async def listed(caller: Caller) -> WebhooksAnswer:
        """Your webhooks, with the position of each."""
        return WebhooksAnswer(webhooks=[await described(one) for one in await endpoints.seen_by(caller)])

    @routes.post(
        "/v1/webhooks/{webhook}:rotate",
        **operation("rotate_webhook_v1_webhooks__webhook__rotate_post", 507, *READING),
    )
    async def rotate(webhook: str, caller: Caller) -> WebhookKeysAnswer:
        """Renew the keys. For seven days messages are signed with the old and the new ones."""
        renewed, pair = await endpoints.rotate(caller, webhook)
        return await with_keys(renewed, pair)

    @routes.post(
        "/v1/webhooks/{webhook}:test", **operation("test_webhook_v1_webhooks__webhook__test_post", 507, *READING)
    )
    async def test(webhook: str, caller: Caller) -> TriedAnswer:
        """Send a test message (`webhook.test`) now and return the answer of your server."""
        authorize(caller, MANAGE)
        found = await endpoints.find(caller, webhook)
        not_stopped(caller, found)
        answer = await send_test(ports, endpoints, found, caller)
        return TriedAnswer.built_from(answer)

    @routes.post(
        "/v1/webhooks/{webhook}:replay",
        **operation(
            "replay_webhook_v1_webhooks__webhook__replay_post", 400, 409, 413, 415, 507, *READING, body=ReplayWanted
        ),
    )
    async def again(request: Request, webhook: str, caller: Caller) -> WebhookAnswer:
        """Send one entry or a range once more, under the same ids, before what is new."""
        authorize(caller, MANAGE)
        found = await endpoints.find(caller, webhook)
        wanted = await read_model(request, ReplayWanted, _LIMIT)
        last = wanted.first if wanted.last is None else wanted.last
        at = await standing(ports.log, found.id, found.after)
        if last < wanted.first:
            raise Invalid(
                "wrong_range", "last must not be before first.", detail_zh="结束位置不得早于起始位置。", field="last"
            )
        if last > at.after:
            raise Invalid(
                "not_sent_yet",
                f"Entries after {at.after} have not been sent yet, so they cannot be repeated; they are sent by themselves.",
                detail_zh=f"位置 {at.after} 之后的通知尚未推送，届时将自动推送，不能重推。",
                field="last",
            )
        if found.disabled is not None:
            raise Refused(
                "webhook_disabled",
                "The webhook is disabled. Enable it first.",
                detail_zh="该推送地址已停用，请先启用。",
            )
        await replay(ports, found, wanted.first, last, caller)
        return await described(found)

    @routes.post(
        "/v1/webhooks/{webhook}:disable",
        **operation("disable_webhook_v1_webhooks__webhook__disable_post", 507, *READING),
    )
    async def disable(webhook: str, caller: Caller) -> WebhookAnswer:
        """Send nothing more to it. Entries that arrive in the meantime are sent when it is enabled again."""
        await endpoints.seen_by(caller)
        reason: w.DisabledFor = "operations" if caller.role == "operations" else "owner"
        return await described(await endpoints.disable(caller, webhook, reason))

    @routes.post(
        "/v1/webhooks/{webhook}:enable",
        **operation("enable_webhook_v1_webhooks__webhook__enable_post", 507, *READING),
    )
    async def enable(webhook: str, caller: Caller) -> WebhookAnswer:
        """Send again, beginning where it stopped. What operations disabled, only operations enable."""
        authorize(caller, ENABLE)
        found = await endpoints.find(caller, webhook)
        not_stopped(caller, found)
        if found.disabled is not None:
            await resume(ports, found, caller)
        return await described(await endpoints.enable(caller, webhook))

    @routes.get("/v1/webhooks/{webhook}/log", **operation("webhook_log_v1_webhooks__webhook__log_get", *READING))
    async def deliveries(
        webhook: str,
        caller: Caller,
        limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of results")] = 50,
    ) -> DeliveriesAnswer:
        """The newest deliveries with status and latency."""
        await endpoints.seen_by(caller)
        found = await endpoints.find(caller, webhook)
        return DeliveriesAnswer(deliveries=await _newest(ports, found, limit, bodies=caller.role != "operations"))

    return routes


async def _newest(ports: Ports, endpoint: Endpoint, limit: int, *, bodies: bool) -> list[DeliveryAnswer]:
    last = await last_commit(ports.log, STREAM + endpoint.id)
    if last is None:
        return []
    commits = await ports.log.load(STREAM + endpoint.id, after=max(0, last.last - limit))
    events = [event for commit in commits for event in commit.recorded]
    opened = await open_sealed(ports.keys, events) if bodies else []
    texts = {part.version: part.values.get("answer") for part in opened}
    lines = [line for event in events for line in _lines(event, texts.get(event.version))]
    return lines[::-1][:limit]


def _lines(event: RecordedEvent, answer: str | None) -> list[DeliveryAnswer]:
    body = event.body
    if isinstance(body, w.WebhookDelivered):
        return [
            DeliveryAnswer(
                seq=one.seq,
                kind="delivered",
                status=one.status,
                problem=None,
                milliseconds=one.milliseconds,
                attempt=0,
                next_at=None,
                answer=None,
                at=event.recorded_at,
            )
            for one in body.results
        ]
    kind = {"WebhookFailed": "failed", "WebhookTested": "tested", "WebhookReplayed": "replay"}.get(event.type)
    if kind is None:
        return []
    return [
        DeliveryAnswer.built_from(
            body,
            kind=kind,
            answer=answer,
            at=event.recorded_at,
            **{
                name: getattr(body, name, None if name != "milliseconds" else 0)
                for name in ("seq", "status", "problem", "milliseconds")
            },
        )
    ]


async def own_member(ports: Ports, caller: Principal) -> Member:
    """The organisation or platform that the caller is.

    Raises:
        Unknown: `unknown_organisation`, no policy names it. Invalid: `jurisdiction_needed`.
    """
    code = caller.org or ""
    if caller.jurisdiction is not None:
        return Member(caller.jurisdiction, code)
    having = [
        jurisdiction
        for jurisdiction, book in sorted((await ports.policies.all()).items())
        if (
            any(channel.platform == code for channel in book.known_channels.values())
            if caller.role == "platform"
            else book.ever_listed(code)
        )
    ]
    if len(having) > 1:
        raise jurisdiction_needed()
    if not having:
        raise Unknown(
            "unknown_organisation",
            "There is no such organisation, or you may not see it.",
            detail_zh="没有这一单位，或您无权查看。",
            field="org",
        )
    return Member(having[0], code)
