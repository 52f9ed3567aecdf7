"""`python -m tests.support.servers`: a real Kafka and a real MongoDB for as long as this runs. Ctrl-C ends them."""

from __future__ import annotations

import argparse
import shlex
import signal
import threading

from tests.support.servers.fetch import NotHere
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet


def exported(test: str, setting: str, value: str) -> None:
    """Print the variable that tests read, and the one that `huiyin` reads."""
    for name in (f"HUIYIN_TEST_{test}", f"HUIYIN_{setting}"):
        print(f"export {name}={shlex.quote(value)}", flush=True)


def main() -> None:
    """Start the servers, print their addresses, wait, and stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", type=int, choices=(0, 1, 3), default=1, help="of Kafka; 0: none")
    parser.add_argument("--members", type=int, choices=(0, 1, 3), default=1, help="of MongoDB; 0: none")
    wanted = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    running: list[Kafka | ReplicaSet] = []
    try:
        if wanted.brokers:
            kafka = Kafka(wanted.brokers)
            running.append(kafka)
            exported("KAFKA", "KAFKA_BOOTSTRAP", kafka.bootstrap)
        if wanted.members:
            mongo = ReplicaSet(wanted.members)
            running.append(mongo)
            exported("MONGODB", "MONGODB_URL", mongo.url)
        print("# Ctrl-C stops them; what they hold is dropped.", flush=True)
        ended.wait()
    except NotHere as error:
        raise SystemExit(f"cannot run here, needs {error}") from None
    finally:
        for one in running:
            one.stop()


if __name__ == "__main__":
    main()
