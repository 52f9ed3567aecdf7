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
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, at_least, at_most
from services.intake.candidate_index import SAME
from services.intake.matter_fingerprints import ASKED, KEPT, Fingerprint, added, fingerprint, rarest
from shared.adapters.sqlite.candidates import SqliteCandidates
from shared.eventstore.candidates import SAMPLE, IndexEntry

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
    """The time of a question among synthetic filings: words of a Zipf vocabulary, so that lists are as uneven as real ones."""
    dice = random.Random(7)
    words = ["".join(chr(0x4E00 + dice.randrange(3000)) for _ in range(dice.choice((2, 2, 3)))) for _ in range(60_000)]
    ranks = [1 / (rank + 10) for rank in range(len(words))]
    pool = dice.choices(words, ranks, k=2_000_000)

    def text(length: int = 60) -> str:
        at = dice.randrange(len(pool) - length)
        return "".join(pool[at : at + length // 2]) + "".join(dice.choices(pool, k=length // 2))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidates.sqlite"
        index = SqliteCandidates(path)
        began = time.perf_counter()
        for at in range(0, cases, BATCH):
            prints = [fingerprint(KEY, text(8), text()) for _ in range(BATCH)]
            await _put(index, [f"{number:032x}" for number in range(at, at + BATCH)], prints)
        rate = cases / (time.perf_counter() - began)
        took = []
        for _ in range(200):
            own = fingerprint(KEY, text(8), text())
            began = time.perf_counter()
            await _asked(index, own, 50)
            took.append((time.perf_counter() - began) * 1000)
        size = path.stat().st_size / cases
        await index.close()
    p95 = statistics.quantiles(took, n=20)[-1]
    note = f"{cases:,} filings; median {statistics.median(took):.1f} ms; {size:.0f} bytes each; filled at {rate:,.0f}/s"
    return [
        Figure("candidates: a question, p95", p95, "ms", "aim", AIM_MS, p95 / AIM_MS, *at_most(p95 / AIM_MS, 1), note)
    ]
