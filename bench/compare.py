"""`python -m bench.compare OLD NEW [--only NAME] [--rounds N] [--whole]`: which lines of the benchmarks are slower in NEW.

Both commits are checked out into temporary worktrees, and each runs its own bench folder with the packages of this
environment. The sides take turns within a round, and the side that begins changes from round to round. A line is slower
if the median of its ratios exceeds 1.05 and six of seven rounds agree; three more rounds decide about such a line, of
which then eight of ten must agree. Ends with 1 if a line is slower, or if NEW does not have it any more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench.verdict import MORE_ROUNDS, ROUNDS, Verdict, higher_is_better, judge

ROOT = Path(__file__).resolve().parents[1]
ONE_ROUND = Path(__file__).with_name("one_round.py")
SIDES = ("old", "new")


class Seen:
    """The figures of one line in each round of each side."""

    def __init__(self, measure: str, unit: str) -> None:
        self.measure = measure
        self.unit = unit
        self.figures: dict[str, list[float]] = {side: [] for side in SIDES}

    @property
    def complete(self) -> bool:
        """True if both sides have the line in every round."""
        return len(self.figures["old"]) == len(self.figures["new"])


class Side(NamedTuple):
    """A commit in a worktree of its own."""

    name: str
    tree: Path
    whole: bool

    def run(self, *measures: str) -> Any:
        """What `one_round.py` prints for these measures. Raises RuntimeError with its output if it fails."""
        size = ("--whole",) if self.whole else ()
        done = subprocess.run(
            (sys.executable, "-P", str(ONE_ROUND), str(self.tree), *measures, *size),
            cwd=self.tree,
            env={**os.environ, "PYTHONPATH": str(self.tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(measures)} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])


class Comparison:
    """Rounds of both sides, collected by line."""

    def __init__(self, old: Side, new: Side) -> None:
        self._sides = (old, new)
        self._turn = 0
        self.lines: dict[str, Seen] = {}
        self.of_one_side: dict[str, list[str]] = {side: [] for side in SIDES}
        """Side -> measures that only this side has. They are named and not run."""

    def round(self, measures: Iterable[str]) -> None:
        """Each measure once on each side. The side that begins alternates."""
        order = self._sides if self._turn % 2 == 0 else self._sides[::-1]
        self._turn += 1
        for measure in measures:
            for side in order:
                for found in side.run(measure):
                    seen = self.lines.setdefault(found["line"], Seen(measure, found["unit"]))
                    seen.figures[side.name].append(found["figure"])

    def verdicts(self) -> list[Verdict]:
        """Of every line that both sides have."""
        return [
            judge(line, seen.figures["old"], seen.figures["new"], higher=higher_is_better(seen.unit))
            for line, seen in self.lines.items()
            if seen.complete
        ]

    def gone(self) -> list[str]:
        """Lines, and measures with all their lines, that only the old side has."""
        return [*(line for line, seen in self.lines.items() if not seen.figures["new"]), *self.of_one_side["old"]]

    def added(self) -> list[str]:
        """Lines, and measures with all their lines, that only the new side has."""
        return [*(line for line, seen in self.lines.items() if not seen.figures["old"]), *self.of_one_side["new"]]


def compare(old: Side, new: Side, only: Sequence[str], rounds: int) -> Comparison:
    """So many rounds of the measures that both sides have, and three more of those that have a line that looks slower.

    Args:
        only: Names of measures; empty: all. Raises ValueError if neither side has one of them.
    """
    found = Comparison(old, new)
    known = {side.name: side.run() for side in (old, new)}
    wanted = only or list(dict.fromkeys([*known["old"], *known["new"]]))
    if unknown := set(wanted) - set(known["old"]) - set(known["new"]):
        raise ValueError(f"no measure {', '.join(sorted(unknown))}; there are: {', '.join(known['new'])}")
    measures = [one for one in wanted if one in known["old"] and one in known["new"]]
    for side in SIDES:
        found.of_one_side[side] = [one for one in wanted if one in known[side] and one not in measures]
    for each in range(rounds):
        _timed(f"round {each + 1} of {rounds}", found, measures)
    doubtful = {found.lines[one.line].measure for one in found.verdicts() if one.slower}
    deciding = [measure for measure in measures if measure in doubtful]
    for each in range(MORE_ROUNDS if deciding else 0):
        _timed(f"deciding round {each + 1} of {MORE_ROUNDS}: {', '.join(deciding)}", found, deciding)
    return found


def _timed(what: str, found: Comparison, measures: Sequence[str]) -> None:
    began = time.perf_counter()
    found.round(measures)
    print(f"{what}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def table(found: Comparison) -> str:
    """One row a line: its name with the unit, both medians, the ratio, the rounds that agree, the verdict."""
    rows = [("line", "old", "new", "ratio", "agreeing", "verdict")]
    for one in found.verdicts():
        unit = found.lines[one.line].unit
        verdict = "slower" if one.slower else "not slower"
        agreeing = f"{one.agreeing} of {one.rounds}"
        rows.append(
            (f"{one.line} [{unit}]", f"{one.old:,.4g}", f"{one.new:,.4g}", f"{one.ratio:.3f}", agreeing, verdict)
        )
    rows += [(line, "", "-", "", "", "gone") for line in found.gone()]
    rows += [(line, "-", "", "", "", "added") for line in found.added()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


@contextmanager
def worktree(folder: Path, name: str, revision: str, *, whole: bool) -> Iterator[Side]:
    """`revision` checked out under `folder`, gone afterwards. Raises RuntimeError if git does not know it."""
    tree = folder / name
    _git("worktree", "add", "--detach", "--quiet", str(tree), revision)
    try:
        yield Side(name, tree, whole)
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    done = subprocess.run(("git", *arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("old", help="revision to compare with")
    parser.add_argument("new", help="revision that must not be slower")
    parser.add_argument("--only", action="append", default=[], help="a measure, or several with commas")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--whole", action="store_true", help="in full size: hours instead of minutes")
    given = parser.parse_args(arguments)
    only = [name for one in given.only for name in one.split(",") if name]
    with (
        TemporaryDirectory(prefix="huiyin-compare-") as folder,
        worktree(Path(folder), "old", given.old, whole=given.whole) as old,
        worktree(Path(folder), "new", given.new, whole=given.whole) as new,
    ):
        try:
            found = compare(old, new, only, given.rounds)
        except ValueError as error:
            parser.error(str(error))
    print(table(found))
    return 1 if found.gone() or any(one.slower for one in found.verdicts()) else 0


if __name__ == "__main__":
    sys.exit(main())
