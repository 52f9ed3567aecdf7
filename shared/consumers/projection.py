"""Projections: what a case shows in a read model, a function of the case and the policy.

>>> from shared.case import EMPTY
>>> from shared.policy.book import PolicyBook
>>> states = Projection(ReadModel("states", {"state": "text"}), lambda case, book: {"state": case.state})
>>> states.row(EMPTY, PolicyBook.of([])).values
{'state': ''}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

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
    by_case: ClassVar[bool] = True
    """The key of a row is a case."""

    def rows(self, case: Case, book: PolicyBook) -> Sequence[Row]:
        """The rows that the case has in this read model."""
        return (self.row(case, book),)

    def row(self, case: Case, book: PolicyBook) -> Row:
        return Row(case.id, case.version, self.project(case, book))


@dataclass(frozen=True)
class ItemProjection(Projection):
    """A read model with one row per item of a case, such as its files. A case only ever gets more items. It is filled and checked
    together with a read model of the same consumer that has a row per case: if its shape changes, raise the version of both."""

    items: Callable[[Case], Sequence[Row]] = lambda _case: ()
    by_case: ClassVar[bool] = False

    def rows(self, case: Case, book: PolicyBook) -> Sequence[Row]:
        return self.items(case)


BatchProjection = Callable[[Sequence[Case], Sequence[RecordedEvent]], Awaitable[None]]
"""Takes folded cases and the events that came (analytics). No events: the policy changed, and the cases did not."""
FAULTS = (ArithmeticError, AttributeError, Damaged, LookupError, Refused, TypeError, ValueError)
"""Errors that one record can cause in its handlers. Anything else is a fault of the infrastructure."""


async def give(
    sink: BatchProjection, cases: Sequence[Case], events: Mapping[str, Sequence[RecordedEvent]]
) -> list[tuple[Case, Exception]]:
    """Pass the cases with their events to the sink, all at once, and one by one if that fails.

    Args:
        events: Stream -> the events that came.

    Returns:
        The cases that the sink did not take, each with its error.
    """
    try:
        await sink(cases, [event for case in cases for event in events.get(case.stream, ())])
    except FAULTS as error:
        if len(cases) > 1:
            return [one for case in cases for one in await give(sink, [case], events)]
        return [(cases[0], error)]
    return []
