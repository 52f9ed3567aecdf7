"""No filing of class litigation, consultation or suspected accusation leaves by an ordinary rule, by whatever routing table.

The filings are decided by the rules alone; `nightly` sends 10,000 of them through the commands of a whole process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any, get_args

import pytest

from services.intake.commands.filing import FileCase, register
from services.intake.registration import file_case
from services.routing.commands.dispatch import RouteCase, route
from shared.case import EMPTY, Case, fold
from shared.commands.authorization import Principal
from shared.commands.command import DecisionContext
from shared.events.base import Event
from shared.events.fields import Class
from shared.events.routing import CaseAssigned, CaseRoutedToSealedChannel, CaseTransferred
from shared.kernel.legal_time import day_of
from shared.policy.book import PolicyBook
from shared.policy.routing_table import Routing
from tests.security.test_accusation_spellings import OFFICIAL, PRIVATE, WORDS, spelling
from tests.support.county import DEMO, REGISTRAR
from tests.support.deciding import SERVICE, START
from tests.support.policies import LONG_AGO, demo, recorded
from tests.support.serving import served

FILINGS = 10_000
CHANNELS = ("letter", "hall", "hotline", "fax", "web", "app", "mini", "h12345", "zj-window")
PLAIN = ("楼道漏水一直没有人来修", "小区路灯坏了", "拖欠农民工工资", "法院判决后一直没有执行", "请问户口怎么迁")
BOOK = demo()
ORGS = tuple(BOOK.organisations)
FILERS = {"h12345": Principal("platform", "h12345", "k")}
"""A platform files in its own channel; who files in the others is the petition office."""
Dice = random.Random


def routing(dice: Dice) -> Routing:
    """A routing table with rules of any class, also those that validation reports."""
    rules = []
    for number in range(dice.randint(0, 12)):
        rule: dict[str, Any] = {
            "id": f"r{number}",
            "place": dice.choice(("*", dice.choice([*BOOK.places]))),
            "subject": dice.choice(("*", dice.choice([*BOOK.subjects]))),
            "class_": dice.choice(("*", "*", *get_args(Class))),
            "urgency": dice.choice(("*", "urgent")),
        }
        rule |= {"queue": True} if dice.random() < 0.1 else {"org": dice.choice(ORGS)}
        if "org" in rule and dice.random() < 0.3:
            rule["assign_days"] = dice.randint(1, 60)
        rules.append(rule)
    default = dice.choice((None, "queue", *ORGS))
    return Routing.model_validate({"prefer": dice.choice(("subject", "place")), "rules": rules, "default": default})


@cache
def book(seed: int) -> PolicyBook:
    """The demo county, and for seeds other than 0 with another routing table."""
    return BOOK.with_document("routing", LONG_AGO, f"sha256:{seed}", routing(Dice(seed))) if seed else BOOK


def filing(dice: Dice, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "channel": dice.choice(CHANNELS),
        "item": f"item-{number}",
        "text": dice.choice(PLAIN),
        "place": dice.choice((None, "dh-yl", "sl", "xs-sm", "nowhere")),
        "subject": dice.choice((None, "0102", "0401", "1502", "unknown")),
        "urgency": dice.choice(("ordinary", "urgent")),
    }
    kind = dice.randrange(5)
    if kind == 0:
        found["text"] += spelling(dice.choice(WORDS), dice).replace("\x0b", "").replace("\x85", "")
    elif kind == 1:
        found["respondent"] = dice.choice(OFFICIAL)
    if kind > 1 or dice.random() < 0.5:
        found["class"] = dice.choice((None, *get_args(Class)))
    if kind == 4:
        found["respondent"] = dice.choice(PRIVATE)
    return {name: value for name, value in found.items() if value is not None}


def filer(values: dict[str, Any]) -> Principal:
    return FILERS.get(values["channel"], REGISTRAR)


def suspected(values: dict[str, Any]) -> bool:
    return values.get("respondent") in OFFICIAL or values["text"] not in PLAIN


def check(values: dict[str, Any], case: Case, sent: Sequence[Event], rules: PolicyBook) -> None:
    """`sent`: the events that give the case to an organisation."""
    class_ = values.get("class")
    if class_ in ("accusation", "consultation") or suspected(values):
        assert sent == [], values
        assert case.assignment.org is None
    elif class_ == "litigation":
        assert all(rules.takes_litigation(getattr(one, "org", None)) for one in sent), values
        assert not (sent and case.filing.channel_class == "visit"), values
    if suspected(values) and class_ != "accusation":
        assert case.accusation.suspected is not None, values
    if class_ == "accusation" or suspected(values):
        assert case.accusation.sealed, values


SENT = (CaseTransferred, CaseAssigned, CaseRoutedToSealedChannel)


@pytest.mark.parametrize("seed", range(10))
def test_class_decides_before_every_routing_rule(seed: int) -> None:
    dice, left = Dice(seed), 0
    for number in range(FILINGS // 10):
        rules = book(dice.randrange(40))
        values = filing(dice, number)
        command = FileCase.model_validate(values)
        given = DecisionContext(filer(values), START, START, rules)
        case_id = f"{number:032x}"
        filed = register(EMPTY, command, given, case_id)
        events = [recorded(one.body, version, START, stream=f"case/{case_id}") for version, one in enumerate(filed, 1)]
        case = fold(events)
        found = rules.keywords.recognised(values.get("title", ""), values["text"])
        asked = RouteCase(suspicion=found.suspicion, subject=found.subject, weak=found.weak)
        routed = [one.body for one in route(case, asked, given._replace(principal=SERVICE))]
        after = fold(
            [
                *events,
                *(recorded(one, len(events) + turn, START, stream=case.stream) for turn, one in enumerate(routed, 1)),
            ]
        )
        sent = [one for one in routed if isinstance(one, SENT)]
        left += len(sent)
        check(values, after, sent, rules)
        for one in sent:
            if isinstance(one, CaseAssigned):
                assert day_of(one.due, rules.zone) > START.date() and after.handling.report_required
    assert left > FILINGS // 100, "others do leave"


@pytest.mark.nightly
@pytest.mark.slow
async def test_class_decides_in_a_whole_process() -> None:
    dice = Dice(1)
    async with served() as here:
        cases: list[tuple[dict[str, Any], str]] = []
        for number in range(FILINGS):
            values = filing(dice, number)
            command = FileCase.model_validate(values)
            receipt = await file_case(here.runtime.handling("intake"), filer(values), command, DEMO)
            cases.append((values, receipt.case))
            if number % 500 == 499:
                await here.runtime.drain()
                here.clock.advance(int(timedelta(hours=1).total_seconds()))
        await here.runtime.drain()
        for values, case_id in cases:
            case = (await here.runtime.ports.cases.load_confirmed(case_id)).case
            commits = await here.runtime.ports.log.load(case.stream)
            sent = [event.body for commit in commits for event in commit.recorded if isinstance(event.body, SENT)]
            check(values, case, sent, BOOK)
