"""Projections: what a case shows in a read model, a function of the case and the policy.

>>> from shared.case import EMPTY
>>> from shared.policy.book import PolicyBook
>>> states = Projection(View("states", {"state": "text"}), lambda case, book: {"state": case.state})
>>> states.row(EMPTY, PolicyBook.of([])).values
{'state': ''}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.case import Case
from shared.eventstore.errors import Damaged
from shared.eventstore.read_models import ReadModel, Row, Value
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook

Project = Callable[[Case, PolicyBook], Mapping[str, Value] | None]


@dataclass(frozen=True)
class Projection:
    """A read model with one row per case; `project` returns None where the case does not belong to it."""

    view: ReadModel
    project: Project

    def row(self, case: Case, book: PolicyBook) -> Row:
        return Row(case.id, case.version, self.project(case, book))


BatchProjection = Callable[[Sequence[Case], Sequence[RecordedEvent]], Awaitable[None]]
"""Takes folded cases and the events that came (analytics). No events: the policy changed, and the cases did not."""
FAULTS = (ArithmeticError, AttributeError, Damaged, LookupError, Refused, TypeError, ValueError)
"""Errors that one record can cause in its handlers. Anything else is a fault of the infrastructure."""


async def give(
    sink: BatchProjection,
    cases: Sequence[Case],
    events_of: Callable[[Case], Sequence[RecordedEvent]],
    failed: Callable[[Case, Exception], Awaitable[None]],
) -> list[Case]:
    """Give the cases with their events to the sink, all at once, and each by itself where that fails. Returns those that the
    sink took; `failed` is called for each of the others."""
    try:
        await sink(cases, [event for case in cases for event in events_of(case)])
    except FAULTS as error:
        if len(cases) > 1:
            return [case for one in cases for case in await give(sink, [one], events_of, failed)]
        await failed(cases[0], error)
        return []
    return list(cases)
