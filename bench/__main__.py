"""`python -m bench [--quick] [--only NAME] [--json]`: one table, every figure with its peer or limit."""

from __future__ import annotations

import argparse
import json
import sys
import time

from bench import (
    candidates,
    costs,
    due,
    fold,
    growth,
    hidden,
    imports,
    lifecycle,
    long_case,
    rebuild,
    uploads,
    visible,
)
from bench.figures import Figure

MEASURES = (fold, rebuild, lifecycle, costs, visible, hidden, growth, due, long_case, imports, uploads, candidates)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: a smoke test, not a measurement")
    parser.add_argument("--only", choices=[one.NAME for one in MEASURES], action="append", help="only this measure")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args(arguments)
    figures: list[Figure] = []
    for one in MEASURES:
        if given.only is None or one.NAME in given.only:
            start = time.perf_counter()
            figures += one.measure(quick=given.quick)
            print(f"{one.NAME}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    if given.json:
        print(json.dumps([figure._asdict() for figure in figures], indent=2))
    else:
        print(table(figures))
    return 0


def table(figures: list[Figure]) -> str:
    """Columns as wide as they need to be."""
    rows = [("measure", "here", "", "peer or limit", "there", "ratio", "aim", "", "")]
    rows += [
        (
            figure.name,
            f"{figure.here:,.4g}" if figure.here < 100 else f"{figure.here:,.0f}",
            figure.unit,
            figure.beside,
            f"{figure.there:,.4g}" if figure.there < 100 else f"{figure.there:,.0f}",
            f"{figure.ratio:.2f}",
            figure.aim,
            {True: "reached", False: "missed", None: ""}[figure.met],
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right = {1, 4, 5}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
