"""Problem answers (RFC 9457): a stable code, a sentence in two languages, the field. Never a submitted value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.eventstore.errors import Damaged, StoreBroken, StoreFull, StoreUnavailable
from shared.kernel.refusals import Invalid, Refused
from shared.kernel.validation_messages import told

_MOST_ERRORS = 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_:-]{1,64}")


class NotAuthenticated(Refused):
    """The request has no valid credentials."""

    status = 401


class TooMany(Refused):
    """Too many requests; `retry_after` in `more` is the number of seconds to wait."""

    status = 429


class TooLarge(Refused):
    status = 413


class WrongType(Refused):
    status = 415


class Malformed(Refused):
    """The request cannot be read."""

    status = 400


_ZH = {
    400: "请求无法读取。",
    401: "需要有效的访问密钥，请在 Authorization 请求头中填写。",
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
        refused.status,
        refused.code,
        refused.detail,
        refused.detail_zh,
        **{"field": refused.field, **refused.more, **more},
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


def of_error(error: Exception) -> dict[str, Any] | None:
    """The problem of an error that a request may end with; None for an unexpected error."""
    if isinstance(error, Refused):
        return describe(error)
    if isinstance(error, StoreFull):
        return problem(
            507,
            "log_full",
            "There is no storage space left. Nothing new is accepted until there is; reading still works.",
            "存储空间不足，腾出空间之前不能受理新的内容，仍可查询。",
        )
    if isinstance(error, StoreBroken):
        return problem(
            503,
            "log_broken",
            "The log can no longer be written safely, and the server is stopping. Try again later.",
            "日志已不能安全写入，服务即将停止，请稍后再试。",
        )
    if isinstance(error, StoreUnavailable):
        return problem(
            503,
            "log_away",
            "The store does not answer, so it is not known whether this was carried out. Send the same request again in a"
            " moment; it is carried out only once.",
            "存储暂时没有响应，无法确认是否已办理。请稍后原样重新提交，不会重复办理。",
            retry_after=1,
        )
    if isinstance(error, Damaged):
        return problem(
            503,
            "damaged_case",
            "The stored data of this case are damaged, so it can be neither shown nor changed. All other cases are unaffected."
            " Operators find the place with: huiyin verify",
            "该件的存储数据已损坏，暂停查看和办理；其他件不受影响。请运维人员执行 huiyin verify。",
        )
    return None


def path_of(location: Sequence[int | str]) -> str:
    """A field path from pydantic's location. Names that the sender made up are not repeated."""
    parts = [str(part) for part in location]
    return ".".join(part if _PLAIN_NAME.fullmatch(part) else "(other)" for part in parts) or "(body)"


def wrong_fields(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The errors of pydantic as wrong fields, with our sentences."""
    return [
        {"field": path_of(one["loc"]), "problem": problem, "problem_zh": problem_zh}
        for one in errors[:_MOST_ERRORS]
        for problem, problem_zh in [told(one)]
    ]


def invalid(errors: Sequence[Mapping[str, Any]], *, skip: int = 0) -> Invalid:
    """One refusal for all of pydantic's errors. `skip`: leading parts of each location that the caller did not write."""
    fields = wrong_fields([{**one, "loc": one["loc"][skip:]} for one in errors])
    naive = any("offset" in one["problem"] and "instant" in one["problem"] for one in fields)
    code = "wrong_time" if naive and len(fields) == 1 else "invalid_request"
    first = fields[0] if fields else {"field": "(body)", "problem": "is wrong", "problem_zh": "填写有误，请更正。"}
    why_zh = f"字段 {first['field']} {first['problem_zh']}"
    return Invalid(
        code,
        f"{first['field']} {first['problem']}.",
        detail_zh=why_zh,
        field=first["field"],
        errors=fields,
    )
