"""The cases of a matter: a case together with those that it follows, loaded from the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.case import Case, head_of
from shared.repositories.case_repository import CaseRepository


async def lines_of(
    cases: CaseRepository,
    case_ids: Iterable[str],
    *,
    fresh: bool = False,
    through: Callable[[Case], bool] = lambda _case: True,
) -> dict[str, Case]:
    """These cases, each with all that it follows, by id; those that do not exist are left out.

    Args:
        fresh: Read from the log, for decisions.
        through: False for a case whose lead is not needed.
    """
    found: dict[str, Case] = {}
    waiting = list(case_ids)
    while waiting:
        case_id = waiting.pop()
        if case_id in found:
            continue
        case = (await (cases.load_confirmed(case_id) if fresh else cases.load(case_id))).case
        if case.exists:
            found[case_id] = case
            if case.matter.lead is not None and through(case):
                waiting.append(case.matter.lead)
    return found


async def lead_of(cases: CaseRepository, case: Case) -> Case | None:
    """The case that leads the matter of a follower; None for a case that follows none."""
    lead = case.matter.lead
    return None if lead is None else head_of(lead, await lines_of(cases, [lead]))
