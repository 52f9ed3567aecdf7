"""Logging: one JSON object per line, with allowed keys only, so that no personal data can be logged.

Every line names service and instance; a line within a request or about a case also the request, the case number and the
command's id. Lines of libraries, and our own warnings, are limited per kind: after the first ones they are counted.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.hosting.library_messages import Limiter, kind_of, shown

ALLOWED = frozenset(
    (
        *("event", "level", "timestamp", "group", "stream", "version", "reason", "error", "where", "code", "method"),
        *("route", "status", "ms", "role", "count", "port", "ops_port", "host", "pid", "position", "column", "seconds"),
        *("workers", "attempt", "command", "dropped", "service", "instance", "request", "case", "command_id", "text"),
        *("topic", "broker", "since", "by"),
    )
)
"""Allowed keys of a line. Others are dropped, and the line has their number."""
BURST = 20
"""Number of our own warnings of one kind that are written before they are counted."""
FLUSH_SECONDS = 5.0
"""Interval at which counted lines are written, if their own interval has ended."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_KIND = ("event", "group", "error", "code", "reason", "where")
"""Keys by which our own warnings are limited; not by case."""
_LIMITED = ("warning", "error")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_LONG_NUMBER = re.compile(r"[0-9]{7,}")


def command_id_shown(value: str) -> str:
    """A client's id of a command, unless it could hold a telephone or identity number."""
    if _UUID.fullmatch(value) or (_ID.fullmatch(value) and not _LONG_NUMBER.search(value)):
        return value
    return "hidden"


def only_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop the keys that are not allowed, and shorten the values of the others."""
    kept: dict[str, Any] = {}
    for key, value in line.items():
        if key in ALLOWED:
            kept[key] = value if isinstance(value, int | float | bool | None) else str(value)[:200]
    if "command_id" in kept:
        kept["command_id"] = command_id_shown(str(kept["command_id"]))
    if len(kept) < len(line):
        kept["dropped"] = len(line) - len(kept)
    return kept


class _Named:
    """Adds service and instance to each line."""

    def __init__(self, service: str, instance: str) -> None:
        self._names = {"service": service, "instance": instance}

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in self._names.items():
            line.setdefault(name, value)
        return line


class _Limited:
    """Holds back our own warnings and errors of a kind that is frequent."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if line.get("level") in _LIMITED and "count" not in line:
            kind = tuple(line.get(key) for key in _KIND)
            if not self._limiter.admit(kind, {key: line[key] for key in (*_KIND, "level") if key in line}):
                raise structlog.DropEvent
        return line


class _Foreign(logging.Handler):
    """Lines of libraries."""

    def __init__(self, limiter: Limiter) -> None:
        super().__init__()
        self._limiter = limiter

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        found = shown(record)
        line = {"where": f"{record.name}:{record.lineno}", "error": error, **_given(found._asdict())}
        if self._limiter.admit(kind_of(record), {"event": "library", "level": record.levelname.lower(), **line}):
            structlog.get_logger("library").log(record.levelno, "library", **line)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


_limiters: list[Limiter] = []


def configure(level: str = "info", *, service: str = "", instance: str = "") -> None:
    """For a server: JSON lines on standard error."""
    ours, theirs = Limiter(BURST), Limiter()
    _limiters[:] = [ours, theirs]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _Limited(ours),
            _Named(service, instance),
            only_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Foreign(theirs)], level=logging.WARNING, force=True)


def flush() -> None:
    """Write a line for each kind of which some were held back and whose interval has ended; `count` is their number."""
    for limiter in _limiters:
        for line, held in limiter.due():
            rest = {key: value for key, value in line.items() if key not in ("event", "level") and value}
            number = _LEVELS.get(str(line["level"]), logging.ERROR)
            structlog.get_logger("limited").log(number, line["event"], count=held, **rest)


async def flush_forever() -> None:
    """Flush for as long as the process lives."""
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        flush()
