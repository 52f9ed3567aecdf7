"""Reading HTTP request bodies: the size limit is checked before anything is kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from fastapi import Request

from shared.application.problem import Malformed, TooLarge, WrongType
from shared.application.request_validation import M, parse, validated

NDJSON = "application/x-ndjson"


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
        why_zh=f"内容超过 {limit} 字节。",
    )


def require_type(request: Request, *allowed: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in allowed:
        raise WrongType(
            "wrong_content_type", f"Send Content-Type: {allowed[0]}.", why_zh=f"内容类型应为 {allowed[0]}。"
        )


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """A JSON body as `model`."""
    return validated(model, await read_json(request, limit))


async def read_json(request: Request, limit: int) -> Any:
    require_type(request, "application/json")
    data = await read_body(request, limit)
    if not data.strip():
        raise Malformed("empty_body", "The body is empty; send a JSON object.", why_zh="内容为空。")
    return parse(data)


class RequestLine(NamedTuple):
    """One line of an NDJSON body. `data` None: it was longer than the limit and was skipped."""

    number: int
    data: bytes | None


async def read_lines(request: Request, limit: int) -> AsyncIterator[RequestLine]:
    """The lines of the body as they come; empty ones are counted and left out. Keeps at most one line."""
    number, buffer, skipping = 0, bytearray(), False
    async for chunk in request.stream():
        pieces = chunk.split(b"\n")
        for place, piece in enumerate(pieces):
            if not skipping:
                buffer += piece
            if len(buffer) > limit:
                skipping = True
                buffer.clear()
            if place == len(pieces) - 1:
                break
            number += 1
            if skipping:
                yield RequestLine(number, None)
            elif buffer.strip():
                yield RequestLine(number, bytes(buffer))
            buffer.clear()
            skipping = False
    number += 1
    if skipping:
        yield RequestLine(number, None)
    elif buffer.strip():
        yield RequestLine(number, bytes(buffer))
