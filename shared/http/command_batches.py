"""Many commands at once, as NDJSON: each line is the body of a command and the case that it is meant for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from shared.application.case_reference import resolve
from shared.application.command_dispatch import CommandId
from shared.application.response import Answer
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.commands import Commands
from shared.http.ndjson import answered, attempted, line_of, value_of
from shared.http.openapi import answers, gives_lines, takes_lines
from shared.http.request_bodies import RequestLine
from shared.http.responses import CommandAnswer
from shared.kernel.refusals import Invalid, Refused

MOST = 1_000
"""Lines of one batch of commands."""
AT_ONCE = 64


class CommandLine(Answer):
    """One line of a batch of commands: `case`, and what the body of the command has elsewhere."""

    model_config = ConfigDict(extra="allow")

    case: str = Field(description="Case id, number, or CHANNEL:ITEM")
    command: str = Field(description="Name of the command; its fields stand beside it")
    command_id: CommandId = Field(description="Your id of this command; sent again, it gives the first answer again")


class CommandLineAnswer(Answer):
    """The result of one line of a batch of commands."""

    line: int = Field(description="Line number in the body, from 1")
    status: int = Field(description="HTTP status of this line alone")
    answer: CommandAnswer | None = Field(None, description="When it was carried out")
    problem: dict[str, Any] | None = Field(None, description="When it was refused: a problem as elsewhere")


def router(runtime: Process, commands: Commands) -> APIRouter:
    routes = APIRouter(tags=["cases"])
    limit = runtime.settings.body_limit

    @routes.post(
        "/v1/commands:batch",
        operation_id="many_v1_commands_batch_post",
        responses={
            **answers(401, 413, 415, 422, 503),
            **gives_lines(CommandLineAnswer, "One result per line, in the order of the lines"),
        },
        openapi_extra=takes_lines(CommandLine),
        summary=f"Give up to {MOST} commands: one JSON object per line",
    )
    async def many(request: Request, caller: Caller) -> Response:
        async def one(line: RequestLine, value: dict[str, Any]) -> bytes:
            reference = value.pop("case")
            return _result(line, *await attempted(commands.carried_out(caller, reference, value)))

        async def in_order(lines: list[tuple[int, RequestLine, dict[str, Any]]], results: dict[int, bytes]) -> None:
            for place, line, value in lines:
                results[place] = await one(line, value)

        async def together(lines: Sequence[RequestLine]) -> list[bytes]:
            """Lines for one case one after the other as they stand; those for different cases at once."""
            results: dict[int, bytes] = {}
            by_case: dict[str, list[tuple[int, RequestLine, dict[str, Any]]]] = {}
            for place, line in enumerate(lines):
                value, problem = await attempted(_read(line, limit))
                if value is None:
                    results[place] = _result(line, None, problem)
                    continue
                by_case.setdefault(await _meant(runtime, value["case"]), []).append((place, line, value))
            await asyncio.gather(*(in_order(one, results) for one in by_case.values()))
            return [results[place] for place in range(len(lines))]

        return await answered(
            request, together, limit=limit, most=min(MOST, runtime.settings.batch_lines), at_once=AT_ONCE,
            kept="Those before were carried out; send everything again in smaller batches: nothing happens twice.",
        )  # fmt: skip

    return routes


async def _read(line: RequestLine, limit: int) -> dict[str, Any]:
    value = value_of(line, limit)
    if not isinstance(value, dict) or not isinstance(value.get("case"), str):
        raise Invalid("case_missing", "Name the case that is meant: its id, number, or CHANNEL:ITEM.",
                      why_zh="请注明案件（编号或 CHANNEL:ITEM）。", field="case")  # fmt: skip
    return value


async def _meant(runtime: Process, reference: str) -> str:
    """The same for every name of the same case; a case that nobody knows is refused when its line is carried out."""
    try:
        return await resolve(runtime.ports, reference)
    except Refused:
        return reference


def _result(line: RequestLine, answer: CommandAnswer | None, problem: dict[str, Any] | None) -> bytes:
    if problem is not None:
        return line_of(CommandLineAnswer(line=line.number, status=problem["status"], problem=problem))
    return line_of(CommandLineAnswer(line=line.number, status=200, answer=answer))
