"""A clock dates the record only while it agrees with the witnesses, and keeps pace in between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.adapters.memory.clock import SetClock
from shared.kernel.clock_trust import FRESH, Witness, runs
from shared.kernel.refusals import Unavailable

WRONG = [timedelta(days=20), timedelta(days=-20), timedelta(days=3), timedelta(seconds=31), timedelta(seconds=-31)]
WITHIN = [timedelta(0), timedelta(seconds=29), timedelta(seconds=-29)]


class Store:
    """A witness: another machine, whose clock is right. `away`: it does not answer."""

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock
        self.error = timedelta(0)
        """By how much the clock of this process is wrong."""
        self.away = False

    async def time(self) -> datetime:
        if self.away:
            raise OSError("away")
        return self._clock.now() - self.error

    def go_wrong(self, by: timedelta) -> None:
        """The clock of this process jumps, that of the store does not."""
        self.error += by
        self._clock.jump(by)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(clock: SetClock) -> Store:
    made = Store(clock)
    clock.trust.add("store", Witness(made.time))
    return made


def refused(clock: SetClock) -> str | None:
    try:
        clock.trust.now()
    except Unavailable as error:
        return error.code
    return None


async def test_nothing_is_recorded_before_the_witness_has_answered(clock: SetClock, store: Store) -> None:
    assert refused(clock) == "clock_wrong"
    await clock.trust.look()
    assert refused(clock) is None
    assert clock.trust.confirmed


@pytest.mark.parametrize("error", WRONG)
@pytest.mark.parametrize("before", [True, False])
async def test_jump_during_a_question_is_noticed(clock: SetClock, store: Store, error: timedelta, before: bool) -> None:
    """The witness answers before or after the jump; either way its answer lies between the two times of this process."""
    await clock.trust.look()

    async def jumps() -> datetime:
        told = await store.time()
        store.go_wrong(error)
        return told if before else await store.time()

    clock.trust.add("store", Witness(jumps))
    await clock.trust.look()
    assert refused(clock) == "clock_wrong"
    clock.trust.add("store", Witness(store.time))
    await clock.trust.look()
    assert refused(clock) == "clock_wrong", "the next answer contradicts the clock"
    store.go_wrong(-error)
    await clock.trust.look()
    assert refused(clock) is None


@pytest.mark.parametrize("error", WRONG)
async def test_clock_that_is_wrong_at_the_start_records_nothing(
    clock: SetClock, store: Store, error: timedelta
) -> None:
    store.go_wrong(error)
    await clock.trust.look()
    assert refused(clock) == "clock_wrong"
    assert clock.trust.doubt is not None
    assert not clock.trust.confirmed
    clock.trust.accept()
    await clock.trust.look()
    assert refused(clock) == "clock_wrong", "an operator does not overrule the store"
    store.go_wrong(-error)
    await clock.trust.look()
    assert refused(clock) is None


@pytest.mark.parametrize("error", WRONG)
async def test_clock_that_jumps_is_noticed_before_the_witness_is_asked(
    clock: SetClock, store: Store, error: timedelta
) -> None:
    await clock.trust.look()
    store.go_wrong(error)
    assert refused(clock) == "clock_wrong"
    await clock.trust.look()
    assert clock.trust.doubt is not None
    assert clock.trust.doubt.witness == "store"
    store.go_wrong(-error)
    await clock.trust.look()
    assert refused(clock) is None
    assert clock.trust.jumps == 1


@pytest.mark.parametrize("error", WRONG)
async def test_both_clocks_of_a_machine_that_jump_together_are_noticed(
    clock: SetClock, store: Store, error: timedelta
) -> None:
    """As when a machine is restored from a snapshot: its monotonic clock does not help."""
    await clock.trust.look()
    store.error += error
    if error > timedelta(0):
        clock.advance(error)
    else:
        clock.jump(error)
    assert (await clock.trust.fresh()) is not None
    assert refused(clock) == "clock_wrong"


async def test_old_answer_of_the_witness_does_not_count(clock: SetClock, store: Store) -> None:
    await clock.trust.look()
    clock.advance(FRESH + 1)
    assert refused(clock) == "clock_wrong"
    await clock.trust.look()
    assert refused(clock) is None


async def test_store_that_is_away_is_reported_by_the_store_itself(clock: SetClock, store: Store) -> None:
    await clock.trust.look()
    store.away = True
    clock.advance(FRESH + 1)
    await clock.trust.look()
    assert refused(clock) is None
    store.go_wrong(timedelta(days=20))
    assert refused(clock) == "clock_wrong"


@pytest.mark.parametrize("error", WITHIN)
async def test_small_difference_is_tolerated(clock: SetClock, store: Store, error: timedelta) -> None:
    store.go_wrong(error)
    await clock.trust.look()
    assert refused(clock) is None


async def test_machine_that_slept_is_trusted_once_the_witness_agrees(clock: SetClock, store: Store) -> None:
    await clock.trust.look()
    clock.jump(timedelta(hours=8))
    assert refused(clock) == "clock_wrong"
    await clock.trust.look()
    assert refused(clock) is None


@pytest.mark.parametrize("error", WRONG)
async def test_jump_without_witness_ends_by_itself_or_by_an_operator(clock: SetClock, error: timedelta) -> None:
    clock.jump(error)
    assert refused(clock) == "clock_wrong"
    clock.jump(-error)
    assert refused(clock) is None
    assert not clock.trust.confirmed
    clock.jump(error)
    clock.trust.accept()
    assert refused(clock) is None
    assert clock.trust.confirmed
    clock.jump(error)
    assert refused(clock) == "clock_wrong", "only the jump that the operator saw is accepted"


async def test_newest_commit_is_a_witness_that_the_clock_is_behind(clock: SetClock) -> None:
    newest = clock.now()

    async def record() -> datetime:
        return newest

    clock.trust.add("record", Witness(record, decides=False, least=True))
    clock.advance(timedelta(days=20))
    await clock.trust.look()
    assert refused(clock) is None, "the office may have been closed"
    newest = clock.now() + timedelta(days=3)
    await clock.trust.look()
    assert refused(clock) == "clock_wrong"
    clock.trust.accept()
    assert refused(clock) is None
    await clock.trust.look()
    assert refused(clock) is None


def test_lease_that_ends_later_than_any_could_does_not_run(clock: SetClock) -> None:
    now, longest = clock.now(), timedelta(seconds=30)
    assert runs(now + longest, now, longest)
    assert not runs(now, now, longest)
    assert not runs(now + timedelta(days=20), now, longest)
    assert not runs(None, now, longest)
