"""A process ends between recording that a message is being sent, the call, and the record of its result: nothing is lost, and a
gateway that deduplicates never has a message twice."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.intake.messages import sender as sending
from services.intake.messages.outgoing import fold
from services.intake.messages.sender import MessageSender
from shared.adapters.gateways.memory import MemoryGateway
from tests.support.county import MORNING, County, county

PLACE = {"place": "dh-yl", "subject": "0102"}
PLACES = ("message.sending", "message.sent", "log.appended")


class Killed(BaseException):
    """The process ends here: nothing of ours runs after it."""


def sender(here: County) -> MessageSender:
    (found,) = here.parts["intake"].senders
    assert isinstance(found, MessageSender)
    return found


async def lives(folder: Path, gateway: MemoryGateway, item: str | None, dice: Random, kills: bool, patch: Any) -> int:
    """One life of a process: it files, sends, and perhaps ends at a place. Returns how many filings it acknowledged."""
    dies_at = dice.choice(PLACES) if kills else ""
    after = dice.randrange(1, 4)
    count = {"hits": 0}
    armed = {"now": False}

    def failpoint(place: str, _key: str | None = None) -> None:
        if armed["now"] and place == dies_at:
            count["hits"] += 1
            if count["hits"] >= after:
                raise Killed(place)

    filed = 0
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(county(folder, gateways={"sms": gateway}, seed=None, start=lives.now))  # type: ignore[attr-defined]
        if item is not None:
            await here.file(item, petitioner={"name": "张三", "phone": "13800138000"}, **PLACE)
            filed = 1
        patch.setattr(sending, "failpoint", failpoint)
        patch.setattr("shared.commands.event_writer.failpoint", failpoint)
        armed["now"] = True
        for _ in range(3):
            await here.settle()
            try:
                await sender(here).round()
                tasks = [task for line in sender(here)._lines.values() for task in line.active.values()]
                for task in tasks:
                    await task
            except Killed:
                break
            here.clock.advance(timedelta(seconds=61))
        armed["now"] = False
        lives.now = here.clock.now() + timedelta(seconds=61)  # type: ignore[attr-defined]
    return filed


async def run(folder: Path, kills: int, *, deduplicates: bool, seed: int, patch: pytest.MonkeyPatch) -> MemoryGateway:
    dice, gateway = Random(seed), MemoryGateway(deduplicates=deduplicates)
    lives.now = MORNING  # type: ignore[attr-defined]
    filed = 0
    for number in range(kills):
        filed += await lives(folder, gateway, f"k{number}" if number % 2 == 0 else None, dice, True, patch)
    for _ in range(3):
        await lives(folder, gateway, None, dice, False, patch)
    async with county(folder, gateways={"sms": gateway}, seed=None, start=lives.now) as here:  # type: ignore[attr-defined]
        states = []
        async for commits in here.ports.log.scan("messages/"):
            streams: dict[str, list[Any]] = {}
            for commit in commits:
                streams.setdefault(commit.stream, []).extend(commit.recorded)
            states += [one for events in streams.values() for one in fold(events).values()]
    assert len(states) == filed, "no message is lost"
    assert {one.state for one in states} <= ({"sent"} if deduplicates else {"sent", "given_up"})
    unreached = [one for one in states if one.id not in gateway.calls]
    assert gateway.calls.keys() <= {one.id for one in states}
    assert not unreached or not deduplicates, "where a repetition is harmless every message reaches the gateway"
    assert all(one.state == "given_up" for one in unreached), (
        "a call whose beginning is recorded is not repeated blindly"
    )
    return gateway


@pytest.mark.parametrize("deduplicates", [True, False])
async def test_kills_between_sending_and_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deduplicates: bool
) -> None:
    gateway = await run(tmp_path, 20, deduplicates=deduplicates, seed=7, patch=monkeypatch)
    _assert_never_twice(gateway)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_many_kills_between_sending_and_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    for deduplicates in (True, False):
        folder = tmp_path / str(deduplicates)
        folder.mkdir()
        gateway = await run(folder, 100, deduplicates=deduplicates, seed=seed, patch=monkeypatch)
        _assert_never_twice(gateway)


def _assert_never_twice(gateway: MemoryGateway) -> None:
    reached = [message.effect_id for message in gateway.taken]
    most = 1 if gateway.deduplicates else 2
    assert max(map(reached.count, reached)) <= most
    assert gateway.deduplicates or max(gateway.calls.values()) <= most, (
        "at most once more where it does not deduplicate"
    )
