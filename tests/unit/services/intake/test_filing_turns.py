"""Turns: a filing in the slower queue goes on when its time has come, or at once for a proof of work."""

from __future__ import annotations

import doctest
from itertools import count

import pytest

from services.intake import filing_turns
from services.intake.filing_turns import LEAST_BITS, LIFE, MOST_BITS, MOST_WAIT, FilingTurn, FilingTurns, zero_bits
from shared.adapters.memory import SetClock
from tests.support.deciding import START

NETWORK = "203.0.113.0"


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)


@pytest.fixture
def turns(clock: SetClock) -> FilingTurns:
    return FilingTurns(clock, b"s" * 32, 10)


def solved(turn: FilingTurn) -> str:
    return next(str(one) for one in count() if zero_bits(turn.text, str(one)) >= turn.bits)


def test_turns_of_a_network_follow_each_other_at_its_pace_and_others_do_not_wait(turns: FilingTurns) -> None:
    assert [round(turns.give(NETWORK, f"f{one}").wait) for one in range(3)] == [6, 12, 18]
    assert round(turns.give("198.51.100.0", "g").wait) == 6


def test_turn_is_good_when_its_time_has_come_and_not_before(turns: FilingTurns, clock: SetClock) -> None:
    turn = turns.give(NETWORK, "f1")
    waiting = turns.taken(turn.text, "f1", None)
    assert waiting is not None and waiting.wait == pytest.approx(6)
    assert turns.taken(turn.text, "f1", "0 of no worth") == waiting
    clock.advance(6)
    ready = turns.taken(turn.text, "f1", None)
    assert ready is not None and ready.wait == 0
    clock.advance(LIFE + 1)
    assert turns.taken(turn.text, "f1", None) is None


def test_work_takes_the_turn_at_once_for_its_own_filing_only(turns: FilingTurns) -> None:
    turn = turns.give(NETWORK, "f1")
    answer = solved(turn)
    done = turns.taken(turn.text, "f1", answer)
    assert done is not None and done.wait == 0
    assert turns.taken(turn.text, "another", answer) is None
    other = turns.give(NETWORK, "f2")
    unsolved = turns.taken(other.text, "f2", answer)
    assert unsolved is not None and unsolved.wait > 0


@pytest.mark.parametrize("text", ["", "hyt_", "hyt_AAAA", "hyc_AAAA", "hyt_\u00e9", "x" * 5000])
def test_text_that_is_no_turn_is_none(turns: FilingTurns, text: str) -> None:
    assert turns.taken(text, "f1", None) is None


def test_turn_of_another_deployment_is_none(turns: FilingTurns, clock: SetClock) -> None:
    turn = FilingTurns(clock, b"x" * 32, 10).give(NETWORK, "f1")
    assert turns.taken(turn.text, "f1", None) is None


def test_longer_queue_means_more_work_and_nobody_waits_for_ever(turns: FilingTurns) -> None:
    given = [turns.give(NETWORK, f"f{one}") for one in range(300)]
    bits = [one.bits for one in given]
    assert bits[0] == LEAST_BITS and bits == sorted(bits) and bits[-1] == MOST_BITS
    assert max(one.wait for one in given) == pytest.approx(MOST_WAIT)


def test_example_runs() -> None:
    result = doctest.testmod(filing_turns)
    assert result.attempted > 0 and result.failed == 0
