"""Reading HTTP requests strictly: query parameters, and bodies up to a size limit that is checked while they arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.application.problem import Malformed, TooLarge, WrongType
from shared.application.request_validation import M, parse, validated
from shared.kernel.refusals import Invalid

NDJSON = "application/x-ndjson"
LARGE = 32 * 1024
"""Bytes of a JSON body that takes long enough to read that other requests have their turn in between."""


async def exact_query(request: Request) -> None:
    """Raises Invalid for an unknown or a repeated query parameter: a misspelt filter must not show everything."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _parameters(route.dependant)
    for name, count in Counter(name for name, _value in request.query_params.multi_items()).items():
        if name not in known:
            raise Invalid(
                "unknown_parameter",
                f"A query parameter is unknown. Use only: {', '.join(sorted(known)) or 'none'}.",
                detail_zh="查询参数中有未知的参数，请删除。",
                field="query",
            )
        if count > 1:
            raise Invalid(
                "parameter_twice",
                f"The query parameter {name} occurs more than once. Keep one.",
                detail_zh=f"查询参数 {name} 重复，请只保留一个。",
                field=name,
            )


def _parameters(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*(_parameters(inner) for inner in dependant.dependencies))


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge before it is read when its length is announced, else within one chunk of the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise _too_large(limit)
    return bytes(data)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "body_too_large",
        f"The body is larger than {limit} bytes; send less at once, or use a batch.",
        detail_zh=f"内容超过 {limit} 字节，请分次提交。",
    )


def require_type(request: Request, *allowed: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in allowed:
        raise WrongType(
            "wrong_content_type", f"Send Content-Type: {allowed[0]}.", detail_zh=f"内容类型应为 {allowed[0]}。"
        )


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """A JSON body as `model`."""
    return validated(model, await read_json(request, limit))


async def read_json(request: Request, limit: int) -> Any:
    require_type(request, "application/json")
    data = await read_body(request, limit)
    if not data.strip():
        raise Malformed("empty_body", "The body is empty; send a JSON object.", detail_zh="内容为空，请填写。")
    if len(data) < LARGE:
        return parse(data)
    one_by_one: asyncio.Lock = request.app.state.large_bodies
    async with one_by_one:  # many that arrive together must not hold up all other requests
        await asyncio.sleep(0)
        return parse(data)


class RequestLine(NamedTuple):
    """One line of an NDJSON body. `data` None: it was longer than the limit and was skipped."""

    number: int
    data: bytes | None


async def read_lines(request: Request, limit: int) -> AsyncIterator[RequestLine]:
    """The lines of the body as they arrive; empty ones are counted and left out. Keeps at most one line in memory."""
    number, buffer, skipping = 0, bytearray(), False
    async for chunk in _ended(request):
        first, *others = chunk.split(b"\n")
        for piece, ended in ((first, False), *((other, True) for other in others)):
            if ended:
                number += 1
                if skipping or buffer.strip():
                    yield RequestLine(number, None if skipping else bytes(buffer))
                buffer.clear()
                skipping = False
            if not skipping:
                buffer += piece
            if len(buffer) > limit:
                skipping = True
                buffer.clear()


async def _ended(request: Request) -> AsyncIterator[bytes]:
    """The chunks of the body, and a line end after its last line."""
    async for chunk in request.stream():
        yield chunk
    yield b"\n"
