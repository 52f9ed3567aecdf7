"""Candidates of the same matter: how good they are on labelled messages, and how long a question takes among many filings.

The messages are read from the folder that HUIYIN_DATASETS names, if it has them: `messages_hot.csv.gz` (msg_id, title, text) and
`same_matter_clusters_dev.csv.gz` (cluster, msg_id). Nothing of them is printed or kept.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import os
import random
import sqlite3
import statistics
import tempfile
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from bench.figures import Figure, at_least, at_most
from services.intake.candidate_index import SAME
from services.intake.matter_fingerprints import ASKED, KEPT, Fingerprint, added, fingerprint, rarest
from shared.adapters.sqlite.candidates import SqliteCandidates
from shared.eventstore.candidates import LONGEST_LIST, SAMPLE, IndexEntry

NAME = "candidates"
KEY = b"k" * 32
BATCH = 500
AIM_PRECISION, AIM_MS = 0.75, 20.0
CASES, QUICK = 1_000_000, 20_000


def measure(*, quick: bool = False) -> list[Figure]:
    """Two figures, or one where there are no messages."""
    return [*asyncio.run(_precision()), *asyncio.run(_time(QUICK if quick else CASES))]


async def _put(index: SqliteCandidates, names: Sequence[str], prints: Sequence[Fingerprint]) -> None:
    known = await index.frequencies({one for each in prints for one in each.grams})
    room = max(0, SAMPLE - known.texts)
    known = added(known, prints[:room])
    entries = []
    for place, (name, each) in enumerate(zip(names, prints, strict=True)):
        kept = [one for one, _weight in rarest(each.grams, known, KEPT)]
        kept += [each.whole] if each.whole is not None else []
        entries.append(IndexEntry(name, tuple(kept), tuple(each.grams) if place < room else ()))
    await index.put(entries)


async def _asked(index: SqliteCandidates, own: Fingerprint, most: int) -> list[str]:
    weights = dict(rarest(own.grams, await index.frequencies(own.grams.keys()), ASKED))
    if own.whole is not None:
        weights[own.whole] = SAME
    return [case for case, _sum in (await index.find(weights, most)).cases]


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1_000_000)
    return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8-sig"))))


def _found(name: str) -> Path | None:
    folder = os.environ.get("HUIYIN_DATASETS")
    return next(iter(sorted(Path(folder).rglob(name))), None) if folder else None


async def _precision() -> list[Figure]:
    """R-precision: the share of the R others of a matter among the first R that are found, mean of all labelled messages."""
    messages, labels = _found("messages_hot.csv.gz"), _found("same_matter_clusters_dev.csv.gz")
    if messages is None or labels is None:
        return [
            Figure(
                "candidates: R-precision", 0.0, "", "not run: HUIYIN_DATASETS names no such data", 0.0, 0.0, "", None
            )
        ]
    rows = sorted(_rows(messages), key=lambda row: row["time"])
    matters: dict[str, list[str]] = defaultdict(list)
    for row in _rows(labels):
        matters[row["silver_cluster"]].append(row["msg_id"])
    prints = {row["msg_id"]: fingerprint(KEY, row["title"], row["text"]) for row in rows}
    names = list(prints)
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        index = SqliteCandidates(Path(folder) / "candidates.sqlite")
        for at in range(0, len(names), BATCH):
            await _put(index, names[at : at + BATCH], [prints[name] for name in names[at : at + BATCH]])
        for members in matters.values():
            for one in members:
                others = {*members} - {one}
                found = [case for case in await _asked(index, prints[one], len(members)) if case != one]
                shares.append(len(others & {*found[: len(others)]}) / len(others))
        await index.close()
    here = statistics.fmean(shares)
    note = f"{len(rows):,} messages, {len(shares)} labelled"
    return [
        Figure(
            "candidates: R-precision",
            here,
            "",
            "aim",
            AIM_PRECISION,
            here / AIM_PRECISION,
            *at_least(here / AIM_PRECISION, 1),
            note,
        )
    ]


async def _time(cases: int) -> list[Figure]:
    """The time of a question among synthetic filings: n-grams of a Zipf vocabulary, so that lists are as uneven as real ones.

    The index is written in one pass, in the order of its keys, with the rows that put() would leave: put() itself takes some
    1.6 ms of a processor for each filing, half an hour for a million."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidates.sqlite"
        began = time.perf_counter()
        await SqliteCandidates(path).close()
        _fill(path, cases, dice)
        rate = cases / (time.perf_counter() - began)
        index = SqliteCandidates(path)
        took = []
        for _ in range(200):
            own = Fingerprint(dict.fromkeys(map(_gram, _ranks(dice)), 1), _gram(-1 - dice.randrange(cases)))
            began = time.perf_counter()
            await _asked(index, own, 50)
            took.append((time.perf_counter() - began) * 1000)
        size = path.stat().st_size / cases
        await index.close()
    p95 = statistics.quantiles(took, n=20)[-1]
    note = (
        f"{cases:,} filings; median {statistics.median(took):.1f} ms; {size:.0f} bytes each; written at {rate:,.0f}/s"
    )
    return [
        Figure("candidates: a question, p95", p95, "ms", "aim", AIM_MS, p95 / AIM_MS, *at_most(p95 / AIM_MS, 1), note)
    ]


_VOCABULARY = 4_000_000
"""N-grams that occur at all."""
_GRAMS = 250
"""N-grams of one filing: some 120 characters."""


def _ranks(dice: random.Random) -> set[int]:
    """The n-grams of a filing by their rank: the frequency falls as 1 / (rank + 10)."""
    whole = _VOCABULARY / 10 + 1
    draw = dice.random
    return {int(10 * (whole ** draw() - 1)) for _ in range(_GRAMS)}


def _gram(rank: int) -> int:
    """The hash of the n-gram of a rank, spread over 64 bits."""
    spread = (rank * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    return spread - (1 << 64) if spread >> 63 else spread


def _fill(path: Path, cases: int, dice: random.Random) -> None:
    lists: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
    counts: Counter[int] = Counter()
    texts = []
    for number in range(1, cases + 1):
        ranks = _ranks(dice)
        if number <= SAMPLE:
            counts.update(map(_gram, ranks))
        kept = [*map(_gram, sorted(ranks)[-KEPT:]), _gram(-number)]
        for one in kept:
            lists[one].append(number)
        texts.append((number, f"{number:032x}", array("q", kept).tobytes()))
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
        file.executemany("INSERT INTO texts VALUES (?, ?, ?)", texts)
        rows = ((one, lists[one][-LONGEST_LIST:].tobytes()) for one in sorted(lists))
        file.executemany("INSERT INTO postings VALUES (?, ?)", rows)
        file.executemany("INSERT INTO counts VALUES (?, ?)", sorted(counts.items()))
        file.execute("UPDATE counted SET texts = ?", (min(cases, SAMPLE),))
        file.commit()
        file.execute("PRAGMA journal_mode=WAL")
