"""Generates docs/catalogue.md, the list of all states, commands, events and clocks: `python -m deploy.contract.catalogue`.

The events that a command appends and its refusals are read from the source code of its rule.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import deploy.modes.command_registry  # noqa: F401  # fills RULES
from shared.case import (
    FINAL_STATES,
    MOVES,
    STATES,
    evolve_department,
    evolve_intake,
    evolve_notices,
    evolve_routing,
    evolve_supervision,
)
from shared.commands.command import RULES, Decider
from shared.events import (
    REGISTRY,
    calls,
    department,
    desk,
    files,
    intake,
    knowledge,
    messages,
    notices,
    persons,
    platforms,
    policy,
    routing,
    supervision,
    webhooks,
)
from shared.events.base import Event
from shared.kernel.wording import STATE_WORDS
from shared.policy.deadline_rules import ClockRule, Clocks, Trigger
from shared.policy.loading.loader import bundled

FILE = Path("docs/catalogue.md")
_CHECKS = ("services.", "shared.policy.references")
"""Modules whose functions belong to the source of a rule."""
_DOCTEST = re.compile(r"^ *>>> .*$", re.MULTILINE)
"""A call in the example of a docstring refuses nothing."""
PARTS: tuple[tuple[str, ModuleType], ...] = (
    ("The petitioner's side 信访人一侧", intake),
    ("Files 附件", files),
    ("Numbered notices 文书编号", notices),
    ("Routing 派转", routing),
    ("The department and the review bodies 承办与复查复核", department),
    ("Supervision 督查", supervision),
    ("Daily work of a unit 日常办理", desk),
    ("Missed calls 未接来电", calls),
    ("Knowledge 知识库", knowledge),
    ("Members of staff 人员", persons),
    ("Platforms 平台", platforms),
    ("Messages to petitioners 短信与邮件告知", messages),
    ("Webhooks 推送", webhooks),
    ("Policy 规则", policy),
)


def catalogue() -> str:
    """The whole document as Markdown."""
    return "\n".join([*_head(), *_states(), *_commands(), *_events(), *_clocks()]) + "\n"


def _head() -> Iterator[str]:
    yield "# Catalogue 目录\n"
    yield "This page lists all states, commands, events and clocks. It is generated from the code by"
    yield "`python -m deploy.contract.catalogue`; do not edit it.\n"


def _table(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or " " for cell in cells) + " |"


def _columns(*titles: str) -> Iterator[str]:
    yield _table(*titles)
    yield _table(*["---"] * len(titles))


def _states() -> Iterator[str]:
    yield "## States 状态\n"
    yield from _columns("state", "状态", "entered by", "left by the commands")
    entered: dict[str, list[str]] = {state: [] for state in STATES}
    for kind, state in MOVES.items():
        if state is not None:
            entered[state].append(kind)
    for kind, found in _turns().items():
        for state in found:
            entered[state].append(kind)
    for state in STATES:
        leaving = [
            rule.name
            for rule in _rules()
            if state in rule.states and set(rule.roles) != {"service"} and any(name in MOVES for name in appends(rule))
        ]
        final = " (final)" if state in FINAL_STATES else ""
        yield _table(
            f"`{state}`{final}", STATE_WORDS[state].zh, ", ".join(sorted(set(entered[state]))), ", ".join(leaving)
        )
    yield ""


def _turns() -> dict[str, set[str]]:
    """Event types whose new state depends on the case, with the states that their evolve functions name."""
    found: dict[str, set[str]] = {}
    for module in (evolve_intake, evolve_routing, evolve_department, evolve_notices, evolve_supervision):
        source = inspect.getsource(module)
        for block in re.split(r"\n@on\(", source)[1:]:
            kind = re.match(r"\w+\.(\w+)", block)
            if kind and MOVES.get(kind.group(1), "") is None:
                named = set(re.findall(r'"state": "(\w+)"', block))
                if "_handling(" in block:
                    named.add("handling")
                if '"signed" if' in block:
                    named |= {"signed", "dispatched"}
                found[kind.group(1)] = named & set(STATES)
    return found


def _rules() -> list[Decider]:
    """All rules, in an order that does not depend on the order of imports."""
    return sorted(RULES.values(), key=lambda rule: (rule.service, rule.name))


def _source(rule: Decider) -> str:
    """The source code of the rule's function and of the service functions that it calls."""
    seen: dict[str, str] = {}

    def follow(function: Any) -> None:
        if function.__name__ in seen:
            return
        module = inspect.getmodule(function)
        seen[function.__name__] = source = _DOCTEST.sub("", inspect.getsource(function))
        for name in sorted(set(re.findall(r"\b(\w+)\(", source))):
            called = getattr(module, name, None)
            if inspect.isfunction(called) and called.__module__.startswith(_CHECKS):
                follow(called)

    follow(rule.decide)
    return "\n".join(seen.values())


def appends(rule: Decider) -> list[str]:
    """The types of the events that the rule may append."""
    names = dict.fromkeys(re.findall(r"\b(?:e|d|department|routing)\.(\w+)\(", _source(rule)))
    return [name for name in names if name in REGISTRY]


def refusals(rule: Decider) -> list[str]:
    """The codes with which the rule may refuse."""
    source = _source(rule)
    codes = re.findall(r'(?:Refused|Invalid|Denied|Unknown)\(\s*"([a-z_]+)"', source)
    codes += re.findall(r'\(\s*"([a-z_]+)",\s*f?"[^"]* [^"]*"', source)
    if rule.states:
        codes.append("not_in_this_state")
    return sorted(set(codes))


def _commands() -> Iterator[str]:
    yield "## Commands 办理动作\n"
    yield "In addition to the listed codes, every command may be refused with `unknown_case`, `role_not_allowed`, `stale_version`,"
    yield "`same_id_other_content`, `effective_in_future`, `effective_too_early` or `newer_event`.\n"
    for rule in _rules():
        roles = ", ".join(rule.roles)
        inner = " Run by a reaction of the service." if set(rule.roles) == {"service"} else ""
        yield f"### `{rule.name}` {rule.zh}\n"
        yield f"{_first(rule.decide.__doc__) or _first(rule.model.__doc__)}{inner}".strip() + "\n"
        yield f"- by: {roles} · service: {rule.service} · states: {', '.join(rule.states) or 'any'}"
        yield f"- appends: {', '.join(appends(rule)) or 'nothing'}"
        yield f"- refuses with: {', '.join(refusals(rule)) or 'no other code'}"
        for name, field in rule.model.model_fields.items():
            needed = "required" if field.is_required() else "optional"
            yield f"- `{field.alias or name}` ({needed}): {field.description or ''}".rstrip()
        yield ""


def _first(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n", maxsplit=1)[0].split())


def _events() -> Iterator[str]:
    yield "## Events 事件\n"
    yield "Fields in *italics* are personal data. They are encrypted separately and are not part of the event body.\n"
    for title, module in PARTS:
        yield f"### {title}\n"
        yield from _columns("event", "事件", "by", "moves to", "what it is", "fields")
        for name, model in REGISTRY.items():
            if model.__module__ == module.__name__:
                yield _event(name, model)
        yield ""


def _event(name: str, model: type[Event]) -> str:
    fields = [f"*{field}*" if field in model.personal else field for field in model.model_fields]
    moves = MOVES.get(name, "")
    to = "depends" if moves is None else moves
    return _table(f"`{name}`", model.zh, model.owner, to, _first(model.__doc__), ", ".join(fields))


def _clocks() -> Iterator[str]:
    yield "## Clocks 时限 (policy CN-XF-2022)\n"
    yield from _columns("clock", "时限", "article", "starts", "ends", "period", "whose", "applies")
    document = next(one.document for one in bundled("cn-xf-2022") if one.section == "clocks")
    for rule in Clocks.model_validate(document).every:
        yield _clock(rule)


def _clock(rule: ClockRule) -> str:
    period = rule.period
    length = "set by the assigner" if period.assigned else f"{period.days} {period.unit} days"
    if rule.extension is not None:
        length += f", extended by at most {rule.extension.cap_days}"
    if rule.window:
        length += " (a right of the petitioner: its end is no missed deadline)"
    applies = ", ".join(f"{name} in {list(allowed)}" for name, _value_of, allowed in rule.conditions)
    if rule.applies.direct is not None:
        applies = "received by an organisation itself" if rule.applies.direct else "received by the petition office"

    def names(triggers: Any) -> str:
        return ", ".join(dict.fromkeys(_named(trigger) for trigger in triggers))

    return _table(
        f"`{rule.id}`",
        rule.title.zh,
        rule.article,
        names(rule.start),
        names(rule.end),
        length,
        rule.responsible,
        applies,
    )


def _named(trigger: Trigger) -> str:
    kinds = f" ({' · '.join(trigger.kind)})" if trigger.kind else ""
    return trigger.event + kinds + ("" if trigger.lapses else ", without lapsing")


if __name__ == "__main__":
    FILE.write_text(catalogue(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
