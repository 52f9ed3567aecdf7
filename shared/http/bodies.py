"""Reading request bodies: limits before buffers, strict JSON, and models that refuse what they do not know."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any, NamedTuple, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.http.problems import Malformed, TooLarge, WrongType, invalid, path_of
from shared.refusals import Invalid

M = TypeVar("M", bound=BaseModel)
NDJSON = "application/x-ndjson"
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DEPTH = 32
EARLIEST, LATEST = 1900, 2199
"""Years that a time in a request may name."""


def parse(data: bytes) -> Any:
    """One JSON value. Refuses what JSON readers disagree on: double keys, NaN, lone surrogates, control characters."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError:
        raise Malformed("not_utf8", "The body is not UTF-8 text.", why_zh="内容不是 UTF-8 文本。") from None
    except RecursionError:
        raise Malformed("too_deep", "The JSON is nested too deeply.", why_zh="JSON 嵌套过深。") from None
    except json.JSONDecodeError as error:
        raise Malformed(
            "not_json",
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            why_zh=f"内容不是有效的 JSON（第 {error.lineno} 行第 {error.colno} 列）。",
        ) from None
    except ValueError:  # an integer of thousands of digits
        raise Malformed("not_json", "A number in the body is too long.", why_zh="数字过长。") from None
    _check(value, ())
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed(
                "duplicate_key",
                f"The key {path_of((name,))} stands twice; keep one.",
                why_zh="JSON 中有重复的键。",
                field=path_of((name,)),
            )
        found[name] = value
    return found


def _no_constant(_name: str) -> Any:
    raise Malformed("not_a_number", "NaN and Infinity are not JSON.", why_zh="JSON 中不允许 NaN 或 Infinity。")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed("not_a_number", "A number in the body is too large.", why_zh="数字超出范围。")
    return value


def _check(value: Any, path: tuple[int | str, ...]) -> None:
    if len(path) > _DEPTH:
        raise Malformed("too_deep", "The JSON is nested too deeply.", why_zh="JSON 嵌套过深。")
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise Invalid(
                "control_character",
                f"{path_of(path)} holds a control character or half of a surrogate pair; remove it.",
                why_zh="内容含有控制字符或不完整的字符。",
                field=path_of(path),
            )
    elif isinstance(value, dict):
        for name, inner in value.items():
            if _FORBIDDEN.search(name):
                raise Malformed("control_character", "A key holds a control character.", why_zh="键名含有控制字符。")
            _check(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _check(inner, (*path, place))


def validated(model: type[M], value: Any) -> M:
    """`value` as `model`. Raises Invalid that names the fields."""
    if not isinstance(value, dict):
        raise Invalid(
            "not_an_object", "The body must be a JSON object.", why_zh="内容必须是 JSON 对象。", field="(body)"
        )
    try:
        found = model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None
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
            why_zh="没有这一命令。",
            field="command",
        )
    return name, validated(models[name], value)


def _out_of_range(field: str) -> Invalid:
    return Invalid(
        "wrong_time",
        f"{field}: the year must lie between {EARLIEST} and {LATEST}.",
        why_zh="年份超出范围。",
        field=field,
    )


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge before it is read when its length is announced, else within one chunk of the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise _too_large(limit)
    return bytes(data)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "body_too_large",
        f"The body is larger than {limit} bytes; send less at once, or use a batch.",
        why_zh=f"内容超过 {limit} 字节。",
    )


def require_type(request: Request, *allowed: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in allowed:
        raise WrongType(
            "wrong_content_type", f"Send Content-Type: {allowed[0]}.", why_zh=f"内容类型应为 {allowed[0]}。"
        )


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """A JSON body as `model`."""
    return validated(model, await read_json(request, limit))


async def read_json(request: Request, limit: int) -> Any:
    require_type(request, "application/json")
    data = await read_body(request, limit)
    if not data.strip():
        raise Malformed("empty_body", "The body is empty; send a JSON object.", why_zh="内容为空。")
    return parse(data)


class Line(NamedTuple):
    """One line of an NDJSON body. `data` None: it was longer than the limit and was skipped."""

    number: int
    data: bytes | None


async def read_lines(request: Request, limit: int) -> AsyncIterator[Line]:
    """The lines of the body as they come; empty ones are counted and left out. Keeps at most one line."""
    number, buffer, skipping = 0, bytearray(), False
    async for chunk in request.stream():
        pieces = chunk.split(b"\n")
        for place, piece in enumerate(pieces):
            if not skipping:
                buffer += piece
            if len(buffer) > limit:
                skipping = True
                buffer.clear()
            if place == len(pieces) - 1:
                break
            number += 1
            if skipping:
                yield Line(number, None)
            elif buffer.strip():
                yield Line(number, bytes(buffer))
            buffer.clear()
            skipping = False
    number += 1
    if skipping:
        yield Line(number, None)
    elif buffer.strip():
        yield Line(number, bytes(buffer))
