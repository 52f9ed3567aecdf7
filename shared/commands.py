"""What a command is: a model, who may give it, in which states, and the pure function that decides.

    @rule("sign_off", service="routing", roles=ORG, states=("dispatched",), zh="签收")
    def sign_off(case: Case, command: SignOff, given: Given) -> list[Fresh]: ...

The table of rules is the one source for the HTTP endpoint, the command line, "the commands allowed now" and access.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field

from shared.access import Action, Principal, Role
from shared.case import MOVES, Case
from shared.events.base import Event, Service
from shared.policy.book import PolicyBook
from shared.refusals import Refused, Unavailable
from shared.times import When

TEXT_LIMIT = 50_000
"""Characters of one free text. A longer complaint comes as material in parts."""
Code = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Short = Annotated[str, Field(min_length=1, max_length=400)]
FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
DESK: tuple[Role, ...] = ("registrar",)


class Command(BaseModel):
    """Base of all commands. Unknown fields are refused. A validator is built by its first use."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Given(NamedTuple):
    """All that a decision may know besides the case and the command."""

    principal: Principal
    now: datetime
    at: When
    """When it is true in law; `now` unless the caller said otherwise."""
    book: PolicyBook

    @property
    def org(self) -> str:
        """The acting organisation."""
        return self.principal.org or ""


class Fresh(NamedTuple):
    """A decided event that is not in the log yet."""

    body: Event
    at: When | None = None
    """Legal time; None takes that of the command."""
    id: str | None = None
    """For what happens once by its nature, like a rung: an id derived from what it is. None: a new one."""


C = TypeVar("C", bound=Command)
Decide = Callable[[Case, Any, Given], list[Fresh]]


@dataclass(frozen=True)
class Rule:
    name: str
    service: Service
    model: type[Command]
    roles: tuple[Role, ...]
    states: tuple[str, ...]
    decide: Decide
    zh: str
    en: str
    when: Callable[[Case], bool] | None = None
    """False: the command would do nothing here, so it is not offered. None: only its states say."""

    @property
    def action(self) -> Action:
        return Action(self.name, self.roles)

    def __call__(self, case: Case, command: Command, given: Given) -> list[Fresh]:
        """Decide, after the checks that are the same for all. An empty list means there is nothing to do."""
        if case.newer is not None:
            raise _newer(case)
        events = self.decide(case, command, given)
        if case.suspected is not None and any(type(event.body).__name__ in _HELD for event in events):
            raise Refused(
                "suspicion_undecided",
                "A rule suspects that this is an accusation. Read it, then give confirm_accusation or clear_suspicion.",
                why_zh="该件疑似检举控告，请先阅看，再予以确认或排除。",
            )
        if events and self.states and case.state not in self.states:
            raise Refused(
                "not_in_this_state",
                f"{self.name} is possible in: {', '.join(self.states)}. The case is {case.state}.",
                why_zh=f"“{self.zh}”不能在当前状态下进行。",
            )
        return events


_HELD = frozenset({*MOVES, "CaseLinked"}) - {"CaseVoided", "CaseWithdrawn"}
"""What cannot happen to a suspected accusation before a person has decided (Art. 30)."""


def _newer(case: Case) -> Refused:
    return Unavailable("newer_event", f"A newer release wrote {case.newer} into this case; it is read-only here.")


RULES: dict[str, Rule] = {}


def rule(
    name: str,
    *,
    service: Service,
    roles: tuple[Role, ...],
    states: tuple[str, ...] = (),
    zh: str,
    en: str | None = None,
    when: Callable[[Case], bool] | None = None,
) -> Callable[[Callable[[Case, C, Given], list[Fresh]]], Callable[[Case, C, Given], list[Fresh]]]:
    """Register a decide function under `name`. Its second parameter's annotation is the command's model."""

    def register(decide: Callable[[Case, C, Given], list[Fresh]]) -> Callable[[Case, C, Given], list[Fresh]]:
        if name in RULES:
            raise ValueError(f"two rules are named {name}")
        model = get_type_hints(decide)["command"]
        RULES[name] = Rule(name, service, model, roles, states, decide, zh, en or name.replace("_", " "), when)
        return decide

    return register


def allowed(case: Case, principal: Principal) -> list[str]:
    """Names of the commands that this principal may give in this state (a rule may still refuse for other reasons)."""
    return [
        entry.name
        for entry in RULES.values()
        if principal.role in entry.roles
        and (not entry.states or case.state in entry.states)
        and (entry.when is None or entry.when(case))
    ]
