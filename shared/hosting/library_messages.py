"""Messages of libraries, for the log: their words, topic and broker, never a value that could be personal; few of each kind.

A library's message is a constant text with arguments. The text is kept. Of the arguments only what cannot be personal is kept:
addresses of machines, names of topics and groups, short numbers, classes of errors.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

LONGEST = 200
"""Characters of a text."""
INTERVAL = 30.0
"""Seconds between two lines of one kind."""
MOST_KINDS = 500
"""Maximum number of kinds that are counted apart."""
LIBRARIES = ("aiokafka", "kafka", "pymongo", "motor", "faststream", "asyncio", "uvicorn", "concurrent")
"""Loggers whose texts are shown."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,99}")
_TECHNICAL = re.compile(r"[0-9_.:/-]|Error$|^[a-z]+$|^[A-Z]+$")
"""A single word in mixed case may be a name of a person."""
_LONG_NUMBER = re.compile(r"[0-9]{7,}")
"""A telephone or identity number."""
_ADDRESS = re.compile(
    r"\('([A-Za-z0-9_.-]{1,100})', ([0-9]{1,5})\)|\b([A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}):([0-9]{1,5})\b"
)
_DIRECTIVE = re.compile(r"%(?:\([a-z_]+\))?[-#0 +]*[0-9.]*[a-zA-Z]")
_FIRST_VALUE = re.compile(r"['\"<>{}()\[\]=:\n]|[^\x20-\x7e]")
"""Where the constant part of a message without arguments ends."""
_HIDDEN = "…"


class LibraryLine(NamedTuple):
    """What is shown of a message."""

    text: str
    topic: str | None
    broker: str | None


def shown(record: logging.LogRecord) -> LibraryLine:
    """What of a message may be shown."""
    if not record.name.startswith(LIBRARIES):
        return LibraryLine("", None, None)
    args = record.args if isinstance(record.args, tuple) else (record.args,) if record.args else ()
    topic = next((found for one in args if (found := _topic(one)) is not None), None)
    broker = next((found for one in args if (found := _broker(one)) is not None), None)
    text = _text(str(record.msg), args)[:LONGEST]
    return LibraryLine(text, topic, broker or _broker(text))


def kind_of(record: logging.LogRecord) -> tuple[str, int, str]:
    """The kind by which messages are limited: the place in the library, and the class of the error."""
    error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    return record.name, record.lineno, error


def _text(message: str, args: tuple[Any, ...]) -> str:
    if not args:
        end = _FIRST_VALUE.search(message)
        return _masked(message[: end.start()] if end else message).strip()
    if len(args) == 1 and isinstance(args[0], Mapping):
        return _masked(_DIRECTIVE.sub(_HIDDEN, message))
    values = iter(args)
    text = _DIRECTIVE.sub(lambda found: "%" if found[0] == "%%" else _safe(next(values, _HIDDEN)), message)
    return re.sub(r"[^\x20-\x7e…]", _HIDDEN, text.partition("\n")[0])


def _safe(value: Any) -> str:
    """An argument as text, or its class, where it could be personal."""
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return _masked(str(value))
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, BaseException):
        return type(value).__name__ + (f" {broker}" if (broker := _broker(value)) else "")
    if isinstance(value, str):
        return _masked(value) if _NAME.fullmatch(value) and _TECHNICAL.search(value) else _HIDDEN
    if isinstance(value, tuple | list | set | frozenset) and not hasattr(value, "value"):
        inner = ", ".join(_safe(one) for one in list(value)[:3])
        return f"[{inner}{', …' if len(value) > 3 else ''}]"
    return f"<{type(value).__name__}>"


def _masked(text: str) -> str:
    return _LONG_NUMBER.sub(_HIDDEN, text)


def _topic(value: Any) -> str | None:
    topic = getattr(value, "topic", None)
    if isinstance(value, set | frozenset | list) and value:
        return _topic(next(iter(value)))
    return _masked(topic) if isinstance(topic, str) and _NAME.fullmatch(topic) else None


def _broker(value: Any) -> str | None:
    """An address of a machine that the value names."""
    if isinstance(value, BaseException | str):
        found = _ADDRESS.search(str(value)[:1000])
        if found:
            host, port = (found[1], found[2]) if found[1] else (found[3], found[4])
            return _masked(f"{host}:{port}")
    host, port = getattr(value, "host", None), getattr(value, "port", None)
    if isinstance(host, str) and isinstance(port, int) and _NAME.fullmatch(host):
        return _masked(f"{host}:{port}")
    return None


@dataclass
class _Kind:
    since: float
    line: Mapping[str, Any]
    left: int
    held: int = 0


class Limiter:
    """Lets the first `burst` lines of a kind through; then one per interval, with the number of those that were held back."""

    def __init__(self, burst: int = 1, interval: float = INTERVAL) -> None:
        self._burst = burst
        self._interval = interval
        self._kinds: dict[Any, _Kind] = {}

    def admit(self, kind: Any, line: Mapping[str, Any], now: float | None = None) -> bool:
        """True if this line is to be written."""
        now = time.monotonic() if now is None else now
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = "other"
        known = self._kinds.get(kind)
        if known is None:
            self._kinds[kind] = _Kind(now, line, self._burst - 1)
            return True
        if known.left > 0:
            known.left -= 1
            return True
        known.held += 1
        known.line = line
        return False

    def due(self, now: float | None = None) -> Iterator[tuple[Mapping[str, Any], int]]:
        """(the last line, the number of lines held back) of each kind whose interval has ended. A kind of which none was held back
        begins again."""
        now = time.monotonic() if now is None else now
        for kind, known in list(self._kinds.items()):
            if now - known.since < self._interval:
                continue
            if known.held:
                held, known.held, known.since = known.held, 0, now
                yield known.line, held
            else:
                del self._kinds[kind]
