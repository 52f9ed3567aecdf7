"""What intake does when something happened: invite to evaluate, and let no filing wait for a case that leads no longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.commands import RULES, Command
from shared.events.intake import CaseCorrected
from shared.events.routing import CaseClassified
from shared.events.supervision import CaseClosed
from shared.handling import Handling
from shared.matters import followers, follows
from shared.projecting import Reaction, Turn, Where
from shared.reacting import always, carry_out
from shared.views import Views


def reactions(handling: Handling, views: Views) -> Mapping[str, Sequence[Reaction]]:
    """Event type -> what follows.

    A case may lose its lead from either side: the lead is voided while it links, or it links while the lead is voided. Its
    row is written before its own reaction looks at the lead, and the lead's reaction looks for rows: one of them sees it.
    """
    invite = always(handling, RULES["invite_evaluation"])
    part, part_followers = Where(follows, always(handling, RULES["part"])), _part_followers(handling, views)
    part_moved = Where(lambda turn: follows(turn) and _class_moved(turn), part.reaction)
    followers_moved = Where(_class_moved, part_followers)
    return {
        "ReplyDelivered": (invite,),
        "CaseClosed": (Where(_merged, invite),),
        "CaseLinked": (part,),
        "CaseVoided": (part_followers,),
        "CaseWithdrawn": (part_followers,),
        "CaseCorrected": (part_moved, followers_moved),
        "CaseClassified": (part_moved, followers_moved),
        "CaseRoutedToSealedChannel": (part_followers,),
    }


def _merged(turn: Turn) -> bool:
    """A filing has ended with the one that it follows."""
    return isinstance(turn.event.body, CaseClosed) and turn.event.body.kind == "merged"


def _class_moved(turn: Turn) -> bool:
    """The class may have moved the case to the sealed track or from it."""
    body = turn.event.body
    corrected = isinstance(body, CaseCorrected) and body.field == "class_"
    return corrected or (isinstance(body, CaseClassified) and body.class_ == "accusation")


def _part_followers(handling: Handling, views: Views) -> Reaction:
    rule = RULES["part"]

    async def react(turn: Turn) -> None:
        for row in await followers(views, turn.case.id):
            case, _head = await handling.cases.get(row.key, at_least=row.applied)
            await carry_out(handling, rule, turn._replace(case=case), Command())

    return react
