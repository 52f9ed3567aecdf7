"""Reactions of supervision: close a follower once its lead has ended."""

from __future__ import annotations

from services.supervision.read_models import WORKLIST
from shared.commands.command import RULES
from shared.commands.command_handler import CommandHandler
from shared.consumers.followers import give_followers
from shared.consumers.reaction_table import ReactionTable, gives
from shared.events.department import Concluded, NoticeServed
from shared.events.intake import CaseLinked
from shared.events.routing import ReRegistrationBarred
from shared.events.supervision import CaseClosed
from shared.eventstore.read_models import ReadModelStore


def reactions(handling: CommandHandler, views: ReadModelStore) -> ReactionTable:
    """The reactions of supervision. The events of a follower check its lead; the end of a lead checks its followers."""
    merge = RULES["merge"]
    table = ReactionTable()
    table.on(
        CaseLinked, NoticeServed, do=gives(handling, merge), when=lambda turn, _body: turn.case.matter.lead is not None
    )
    table.on(CaseClosed, Concluded, ReRegistrationBarred, do=give_followers(handling, merge, views, WORKLIST.name))
    return table
