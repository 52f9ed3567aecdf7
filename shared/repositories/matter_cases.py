"""The cases of a matter: a case together with those that it follows, loaded from the repository."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from shared.case import STREAM, Case, fold, head_of
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
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


async def whole_lines(
    log: EventStore, case_ids: Collection[str]
) -> tuple[dict[str, Case], dict[str, Sequence[Commit]]]:
    """(case -> the case as the log has it now, case -> its commits) of these cases and all that they follow. The number of
    questions to the log does not grow with the number of cases.

    Raises:
        Damaged: the log has one of them damaged.
    """
    cases: dict[str, Case] = {}
    commits: dict[str, Sequence[Commit]] = {}
    waiting = set(case_ids)
    while waiting:
        read = await log.load_many([STREAM + case_id for case_id in waiting])
        for case_id in waiting:
            stream = STREAM + case_id
            own = read[stream] if stream in read else await log.load(stream)  # which says what is damaged
            commits[case_id] = own
            if own:
                cases[case_id] = fold(event for commit in own for event in commit.recorded)
        waiting = {case.matter.lead for case in cases.values() if case.matter.lead is not None} - commits.keys()
    return cases, commits
