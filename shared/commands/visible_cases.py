"""Reading a case for a principal: the case, or one and the same refusal for the same reads of the log."""

from __future__ import annotations

from shared.case import Case
from shared.commands.authorization import Principal, lead_among, lead_needed, visible
from shared.repositories.case_repository import CaseRepository


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
    known = await cases.lines([needed], fresh=True) if needed is not None else {}
    return case if visible(principal, case, lead_among(case, known)) else None
