"""Reads a record of an inbound topic as strictly as a request body. A problem is returned, not raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from shared.application.problem import Malformed, TooLarge
from shared.application.request_validation import parse
from shared.kernel.refusals import Invalid, Refused


class InboundRecord(NamedTuple):
    """A record, as far as it could be read. `content`: the same for equal JSON, whatever its formatting."""

    value: dict[str, Any]
    """Empty where there is a problem."""
    content: bytes
    problem: Refused | None


def read_record(data: bytes, limit: int, opened: Callable[[bytes, int], bytes] | None = None) -> InboundRecord:
    """Read a JSON object of at most `limit` bytes. `opened` decrypts it first, and may raise Refused."""
    try:
        clear = opened(data, limit) if opened is not None else data
        if len(clear) > limit:
            raise TooLarge(
                "body_too_large",
                f"The record is larger than {limit} bytes; send less, or material in parts.",
                detail_zh=f"内容超过 {limit} 字节，请分次提交。",
            )
        if not clear.strip():
            raise Malformed("empty_body", "The record is empty; send a JSON object.", detail_zh="内容为空，请填写。")
        value = parse(clear)
        if not isinstance(value, dict):
            raise Invalid(
                "not_an_object",
                "The record must be a JSON object.",
                detail_zh="内容须为 JSON 对象，请更正。",
                field="(body)",
            )
        return InboundRecord(value, orjson.dumps(value, option=orjson.OPT_SORT_KEYS), None)
    except Refused as refused:
        return InboundRecord({}, data, refused)
    except (TypeError, ValueError):  # an integer that other readers could not represent
        return InboundRecord(
            {}, data, Malformed("not_json", "A number in the record is too long.", detail_zh="数字过长，请更正。")
        )
