"""NDJSON in, NDJSON out: one result per line, in the order of the lines, and a bad line harms no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response

from shared.application.problem import TooLarge, of_error
from shared.application.request_validation import parse
from shared.application.response import Answer
from shared.http import request_bodies as bodies
from shared.http.request_bodies import RequestLine

T = TypeVar("T")
Each = Callable[[Sequence[RequestLine]], Awaitable[Sequence[bytes]]]
"""Carries some lines out together; gives as many results, each a whole line."""


async def answered(
    request: Request, each: Each, *, limit: int, most: int, at_once: int, kept: str = "Send fewer at once."
) -> Response:
    """Read the body piece by piece and answer all of its lines.

    `limit`: most bytes of a line. `most`: most lines. `at_once`: lines that `each` gets together, so that the log can
    write them together. `kept`: what has become of the lines before, where a batch is too long.
    Raises WrongType, TooLarge `batch_too_long`.
    """
    bodies.require_type(request, bodies.NDJSON)
    results: list[bytes] = []
    waiting: list[RequestLine] = []
    async for line in bodies.read_lines(request, limit):
        if len(results) + len(waiting) >= most:
            raise TooLarge(
                "batch_too_long",
                f"A batch has at most {most} lines. {kept}",
                why_zh=f"一批最多 {most} 行。",
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
        raise TooLarge("line_too_long", f"The line is longer than {limit} bytes.", why_zh="该行过长。")
    return parse(line.data)


async def attempted(work: Awaitable[T]) -> tuple[T | None, dict[str, Any] | None]:
    """The answer of one line, or the problem of this line alone. What nobody expected is raised."""
    try:
        return await work, None
    except Exception as error:
        problem = of_error(error)
        if problem is None:
            raise
        return None, problem


def line_of(result: Answer) -> bytes:
    """A result as its line; what does not apply to it is left out."""
    return result.model_dump_json(exclude_unset=True).encode() + b"\n"
