"""Errors as `application/problem+json` (RFC 9457): a stable code, a sentence in two languages, the field. Never a value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.log import Damaged, LogAway, LogBroken, LogFull
from shared.refusals import Invalid, Refused
from shared.runtime import Runtime
from shared.wrong_value import told

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_:-]{1,64}")
log = structlog.get_logger("http")


class FieldError(BaseModel):
    """One thing that is wrong with the request."""

    field: str = Field(description="Path of the field, for example petitioner.name")
    problem: str = Field(description="What is wrong and what to do; never the value")
    problem_zh: str = Field(description="The same in Chinese")


class Problem(BaseModel):
    """What went wrong (RFC 9457), for people and for programs."""

    type: str = Field(description="urn:huiyin:problem:<code>")
    title: str = Field(description="The code in words")
    status: int = Field(description="HTTP status")
    code: str = Field(description="Stable code that programs may depend on")
    detail: str = Field(description="One sentence: what is wrong, and what to do")
    detail_zh: str = Field(description="The same in Chinese")
    field: str | None = Field(None, description="The field that is wrong")
    errors: list[FieldError] | None = Field(None, description="All fields that are wrong, at most 20")
    state: str | None = Field(None, description="After a refused command: the state that the case is in")
    allowed: list[str] | None = Field(None, description="What is possible instead: commands, or values")
    earliest: str | None = Field(None, description="The earliest effective_at that would be possible")
    latest: str | None = Field(None, description="The latest effective_at that would be possible")


class NotAuthenticated(Refused):
    """Nobody we know."""

    status = 401


class TooMany(Refused):
    """Too often; `retry_after` in `more` says when again."""

    status = 429


class TooLarge(Refused):
    status = 413


class WrongType(Refused):
    status = 415


class Malformed(Refused):
    """Not even readable."""

    status = 400


_ZH = {
    400: "请求无法读取。",
    401: "需要有效的访问密钥。",
    403: "没有权限。",
    404: "没有这一资源。",
    405: "不支持该方法。",
    409: "当前不能这样办理。",
    413: "内容过大。",
    415: "内容类型不受支持。",
    422: "请求内容有误。",
    429: "请求过于频繁，请稍后再试。",
    500: "系统出错，已记录。",
    503: "暂时不可用，请稍后再试。",
    507: "存储空间不足，暂不能受理新的内容，已受理的不受影响。",
}


def describe(refused: Refused, **more: Any) -> dict[str, Any]:
    """The problem of a refusal."""
    return problem(
        refused.status, refused.code, refused.why, refused.why_zh, **{"field": refused.field, **refused.more, **more}
    )


def problem(status: int, code: str, detail: str, detail_zh: str | None = None, **more: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": f"urn:huiyin:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
        "detail_zh": detail_zh or _ZH.get(status, detail),
    }
    content.update({name: value for name, value in more.items() if value is not None})
    return content


def response(content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), int(content["status"]), dict(headers or {}), MEDIA_TYPE)


def of_error(error: Exception) -> dict[str, Any] | None:
    """The problem of anything that a request may end with; None for what nobody expected."""
    if isinstance(error, Refused):
        return describe(error)
    if isinstance(error, LogFull):
        return problem(
            507,
            "log_full",
            "There is no space: nothing new is accepted until there is. Reading goes on.",
            "存储空间不足，腾出空间之前不能受理新的内容，仍可查询。",
        )
    if isinstance(error, LogBroken):
        return problem(
            503,
            "log_broken",
            "The log cannot be written safely any more; the server ends. Try again later.",
            "日志已不能安全写入，服务即将停止，请稍后再试。",
        )
    if isinstance(error, LogAway):
        return problem(
            503,
            "log_away",
            "The store does not answer now, so it is not known whether this was done. Send the same again in a moment: it"
            " happens once.",
            "存储暂时没有响应，无法确认是否已办理。请稍后原样重新提交，不会重复办理。",
            retry_after=1,
        )
    if isinstance(error, Damaged):
        return problem(
            503,
            "damaged_case",
            "The stored bytes of this case cannot be trusted any more, so nothing of it is shown or changed; all other cases"
            " go on. Operations find the place with: huiyin verify",
            "该件的存储数据已损坏，暂停查看和办理；其他件不受影响。请运维人员执行 huiyin verify。",
        )
    return None


def path_of(location: Sequence[int | str]) -> str:
    """A field path from pydantic's location. A name that somebody made up is not repeated."""
    parts = [str(part) for part in location]
    return ".".join(part if _PLAIN_NAME.fullmatch(part) else "(other)" for part in parts) or "(body)"


def wrong_fields(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """pydantic's errors in our words."""
    return [
        {"field": path_of(one["loc"]), "problem": problem, "problem_zh": problem_zh}
        for one in errors[:_MOST_ERRORS]
        for problem, problem_zh in [told(one)]
    ]


def invalid(error: ValidationError | RequestValidationError, *, skip: int = 0) -> Invalid:
    """All that is wrong with a request, as one refusal. `skip`: parts of the location that the caller did not write."""
    errors = [{**one, "loc": one["loc"][skip:]} for one in error.errors()]
    fields = wrong_fields(errors)
    naive = any("offset" in one["problem"] and "instant" in one["problem"] for one in fields)
    code = "wrong_time" if naive and len(fields) == 1 else "invalid_request"
    first = fields[0] if fields else {"field": "(body)", "problem": "is wrong", "problem_zh": "填写有误，请更正。"}
    why_zh = f"字段 {first['field']} {first['problem_zh']}"
    return Invalid(
        code,
        f"{first['field']} {first['problem']}.",
        why_zh=why_zh,
        field=first["field"],
        errors=fields,
    )


def install(app: FastAPI, runtime: Runtime) -> None:
    """Teach the app to answer every error as a problem."""

    async def expected(_request: Request, error: Exception) -> Response:
        if isinstance(error, LogBroken):
            runtime.fail(error)
        if isinstance(error, Damaged):
            log.error("damaged", stream=error.stream, version=error.version)
        content = of_error(error)
        assert content is not None
        retry = content.pop("retry_after", None)
        headers = {"Retry-After": str(retry)} if retry is not None else {}
        if content["status"] == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return response(content, headers)

    async def wrong_request(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return response(describe(invalid(error, skip=1)))

    async def by_framework(_request: Request, error: Exception) -> Response:
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
                "This address does not take that method; see the Allow header.",
                "该地址不支持这一方法，请参见 Allow 头。",
            )
        else:
            content = problem(error.status_code, "refused", "The request was refused.", "请求未被接受。")
        return response(content, error.headers)

    for kind in (Refused, LogFull, LogBroken, LogAway, Damaged):
        app.add_exception_handler(kind, expected)
    app.add_exception_handler(RequestValidationError, wrong_request)
    app.add_exception_handler(HTTPException, by_framework)
