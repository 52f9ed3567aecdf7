"""The whole way of many cases, durable, with every reaction and view, beside the peer that appends the same events."""

from __future__ import annotations

import asyncio
from statistics import median

from bench.cases import folder, lifecycles
from bench.figures import Figure, at_least, beside, quotient
from bench.peer import Peer, commands_of
from bench.world import COMMANDS, world

NAME = "lifecycle"
AIM = 3


def measure(*, quick: bool) -> list[Figure]:
    number = 30 if quick else 500
    commands = commands_of(lifecycles(30 if quick else 1000))
    streams = dict.fromkeys(command.stream for command in commands if command.stream.startswith("case/"))
    chosen = set(list(streams)[:number])
    commands = [one for one in commands if one.stream in chosen or one.events[0].body.get("case") in _ids(chosen)]

    def ours() -> None:
        with folder() as path:
            asyncio.run(_run(path, number))

    def theirs() -> None:
        with folder() as path:
            peer = Peer(path / "peer.sqlite")
            peer.carry_out(commands)
            peer.close()
