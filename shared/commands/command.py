"""What a command is: a model, who may give it, in which states, and the pure function that decides.

The table of rules (`RULES`) is the only source for the HTTP endpoint, the command line, the commands offered now, and access.

>>> class Praise(Command):
...     text: str
>>> @rule("praise", service="intake", roles=("registrar",), states=("closed",), zh="表扬")
... def praise(case: Case, command: Praise, given: DecisionContext) -> list[NewEvent]:
...     return [NewEvent(Nudged(text=command.text))]
>>> RULES["praise"].model, RULES.pop("praise").states
(<class 'shared.commands.command.Praise'>, ('closed',))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict

from shared.case import Case, head_of
from shared.commands.authorization import Action, Principal, Role
from shared.commands.command_checks import check_decided, check_readable, follow_the_lead
from shared.commands.command_fields import NamesCase
from shared.commands.later_texts import suspicion
from shared.events.base import Event
from shared.events.fields import Service
from shared.kernel.legal_time import LegalTime
from shared.policy.book import PolicyBook

DESK: tuple[Role, ...] = ("registrar",)
HOTLINE: tuple[Role, ...] = (*DESK, "operator")
"""The petition office, and contracted operators of its hotline, who answer, register and dispatch by the catalogue."""


class Command(BaseModel):
    """Base of all commands. Unknown fields are refused. A validator is built by its first use."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class DecisionContext(NamedTuple):
    """Everything that a decision may know besides the case and the command."""

    principal: Principal
    now: datetime
    at: LegalTime
    """Legal time of the command; `now` unless the caller named another."""
    book: PolicyBook
    cases: Mapping[str, Case] = MappingProxyType({})
    """The cases that the command names and the lead of the case, with all that they follow, by id; only those that the
    principal may see."""

    def head(self, case_id: str | None) -> Case | None:
        """The lead of that case's matter, the case itself where it follows none. None if the principal may not see it."""
        return None if case_id is None else head_of(case_id, self.cases)

    @property
    def org(self) -> str:
        """The acting organisation."""
        return self.principal.org or ""


class NewEvent(NamedTuple):
    """A decided event that is not recorded yet."""

    body: Event
    at: LegalTime | None = None
    """Legal time; None takes that of the command."""
    id: str | None = None
    """The derived id of an event that can happen once only, such as a reminder. None: a new id."""


C = TypeVar("C", bound=Command)
Decide = Callable[[Case, C, DecisionContext], list[NewEvent]]
"""The pure function of a command: (case, command, context) -> events. Raises Refused."""


@dataclass(frozen=True)
class Decider:
    """One command: its name, its model, and everything that is known of it before it is decided."""

    name: str
    service: Service
    model: type[Command]
    roles: tuple[Role, ...]
    states: tuple[str, ...]
    """States in which it is possible; empty: in all."""
    decide: Decide[Any]
    zh: str
    en: str
    when: Callable[[Case], bool] | None = None
    """False: the command would have no effect on this case, so it is not offered. None: offered in all of `states`."""
    followers: bool = False
    """True if it is possible on a case that follows another. Commands that handle the matter are not."""
    receivers: bool = False
    """True if an organisation that received the filing and does not handle it may give it."""

    @cached_property
    def naming(self) -> tuple[str, ...]:
        """Fields of the command that name another case."""
        return tuple(
            name
            for name, field in self.model.model_fields.items()
            if any(isinstance(mark, NamesCase) for mark in field.metadata)
        )

    def named(self, command: Command) -> list[str]:
        """Ids of the other cases that a decision on `command` needs."""
        return [value for name in self.naming if (value := getattr(command, name)) is not None]

    @property
    def action(self) -> Action:
        return Action(self.name, self.roles)

    def __call__(self, case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
        """Decide, with the checks that are the same for all commands. An empty list means there is nothing to do.

        Raises:
            Refused: the command is not possible on this case.
        """
        check_readable(case)
        if case.matter.lead is not None and not self.followers:
            raise follow_the_lead(given.head(case.matter.lead))
        fresh = self.decide(case, command, given)
        bodies = [item.body for item in fresh]
        check_decided(case, bodies, name=self.name, zh=self.zh, states=self.states)
        return [*fresh, *map(NewEvent, suspicion(case, bodies, given.book))]


RULES: dict[str, Decider] = {}
"""Command name -> rule."""


def rule(
    name: str,
    *,
    service: Service,
    roles: tuple[Role, ...],
    states: tuple[str, ...] = (),
    zh: str,
    en: str | None = None,
    when: Callable[[Case], bool] | None = None,
    followers: bool = False,
    receivers: bool = False,
) -> Callable[[Decide[C]], Decide[C]]:
    """Register a decide function under `name`; the other arguments are the fields of Decider. The annotation of its parameter
    `command` is the command's model."""

    def register(decide: Decide[C]) -> Decide[C]:
        if name in RULES:
            raise ValueError(f"two rules are named {name}")
        model = get_type_hints(decide)["command"]
        english = en or name.replace("_", " ")
        RULES[name] = Decider(name, service, model, roles, states, decide, zh, english, when, followers, receivers)
        return decide

    return register
