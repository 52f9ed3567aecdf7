"""The order of the test files: those that wait for servers, browsers and processes run beside those that compute.

In the order of folders all that wait would come first, and the processors would be idle for half of that time.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

WAITING = frozenset({"contract", "end_to_end", "faults"})
"""Folders of `tests` whose tests wait for most of their time."""


def spread(files: list[PurePath]) -> list[PurePath]:
    """The same files, those of WAITING evenly among the others. Each kind keeps its order."""
    kinds: dict[bool, list[PurePath]] = {True: [], False: []}
    for file in files:
        kinds[bool(WAITING.intersection(file.parts))].append(file)
    placed = [(number / len(kind), file) for kind in kinds.values() for number, file in enumerate(kind)]
    return [file for _place, file in sorted(placed, key=lambda one: one[0])]


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    if not hasattr(config, "workerinput"):
        return  # in one process the order of folders is easier to follow
    root = config.rootpath
    files = list(dict.fromkeys(item.path.relative_to(root) for item in items))
    place = {root / file: number for number, file in enumerate(spread(files))}
    items.sort(key=lambda item: place[item.path])
