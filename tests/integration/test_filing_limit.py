"""The limit of filings counts those of all processes of a deployment, and delays nobody where the store does not answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.intake.filing_limit import FilingLimit
from shared.application.ports import Ports
from shared.eventstore.errors import StoreUnavailable
from shared.eventstore.uploads import UploadRecord
from tests.support.serving import Served, served

NETWORK, OTHER = "203.0.113.0", "198.51.100.0"
MOST = 3


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def processes(here: Served, number: int = 2) -> list[FilingLimit]:
    """Processes of one deployment, each with its own memory."""
    ports = replace(here.runtime.ports, alone=False)
    return [FilingLimit(ports, MOST) for _ in range(number)]


async def test_filings_of_a_network_are_counted_over_all_processes(here: Served) -> None:
    one, two = processes(here)
    waits = [await (one, two)[place % 2].take(NETWORK) for place in range(MOST)]
    assert waits == [0] * MOST
    assert 0 < await one.take(NETWORK) <= 60 and 0 < await two.take(NETWORK) <= 60
    assert await two.take(OTHER) == 0, "another network does not wait"
    await one.give_back(NETWORK)
    assert await two.take(NETWORK) == 0, "what was no filing is free again for everybody"
    assert await one.take(NETWORK) > 0
    here.clock.advance(61)
    assert await one.take(NETWORK) == 0


async def test_turns_of_a_network_follow_each_other_over_all_processes(here: Served) -> None:
    one, two = processes(here)
    waits = [round((await (one, two)[place % 2].give_turn(NETWORK, f"filing-{place}")).wait) for place in range(4)]
    assert waits == [20, 40, 60, 80]
    turn = await one.give_turn(NETWORK, "filing-9")
    here.clock.advance(turn.wait)
    taken = two.turns.taken(turn.text, "filing-9", None)
    assert taken is not None and taken.wait == 0, "every process takes the turn of another"


async def test_record_names_no_network_and_expires(here: Served) -> None:
    (one,) = processes(here, 1)
    await one.take(NETWORK)
    (records,) = [page async for page in here.runtime.ports.uploads.all()]
    assert NETWORK not in repr(records)
    assert records[0].expires_at > here.clock.now()


class _Away:
    """A store of uploads that does not answer."""

    async def get(self, _keys: object) -> dict[str, UploadRecord]:
        raise StoreUnavailable("away")


async def test_process_counts_alone_while_the_store_is_away_and_where_it_is_alone(here: Served) -> None:
    away: Ports = replace(here.runtime.ports, alone=False, uploads=_Away())  # type: ignore[arg-type]
    for limit in (FilingLimit(away, MOST), FilingLimit(here.runtime.ports, MOST)):
        assert [await limit.take(NETWORK) for _ in range(MOST)] == [0] * MOST
        assert await limit.take(NETWORK) > 0
        assert (await limit.give_turn(NETWORK, "filing-1")).wait > 0
