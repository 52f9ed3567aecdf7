"""Logging: one JSON object per line, with allowed keys only, so that no personal data can be logged."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    (
        *("event", "level", "timestamp", "group", "stream", "version", "reason", "error", "where", "code", "method"),
        *(
            "route",
            "status",
            "ms",
            "role",
            "count",
            "port",
            "ops_port",
            "host",
            "pid",
            "position",
            "column",
            "seconds",
            "workers",
        ),
        *("attempt", "command", "dropped"),
    )
)
"""Allowed keys of a line. Others are dropped, and the line has their number."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def only_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop the keys that are not allowed, and shorten the values of the others."""
    kept: dict[str, Any] = {}
    for key, value in line.items():
        if key in ALLOWED:
            kept[key] = value if isinstance(value, int | float | bool | None) else str(value)[:200]
    if len(kept) < len(line):
        kept["dropped"] = len(line) - len(kept)
    return kept


def configure(level: str = "info") -> None:
    """For a server: JSON lines on standard error. Messages of the standard library's loggers are left out."""
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
    """Lines of libraries: the name of the logger, never the text, which may contain anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger("library").log(
            record.levelno, "library", where=f"{record.name}:{record.lineno}", error=error or ""
        )
