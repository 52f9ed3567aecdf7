"""Rows of streams: one question to the log for a batch, and a stream that cannot be read stops only itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import pytest

from shared.adapters.memory import MemoryReadModels
from shared.adapters.memory.clock import SetClock
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.consumers.stream_rows import StreamRowsConsumer
from shared.eventstore.commit import Commit
from shared.eventstore.read_models import ReadModel, Row
from shared.eventstore.recorded_event import RecordedEvent
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository
from tests.support.commits import START, commit, history

COUNTED = ReadModel("counted", {"events": "integer"}, ())


class _Counter(StreamRowsConsumer):
    prefix, view = "calls/", COUNTED

    def rows_of(self, stream: str, events: Sequence[RecordedEvent]) -> list[Row]:
        if stream == "calls/odd":
            raise LookupError(stream)
        return [Row(stream, events[-1].version, {"events": len(events)})]


class _Log(SqliteEventStore):
    """Counts the questions."""

    asked = 0

    async def load_many(self, streams: Collection[str]) -> dict[str, list[Commit]]:
        self.asked += 1
        return await super().load_many(streams)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[_Log]:
    store = _Log(tmp_path / "log.sqlite")
    yield store
    await store.close()


async def test_a_batch_is_one_question_and_a_damaged_stream_stops_only_itself(log: _Log) -> None:
    clock, views = SetClock(START), MemoryReadModels()
    views.declare(COUNTED)
    consumer = _Counter("calls", log, views, CaseRepository(log), PolicyRepository(log), clock)
    begun = [*history("calls/a", 3), commit("calls/odd"), commit("calls/broken"), commit("case/b"), commit("calls/b")]
    written = [await log.append(each) for each in begun]
    log._connection.execute("DROP TRIGGER never_changed")
    log._connection.execute("UPDATE commits SET hash = 'x' WHERE stream = 'calls/broken'")
    log._recent.restart(len(begun))
    await consumer(written)
    assert log.asked == 1
    rows = {row.key: row.values for row in await views.find("counted", [], order=[], limit=9)}
    assert rows == {"calls/a": {"events": 3}, "calls/b": {"events": 1}}
    assert {mark.stream: mark.reason for mark in await views.parked("calls")} == {
        "calls/odd": "LookupError",
        "calls/broken": "Damaged",
    }
    again = [
        await log.append(commit(stream, after=written[place])) for stream, place in (("calls/a", 2), ("calls/odd", 3))
    ]
    await consumer(again)
    rows = {row.key: row.values for row in await views.find("counted", [], order=[], limit=9)}
    assert rows == {"calls/a": {"events": 4}, "calls/b": {"events": 1}}, "a parked stream waits"
