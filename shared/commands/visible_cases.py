"""Reading a case for a principal: the case, or one and the same refusal for the same reads of the log."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from shared.case import Case
from shared.commands.authorization import (
    Action,
    Principal,
    authorize_command,
    lead_among,
    lead_needed,
    may_follow,
    visible,
)
from shared.repositories.case_repository import CaseRepository
from shared.repositories.matter_cases import lines_of


async def seen(cases: CaseRepository, principal: Principal, case_id: str) -> Case | None:
    """The present state of the case if the principal may see it, else None.

    A case that is hidden and one that does not exist cost the same: one read of its stream, and for a department one more of the
    lead. Only where that lead follows another case are there further reads."""
    loaded = await cases.load(case_id)
    if visible(principal, loaded.case):
        return loaded.case
    if not loaded.read:
        loaded = await cases.load_confirmed(case_id)
    case, needed = loaded.case, lead_needed(principal, loaded.case)
    known = await lines_of(cases, [needed], fresh=True) if needed is not None else {}
    return case if visible(principal, case, lead_among(case, known)) else None


async def authorised(
    cases: CaseRepository, principal: Principal, action: Action, case: Case, others: Iterable[str]
) -> dict[str, Case]:
    """Check that the principal may do `action` on `case`; then read the cases that a decision on it needs.

    Args:
        others: Ids of the cases that the command names.

    Returns: `others` and the lead of the case, each with all that it follows, by id, as the log has them now. What a case follows
    is left out where the principal may not see that case.

    Raises:
        Unknown, Denied: as authorize(). Nothing but the case and its lead was read then, as seen() reads them.
    """
    needed, lead = lead_needed(principal, case), case.matter.lead
    known = await lines_of(cases, [needed], fresh=True) if needed is not None else {}
    authorize_command(principal, action, case, known)
    wanted = [*others, lead] if lead is not None else [*others]
    return await lines_of(cases, wanted, fresh=True, through=partial(may_follow, principal)) if wanted else {}
