"""`python -m tests.faults.full`: inject faults into a full deployment and report whether it kept its guarantees."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tests.faults.full.faults import FAULTS
from tests.faults.full.run import RATE, Plan, run
from tests.faults.full.soak import KILLS, OUTAGE, SOAK, soak
from tests.support.servers.fetch import NotHere
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

RUNS = Path(__file__).parents[3] / "docs" / "reliability-runs.jsonl"


def main() -> None:
    """Run the named faults once each; or run one deployment for some minutes under faults chosen by the seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", default="", help=f"with commas, of {', '.join(FAULTS)}; empty: at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="for how long, where the faults are random")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--members", type=int, choices=(1, 3), default=1)
    parser.add_argument("--kills", type=int, help="of each process; 25, at random 3")
    parser.add_argument("--seconds", type=float, help="length of an outage; 20, at random 10")
    parser.add_argument("--rate", type=float, default=RATE, help="new complaints a second")
    parser.add_argument("--record", type=Path, default=RUNS, help="file that each run is appended to")
    wanted = parser.parse_args()
    named = [one for one in wanted.faults.split(",") if one]
    if unknown := sorted(set(named) - FAULTS.keys()):
        parser.error(f"no such fault: {', '.join(unknown)}")
    if not named and wanted.minutes <= 0:
        parser.error("name faults, or minutes")
    usual = (25, 20.0) if named else (KILLS, OUTAGE)
    plan = Plan(wanted.seed, wanted.kills or usual[0], wanted.seconds or usual[1], wanted.rate)
    good = True
    for fault in named or [SOAK]:
        found = _once(fault, plan, wanted)
        with wanted.record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found, ensure_ascii=False) + "\n")
        print(json.dumps(found, ensure_ascii=False, indent=1), flush=True)
        good = good and not found["violations"] and not found["failure"]
    raise SystemExit(0 if good else 1)


def _once(fault: str, plan: Plan, wanted: argparse.Namespace) -> dict[str, Any]:
    try:
        kafka = Kafka(wanted.brokers)
        mongo = ReplicaSet(wanted.members)
    except NotHere as error:
        raise SystemExit(f"cannot run here, needs {error}") from None
    try:
        if fault == SOAK:
            return asyncio.run(_until_told(soak(plan, wanted.minutes, kafka=kafka, mongo=mongo)))
        return asyncio.run(_until_told(run(fault, plan, kafka=kafka, mongo=mongo)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise SystemExit("stopped; nothing is recorded") from None
    finally:
        mongo.stop()
        kafka.stop()


async def _until_told(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Treat SIGTERM like Ctrl-C: stop everything that was started."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


if __name__ == "__main__":
    main()
