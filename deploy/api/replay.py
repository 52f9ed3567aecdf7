"""Replaying the notifications of an organisation or platform into its topic. Only on the socket in the data folder."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.application.ports import Ports
from shared.commands.authorization import OPERATE, Principal, authorize
from shared.events.fields import Service
from shared.eventstore.event_store import EventStore
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.legal_time import given_day
from shared.kernel.refusals import Invalid, Refused, Unknown
from shared.messaging.member import Member
from shared.messaging.organisation_inbox import STREAM as INBOX
from shared.messaging.platform_updates import STREAM as UPDATES

_LIMIT = 4096
_PAGE = 500
_ERRORS = (400, 401, 403, 404, 409, 415, 422)


class Replay(BaseModel):
    """The first entry of a replay."""

    model_config = ConfigDict(extra="forbid")
    since: str | None = Field(
        None, max_length=40, description="Id of the first entry, or a date; null replays all entries"
    )
    jurisdiction: str | None = Field(None, max_length=40, description="Needed where several have this code")


async def begin_of_replay(log: EventStore, stream: str, since: str | None, unknown: Unknown) -> tuple[int, int]:
    """(version before the first entry of the replay, version of the last entry). Raises `unknown` for an empty stream, Invalid."""
    end = 0
    async for heads in log.heads(stream, batch=1):
        end = next((head.version for found, head in heads if found == stream), 0)
        break
    if not end:
        raise unknown
    if since is None:
        return 0, end
    if since.isdigit() and 1 <= int(since) <= end:
        return int(since) - 1, end
    try:
        day = given_day(since)
    except ValueError:
        raise Invalid(
            "wrong_since",
            f"Write the id of an entry, 1 to {end}, or a date like 2026-01-31.",
            detail_zh="请填写条目序号或日期（如 2026-01-31）。",
            field="since",
        ) from None
    after = 0
    while commits := await log.load(stream, after=after, limit=_PAGE):
        for commit in commits:
            if commit.recorded_at.astimezone(UTC).date() >= day - timedelta(
                days=1
            ):  # a day early, so that it is right in every time zone
                return commit.first - 1, end
        after = commits[-1].last
    return after, end


async def _stream(ports: Ports, prefix: str, code: str, jurisdiction: str | None, unknown: Unknown) -> str:
    """The stream of the member with this code. Raises `unknown`, or Invalid `jurisdiction_needed`."""
    named = [jurisdiction] if jurisdiction is not None else sorted(await ports.policies.all())
    streams = [Member(one, code).stream(prefix) for one in named]
    found = [stream for stream in streams if await ports.log.load(stream, limit=1)]
    if len(found) > 1:
        raise Invalid(
            "jurisdiction_needed",
            "Several jurisdictions have this code. Name the jurisdiction.",
            detail_zh="多个辖区都有这一代码，请注明辖区。",
            field="jurisdiction",
        )
    if not found:
        raise unknown
    return found[0]


def router(runtime: Process) -> APIRouter:
    routes = api_router("operator", prefix="/local")

    async def again(
        caller: Principal, request: Request, prefix: str, code: str, service: Service, unknown: Unknown
    ) -> dict[str, Any]:
        authorize(caller, OPERATE)
        wanted = await read_model(request, Replay, _LIMIT)
        stream = await _stream(runtime.ports, prefix, code, wanted.jurisdiction or caller.jurisdiction, unknown)
        after, end = await begin_of_replay(runtime.ports.log, stream, wanted.since, unknown)
        if runtime.relay is None or not any(part.name == service for part in runtime.parts):
            raise Refused(
                "no_topics_here",
                "This process does not publish to that topic. Use a process of the full mode: routing for organisations, intake"
                " for platforms.",
                detail_zh="本进程不送出该主题，请在完整模式下运行 routing（单位）或 intake（平台）的进程执行。",
            )
        await runtime.relay.again(stream, after)
        return {"first": after + 1, "entries": end - after}

    @routes.post("/outbox/{org}:replay", **operation("outbox_local_outbox__org__replay_post", *_ERRORS, body=Replay))
    async def outbox(org: str, request: Request, caller: Caller) -> dict[str, Any]:
        """Publish an organisation's entries to its topic again."""
        unknown = Unknown(
            "unknown_organisation",
            "This organisation has no notifications yet.",
            detail_zh="该单位尚无通知。",
            field="org",
        )
        return await again(caller, request, INBOX, org, "routing", unknown)

    @routes.post(
        "/platforms/{platform}:replay",
        **operation("platform_updates_local_platforms__platform__replay_post", *_ERRORS, body=Replay),
    )
    async def platform_updates(platform: str, request: Request, caller: Caller) -> dict[str, Any]:
        """Publish a platform's updates to its topic again."""
        unknown = Unknown(
            "unknown_platform",
            "This platform has no notifications yet.",
            detail_zh="该平台尚无通知。",
            field="platform",
        )
        return await again(caller, request, UPDATES, platform, "intake", unknown)

    return routes
