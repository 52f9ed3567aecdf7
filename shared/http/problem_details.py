"""Problem answers over HTTP: `application/problem+json` (RFC 9457), for every error of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope
from structlog.contextvars import get_contextvars

from shared.application.problem import describe, invalid, of_error, problem
from shared.eventstore.errors import Damaged, StoreBroken, StoreFull, StoreUnavailable
from shared.hosting.process import Process
from shared.http.problem_pages import HEADERS, page_of, wants_page
from shared.kernel.refusals import Refused

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger("http")


class FieldError(BaseModel):
    """One thing that is wrong with the request."""

    field: str = Field(description="Path of the field, for example petitioner.name")
    problem: str = Field(description="What is wrong and what to do; never the value")
    problem_zh: str = Field(description="The same in Chinese")


class Problem(BaseModel):
    """A problem (RFC 9457), for people and for programs."""

    type: str = Field(description="urn:huiyin:problem:<code>")
    title: str = Field(description="The code in words")
    status: int = Field(description="HTTP status")
    code: str = Field(description="Stable code that programs may depend on")
    detail: str = Field(description="What is wrong, and what to do")
    detail_zh: str = Field(description="The same in Chinese")
    field: str | None = Field(None, description="The field that is wrong")
    errors: list[FieldError] | None = Field(None, description="All fields that are wrong, at most 20")
    state: str | None = Field(None, description="After a refused command: the state of the case")
    allowed: list[str] | None = Field(None, description="Allowed commands or values")
    earliest: str | None = Field(None, description="The earliest possible effective_at")
    latest: str | None = Field(None, description="The latest possible effective_at")


def response(
    content: Mapping[str, Any], headers: Mapping[str, str] | None = None, *, scope: Scope | None = None
) -> Response:
    """The answer with a problem: JSON for programs; for `scope`, the request of a browser, a page."""
    status, more = int(content["status"]), dict(headers or {})
    if scope is None or not wants_page(scope):
        return Response(orjson.dumps(content), status, more, MEDIA_TYPE)
    page = page_of(content, scope, get_contextvars().get("request"))
    return Response(page, status, {**more, **HEADERS}, "text/html")


def install(app: FastAPI, runtime: Process) -> None:
    """Register the handlers that answer every error of the app as a problem."""

    async def expected(request: Request, error: Exception) -> Response:
        if isinstance(error, StoreBroken):
            runtime.fail(error)
        if isinstance(error, Damaged):
            log.error("damaged", stream=error.stream, version=error.version)
        content = of_error(error)
        assert content is not None
        retry = content.pop("retry_after", None)
        headers = {"Retry-After": str(retry)} if retry is not None else {}
        if content["status"] == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return response(content, headers, scope=request.scope)

    async def wrong_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return response(describe(invalid(error.errors(), skip=1)), scope=request.scope)

    async def by_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            content = problem(
                404,
                "no_such_route",
                "There is nothing at this address; see /openapi.json.",
                "该地址没有内容，请参见 /openapi.json。",
            )
        elif error.status_code == 405:
            content = problem(
                405,
                "wrong_method",
                "This address does not support that method; see the Allow header.",
                "该地址不支持这一方法，请参见 Allow 头。",
            )
        else:
            content = problem(error.status_code, "refused", "The request was refused.", "请求未被接受。")
        headers = dict(error.headers or {})
        if "GET" in headers.get("Allow", "").split(", ") and "HEAD" not in headers["Allow"]:
            headers["Allow"] += ", HEAD"
        return response(content, headers, scope=request.scope)

    for kind in (Refused, StoreFull, StoreBroken, StoreUnavailable, Damaged):
        app.add_exception_handler(kind, expected)
    app.add_exception_handler(RequestValidationError, wrong_request)
    app.add_exception_handler(HTTPException, by_framework)
