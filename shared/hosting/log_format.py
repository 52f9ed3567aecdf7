"""Logging: one JSON object per line, only keys that are on the list. Personal data can get in by no other way."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    (
        *("event", "level", "timestamp", "group", "stream", "version", "reason", "error", "where", "code", "method"),
        *("route", "status", "ms", "role", "count", "port", "host", "pid", "position", "column", "seconds", "workers"),
        *("attempt", "command", "dropped"),
    )
)
"""Keys that a line may have. Others are dropped, and the line says how many."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def only_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what is not on the list, and shorten what is."""
    kept: dict[str, Any] = {}
    for key, value in line.items():
        if key in ALLOWED:
            kept[key] = value if isinstance(value, int | float | bool | None) else str(value)[:200]
    if len(kept) < len(line):
        kept["dropped"] = len(line) - len(kept)
    return kept


def configure(level: str = "info") -> None:
    """For a server: JSON lines on standard error. The standard library's loggers say only that something happened."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Foreign()], level=logging.WARNING, force=True)


class _Foreign(logging.Handler):
    """Lines of libraries: their logger's name, never their text, which may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger("library").log(
            record.levelno, "library", where=f"{record.name}:{record.lineno}", error=error or ""
        )
