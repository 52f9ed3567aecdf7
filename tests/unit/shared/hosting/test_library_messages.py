"""Messages of libraries keep their words, topic and broker, and show nothing that could be personal."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NodeNotReadyError

from shared.hosting.library_messages import LibraryLine, Limiter, shown


def line(message: str, *args: Any, logger: str = "aiokafka.client") -> LibraryLine:
    return shown(logging.LogRecord(logger, logging.WARNING, "client.py", 1, message, args, None))


REFUSED = OSError(111, "Connect call failed ('127.0.0.1', 9092)")


@pytest.mark.parametrize(
    ("found", "text", "topic", "broker"),
    [
        (
            line("Unable connect to node with id %s: %s", 1, REFUSED),
            "Unable connect to node with id 1: ConnectionRefusedError 127.0.0.1:9092", None, "127.0.0.1:9092",
        ),
        (line("Unable connect to \"%s:%s\": %s", "kafka-1", 9092, NodeNotReadyError()),
         "Unable connect to \"kafka-1:9092\": NodeNotReadyError", None, "kafka-1:9092"),
        (line("Failed fetch messages from %s: %s", 2, TimeoutError()), "Failed fetch messages from 2: TimeoutError", None, None),
        (line("Offset of %s is %d", TopicPartition("case-events", 3), 7), "Offset of [case-events, 3] is 7", "case-events", None),
        (line("Task exception was never retrieved\nfuture: <Task: 张三 13800138000>", logger="asyncio"),
         "Task exception was never retrieved", None, None),
    ],
)  # fmt: skip
def test_words_topic_and_broker_are_shown(found: LibraryLine, text: str, topic: str | None, broker: str | None) -> None:
    assert found == (text, topic, broker)


PERSONAL = ("张三", "13800138000", "11010519491231002X", "幸福路八号", "ZhangSan", "zhang@example.org", "Li Si")


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize(
    "logger", ["aiokafka.producer", "pymongo.topology", "faststream", "asyncio", "another.library"]
)
def test_no_argument_shows_a_personal_value(value: str, logger: str) -> None:
    class Payload:
        def __repr__(self) -> str:
            return value

    for arg in (
        value,
        value.encode(),
        ValueError(value),
        [value],
        {"name": value},
        Payload(),
        OSError(2, value, value),
    ):
        assert value not in str(line("Cannot send %s", arg, logger=logger))
        assert value not in str(line("%(name)s", {"name": value}, logger=logger))
    if value.isdigit():
        assert value not in str(line("Cannot send %s", int(value), logger=logger))
    assert value not in str(line(f"Cannot send: {value}", logger=logger))
    assert value not in str(line(f"Cannot send '{value}'", logger=logger))


def test_text_of_unknown_logger_is_left_out() -> None:
    assert line("Anything", logger="somebody") == ("", None, None)


def test_first_line_of_a_kind_is_written_and_further_ones_are_counted() -> None:
    limiter = Limiter(interval=30)
    written = [second / 10 for second in range(800) if limiter.admit("a", {"event": "x"}, now=second / 10)]
    assert written == [0.0]
    assert list(limiter.due(now=20)) == []
    ((found, held),) = limiter.due(now=80)
    assert (found, held) == ({"event": "x"}, 799)
    assert list(limiter.due(now=120)) == []
    assert limiter.admit("a", {"event": "x"}, now=121), "the kind begins again after a quiet interval"


def test_outage_of_eighty_seconds_writes_few_lines() -> None:
    """As four processes did: thousands of lines of a dozen kinds, flushed every 5 s."""
    limiter = Limiter(interval=30)
    written = 0
    for tick in range(8000):
        now = tick / 100
        for kind in range(12):
            written += limiter.admit(kind, {"event": "library"}, now=now)
        if tick % 500 == 0:
            written += len(list(limiter.due(now=now)))
    assert written <= 12 * 3


def test_kinds_are_limited_in_number() -> None:
    limiter = Limiter()
    written = sum(limiter.admit(number, {}, now=0) for number in range(100_000))
    assert written <= 501
