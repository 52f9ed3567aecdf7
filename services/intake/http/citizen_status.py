"""Status queries of citizens. Number and code are in the body, never in the address."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.application.problem import TooMany
from shared.application.response import Answer, TimeText
from shared.case import Case
from shared.commands.authorization import Principal
from shared.hosting.process import Process
from shared.http.client_network import client_network
from shared.http.openapi import operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.refusals import Unknown
from shared.queries.citizen_status import status
from shared.queries.citizen_status_models import StatusAnswer
from shared.queries.query_code_access import RateLimiter, case_token, opened

LIMIT = 4096


class StatusQuestion(BaseModel):
    """Number and query code, as on the receipt."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=60, description="Number of the case")
    code: str = Field(min_length=1, max_length=100, description="Query code, or a token of POST /v1/status/token")


class StatusPage(StatusQuestion):
    """Number and query code, and which events to tell."""

    before: int | None = Field(
        None, ge=1, le=2**53, description="Tell the events before this version: `events_before` of the previous answer"
    )


class CaseToken(Answer):
    """A token in place of the query code, for pages that must not carry the code."""

    number: str = Field(description="Number of the case; it is sent with the token")
    token: str = Field(description="Send it as `code`. It opens this case only")
    expires_at: TimeText = Field(description="When it expires. A valid token gives the next one")


class StatusReaders:
    """Checks number and code for all routes together, so that one limit on wrong pairs covers every route."""

    def __init__(self, runtime: Process) -> None:
        self._ports = runtime.ports
        self._misses = RateLimiter(runtime.ports.clock, runtime.settings.status_misses)

    async def opened(self, request: Request, number: str, code: str) -> tuple[Principal, Case]:
        """The citizen and the case. Raises Unknown for a wrong pair, and TooMany for one from a client that sent too many."""
        client = await client_network(request)
        wait = self._misses.take(client)
        try:
            found = await opened(self._ports, number, code)
        except Unknown as unknown:
            if unknown.code == "token_expired":  # it was right: nothing was guessed
                self._return(client, wait)
                raise
            if not wait:
                raise
            raise TooMany(
                "too_many_misses",
                "Too many wrong pairs of number and code came from your network, and this one is wrong, too. Compare it with your"
                f" receipt and try again in {wait} seconds.",
                detail_zh=f"您所在的网络尝试次数过多，本次编号与查询码也不匹配。请核对回执，{wait}秒后再试。",
                retry_after=wait,
            ) from None
        except BaseException:
            self._return(client, wait)
            raise
        self._return(client, wait)
        return found

    def _return(self, client: str, wait: int) -> None:
        if not wait:
            self._misses.give_back(client)


def router(runtime: Process, askers: StatusReaders) -> APIRouter:
    routes = api_router("citizens")

    @routes.post("/v1/status", **operation("ask_v1_status_post", 400, 404, 413, 415, 422, 429, 503, body=StatusPage))
    async def ask(request: Request) -> StatusAnswer:
        """The status of a case, by number and query code."""
        question = await read_model(request, StatusPage, LIMIT)
        _citizen, case = await askers.opened(request, question.number, question.code)
        return await status(runtime.ports, case, question.before)

    @routes.post(
        "/v1/status/token",
        **operation("token_v1_status_token_post", 400, 404, 413, 415, 422, 429, 503, body=StatusQuestion),
    )
    async def token(request: Request) -> CaseToken:
        """A token for one case and 15 minutes, by number and query code or by the previous token."""
        question = await read_model(request, StatusQuestion, LIMIT)
        _citizen, case = await askers.opened(request, question.number, question.code)
        text, expires = case_token(runtime.ports, case)
        return CaseToken(number=case.number, token=text, expires_at=expires)

    return routes
