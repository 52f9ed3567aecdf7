"""The contest: many hands link, unlink, dispatch and return filings of the same matters at once. Never are two organisations
responsible for one matter.

The oracle reads the log in the order of its appends and knows six types of events: it shares nothing with `evolve`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from shared.application.ports import Ports
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Refused
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository
from tests.support.county import REGISTRAR, SUPERVISOR, clerk, county

COMMANDS = int(os.environ.get("CONTEST_COMMANDS", "10000"))
HANDS = 8
MATTERS, FILINGS = 5, 4
ORGS = ("zj", "jy", "jt")
GIVES = frozenset({"CaseTransferred", "CaseAssigned", "JurisdictionRuled", "CaseRoutedToSealedChannel"})
TAKES = frozenset({"AssignmentWithdrawn", "JurisdictionDisputed", "CaseVoided"})


def wrong(commits: Iterable[list[RecordedEvent]]) -> list[str]:
    """Matters that had two responsible organisations after a commit, or links that run in a circle."""
    org: dict[str, str | None] = {}
    lead: dict[str, str] = {}
    found: list[str] = []
    for commit in commits:
        for event in commit:
            case, body = event.stream.removeprefix("case/"), event.body
            if event.type in GIVES:
                org[case] = body.org  # type: ignore[union-attr]
            elif event.type in TAKES or (event.type == "ReturnVerified" and body.agreed):  # type: ignore[union-attr]
                org[case] = None
            elif event.type == "CaseLinked":
                lead[case] = body.lead  # type: ignore[union-attr]
            elif event.type == "CaseUnlinked":
                lead.pop(case, None)
        heads: dict[str, list[str]] = {}
        for case in org:
            head, steps = case, 0
            while head in lead and steps <= len(org):
                head, steps = lead[head], steps + 1
            if steps > len(org):
                found.append(f"circle at {commit[-1].stream} {commit[-1].version}")
            if org[case] is not None:
                heads.setdefault(head, []).append(case)
        found += [f"two organisations in the matter of {head}" for head, having in heads.items() if len(having) > 1]
    return found


def test_oracle_detects_wrong_log() -> None:
    """Linked without being released; and two that follow each other."""
    from shared.events.intake import CaseLinked, CaseUnlinked
    from shared.events.routing import AssignmentWithdrawn, CaseTransferred
    from tests.support.deciding import START
    from tests.support.policies import recorded

    def said(case: str, version: int, body: Any) -> RecordedEvent:
        return recorded(body, version, START, stream=f"case/{case}")

    sent = [[said(case, 1, CaseTransferred(org="zj"))] for case in ("a", "b")]
    link = said("b", 3, CaseLinked(lead="a", kind="same_matter"))
    assert wrong(sent) == []
    assert wrong([*sent, [link]]) == ["two organisations in the matter of a"]
    assert wrong([*sent, [said("b", 2, AssignmentWithdrawn(org="zj")), link]]) == []
    back = said("a", 2, CaseLinked(lead="b", kind="same_matter"))
    assert any("circle" in one for one in wrong([*sent, [link], [back]]))
    apart = said("b", 4, CaseUnlinked(lead="a"))
    assert wrong([*sent, [said("b", 2, AssignmentWithdrawn(org="zj")), link], [apart]]) == []


class Hands:
    """One process: a case cache that other processes make outdated, on the shared log."""

    def __init__(self, shared: Ports, seed: int) -> None:
        ports = replace(shared, cases=CaseRepository(shared.log), policies=PolicyRepository(shared.log))
        self._dice = Random(seed)
        self._handlings: dict[str, CommandHandler] = {name: ports.handling(name) for name in ("intake", "routing")}  # type: ignore[arg-type]
        self._name = seed
        self.done = self.refused = 0
        self.codes: dict[str, int] = {}

    async def work(self, cases: list[list[str]], times: int) -> None:
        for number in range(times):
            matter = self._dice.choice(cases)
            await self._one(f"{self._name}-{number}", self._dice.choice(matter), self._dice.choice(matter))

    async def _one(self, cause: str, case: str, other: str) -> None:
        org = self._dice.choice(ORGS)
        name, principal, fields = self._dice.choice(_choices(org, other))
        rule = RULES[name]
        command = rule.model.model_validate(fields)
        try:
            done = await self._handlings[rule.service].handle(
                case,
                rule.action,
                EventMetadata(principal, cause),
                lambda found, given: rule(found, command, given),
                others=rule.named(command),
            )
        except Refused as refused:
            self.refused += 1
            self.codes[refused.code] = self.codes.get(refused.code, 0) + 1
        else:
            self.done += done.commit is not None and not done.repeated


def _choices(org: str, other: str) -> list[tuple[str, Principal, dict[str, Any]]]:
    reason = {"reason_code": "other", "reason": "x"}
    link = {"lead": other, "reason": "x"}
    return [
        ("link", REGISTRAR, link),
        ("link", REGISTRAR, link),
        ("link", SUPERVISOR, {**link, "kind": "duplicate"}),
        ("unlink", REGISTRAR, {"reason": "x"}),
        ("unlink", REGISTRAR, {"reason": "x"}),
        ("dispatch", REGISTRAR, {"org": org}),
        ("dispatch", REGISTRAR, {"org": org}),
        ("dispatch", REGISTRAR, {"org": org}),
        ("recall", REGISTRAR, {}),
        ("request_return", clerk(org), reason),
        ("verify_return", REGISTRAR, {"agreed": True}),
        ("rule_jurisdiction", SUPERVISOR, {"org": org}),
        ("correct", SUPERVISOR, {"field": "effective_at", "of": 1, "new": "2026-02-2" + str(len(other) % 8)}),
    ]


async def test_matter_never_has_two_responsible_organisations(tmp_path: Path) -> None:
    async with county(tmp_path) as here:
        cases = []
        for matter in range(MATTERS):
            filings = []
            for filing in range(FILINGS):
                receipt = await here.file(f"{matter}-{filing}", place="dh", subject="01", **{"class": "claim"})
                filings.append(receipt.case)
                here.clock.advance(60)
            cases.append(filings)
        await here.ports.feed.stop()  # only commands compete: reactions to events would reduce contention
        hands = [Hands(here.ports, seed) for seed in range(HANDS)]
        await asyncio.gather(*(one.work(cases, COMMANDS // HANDS) for one in hands))
        order = [
            commit
            async for commits in here.ports.log.scan("case/")
            for commit in commits
            if commit.position is not None
        ]
        commits = [list(commit.recorded) for commit in sorted(order, key=lambda commit: commit.position or 0)]
    types = [event.type for commit in commits for event in commit]
    assert wrong(commits) == []
    for wanted in ("CaseLinked", "CaseUnlinked", "CaseTransferred", "AssignmentWithdrawn"):
        assert types.count(wanted) > COMMANDS / 100, wanted
    codes = {code for one in hands for code in one.codes}
    assert {"follow_the_lead", "lead_is_younger", "has_an_organisation"} <= codes
    assert sum(one.done + one.refused for one in hands) > 0
