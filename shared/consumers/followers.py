"""Reactions that concern the followers of a case, the filings linked to it. They are found by an index of a read model."""

from __future__ import annotations

from typing import Any

from shared.commands.command import Command, Decider
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import Trigger, carry_out
from shared.consumers.reaction_table import Act
from shared.events.base import Event
from shared.eventstore.read_models import Condition, ReadModelStore, Row

MATTERS = "matters"
"""Read model of intake: each case with its lead."""
_PAGE = 200


async def followers(views: ReadModelStore, lead: str, view: str = MATTERS) -> list[Row]:
    """The rows of all cases whose link names `lead`, oldest first."""
    found: list[Row] = []
    after: list[Any] | None = None
    while True:
        rows = await views.find(view, [Condition("lead", "=", lead)], order=["filed_at"], after=after, limit=_PAGE)
        found += rows
        if len(rows) < _PAGE:
            return found
        after = [(rows[-1].values or {}).get("filed_at"), rows[-1].key]


def give_followers(handling: CommandHandler, rule: Decider, views: ReadModelStore, view: str = MATTERS) -> Act[Event]:
    """The reaction that runs the command of `rule`, which has no parameters, on every follower of the case."""

    async def react(turn: Trigger, _body: Event) -> None:
        for row in await followers(views, turn.case.id, view):
            case, _head = await handling.cases.get(row.key, at_least=row.applied)
            await carry_out(handling, rule, turn._replace(case=case), Command())

    return react
