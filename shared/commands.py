"""What a command is: a model, who may give it, in which states, and the pure function that decides.

    @rule("sign_off", service="routing", roles=ORG, states=("dispatched",), zh="签收")
    def sign_off(case: Case, command: SignOff, given: Given) -> list[Fresh]: ...

The table of rules is the one source for the HTTP endpoint, the command line, "the commands allowed now" and access.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.access import Action, Principal, Role, owes_notice
from shared.case import MOVES, Case, head_of
from shared.events.base import Event, Service
from shared.policy.book import PolicyBook
from shared.refusals import Refused, Unavailable
from shared.telling import state_words
from shared.times import When

TEXT_LIMIT = 50_000
"""Characters of one free text. A longer complaint comes as material in parts."""
Code = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _said(text: str) -> str:
    """Blanks are no words: a reason that says nothing is none."""
    if not text.strip():
        raise ValueError("blank")
    return text


Short = Annotated[str, Field(min_length=1, max_length=400)]
FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT), AfterValidator(_said)]
DESK: tuple[Role, ...] = ("registrar",)


class Command(BaseModel):
    """Base of all commands. Unknown fields are refused. A validator is built by its first use."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class NamesCase:
    """Marks a field that names another case which the decision needs. Whoever gives the command resolves what a person
    wrote to an id; `Handling` loads the case."""


CaseName = Annotated[str, Field(min_length=1, max_length=200), NamesCase()]
"""Id, number, or CHANNEL:ITEM of another case; an id by the time that a rule decides."""


class Given(NamedTuple):
    """All that a decision may know besides the case and the command."""

    principal: Principal
    now: datetime
    at: When
    """When it is true in law; `now` unless the caller said otherwise."""
    book: PolicyBook
    cases: Mapping[str, Case] = MappingProxyType({})
    """Those that the command names and the lead of the case, with all that they follow, by id; only what the principal
    may see."""

    def head(self, case_id: str | None) -> Case | None:
        """The case that leads the matter of that one, itself where it follows none. None: not to be seen."""
        return None if case_id is None else head_of(case_id, self.cases)

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
    followers: bool = False
    """May it be given on a case that follows another? Everything that the matter is handled with may not."""
    receivers: bool = False
    """May who received the filing and does not handle it give it?"""

    @cached_property
    def naming(self) -> tuple[str, ...]:
        """Fields of the command that name another case."""
        return tuple(
            name
            for name, field in self.model.model_fields.items()
            if any(isinstance(mark, NamesCase) for mark in field.metadata)
        )

    def named(self, command: Command) -> list[str]:
        """The other cases that a decision on this command needs."""
        return [value for name in self.naming if (value := getattr(command, name)) is not None]

    @property
    def action(self) -> Action:
        return Action(self.name, self.roles)

    def __call__(self, case: Case, command: Command, given: Given) -> list[Fresh]:
        """Decide, after the checks that are the same for all. An empty list means there is nothing to do."""
        if case.newer is not None:
            raise _newer(case)
        if case.lead is not None and not self.followers:
            raise _follow_the_lead(given.head(case.lead))
        events = self.decide(case, command, given)
        if events and case.state == "voided":
            raise Refused(
                "voided",
                "The case was voided: registered by mistake, it ends there. Register the matter anew if it is a matter.",
                why_zh="该件已作废，不能再办理；确有事项的，请重新登记。",
            )
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
                why_zh=f"“{self.zh}”只能在这些状态下进行：{'、'.join(state_words(one).zh for one in self.states)}；"
                f"该件现为{state_words(case.state).zh}。",
            )
        return events


_HELD = frozenset({*MOVES, "CaseLinked"}) - {"CaseVoided", "CaseWithdrawn"}
"""What cannot happen to a suspected accusation before a person has decided (Art. 30)."""


def _newer(case: Case) -> Refused:
    return Unavailable(
        "newer_event",
        f"A newer release wrote {case.newer} into this case; it is read-only here.",
        why_zh="较新版本的系统已在本件中写入记录，此处只能查看。",
    )


def _follow_the_lead(lead: Case | None) -> Refused:
    """`lead` None: the caller may not see it, so nothing of it is told."""
    which, which_zh = (f" ({lead.number})", f"（{lead.number}）") if lead is not None else ("", "")
    return Refused(
        "follow_the_lead",
        f"This filing follows an older one of the same matter{which}; work on that one, or unlink this one first.",
        why_zh=f"该件已并入此前登记的同一事项{which_zh}，请办理主件，或先解除并案。",
        lead=lead.id if lead is not None else None,
    )


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
    followers: bool = False,
    receivers: bool = False,
) -> Callable[[Callable[[Case, C, Given], list[Fresh]]], Callable[[Case, C, Given], list[Fresh]]]:
    """Register a decide function under `name`. Its second parameter's annotation is the command's model."""

    def register(decide: Callable[[Case, C, Given], list[Fresh]]) -> Callable[[Case, C, Given], list[Fresh]]:
        if name in RULES:
            raise ValueError(f"two rules are named {name}")
        model = get_type_hints(decide)["command"]
        RULES[name] = Rule(
            name, service, model, roles, states, decide, zh, en or name.replace("_", " "), when, followers, receivers
        )
        return decide

    return register


def allowed(case: Case, principal: Principal) -> list[str]:
    """Names of the commands that this principal may give in this state (a rule may still refuse for other reasons)."""
    elsewhere = principal.role in ("organisation", "clerk") and principal.org not in (*case.handlers, case.reviewer)
    if elsewhere and not owes_notice(principal.org, case):
        return []
    return [
        entry.name
        for entry in RULES.values()
        if principal.role in entry.roles
        and (entry.receivers or not elsewhere)
        and (not entry.states or case.state in entry.states)
        and (entry.when is None or entry.when(case))
        and (entry.followers or case.lead is None)
    ]
