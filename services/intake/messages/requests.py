"""Which events of a case cause a message to its petitioner, and the reaction that requests it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from services.intake.messages.outgoing import OUTGOING, STREAM, UNPLANNED, effect_id, fold
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import Trigger, stamp_for
from shared.consumers.reaction_table import ReactionTable
from shared.events import department as d
from shared.events import intake as i
from shared.events import supervision as s
from shared.events.base import Event
from shared.events.messages import MessageKind, MessageRequested
from shared.eventstore.read_models import ReadModelStore
from shared.kernel.legal_time import day_of

E = TypeVar("E", bound=Event)


def request_messages(table: ReactionTable, handling: CommandHandler, views: ReadModelStore) -> None:
    """Register the reactions. Only where a gateway is configured: they cost one append for each message."""

    def tell(kind: MessageKind, *types: type[E], notice: Callable[[Any], bool] = lambda _body: False) -> None:
        async def request(turn: Trigger, body: Any) -> None:
            await requested(handling, views, turn, kind, carries_notice=notice(body))

        table.on(*types, do=request, when=lambda turn, _body: turn.case.live and not turn.case.filing.anonymous)

    electronic: Callable[[Any], bool] = lambda body: body.mode == "electronic"  # noqa: E731
    tell("registered", i.CaseRegistered)
    tell("accepted", d.Accepted)
    tell("not_accepted", d.NotAccepted)
    tell("notice", d.NoticeServed, notice=electronic)
    tell("reply", d.ReplyDelivered, notice=electronic)
    tell("opinion", d.OpinionDelivered, notice=electronic)
    tell("asked", d.PetitionerAsked, notice=lambda _body: True)
    tell("reminder", s.UnreadReminded)
    tell("closed", s.CaseClosed)


async def requested(
    handling: CommandHandler, views: ReadModelStore, turn: Trigger, kind: MessageKind, *, carries_notice: bool
) -> None:
    """Request a message, once per event and kind, and write the row by which the sender finds it. Repeated after a crash
    between the two, it writes the row."""
    case, event = turn.case, turn.event
    book = await handling.policies.book(case.jurisdiction)
    message = effect_id(case.id, event.event_id, kind)
    wanted = MessageRequested(
        message=message,
        kind=kind,
        about=event.event_id,
        day=day_of(event.effective_at, book.zone).isoformat(),
        carries_notice=carries_notice,
    )
    commit, repeated = await handling.append(
        STREAM + case.id, stamp_for("intake", f"message.{kind}", turn), lambda _head: [NewEvent(wanted)]
    )
    if repeated and await views.get(OUTGOING.name, message) is not None:
        return
    state = fold(commit.recorded)[message]
    await views.write({OUTGOING.name: [state.row(case.id, channel=UNPLANNED)]})
