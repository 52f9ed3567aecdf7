"""Strict reading of JSON from outside: one value that all readers agree on, and models that refuse unknown fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.application.problem import Malformed, invalid, path_of
from shared.kernel import strict_json
from shared.kernel.refusals import Invalid

M = TypeVar("M", bound=BaseModel)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SUSPICIOUS = re.compile(r"[\x7f-\x9f]|\\(?:[bf]|u00[01789]|u[dD][89a-fA-F])")
"""In the text of a JSON value: what may become a forbidden character. JSON allows other control characters only as escapes."""
_DEPTH = 32
_MOST_LISTED = 1_000
"""Errors of one body that are read from pydantic, which describes each of them before the first can be shown."""
EARLIEST, LATEST = 1900, 2199
"""Years that a time in a request may name."""


def parse(data: bytes) -> Any:
    """One JSON value. Raises Malformed for texts that JSON readers disagree on (repeated keys, NaN), and for control
    characters and lone surrogates."""
    try:
        strict_json.bounded(data)
        text = data.decode("utf-8")
        value = strict_json.read(text)
    except UnicodeDecodeError:
        raise Malformed(
            "not_utf8", "The body is not UTF-8 text.", detail_zh="内容不是 UTF-8 文本，请改用 UTF-8 编码。"
        ) from None
    except RecursionError:
        raise Malformed(
            "too_deep",
            "The JSON is nested too deeply. Send only the documented structure.",
            detail_zh="JSON 嵌套过深，请只填写文档列明的结构。",
        ) from None
    except strict_json.RepeatedKey as error:
        field = path_of((error.key,))
        raise Malformed(
            "duplicate_key",
            f"The key {field} occurs twice; keep one.",
            detail_zh="JSON 中有重复的键，请只保留一个。",
            field=field,
        ) from None
    except strict_json.TooManyFields:
        raise Malformed(
            "too_many_fields",
            f"The JSON has an object with more than {strict_json.MOST_FIELDS} fields, or too many objects. Send only the"
            " fields that are documented.",
            detail_zh=f"JSON 对象的字段超过 {strict_json.MOST_FIELDS} 个，或对象过多，请只填写文档列明的字段。",
        ) from None
    except strict_json.NotFinite:
        raise Malformed(
            "not_a_number", "A number is NaN, infinite or too large for JSON. Send a finite number.",
            detail_zh="JSON 中不允许 NaN、Infinity 或超出范围的数字，请更正。",
        ) from None  # fmt: skip
    except json.JSONDecodeError as error:
        raise Malformed(
            "not_json",
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            detail_zh=f"内容不是有效的 JSON（第 {error.lineno} 行第 {error.colno} 列）。",
        ) from None
    except ValueError:  # an integer of thousands of digits
        raise Malformed("not_json", "A number in the body is too long.", detail_zh="数字过长，请更正。") from None
    _check_depth(value)
    if _SUSPICIOUS.search(text):
        _check_characters(value, ())
    return value


def _check_depth(value: Any) -> None:
    depth, level = 0, [value]
    while level:
        if depth > _DEPTH:
            raise Malformed(
                "too_deep",
                "The JSON is nested too deeply. Send only the documented structure.",
                detail_zh="JSON 嵌套过深，请只填写文档列明的结构。",
            )
        level = strict_json.inner_containers(level)
        depth += 1


def _check_characters(value: Any, path: tuple[int | str, ...]) -> None:
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise Invalid(
                "control_character",
                f"{path_of(path)} contains a control character or half of a surrogate pair; remove it.",
                detail_zh="内容含有控制字符或不完整的字符，请删除。",
                field=path_of(path),
            )
    elif isinstance(value, dict):
        for name, inner in value.items():
            if _FORBIDDEN.search(name):
                raise Malformed(
                    "control_character", "A key contains a control character.", detail_zh="键名含有控制字符，请删除。"
                )
            _check_characters(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if isinstance(inner, str | dict | list):
                _check_characters(inner, (*path, place))


def validated(model: type[M], value: Any) -> M:
    """`value` as `model`. Raises Invalid, which names the wrong fields."""
    if not isinstance(value, dict):
        raise Invalid(
            "not_an_object", "The body must be a JSON object.", detail_zh="内容须为 JSON 对象，请更正。", field="(body)"
        )
    try:
        found = model.model_validate(value)
    except ValidationError as error:
        if error.error_count() > _MOST_LISTED:
            raise Invalid(
                "invalid_request",
                f"More than {_MOST_LISTED} fields are unknown or wrong. Compare the body with /openapi.json.",
                detail_zh=f"超过 {_MOST_LISTED} 个字段未知或有误，请对照 /openapi.json。",
                field="(body)",
            ) from None
        raise invalid(error.errors(include_url=False, include_input=False)) from None
    except OverflowError:
        raise _out_of_range("(body)") from None
    for name in type(found).model_fields:
        when = getattr(found, name)
        if isinstance(when, date) and not EARLIEST <= when.year <= LATEST:
            raise _out_of_range(name)
    return found


def command_of(models: Mapping[str, type[M]], value: Any) -> tuple[str, M]:
    """Name and body of the command that `value` names. Raises Invalid `unknown_command`, or as validated()."""
    name = value.get("command") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in models:
        raise Invalid(
            "unknown_command",
            f"command must be one of: {', '.join(sorted(models))}.",
            detail_zh="没有这一命令，请从所列命令中选择。",
            field="command",
        )
    return name, validated(models[name], value)


def _out_of_range(field: str) -> Invalid:
    return Invalid(
        "wrong_time",
        f"{field}: the year must be between {EARLIEST} and {LATEST}.",
        detail_zh="年份超出范围，请更正。",
        field=field,
    )
