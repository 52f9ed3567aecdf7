"""What supervision does when something happened: a follower ends when its lead has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.supervision.views import WORKLIST
from shared.commands import RULES, Command
from shared.handling import Handling
from shared.matters import followers, follows
from shared.projecting import Reaction, Turn, Where
from shared.reacting import always, carry_out
from shared.views import Views


def reactions(handling: Handling, views: Views) -> Mapping[str, Sequence[Reaction]]:
    """Event type -> what follows. A follower's own events look at its lead, a lead's ending looks for its followers."""
    merge = Where(follows, always(handling, RULES["merge"]))
    merge_followers = _merge_followers(handling, views)
    return {
        "CaseLinked": (merge,),
        "NoticeServed": (merge,),
        "CaseClosed": (merge_followers,),
        "Concluded": (merge_followers,),
        "ReRegistrationBarred": (merge_followers,),
    }


def _merge_followers(handling: Handling, views: Views) -> Reaction:
    rule = RULES["merge"]

    async def react(turn: Turn) -> None:
        for row in await followers(views, turn.case.id, WORKLIST.name):
            case, _head = await handling.cases.get(row.key, at_least=row.applied)
            await carry_out(handling, rule, turn._replace(case=case), Command())

    return react
