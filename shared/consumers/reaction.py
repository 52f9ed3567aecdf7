"""Reactions: a service runs a command of its own, whose cause is derived from the event that triggers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import Command, Decider
from shared.commands.command_handler import CommandHandler, CommandResult
from shared.commands.event_writer import EventMetadata
from shared.events.base import Event
from shared.events.fields import Service
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Refused
from shared.repositories.case_repository import Expected


class Trigger(NamedTuple):
    """What triggers a reaction: the event, and the case as it is now (not as it was then)."""

    case: Case
    event: RecordedEvent


class Reaction(NamedTuple):
    """A reaction to the events of one type. Both functions take the trigger and the body of its event."""

    kind: type[Event]
    do: Callable[[Trigger, Any], Awaitable[None]]
    """Carries out the reaction. Its appends have a cause derived from the id of the event, so that it may run again."""
    when: Callable[[Trigger, Any], bool] = lambda _trigger, _body: True
    """Decides from the event and the case alone whether there is anything to do. An event for which it is False costs no task,
    no query and no read of the log."""


MOVED_ON = frozenset({"not_in_this_state", "follow_the_lead", "voided", "suspicion_undecided"})
"""Refusals that say that the case has moved on since the event: it left the state, was joined, voided or suspected meanwhile,
or the event was delivered again long after. What is to be done then follows from the later event."""


def stamp_for(service: Service, name: str, turn: Trigger) -> EventMetadata:
    """The metadata of a reaction's events: the same event never causes it twice."""
    return EventMetadata(
        principal=Principal("service", None, service),
        cause=f"{service}.{name}:{turn.event.event_id}",
        correlation=turn.event.correlation or turn.event.event_id,
        jurisdiction=turn.event.jurisdiction,
    )


async def carry_out(
    handling: CommandHandler, rule: Decider, turn: Trigger, command: Command, stamp: EventMetadata | None = None
) -> CommandResult | None:
    """Run the command of a reaction. None if the case has moved on since the event, so that nothing is left to do.

    `stamp`: the metadata of its events; None for those of stamp_for().

    Any other refusal is a fault of the product: it is raised, and the consumer parks the case."""
    try:
        return await handling.handle(
            turn.case.id,
            rule.action,
            stamp or stamp_for(handling.service, rule.name, turn),
            lambda case, given: rule(case, command, given),
            others=rule.named(command),
            expected=Expected(turn.case.version),
        )
    except Refused as refused:
        if refused.code in MOVED_ON:
            return None
        raise
