"""Writes a golden line for each event type that has none yet. Existing lines are never changed."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, find, settings

from shared.events import REGISTRY
from shared.events.base import Event
from shared.eventstore.recorded_event import decode, encode
from tests.support.deciding import START
from tests.support.events import bodies
from tests.support.policies import recorded
from tests.unit.shared.eventstore.test_recorded_event import GOLDEN


def example(model: type[Event]) -> Event:
    """A body with as many fields set as hypothesis finds quickly."""
    most = len(model.model_fields)
    for wanted in range(most, -1, -1):
        try:
            return find(
                bodies(model),
                lambda body, wanted=wanted: (
                    sum(value not in (None, (), False) for value in body.__dict__.values()) >= wanted
                ),
                settings=settings(
                    max_examples=300, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
                ),
            )
        except Exception:  # fewer fields then
            continue
    raise AssertionError(model)


def main() -> None:
    lines = GOLDEN.read_bytes().splitlines() if GOLDEN.exists() else []
    there = {decode(line).type for line in lines}
    for name in sorted(set(REGISTRY) - there):
        lines.append(encode(recorded(example(REGISTRY[name]), 1, START)))
    GOLDEN.write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    main()
