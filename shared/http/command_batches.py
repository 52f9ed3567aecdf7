"""Batches of commands as NDJSON: each line is the body of a command with a reference to its case."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from shared.application.case_reference import case_missing, resolve
from shared.application.command_dispatch import CommandId
from shared.application.response import Answer
from shared.commands.authorization import Principal
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.commands import Commands
from shared.http.ndjson import LineResult, answered, result_line, value_of
from shared.http.openapi import answers, gives_lines, takes_lines
from shared.http.request_bodies import RequestLine
from shared.http.responses import CommandAnswer
from shared.http.router import api_router
from shared.kernel.refusals import Refused

MOST = 1_000
"""Maximum number of lines of one batch of commands."""
AT_ONCE = 64


class CommandLine(Answer):
    """One line of a batch of commands: `case`, and the fields of the command's body."""

    model_config = ConfigDict(extra="allow")

    case: str = Field(description="Case id, number, or CHANNEL:ITEM")
    command: str = Field(description="Name of the command; its fields are in the same object")
    command_id: CommandId = Field(
        description="Your id of this command. Sending the same id again returns the first answer"
    )


class CommandLineAnswer(LineResult):
    """The result of one line of a batch of commands."""

    answer: CommandAnswer | None = Field(None, description="Present if the command was carried out")


def router(runtime: Process, commands: Commands) -> APIRouter:
    routes = api_router("cases")
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
        async def carried_out(value: dict[str, Any] | Refused) -> dict[str, Any]:
            if isinstance(value, Refused):
                raise value
            return {"status": 200, "answer": await commands.carried_out(caller, value.pop("case"), value)}

        async def together(lines: Sequence[RequestLine]) -> list[bytes]:
            """Carry out the lines of one case in their order, and the cases concurrently."""
            results = [b""] * len(lines)
            by_case: dict[str, list[tuple[int, dict[str, Any] | Refused]]] = defaultdict(list)

            async def in_order(own: list[tuple[int, dict[str, Any] | Refused]]) -> None:
                for place, value in own:
                    results[place] = await result_line(CommandLineAnswer, lines[place], carried_out(value))

            for place, line in enumerate(lines):
                value = _read(line, limit)
                by_case[await _case_of(runtime, caller, value)].append((place, value))
            await asyncio.gather(*map(in_order, by_case.values()))
            return results

        return await answered(
            request,
            together,
            limit=limit,
            most=min(MOST, runtime.settings.batch_lines),
            at_once=AT_ONCE,
            kept="The lines before were carried out. Send everything again in smaller batches; no command is carried out twice.",
        )

    return routes


def _read(line: RequestLine, limit: int) -> dict[str, Any] | Refused:
    """The JSON object of a line, or why it cannot be used."""
    try:
        value = value_of(line, limit)
    except Refused as refused:
        return refused
    if isinstance(value, dict) and isinstance(value.get("case"), str):
        return value
    return case_missing()


async def _case_of(runtime: Process, caller: Principal, value: dict[str, Any] | Refused) -> str:
    """The same text for every reference to the same case. An unknown case is refused when its line is carried out."""
    if isinstance(value, Refused):
        return ""
    try:
        return await resolve(runtime.ports, caller, value["case"])
    except Refused:
        return str(value["case"])
