"""Every event that any test appends is held against the published schemas, and what an organisation is told of it. A pytest plugin.

Events of one type and the same fields are alike; one of them is looked at, so that this costs little. What does not fit fails
the test once it is over: a consumer that met an error in between would park the case and go on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest

from shared.commands import command_handler as handling
from shared.events.routing import OutboxEntry
from shared.eventstore.recorded_event import RecordedEvent, encode

_seen: set[tuple[str, frozenset[str], bool, str]] = set()
_wrong: list[str] = []


@cache
def validator(name: str) -> Any:
    """The validator of one event type, selected by name."""
    import jsonschema_rs

    whole = _published()
    return jsonschema_rs.validator_for(
        {"$schema": whole["$schema"], "$ref": f"#/$defs/{name}", "$defs": whole["$defs"]}
    )


@cache
def _published() -> dict[str, Any]:
    from deploy.contract.json_schemas import case_events

    return case_events()


def problems(data: bytes) -> list[str]:
    """The problems of the bytes of an event, without its values."""
    event = orjson.loads(data)
    return [
        f"{event['type']}{'/'.join(map(str, one.instance_path))}" for one in validator(event["type"]).iter_errors(event)
    ]


def inbox_problems(event: RecordedEvent, body: OutboxEntry) -> list[str]:
    """The same for the form that organisations read, one of each shape."""
    like = (body.kind, frozenset(body.model_fields_set), body.refusal is not None, "told")
    if like in _seen:
        return []
    _seen.add(like)
    from shared.messaging.organisation_inbox import entry
    from tests.support.schemas import unfit

    return unfit("assignments", [entry(event).model_dump_json().encode()])


def looked_at(event: RecordedEvent) -> bytes:
    """The replacement for encode() that records each event."""
    data = encode(event)
    shape = orjson.loads(data)
    like = (event.type, frozenset(shape["body"]), bool(shape["sealed"]), event.origin)
    if like not in _seen:
        _seen.add(like)
        _wrong.extend(problems(data))
    if isinstance(event.body, OutboxEntry):
        _wrong.extend(inbox_problems(event, event.body))
    return data


def pytest_configure(config: pytest.Config) -> None:
    handling.encode = looked_at  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield
    if _wrong:
        found = sorted(set(_wrong))
        _wrong.clear()
        pytest.fail(f"not as docs/schemas says: {', '.join(found)}", pytrace=False)
