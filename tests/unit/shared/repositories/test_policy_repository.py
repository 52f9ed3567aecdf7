"""Cached policy books follow their streams, also if events arrive during a read."""

from __future__ import annotations

from importlib import resources

from shared.adapters.memory.event_store import MemoryEventStore
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.policy import OrganisationAdded
from shared.eventstore.commit import Commit
from shared.policy.loading.loader import bundled, load
from shared.repositories.policy_repository import STREAM, PolicyRepository
from tests.support.county import DEMO, SUPERVISOR, county


class _Slow(MemoryEventStore):
    """A store whose reads return only after another event was appended."""

    def __init__(self, behind: list[Commit]) -> None:
        super().__init__()
        self._behind = behind

    async def load(self, stream: str, after: int = 0) -> list[Commit]:
        return list(self._behind)


async def test_policy_book_changed_during_read_is_not_cached() -> None:
    async with county() as here:
        hands = here.ports.handling("supervision")
        old = await here.ports.log.load(STREAM + DEMO)
        added = OrganisationAdded(code="new", name="新单位")
        newest, _ = await hands.append(STREAM + DEMO, EventMetadata(SUPERVISOR, "t:1"), lambda _head: [NewEvent(added)])
        behind = list(old)
        policies = PolicyRepository(_Slow(behind))
        policies.forget([newest])  # it arrives while the stream is being read
        assert (await policies.book(DEMO)).organisation("new") is None
        behind.append(newest)
        assert (await policies.book(DEMO)).organisation("new") is not None
        kept = await policies.book(DEMO)
        policies.forget([newest])
        assert await policies.book(DEMO) is kept, "what is known already is not read again"


def test_new_county_starts_with_statutory_clocks() -> None:
    """`huiyin init` copies the starter, which must contain later additions to the statutory document."""
    folder = resources.files("shared.policy") / "starter"
    starter, law = [
        next(one.document for one in found if one.section == "clocks")
        for found in (load(folder), bundled("cn-xf-2022"))
    ]
    (profile,) = starter.pop("profiles")
    assert profile["id"] == "CN-JJ-2020"
    assert starter == law
