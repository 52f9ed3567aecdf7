"""All invariants over one run, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import clients, derived, effects, fold, streams
from .inputs import Log, Op, Run, Violation


@dataclass(frozen=True)
class Verdict:
    violations: tuple[Violation, ...]
    counts: dict[str, int]
    """How much was judged: a verdict over nothing says so."""
    not_judged: tuple[str, ...]
    """What was not handed in."""

    @property
    def good(self) -> bool:
        return not self.violations

    def json(self) -> dict[str, Any]:
        found = [one._asdict() for one in self.violations]
        return {"good": self.good, "violations": found, "counts": self.counts, "not_judged": list(self.not_judged)}


def verdict(run: Run) -> Verdict:
    """The violations of the run. Pure: the same run gives the same verdict."""
    folded = fold.cases(run.log.streams)
    found = [
        *streams.chains(run), *streams.copies(run), *clients.filings(run), *clients.files(run),
        *clients.commands(run), *clients.reads(run),
        *clients.bounds(run), *fold.lives(folded), *effects.rungs(run), *effects.told(run, folded), *effects.topics(run),
        *derived.projections(run, folded), *derived.files(run), *derived.parks(run), *derived.conservation(run, folded),
    ]  # fmt: skip
    counts = Counter(f"{op.kind}_{op.outcome}" for op in run.history)
    counts.update(cases=len(folded), streams=len(run.log.streams), events=sum(map(len, run.log.streams.values())))
    counts.update(rows=len(run.views or ()), parked=len(run.parked or ()), records=len(run.topics or ()))
    missing = tuple(name for name in ("views", "parked", "topics", "figures") if getattr(run, name) is None)
    return Verdict(tuple(sorted(set(found))), dict(sorted(counts.items())), missing)


def check(history: Sequence[Op], log: Log) -> list[str]:
    """The violations of a run of which only history and log are known, in words; an empty list is a good run."""
    return [str(one) for one in verdict(Run(history, log)).violations]
