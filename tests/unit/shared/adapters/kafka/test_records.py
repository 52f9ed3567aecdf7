"""Conversion of commits to records and back, and handling of foreign records."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import pytest

from shared.adapters.kafka.records import key_of, sort, to_records
from shared.eventstore.commit import Commit
from tests.support.commits import commit, history


@dataclass
class Record:
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    topic: str = "case-events"
    partition: int = 0
    offset: int = 7


def records_of(commits: Sequence[Commit]) -> list[Record]:
    return [Record(one.value, one.headers) for each in commits for one in to_records(each)]


def test_records_round_trip_in_any_order() -> None:
    commits = [*history("case/a", 5, events=3), *history("inbox/cn-demo/zj", 2), commit("policy/cn")]
    records = records_of(commits)
    random.Random(3).shuffle(records)
    found = sort([*records, *records[:4]])
    assert sorted(found.commits, key=lambda one: (one.stream, one.first)) == sorted(
        commits, key=lambda one: (one.stream, one.first)
    )
    assert all(one.intact() for one in found.commits)
    assert not found.gaps and not found.unusable


def test_record_is_cloud_event_of_stored_bytes() -> None:
    (each,) = history("case/a", 1, events=1)
    (record,) = to_records(each)
    headers = dict(record.headers)
    event = orjson.loads(each.events[0])
    assert record.key == b"a"
    assert record.value == each.events[0]
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"].decode() == event["event_id"]
    assert headers["ce_type"] == b"huiyin." + event["type"].encode()
    assert headers["ce_source"] == b"/huiyin/cn"
    assert headers["ce_subject"] == b"case/a"
    assert headers["content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("stream", "key"), [("case/abc", b"abc"), ("inbox/cn-demo/zj", b"inbox/cn-demo/zj"), ("policy/cn", b"policy/cn")]
)
def test_events_of_one_case_share_record_key(stream: str, key: bytes) -> None:
    assert key_of(stream) == key


def test_partial_commit_is_read_from_log() -> None:
    (each,) = history("case/a", 1, events=3)
    found = sort(records_of([each])[:2])
    assert not found.commits
    assert [(gap.stream, gap.version) for gap in found.gaps] == [("case/a", 2)]


def test_record_without_headers_is_placed_by_its_bytes() -> None:
    (each,) = history("case/a", 1)
    found = sort([Record(each.events[0])])
    assert [(gap.stream, gap.version) for gap in found.gaps] == [("case/a", 1)]
    strange = found.gaps[0].as_it_came()
    assert strange.events == each.events and not strange.intact()


@pytest.mark.parametrize(
    "record",
    [
        Record(None),
        Record(b""),
        Record(b"\xff\xfe no json"),
        Record(b"[]"),
        Record(b'{"stream": 5, "version": 1}'),
        Record(b'{"stream": "", "version": 1}'),
        Record(b'{"stream": "case/a", "version": 0}'),
        Record(b'{"stream": "case/a", "version": "1"}'),
        Record(b'{"stream": "case/a", "version": true}'),
        Record(b"{}", [("ce_subject", b"\xff\xff"), ("ce_sequence", b"1")]),
        Record(b"{}", [("ce_subject", None)]),  # type: ignore[list-item]
    ],
)
def test_record_without_event_is_reported_without_exception(record: Record) -> None:
    good = history("case/a", 2)
    found = sort([*records_of(good), record])
    assert found.commits == good
    assert found.unusable == [record]


@pytest.mark.parametrize(
    "change",
    [{"ce_sequence": b"9"}, {"ce_first": b"0"}, {"ce_last": b"x"}, {"ce_time": b"yesterday"}, {"ce_hash": None}],
)
def test_contradictory_headers_are_ignored(change: dict[str, bytes | None]) -> None:
    (each,) = history("case/a", 1)
    record = records_of([each])[0]
    headers = {**dict(record.headers), **change}
    found = sort([Record(record.value, list(headers.items()))])  # type: ignore[misc]
    assert not found.commits
    assert [(gap.stream, gap.version) for gap in found.gaps] == [("case/a", 1)]
