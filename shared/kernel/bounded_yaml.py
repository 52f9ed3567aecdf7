"""YAML from outside: refused before it is composed if a small text would become something large or deep.

Aliases repeat what an anchor names, also within one another, so that a few lines stand for billions of values; the composers of
PyYAML are recursive. The limits are our own choice, far above any policy.
"""

from __future__ import annotations

from typing import Any

import yaml

DEPTH = 32
"""Levels of lists and mappings in one another."""
REPEATED = 100_000
"""Values that all aliases together may repeat."""
LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class Unbounded(yaml.MarkedYAMLError):
    """The text is nested too deeply, or its aliases repeat too much."""


def check(text: str, *, aliases: bool = True) -> None:
    """Read the text once without keeping it. `aliases`: whether it may have some. Raises Unbounded, and YAMLError as any reader."""
    sizes: dict[str | None, int | None] = {}
    """Anchor -> number of its values; None until its end."""
    open_: list[tuple[str | None, int]] = []
    """For each list or mapping around the event: its anchor, and its values so far."""
    repeated = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            if not aliases:
                raise _at(event, "has an alias; write the values again instead")
            size = sizes.get(event.anchor, 1)
            if size is None:
                raise _at(event, "has an alias inside of what it repeats")
            repeated += size
            if repeated > REPEATED:
                raise _at(event, "has aliases that repeat too many values")
            _add(open_, size)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(open_) == DEPTH:
                raise _at(event, f"is nested more than {DEPTH} levels deep")
            if event.anchor is not None:
                sizes[event.anchor] = None
            open_.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
            if anchor is not None:
                sizes[anchor] = size
            _add(open_, size)
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                sizes[event.anchor] = 1
            _add(open_, 1)


def _add(open_: list[tuple[str | None, int]], size: int) -> None:
    if open_:
        anchor, before = open_[-1]
        open_[-1] = anchor, before + size


def _at(event: yaml.Event, problem: str) -> Unbounded:
    mark: Any = event.start_mark
    return Unbounded(problem=problem, problem_mark=mark)
