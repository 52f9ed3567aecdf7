"""How many ordinary messages the rule of suspected accusations of the demonstration policy seals, on real ones.

Whoever changes its words reads the sealed messages again: `pytest -s` prints their ids and those that the seed draws."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path
from random import Random

import pytest

from tests.support.policies import demo

DATA = Path(os.environ.get("HUIYIN_EVAL_DATA", "/nonexistent")) / "taidi2020c/messages_labelled_train.csv.gz"
SEED, DRAWN = 2026, 100
ORDINARY = {
    "94", "149", "158", "1566", "2148", "2545", "3918", "4139", "4701", "5840", "6107",
    "6568", "6645", "6856", "7179", "7221", "7511", "7760", "7798", "8474", "8995", "9046",
}  # fmt: skip
"""Of the 100 sealed messages that the seed draws, those that name no official's misconduct: all were read, 28 November 2026."""
MOST = 0.02


@pytest.mark.skipif(not DATA.exists(), reason="not run: data not present (HUIYIN_EVAL_DATA)")
def test_few_ordinary_messages_are_sealed(capsys: pytest.CaptureFixture[str]) -> None:
    book = demo()
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        messages = list(csv.DictReader(file))
    sealed = [
        one["row"] for one in messages if book.keywords.recognised(one["title"], one["text"]).suspicion is not None
    ]
    drawn = Random(SEED).sample(sealed, DRAWN)
    share = len(sealed) / len(messages)
    ordinary = share * len(ORDINARY & set(drawn)) / DRAWN
    with capsys.disabled():
        print(f"\n{len(sealed)} of {len(messages)} sealed ({share:.1%}); without misconduct {ordinary:.2%} of all")
        print("sealed:", *sealed)
        print("drawn:", *drawn)
    assert set(drawn) >= ORDINARY, "the rule seals other messages: read those that are drawn, and change ORDINARY"
    assert ordinary < MOST
