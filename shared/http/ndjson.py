"""NDJSON in, NDJSON out: one result per line, in the order of the lines. An invalid line affects no other line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from shared.application.problem import TooLarge, of_error
from shared.application.request_validation import parse
from shared.application.response import Answer
from shared.http import request_bodies as bodies
from shared.http.request_bodies import RequestLine

Each = Callable[[Sequence[RequestLine]], Awaitable[Sequence[bytes]]]
"""Processes some lines together; returns one result per line, each a whole line."""


class LineResult(Answer):
    """The result of one line: what the subclass adds, or the problem."""

    line: int = Field(description="Line number in the body, from 1")
    status: int = Field(description="HTTP status of this line alone")
    problem: dict[str, Any] | None = Field(
        None, description="Present if the line was refused: a problem as for single requests"
    )


async def answered(
    request: Request, each: Each, *, limit: int, most: int, at_once: int, kept: str = "Send fewer at once."
) -> Response:
    """Read the body in chunks and answer all of its lines.

    Args:
        limit: Maximum number of bytes of a line.
        most: Maximum number of lines.
        at_once: Number of lines that `each` gets together, so that the log can write them together.
        kept: Sentences for the error about a batch that is too long: what happened to the lines before, and what to do.
    Raises:
        WrongType, TooLarge: `batch_too_long`.
    """
    bodies.require_type(request, bodies.NDJSON)
    results: list[bytes] = []
    waiting: list[RequestLine] = []
    async for line in bodies.read_lines(request, limit):
        if len(results) + len(waiting) >= most:
            raise TooLarge(
                "batch_too_long",
                f"A batch has at most {most} lines. {kept}",
                detail_zh=f"一批最多 {most} 行，请分批提交。",
            )
        waiting.append(line)
        if len(waiting) == at_once:
            results += await each(waiting)
            waiting.clear()
    results += await each(waiting)
    return Response(b"".join(results), media_type=bodies.NDJSON)


def value_of(line: RequestLine, limit: int) -> Any:
    """The JSON value of a line. Raises TooLarge `line_too_long`, Malformed."""
    if line.data is None:
        raise TooLarge(
            "line_too_long",
            f"The line is longer than {limit} bytes. Shorten it.",
            detail_zh=f"该行超过 {limit} 字节，请缩短。",
        )
    return parse(line.data)


async def result_line(model: type[LineResult], line: RequestLine, work: Awaitable[Mapping[str, Any]]) -> bytes:
    """The result of one line: the fields that `work` returns, or the problem of this line alone. An unexpected error is raised."""
    try:
        result = model(line=line.number, **await work)
    except Exception as error:
        problem = of_error(error)
        if problem is None:
            raise
        result = model(line=line.number, status=problem["status"], problem=problem)
    return result.model_dump_json(exclude_unset=True).encode() + b"\n"
