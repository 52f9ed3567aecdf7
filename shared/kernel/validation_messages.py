"""Wrong values: the sentences about them in English and Chinese, of our own validators and of pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from shared.kernel.messages import Messages

_MESSAGES = Messages(files("shared.kernel").joinpath("validation_messages.yaml"))


_PATTERNS = {
    r"^[^\x00-\x1f\x7f]+$": ("control_character", ""),
    r"^[A-Za-z0-9._:-]+$": ("code_of_letters", ". _ : -"),
    r"^[A-Za-z0-9._-]+$": ("code_of_letters", ". _ -"),
    r"^[A-Za-z0-9_-]+$": ("code_of_letters", "_ -"),
    "^[a-z0-9_]{1,40}$": ("code_of_letters", "_"),
}
"""Pattern of a field -> the sentence about it, and the characters that it allows beside letters and digits."""


class WrongValue(ValueError):
    """Raised by a validator. `what`: what is wrong and what to do; `zh`: the same in Chinese. A message about a request
    never quotes the value."""

    def __init__(self, what: str, zh: str) -> None:
        super().__init__(what)
        self.what, self.zh = what, zh


def told(error: Mapping[str, Any]) -> tuple[str, str]:
    """The English and the Chinese sentence for an error of pydantic, as they follow the name of the field."""
    context = error.get("ctx", {})
    found = context.get("error")
    if isinstance(found, WrongValue):
        return found.what, found.zh
    kind, message = _kind(error), str(error["msg"])
    if kind == "string_pattern_mismatch" and (known := _PATTERNS.get(str(context.get("pattern")))) is not None:
        kind, context = known[0], {**context, "characters": known[1]}
    sentences = _MESSAGES.sentences
    sentence = sentences.get(kind) or sentences.get(kind.partition("_")[0]) or sentences["other"]
    expected = str(context.get("expected")).replace(" or ", "、").replace(", ", "、")
    english = sentence["en"].format(**context) if "en" in sentence else message[:1].lower() + message[1:]
    return english, sentence["zh"].format(**{**context, "expected": expected})


def _kind(error: Mapping[str, Any]) -> str:
    """The name of the message for an error: mostly pydantic's type."""
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "value_error" and any(word in message for word in ("offset", "isoformat", "month", "day is")):
        return "moment"
    if kind in ("string_too_short", "too_short") and error.get("ctx", {}).get("min_length") == 1:
        return "empty"
    return kind
