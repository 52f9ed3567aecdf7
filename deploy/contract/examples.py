"""Examples of messages: commands from a file, events and entries from a run of the demonstration county (`event_examples.jsonl`).

An event that did not happen there has the generated line of `tests/golden`. To renew the file: `huiyin demo --cases 60 --seed 1
--keep DIR`, then `huiyin export --data DIR | python -m tests.support.make_examples`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from services.intake.commands.filing import FileCase
from shared.application.command_dispatch import body_models
from shared.commands.authorization import Role
from shared.commands.command import RULES
from shared.eventstore.recorded_event import RecordedEvent, decode
from shared.kernel import data_file
from shared.messaging.organisation_inbox import entry
from shared.messaging.platform_updates import for_topic

FOLDER = Path(__file__).parent
EVENTS, GOLDEN = FOLDER / "event_examples.jsonl", Path("tests/golden/events-1.jsonl")
COMMANDS = FOLDER / "command_examples.yaml"
CASE = "province:P-1001"
FILING = {
    "channel": "province",
    "item": "P-1001",
    "title": "路灯不亮",
    "text": "东湖街道月亮里三号楼前的路灯已三周不亮，夜间出行不便。",
    "place": "dh-yl",
    "subject": "0102",
    "petitioner": {"name": "张三"},
}


def command_bodies() -> dict[str, dict[str, Any]]:
    """Public command -> fields of a valid body."""
    found: dict[str, dict[str, Any]] = data_file.load(COMMANDS)
    return found


def commands(role: Role) -> list[dict[str, Any]]:
    """A record of each command that the role may send to its topic."""
    bodies = command_bodies()
    return [
        {"case": CASE, "command": name, "command_id": f"{name}-1", **bodies[name]}
        for name in sorted(body_models())
        if role in RULES[name].roles
    ]


def submissions() -> list[dict[str, Any]]:
    """Records of a platform."""
    return [FileCase.model_validate(FILING).model_dump(mode="json", exclude_unset=True), *commands("platform")]


def events() -> dict[str, dict[str, Any]]:
    """Type -> one event as it is published."""
    lines = [*GOLDEN.read_bytes().splitlines(), *EVENTS.read_bytes().splitlines()]
    return {line["type"]: line for line in map(orjson.loads, lines)}


def entries(kind: str) -> list[dict[str, Any]]:
    """Entries as their readers get them, one of each kind: `OutboxEntry` or `PlatformUpdate`."""
    found = (event for event in _decoded(EVENTS.read_bytes().splitlines()) if event.type == kind)
    return [_shown(event) for event in found]


def _decoded(lines: Iterable[bytes]) -> Iterator[RecordedEvent]:
    return map(decode, lines)


def _shown(event: RecordedEvent) -> dict[str, Any]:
    shown = entry(event) if event.type == "OutboxEntry" else for_topic(event)
    return shown.model_dump(mode="json")
