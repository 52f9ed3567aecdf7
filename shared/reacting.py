"""How a service reacts: a command of its own, under a cause made of the event it follows from."""

from __future__ import annotations

from shared.access import Principal
from shared.commands import Command, Rule
from shared.events.base import Service
from shared.handling import Done, Handling, Stamp
from shared.projecting import Turn
from shared.refusals import Refused


def service_principal(service: Service) -> Principal:
    """A service acting by itself."""
    return Principal("service", None, service)


def stamp_for(service: Service, name: str, turn: Turn) -> Stamp:
    """The envelope of a reaction: the same event never causes it twice."""
    return Stamp(
        principal=service_principal(service),
        cause=f"{service}.{name}:{turn.event.event_id}",
        correlation=turn.event.correlation or turn.event.event_id,
        jurisdiction=turn.event.jurisdiction,
    )


async def carry_out(handling: Handling, rule: Rule, turn: Turn, command: Command) -> Done | None:
    """Give the command of a reaction. Where the case has moved on since the event there is nothing left to do (None).

    Any other refusal is a fault of ours: it is raised, and the consumer parks the case."""
    try:
        return await handling.on_case(
            turn.case.id,
            rule.action,
            stamp_for(handling.service, rule.name, turn),
            lambda case, given: rule(case, command, given),
            others=rule.named(command),
            seen=turn.case.version,
        )
    except Refused as refused:
        if refused.code == "not_in_this_state":
            return None
        raise
