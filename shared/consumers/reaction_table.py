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
        """Register a reaction to the events of these types; see Reaction for `do` and `when`. None: to all of them."""
        for kind in kinds:
            reaction = Reaction(kind, do) if when is None else Reaction(kind, do, when)
            self.setdefault(kind.__name__, []).append(reaction)


def gives(handling: CommandHandler, rule: Decider) -> Act[Event]:
    """The reaction that runs the command of `rule`, which has no parameters."""

    async def react(turn: Trigger, _body: Event) -> None:
        await carry_out(handling, rule, turn, Command())

    return react
