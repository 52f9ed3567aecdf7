"""A wrong value: what is said of it in English and Chinese, whoever found it, one of our validators or pydantic itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WrongValue(ValueError):
    """Raised by a validator: `what` is wrong and what to do, and the same in Chinese. Of a request it never quotes the
    value."""

    def __init__(self, what: str, zh: str) -> None:
        super().__init__(what)
        self.what, self.zh = what, zh


_DATE = "须为日期（2026-01-31），或带时区偏移的时刻（2026-01-31T10:00:00+08:00）。"
_CHINESE = {
    "literal_error": "须为以下之一：{expected}。",
    "enum": "须为以下之一：{expected}。",
    "greater_than": "须大于 {gt}。",
    "greater_than_equal": "须不小于 {ge}。",
    "less_than": "须小于 {lt}。",
    "less_than_equal": "须不大于 {le}。",
    "string_too_short": "过短，至少 {min_length} 个字符。",
    "string_too_long": "过长，至多 {max_length} 个字符。",
    "too_short": "过短，至少 {min_length} 个字符或项。",
    "too_long": "过长，至多 {max_length} 个字符或项。",
    "string_pattern_mismatch": "格式不符，须符合 {pattern}。",
    "string": "须为文本。",
    "int": "须为整数。",
    "float": "须为数字。",
    "bool": "须为 true 或 false。",
    "list": "须为列表。",
    "tuple": "须为列表。",
    "dict": "须按名称逐项写明。",
    "model": "须按名称逐项写明。",
    "date": "须为有效日期，例如 2026-01-31。",
    "datetime": _DATE,
}
"""pydantic's type of an error, or its first word, which is the type of the value -> what is wrong and what to do."""


_ENGLISH = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must name its parts, each with its value",
    "model_type": "must name its parts, each with its value",
    "model_attributes_type": "must name its parts, each with its value",
}
"""The same in English, where pydantic speaks of Python."""


def told(error: Mapping[str, Any]) -> tuple[str, str]:
    """pydantic's error in our words, English and Chinese, as they follow the name of the field."""
    kind, message = str(error["type"]), str(error["msg"])
    found = error.get("ctx", {}).get("error")
    if isinstance(found, WrongValue):
        return found.what, found.zh
    if kind == "missing":
        return "is missing; add it", "缺失，请补充。"
    if kind == "extra_forbidden":
        return "is not a field of this request; leave it out", "不属于该请求，请去掉。"
    if kind == "value_error":
        if message.endswith("blank"):
            return "holds blanks only; say it in words", "只有空白，请填写内容。"
        if "offset" in message or "isoformat" in message or "month" in message or "day is" in message:
            return "needs a date (2026-01-31) or an instant with offset (2026-01-31T10:00:00+08:00)", _DATE
        return "cannot be used here", "填写有误，请更正。"
    if kind in ("timezone_aware", "timezone_naive"):
        return (
            "needs an offset, for example 2026-01-31T10:00:00+08:00",
            "须带时区偏移，例如 2026-01-31T10:00:00+08:00。",
        )
    more = error.get("ctx", {})
    if kind in ("string_too_short", "too_short") and more.get("min_length") == 1:
        return "is empty; fill it in", "为空，请填写。"
    return _ENGLISH.get(kind) or message[:1].lower() + message[1:], _chinese(kind, more)


def _chinese(kind: str, more: Mapping[str, Any]) -> str:
    sentence = _CHINESE.get(kind) or _CHINESE.get(kind.partition("_")[0], "填写有误，请更正。")
    expected = str(more.get("expected")).replace(" or ", "、").replace(", ", "、")
    return sentence.format(**{**more, "expected": expected})
