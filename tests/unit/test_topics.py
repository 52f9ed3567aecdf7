"""Topics as data: what apply would change, and what it leaves to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.topics import DAY_MS, EVENTS, Topic, differences, load
from shared.adapters.kafka.connection import LARGEST
from shared.adapters.kafka.topics import FOREVER, Existing, Wanted

SOME = Topic(
    name="t", holds="x", key="y", partitions=6, retention=30, largest=2000, read=("svc-intake",), write=("svc-intake",)
)
SAME = Existing(6, 30 * DAY_MS, 2000)


def changes(topic: Topic, have: Existing) -> dict[str, Wanted | None]:
    return {one.what: one.change for one in differences((topic,), {"t": have}, 3)}


def test_the_topic_of_the_feed_keeps_everything_and_never_changes_its_partitions() -> None:
    (events,) = [topic for topic in load() if topic.name == EVENTS]
    assert events.fixed and events.retention == "forever"
    assert events.largest == LARGEST, "producer and topic agree on the largest record"
    assert "svc-analytics" not in events.write
    assert load(prefix="a-")[0].name == "a-" + load()[0].name


@pytest.mark.parametrize(("brokers", "replicas"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_a_missing_topic_is_made_with_as_many_replicas_as_there_are_brokers_for(brokers: int, replicas: int) -> None:
    (found,) = differences((SOME,), {}, brokers)
    assert found.change == Wanted(6, replicas, 30 * DAY_MS, 2000)


def test_what_is_the_same_is_no_difference() -> None:
    assert changes(SOME, SAME) == {}


@pytest.mark.parametrize(
    ("have", "what", "change"),
    [
        (SAME._replace(partitions=3), "partitions", Wanted(partitions=6)),
        (SAME._replace(partitions=9), "partitions", None),
        (SAME._replace(retention_ms=DAY_MS), "retention", Wanted(retention_ms=30 * DAY_MS)),
        (SAME._replace(retention_ms=31 * DAY_MS), "retention", None),
        (SAME._replace(retention_ms=FOREVER), "retention", None),
        (SAME._replace(largest=1000), "largest", Wanted(largest=2000)),
        (SAME._replace(largest=3000), "largest", None),
    ],
)
def test_nothing_becomes_less(have: Existing, what: str, change: Wanted | None) -> None:
    assert changes(SOME, have) == {what: change}


def test_forever_is_longer_than_any_days() -> None:
    forever = SOME.model_copy(update={"retention": "forever"})
    assert changes(forever, SAME) == {"retention": Wanted(retention_ms=FOREVER)}


@pytest.mark.parametrize("partitions", [3, 9])
def test_fixed_partitions_are_left_alone(partitions: int) -> None:
    fixed = SOME.model_copy(update={"fixed": True})
    assert changes(fixed, SAME._replace(partitions=partitions)) == {"partitions": None}


def test_a_misspelt_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics: [{name: t, partitons: 5}]")
    with pytest.raises(ValueError, match="partitons"):
        load(file)
