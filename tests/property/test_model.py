"""Random commands by random actors: the product's result equals that of the table of transitions.

`HUIYIN_MODEL_STEPS=100000 pytest tests/property` (or `make model`) is the long run; the suite does a tenth of it.
"""

from __future__ import annotations

import os
import time
from itertools import count

import pytest

from shared.application.command_dispatch import open_rules
from shared.commands.authorization import ROLES
from tests.property import driver, table
from tests.property.driver import ACTORS, MODELS, campaign, live, shrunk
from tests.property.table import EVERY, TABLE, Row

STEPS = int(os.environ.get("HUIYIN_MODEL_STEPS", "10000"))
FIRST = int(os.environ.get("HUIYIN_SEED", "1"))
OF_ONE_COUNTY = 250
NEVER_DONE = {name for name, row in TABLE.items() if not row.states}
"""For imported cases, joint filings, joined filings and suspected texts, which are not filed here: only refused, or nothing."""
SHORT = STEPS < 50_000
RARELY_DONE = (
    {"issue_re_review_opinion", "grant_extension", "serve_extension_notice", "confirm_sealed_withdrawal"}
    if SHORT
    else set()
)
RARELY_REACHED = {"concluded"} if SHORT else set()
"""The end of the longest way: a short run may not come to it."""


def test_every_command_has_row_in_model_table() -> None:
    assert {rule.name for rule in open_rules()} == set(TABLE) == set(MODELS)


def test_every_role_acts_in_model() -> None:
    assert {who.role for who in ACTORS} == set(ROLES) - {"service", "portal"}, "a portal gives no command of its own"


@pytest.mark.slow
@pytest.mark.timeout(max(300, STEPS // 50))
async def test_product_agrees_with_model_table(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    seeds = range(FIRST, FIRST + -(-STEPS // OF_ONE_COUNTY))
    troubles, outcomes, commands, states = await campaign(seeds, OF_ONE_COUNTY)
    taken = time.perf_counter() - start
    with capsys.disabled():
        print(
            f"\n{sum(outcomes.values()):,} steps in {len(seeds)} counties, {taken:.0f} s: {dict(outcomes.most_common())}"
        )
        for one in troubles:
            print(one)
    assert troubles == []
    assert sum(outcomes.values()) >= STEPS
    assert {name for name in TABLE if not commands[f"{name} done"]} - RARELY_DONE == NEVER_DONE
    assert set(states) | RARELY_REACHED == EVERY | {"voided"}, "every state that can be reached was"
    assert min(outcomes.values()) > STEPS // 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("request_return", {"unless": table.unobjectionable}),
        pytest.param("close", {"by": "desk_or_supervisor"}, marks=pytest.mark.nightly),
        pytest.param("decide", {"states": frozenset({"handling"})}, marks=pytest.mark.nightly),
    ],
)
async def test_wrong_model_row_is_found_with_short_counterexample(
    command: str, wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison sees something: each of these tables is wrong in one place."""
    row: Row = TABLE[command]._replace(**wrong)  # type: ignore[arg-type]
    monkeypatch.setitem(driver.TABLE, command, row)
    for seed in count(FIRST):
        run = await live(seed, OF_ONE_COUNTY)
        if run.trouble is not None:
            break
        assert seed < FIRST + 40, "not found in 10,000 steps"
    assert command in run.trouble
    short = await shrunk(seed, run)
    assert short.trouble == run.trouble
    assert len(short.steps) <= 15, driver.report(seed, short)
