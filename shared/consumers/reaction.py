"""Reactions: a service gives a command of its own, under a cause made of the event that it follows from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import Command, Decider
from shared.commands.command_handler import CommandHandler, CommandResult
from shared.commands.event_writer import EventMetadata
from shared.events.fields import Service
from shared.eventstore.commit import Commit
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Refused
from shared.repositories.case_repository import Expected


class Trigger(NamedTuple):
    """What a reaction is given: the event, and the case as it is now (not as it was then)."""

    case: Case
    event: RecordedEvent


class Reaction(NamedTuple):
    """What follows from an event of one type."""

    do: Callable[[Trigger, Any], Awaitable[None]]
    """Carries it out, given the body of the event. Its appends have a cause made of the event's id, so that it may run again."""
    when: Callable[[Trigger, Any], bool] | None = None
    """Decides from the event and the case alone whether there is anything to do; None: always. An event for which it is False
    costs no task, no query and no read of the log."""


class Step(NamedTuple):
    """One reaction to one event of a commit."""

    reaction: Reaction
    turn: Trigger
    commit: Commit


def stamp_for(service: Service, name: str, turn: Trigger) -> EventMetadata:
    """The stamp of a reaction: the same event never causes it twice."""
    return EventMetadata(
        principal=Principal("service", None, service),
        cause=f"{service}.{name}:{turn.event.event_id}",
        correlation=turn.event.correlation or turn.event.event_id,
        jurisdiction=turn.event.jurisdiction,
    )


async def carry_out(handling: CommandHandler, rule: Decider, turn: Trigger, command: Command) -> CommandResult | None:
    """Give the command of a reaction. None where the case has moved on since the event, so that nothing is left to do.

    Any other refusal is a fault of the product: it is raised, and the consumer parks the case."""
    try:
        return await handling.on_case(
            turn.case.id,
            rule.action,
            stamp_for(handling.service, rule.name, turn),
            lambda case, given: rule(case, command, given),
            others=rule.named(command),
            expected=Expected(turn.case.version),
        )
    except Refused as refused:
        if refused.code == "not_in_this_state":
            return None
        raise
