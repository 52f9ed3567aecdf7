"""Cached data must not be older than what another process has written."""

from __future__ import annotations

from datetime import date

from shared.adapters.memory import MemoryEventStore
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.policy.loading.loader import bundled
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository
from tests.support.commits import history
from tests.support.county import DEMO, SUPERVISOR, county


async def test_case_changed_by_another_process_is_reloaded() -> None:
    log = MemoryEventStore()
    here, there, alone = CaseRepository(log, alone=False), CaseRepository(log, alone=False), CaseRepository(log)
    first, second = history("case/a", 2)
    await log.append(first)
    for cases in (here, there, alone):
        assert (await cases.get("a"))[0].version == 1
    await log.append(second)
    assert (await here.get("a"))[0].version == (await there.get("a"))[0].version == 2
    assert (await alone.get("a"))[0].version == 1, "who is alone is told by the feed"
    assert (await here.get("a", at_least=2))[0].version == 2


async def test_policy_activated_by_another_process_is_reloaded() -> None:
    async with county(seed=None) as here:
        elsewhere = PolicyRepository(here.ports.log)
        before = (await elsewhere.book(DEMO)).version
        await elsewhere.look()
        assert (await elsewhere.book(DEMO)).version == before
        entry = next(iter(bundled("demo")))
        stamp = EventMetadata(SUPERVISOR, "again", date(2020, 1, 1), jurisdiction=DEMO)
        await here.ports.handling("supervision").append(
            f"policy/{DEMO}", stamp, lambda _head: [NewEvent(entry.activation())]
        )
        assert (await elsewhere.book(DEMO)).version == before, "the feed has told nothing here"
        await elsewhere.look()
        assert (await elsewhere.book(DEMO)).version == before + 1
