"""The table of what a service does after an event: event type -> reactions, in the order of their registration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.commands.command import Command, Decider
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import Reaction, Trigger, carry_out
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
        """Register a reaction to events of these types. See Reaction for `do` and `when`."""
        for kind in kinds:
            self.setdefault(kind.__name__, []).append(Reaction(do, when))


def gives(handling: CommandHandler, rule: Decider) -> Act[Event]:
    """The reaction that gives `rule`'s command, which has no parameters."""

    async def react(turn: Trigger, _body: Event) -> None:
        await carry_out(handling, rule, turn, Command())

    return react
