"""Filing: one submission, or many as NDJSON with a result per line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from shared.access import FILE, Principal, authorize, within
from shared.application.request_validation import validated
from shared.http import bodies
from shared.http.admitting import ADMITTED
from shared.http.answers import LineAnswer, ReceiptAnswer
from shared.http.bodies import Line
from shared.http.describing import WRITING, answers, gives_lines, takes, takes_lines
from shared.http.lines import answered, attempted, value_of
from shared.http.who import Caller
from shared.log import Commit
from shared.policies import STREAM as POLICY
from shared.refusals import Invalid, Refused
from shared.runtime import Receipt, Runtime
from shared.times import to_text

AT_ONCE = 64
"""Lines that are under way together, so that the log can write them together."""
JURISDICTION = Query(None, max_length=80, description="Jurisdiction; by default the one that has the channel")


async def jurisdiction_of(runtime: Runtime, channel: object, named: str | None) -> str:
    """Which jurisdiction a filing belongs to: as named, else the one whose policy has the channel."""
    if named is not None:
        await runtime.ports.policies.book(named)
        return named
    preferred = runtime.settings.jurisdiction
    books = await runtime.ports.policies.all()
    having = [code for code, book in books.items() if isinstance(channel, str) and book.channel(channel) is not None]
    if preferred in having or (preferred is not None and not having):
        return preferred
    if not having:  # a channel that was removed: its items are still answered
        having = [code for code, book in books.items() if isinstance(channel, str) and book.known_channel(channel)]
    if len(having) == 1:
        return having[0]
    if len(having) > 1:
        raise Invalid(
            "jurisdiction_needed",
            "Several jurisdictions have this channel; add ?jurisdiction=.",
            why_zh="多个辖区都有该渠道，请注明辖区。",
            field="jurisdiction",
        )
    if len(books) == 1:
        return next(iter(books))
    if not books:
        raise Refused(
            "no_policy",
            "No policy is active yet. Activate one with: huiyin policy activate FILE",
            why_zh="尚未启用任何规则。",
        )
    raise Invalid("unknown_channel", "No jurisdiction has this channel.", why_zh="没有这一渠道。", field="channel")


class Owners:
    """Channel -> jurisdiction, remembered until a policy changes: looking through all policies costs a read of the log."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[str, str] = {}
        runtime.observers.append(self._observe)

    def _observe(self, _group: str, commits: Sequence[Commit]) -> None:
        if any(commit.stream.startswith(POLICY) for commit in commits):
            self._known.clear()

    async def of(self, channel: str, named: str | None) -> str:
        """The jurisdiction of a filing by this channel."""
        if named is not None:
            return await jurisdiction_of(self._runtime, channel, named)
        known = self._known.get(channel)
        if known is None or (await self._runtime.ports.policies.book(known)).channel(channel) is None:
            known = await jurisdiction_of(self._runtime, channel, None)
            if (await self._runtime.ports.policies.book(known)).channel(channel) is not None:
                self._known[channel] = known
        return known


async def file_one(
    runtime: Runtime, owners: Owners, principal: Principal, value: Any, named: str | None
) -> dict[str, Any]:
    """The receipt of one submission, as an answer."""
    return as_receipt(await filed(runtime, owners, principal, value, named))


async def filed(
    runtime: Runtime,
    owners: Owners,
    principal: Principal,
    value: Any,
    named: str | None = None,
    correlation: str | None = None,
) -> Receipt:
    """Register what one JSON value says. Raises Refused that names the field as a submission calls it."""
    model = validated(runtime.filing.model, value)
    jurisdiction = await owners.of(getattr(model, "channel", ""), named or principal.jurisdiction)
    within(principal, jurisdiction)
    try:
        return await runtime.filing.file(principal, model, jurisdiction, correlation)
    except Refused as refused:
        if refused.field == "effective_at":  # what a submission calls it
            refused.field = "received_at"
        raise


def as_receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "case": receipt.case,
        "number": receipt.number,
        "code": receipt.code,
        "version": receipt.version,
        "state": receipt.state,
        "received_at": to_text(receipt.received_at),
        "repeated": receipt.repeated,
    }


def as_line(number: int, receipt: dict[str, Any] | None, problem: dict[str, Any] | None) -> bytes:
    """The result of one line of a batch."""
    if receipt is None:
        return orjson.dumps({"line": number, "status": (problem or {})["status"], "problem": problem}) + b"\n"
    return orjson.dumps({"line": number, "status": 200 if receipt["repeated"] else 201, "receipt": receipt}) + b"\n"


File = Callable[[Any], Awaitable[dict[str, Any]]]
"""Files what one JSON value says; gives its receipt."""
REGISTERED: dict[int | str, dict[str, Any]] = {
    **answers(*WRITING),
    200: {"model": ReceiptAnswer, "description": "Registered before: its receipt again"},
}
REGISTERED_LINES = {
    **answers(401, 403, 413, 415, 422, 503),
    **gives_lines(LineAnswer, "One result per line, in the order of the lines"),
}


async def filed_one(request: Request, runtime: Runtime, file: File) -> Response:
    """The answer to a body that is one filing."""
    receipt = await file(await bodies.read_json(request, runtime.settings.body_limit))
    return Response(orjson.dumps(receipt), 200 if receipt["repeated"] else 201, media_type="application/json")


async def filed_many(request: Request, runtime: Runtime, file: File) -> Response:
    """The answer to a body with a filing per line."""
    limit = runtime.settings.body_limit

    async def of(line: Line) -> dict[str, Any]:
        return await file(value_of(line, limit))

    async def one(line: Line) -> bytes:
        return as_line(line.number, *await attempted(of(line)))

    async def together(lines: Sequence[Line]) -> list[bytes]:
        return await asyncio.gather(*map(one, lines))

    return await answered(
        request, together, limit=limit, most=runtime.settings.batch_lines, at_once=AT_ONCE,
        kept="Those before were registered; send everything again in smaller batches: nothing is doubled.",
    )  # fmt: skip


def router(runtime: Runtime, owners: Owners) -> APIRouter:
    routes = APIRouter(tags=["filing"])

    def by(caller: Principal, jurisdiction: str | None) -> File:
        authorize(caller, FILE)
        return lambda value: file_one(runtime, owners, caller, value, jurisdiction)

    @routes.post(
        "/v1/submissions",
        dependencies=ADMITTED,
        status_code=201,
        response_model=ReceiptAnswer,
        responses=REGISTERED,
        openapi_extra=takes(runtime.filing.model),
        summary="File a complaint; the same item gives the same receipt",
    )
    async def submit(request: Request, caller: Caller, jurisdiction: str | None = JURISDICTION) -> Response:
        return await filed_one(request, runtime, by(caller, jurisdiction))

    @routes.post(
        "/v1/submissions:batch",
        dependencies=ADMITTED,
        responses=REGISTERED_LINES,
        openapi_extra=takes_lines(runtime.filing.model),
        summary="File many: one JSON object per line",
    )
    async def submit_many(request: Request, caller: Caller, jurisdiction: str | None = JURISDICTION) -> Response:
        return await filed_many(request, runtime, by(caller, jurisdiction))

    return routes
