"""Reactions: a service gives a command of its own, under a cause made of the event that it follows from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

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


Reaction = Callable[[Trigger], Awaitable[None]]
"""Carries out what follows from an event. Its appends have a cause made of the event's id, so that it may run again."""


@dataclass(frozen=True)
class ConditionalReaction:
    """A reaction that only some events of a type need. The others cost no task, no read of the log and no query."""

    asks: Callable[[Trigger], bool]
    """Looks at the event and the case, nothing else."""
    reaction: Reaction

    async def __call__(self, turn: Trigger) -> None:
        await self.reaction(turn)


class Step(NamedTuple):
    """One reaction to one event of a commit."""

    reaction: Reaction
    turn: Trigger
    commit: Commit


def service_principal(service: Service) -> Principal:
    """The principal of a service that acts without a person."""
    return Principal("service", None, service)


def stamp_for(service: Service, name: str, turn: Trigger) -> EventMetadata:
    """The stamp of a reaction: the same event never causes it twice."""
    return EventMetadata(
        principal=service_principal(service),
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
