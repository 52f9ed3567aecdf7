"""The commands that are offered to a principal on a case."""

from __future__ import annotations

from shared.case import Case
from shared.commands.authorization import Principal, owes_notice
from shared.commands.command import RULES


def allowed(case: Case, principal: Principal) -> list[str]:
    """Names of the commands that `principal` may give in this state. A command may still be refused for other reasons."""
    elsewhere = principal.role in ("organisation", "clerk") and principal.org not in (
        *case.handlers,
        case.review.reviewer,
    )
    if elsewhere and not owes_notice(principal.org, case):
        return []
    return [
        entry.name
        for entry in RULES.values()
        if principal.role in entry.roles
        and (entry.receivers or not elsewhere)
        and (not entry.states or case.state in entry.states)
        and (entry.when is None or entry.when(case))
        and (entry.followers or case.matter.lead is None)
    ]
