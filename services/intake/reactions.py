"""Reactions of intake: invite to evaluate, and unlink filings whose lead can no longer lead."""

from __future__ import annotations

from services.intake.history.awaited import look_for_original
from shared.application.ports import Ports
from shared.commands.command import RULES
from shared.consumers.followers import give_followers
from shared.consumers.reaction_table import ReactionTable, gives
from shared.events.base import Event
from shared.events.department import ReplyDelivered
from shared.events.intake import CaseCorrected, CaseLinked, CaseVoided, CaseWithdrawn, OriginalNamed
from shared.events.routing import CaseClassified, CaseRoutedToSealedChannel
from shared.events.supervision import CaseClosed


def react(table: ReactionTable, ports: Ports) -> None:
    """Register the reactions of intake.

    A case may lose its lead from either side: the lead is voided while the case is linked, or the reverse. The row of a case
    is written before its own reaction checks the lead, and the reaction of the lead searches rows: one of them sees it.
    """
    handling, views = ports.handling("intake"), ports.views
    table.on(OriginalNamed, do=lambda turn, body: look_for_original(ports, turn, body))
    invite, part = gives(handling, RULES["invite_evaluation"]), gives(handling, RULES["part"])
    part_followers = give_followers(handling, RULES["part"], views)
    table.on(ReplyDelivered, do=invite)
    table.on(CaseClosed, do=invite, when=lambda _turn, body: body.kind == "merged")
    table.on(CaseLinked, do=part, when=lambda turn, _body: turn.case.matter.lead is not None)
    table.on(CaseVoided, CaseWithdrawn, CaseRoutedToSealedChannel, do=part_followers)
    table.on(
        CaseCorrected,
        CaseClassified,
        do=part,
        when=lambda turn, body: turn.case.matter.lead is not None and _class_moved(body),
    )
    table.on(CaseCorrected, CaseClassified, do=part_followers, when=lambda _turn, body: _class_moved(body))


def _class_moved(body: Event) -> bool:
    """True where the class may have moved the case to the sealed track or from it."""
    corrected = isinstance(body, CaseCorrected) and body.field == "class_"
    return corrected or (isinstance(body, CaseClassified) and body.class_ == "accusation")
