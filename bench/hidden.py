"""The time of an answer about a hidden case beside one about a case that does not exist: `python -m bench --only hidden`.

Printed, not asserted: a shared machine cannot prove that two times are equal. The ratio of the medians is near 1 where the two
differ in nothing but noise; the note gives the share of pairs in which the hidden case took longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from statistics import median

from bench.cases import folder
from bench.figures import Figure
from bench.world import DEMO, World, world
from shared.application.case_reference import resolve
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.commands.event_writer import EventMetadata
from shared.kernel.identifiers import case_id, number
from shared.kernel.refusals import Unknown
from shared.queries.case_details import find

NAME = "hidden"
ORGANISATION = Principal("clerk", "wj", "k-clerk")
"""A department that none of the cases was sent to."""
CASES = 200
Ask = Callable[[str, int], Awaitable[object]]


def measure(*, quick: bool) -> list[Figure]:
    return asyncio.run(_measure(60 if quick else 2_000))


async def _measure(pairs: int) -> list[Figure]:
    with folder() as path:
        async with world(path) as here:
            filed = [await here.file(f"hidden-{item}", **{"class": "accusation"}) for item in range(min(CASES, pairs))]
            await here.settle()
            secret = here.ports.keys.secret("case-id")
            missing = [case_id(secret, DEMO, "web", f"missing-{item}") for item in range(pairs)]
            asked: dict[str, tuple[Ask, list[str], list[str]]] = {
                "command": (_commanding(here), [one.case for one in filed], missing),
                "read by number": (
                    _reading(here),
                    [one.number for one in filed],
                    [number(one, 2026) for one in missing],
                ),
            }
            return [await _figure(name, *found, pairs) for name, found in asked.items()]


async def _figure(name: str, ask: Ask, hidden: list[str], missing: list[str], pairs: int) -> Figure:
    """Interleaved pairs, in an order drawn for each, so that the machine disturbs both alike."""
    dice = Random(7)
    taken: tuple[list[float], list[float]] = [], []
    for place in range(pairs):
        references = (hidden[place % len(hidden)], missing[place])
        for which in dice.sample((0, 1), 2):
            start = time.perf_counter()
            try:
                await ask(references[which], place)
            except Unknown:
                taken[which].append(time.perf_counter() - start)
    longer = sum(one > other for one, other in zip(*taken, strict=True)) / pairs
    here, there = median(taken[0]) * 1e6, median(taken[1]) * 1e6
    note = f"{pairs} pairs, interleaved; the hidden case took longer in {longer:.0%}"
    return Figure(f"refused {name}", here, "µs", "a case that does not exist", there, here / there, "", None, note)


def _commanding(here: World) -> Ask:
    rule = RULES["sign_off"]
    command = rule.model()

    async def ask(case: str, turn: int) -> object:
        stamp = EventMetadata(ORGANISATION, f"{ORGANISATION.name}:{case}:{turn}")
        return await here.ports.handling(rule.service).handle(
            await resolve(here.ports, ORGANISATION, case),
            rule.action,
            stamp,
            lambda found, given: rule(found, command, given),
        )

    return ask


def _reading(here: World) -> Ask:
    async def ask(reference: str, _turn: int) -> object:
        return await find(here.ports, ORGANISATION, reference)

    return ask
