"""The citizen's question. Number and code travel in the body, never in an address."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.http.answers import StatusAnswer
from shared.http.bodies import read_model
from shared.http.describing import answers, takes
from shared.http.problems import TooMany
from shared.refusals import Unknown
from shared.runtime import Runtime
from shared.status import Misses, opened, status

_LIMIT = 4096


class StatusQuestion(BaseModel):
    """Both stand on the receipt."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=60, description="Number of the case")
    code: str = Field(min_length=1, max_length=100, description="Query code")


def router(runtime: Runtime) -> APIRouter:
    routes = APIRouter(tags=["citizens"])
    misses = Misses(runtime.ports.clock, runtime.settings.status_misses)

    @routes.post(
        "/v1/status",
        response_model=StatusAnswer,
        responses=answers(400, 404, 413, 415, 422, 429, 503),
        openapi_extra=takes(StatusQuestion),
        summary="How a case stands, by number and query code",
    )
    async def ask(request: Request) -> dict[str, Any]:
        client = request.client.host if request.client else "local"
        wait = misses.wait(client)
        if wait:
            raise TooMany(
                "too_many_misses",
                f"Too many wrong pairs; try again in {wait} seconds.",
                why_zh=f"尝试次数过多，请在{wait}秒后再试。",
                retry_after=wait,
            )
        question = await read_model(request, StatusQuestion, _LIMIT)
        try:
            _citizen, case = await opened(runtime.ports, question.number, question.code)
        except Unknown:
            misses.add(client)
            raise
        return await status(runtime.ports, case)

    return routes
