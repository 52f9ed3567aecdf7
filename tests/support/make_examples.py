"""`huiyin export … | python -m tests.support.make_examples`: the examples of the contract, from the events of a demonstration."""

from __future__ import annotations

import sys

import orjson

from deploy.contract.examples import EVENTS

LONGEST = 4000
"""Bytes of an example; a policy is longer."""
_ENTRIES = ("OutboxEntry", "PlatformUpdate")


def main() -> None:
    """Keep the first event of each type, and the first entry of each kind."""
    found: dict[tuple[str, str], bytes] = {}
    for line in sys.stdin.buffer:
        event = orjson.loads(line)
        place = event["type"], event["body"]["kind"] if event["type"] in _ENTRIES else ""
        if len(line) < LONGEST:
            found.setdefault(place, line)
    EVENTS.write_bytes(b"".join(line for _place, line in sorted(found.items())))
    sys.stdout.write(f"{len(found)} examples in {EVENTS}\n")


if __name__ == "__main__":
    main()
