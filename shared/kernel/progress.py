"""How far a long operation is. Logs and read models are read in the order of their keys, and ids of cases are evenly distributed,
so the key that was read last says how much of them was read; nothing has to be counted first.

>>> with followed(2) as progress:
...     reached("case/80000000000000000000000000000000")
...     half = progress.share
...     next_phase()
...     reached("case/80000000000000000000000000000000")
>>> half, progress.share
(0.25, 0.75)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CASES = "case/"
_DIGITS = 4
"""Leading hex digits of a case id that are looked at: steps of 1/65536."""


class Progress:
    """The progress of one operation with a known number of phases."""

    def __init__(self, phases: int) -> None:
        self.phases = phases
        self.finished = 0
        self.within = 0.0

    @property
    def share(self) -> float:
        """What is done, from 0 to 1."""
        return min(1.0, (self.finished + self.within) / self.phases)


_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def followed(phases: int) -> Iterator[Progress]:
    """Everything inside reports to the progress that this gives, also from threads that it starts."""
    progress = Progress(phases)
    token = _current.set(progress)
    try:
        yield progress
    finally:
        _current.reset(token)


def reached(key: str) -> None:
    """Report that everything up to this stream, or up to this key of a read model, was read."""
    progress = _current.get()
    if progress is not None:
        progress.within = max(progress.within, _place(key))


def measured(done: int, total: int) -> None:
    """Report the part of a phase whose size is known."""
    progress = _current.get()
    if progress is not None and total > 0:
        progress.within = max(progress.within, min(1.0, done / total))


def next_phase() -> None:
    """Report that a phase is finished."""
    progress = _current.get()
    if progress is not None:
        progress.finished, progress.within = min(progress.phases, progress.finished + 1), 0.0


def _place(key: str) -> float:
    """Where a key is in the order of all keys, from 0 to 1. Other streams are few: they count as before or after cases."""
    digits = key.removeprefix(_CASES)[:_DIGITS]
    try:
        return int(digits, 16) / 16**_DIGITS if len(digits) == _DIGITS else 0.0
    except ValueError:
        return 1.0 if key > _CASES else 0.0
