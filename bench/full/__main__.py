"""`python -m bench.full [--quick] [--only NAME] [--rates 10,25,50] [--json]`: the full mode on a real Kafka and a real MongoDB."""

from __future__ import annotations

import argparse
import json
import sys
import time

from bench.__main__ import table
from bench.figures import Figure
from bench.full import carrying, catching_up, commits, outage, rows, visible
from bench.full.servers import running
from shared.hosting import log_format as logs
from tests.support.servers.fetch import NotHere

MEASURES = (commits, carrying, rows, visible, outage, catching_up)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.full", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: a smoke test, not a measurement")
    parser.add_argument("--only", choices=[one.NAME for one in MEASURES], action="append", help="only this measure")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--rates", help="cases per second of the measure `visible`, for example 10,25,50")
    given = parser.parse_args(arguments)
    rates = [int(each) for each in given.rates.split(",")] if given.rates else []
    logs.configure("warning")
    figures: list[Figure] = []
    try:
        with running() as servers:
            for one in MEASURES:
                if given.only is None or one.NAME in given.only:
                    start = time.perf_counter()
                    more = {"rates": rates} if one is visible and rates else {}
                    figures += one.measure(servers, quick=given.quick, **more)
                    print(f"{one.NAME}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    except NotHere as error:
        raise SystemExit(f"cannot run here: it needs {error}") from None
    if given.json:
        print(json.dumps([figure._asdict() for figure in figures], indent=2))
    else:
        print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
