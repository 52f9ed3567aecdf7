"""The table of what a service does after an event: event type -> reactions, in the order of their registration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.commands.command import Command, Decider
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import ConditionalReaction, Reaction, Trigger, carry_out
from shared.events.base import Event

E = TypeVar("E", bound=Event)
Act = Callable[[Trigger, E], Awaitable[None]]
Condition = Callable[[Trigger, E], bool]


class ReactionTable(dict[str, list[Reaction]]):
    """Event type -> reactions.

    Example:
        table = ReactionTable()
        table.on(HandedBack, do=lambda turn, body: notify(turn, body.to), when=lambda turn, body: turn.case.live)
    """

    def on(self, *kinds: type[E], do: Act[E], when: Condition[E] | None = None) -> None:
        """Register a reaction to events of these types.

        Args:
            kinds: the event types.
            do: carries out the reaction. It may run again for the same event.
            when: decides from the event and the case alone whether there is anything to do. An event for which it is False
                costs no task, no query and no read of the log.
        """
        for kind in kinds:
            reaction = _reaction(kind, do)
            if when is not None:
                reaction = ConditionalReaction(_asks(kind, when), reaction)
            self.setdefault(kind.__name__, []).append(reaction)


def gives(handling: CommandHandler, rule: Decider) -> Act[Event]:
    """The reaction that gives `rule`'s command, which has no parameters."""

    async def react(turn: Trigger, _body: Event) -> None:
        await carry_out(handling, rule, turn, Command())

    return react


def _reaction(kind: type[E], do: Act[E]) -> Reaction:
    async def react(turn: Trigger) -> None:
        await do(turn, _body(turn, kind))

    return react


def _asks(kind: type[E], when: Condition[E]) -> Callable[[Trigger], bool]:
    return lambda turn: when(turn, _body(turn, kind))


def _body(turn: Trigger, kind: type[E]) -> E:
    body = turn.event.body
    assert isinstance(body, kind)
    return body
