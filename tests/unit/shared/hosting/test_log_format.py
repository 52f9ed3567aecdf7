"""Every line names service and instance, and nothing personal."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

from shared.hosting.log_format import BURST, command_id_shown, configure


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Later tests log as if nothing had been configured here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_every_line_names_service_and_instance(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", service="routing", instance="routing-1")
    structlog.get_logger("a").info("started", port=1)
    logging.getLogger("aiokafka.client").warning("Unable connect to %s", "kafka-1:9092")
    found = lines(capfd)
    assert [(one["service"], one["instance"]) for one in found] == [("routing", "routing-1")] * 2
    assert found[1]["text"] == "Unable connect to kafka-1:9092"
    assert found[1]["broker"] == "kafka-1:9092"


def test_request_case_and_command_are_on_each_line_of_a_request(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", service="intake", instance="i")
    clear_contextvars()
    bind_contextvars(request="0192", case="XF-1", command_id="0192f0a0-1111-7000-8000-000000000000")
    structlog.get_logger("a").warning("case_parked")
    clear_contextvars()
    (found,) = lines(capfd)
    assert (found["request"], found["case"]) == ("0192", "XF-1")
    assert found["command_id"] == "0192f0a0-1111-7000-8000-000000000000"


@pytest.mark.parametrize("value", ["13800138000", "tel:13800138000", "11010519491231002X", "张三", "a b"])
def test_command_id_that_may_be_personal_is_hidden(value: str) -> None:
    assert command_id_shown(value) == "hidden"


def test_our_own_warnings_are_limited_by_kind_and_not_by_case(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", service="intake", instance="i")
    for number in range(1000):
        structlog.get_logger("kafka").warning("not_published", stream=f"case/{number}", error="KafkaTimeoutError")
        structlog.get_logger("http").info("request", status=200)
    found = lines(capfd)
    assert sum(one["event"] == "not_published" for one in found) == BURST
    assert sum(one["event"] == "request" for one in found) == 1000
