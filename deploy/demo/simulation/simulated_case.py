"""One case of the simulation and its actions, from filing to closing. Each action schedules the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from deploy.demo.sample.county_data import county_data, weighted
from deploy.demo.sample.texts import sample_texts
from deploy.demo.simulation.organisation_profiles import PROMPT, Days, Profile
from deploy.demo.simulation.world import REGISTRAR, SUPERVISOR, World, clerk, head
from shared.case import Case
from shared.commands.authorization import Principal
from shared.kernel.legal_time import before, day_of

CaseAct = Callable[[Case], Awaitable[None]]
"""An action on the present state of the case."""
OrgAct = Callable[[Case, str], Awaitable[None]]
"""An action of the responsible organisation."""
_PLATFORMS = ("province", "h12345")
_KINDS = ("claim",) * 88 + ("consultation",) * 5 + ("suggestion",) * 4 + ("accusation",) * 3
_CLOSED = {
    "explained": "explained",
    "not_supported": "not_supported",
    "not_adopted": "explained",
    "accusation_handled": "explained",
}
WITNESSES = ("见证人甲", "见证人乙")
_PATIENCE = timedelta(days=8)
"""Days that a supervisor waits after urging. Over a long holiday that is too short, and the command is refused."""


class SimulatedCase:
    """Each case has its own random generator, so that no case depends on another."""

    def __init__(self, number: int, seed: int, world: World, profiles: Mapping[str, Profile]) -> None:
        self.number = number
        self.dice = Random(f"{seed}:{number}")
        self.world = world
        self.profiles = profiles
        self.county = county_data()
        self.texts = sample_texts()
        self.id = ""
        self.kind = self.dice.choice(_KINDS)
        self.place = weighted(self.county.places, self.dice)
        self.subject = weighted(self.county.subjects, self.dice)
        if self.kind == "suggestion":
            self.subject = self.county.queued[0]
        if self.kind in ("accusation", "consultation"):
            self.subject = self.county.queued[1]
        self.channel = self.county.channel(self.place, self.dice)
        self.satisfied: bool | None = None
        self.waits_for_supervision = False
        """A silent organisation has the case, and does nothing before supervision is opened."""

    def filing_day(self, first: date, days: int) -> date:
        """Most filings come early, so that their deadlines end within the simulation."""
        return first + timedelta(days=int(days * self.dice.random() ** 1.4))

    # ------------------------------------------------------------ the citizen

    async def file(self) -> None:
        title, text = self.texts.complaint(self.kind, self.subject, self.place, self.dice)
        fields: dict[str, Any] = {
            "channel": self.channel,
            "item": f"PLAY-{self.number:05d}",
            "title": title,
            "text": text,
            "place": self.place,
            "subject": self.subject,
            "petitioner": {"name": self.dice.choice(self.texts.names), "phone": self.texts.phone_number(self.dice)},
        }
        if self.kind != "claim":
            fields["class"] = self.kind
        platform = Principal("platform", self.channel, f"play-{self.channel}")
        self.id = await self.world.file(platform if self.channel in _PLATFORMS else REGISTRAR, fields)
        self._soon(self.routed)
        if self.dice.random() < 0.2:
            self._citizen((8, 40), self.nudge)

    async def nudge(self, case: Case) -> None:
        if case.state not in ("replied", "closed"):
            await self._do("nudge", self._petitioner, text=self._say("nudge"))

    async def evaluate(self, case: Case) -> None:
        self.satisfied = self.dice.random() < (0.85 if case.supervision.redos else 0.75)
        await self._do("evaluate", self._petitioner, object="petition_office", grade="satisfied")
        grade = "satisfied" if self.satisfied else "dissatisfied"
        await self._do("evaluate", self._petitioner, object="organisation", grade=grade)

    # ------------------------------------------------------------ the petition office

    async def routed(self, case: Case) -> None:
        if case.assignment.org is None:
            late = self.dice.random() < 0.12
            self._office((14, 24) if late else (0, 6), self.dispatch)
        else:
            await self.arrived(case)

    async def dispatch(self, case: Case) -> None:
        if case.assignment.org is not None or not case.open:
            return
        if self.kind == "consultation":
            await self._do("answer_at_once", REGISTRAR, text=self._say("answer"))
            self._office((1, 4), self.finish)
            return
        org = self.county.organisation(self.place, self.subject)
        if org in case.assignment.past_orgs or org == self.county.petition_office:
            org = self.dice.choice([org for org in sorted(self.profiles) if org not in case.assignment.past_orgs])
        fields: dict[str, Any] = {"org": self.county.sealed_organisation if self.kind == "accusation" else org}
        if self.kind == "claim" and self.dice.random() < 0.5:
            due = day_of(self.world.clock.now(), self.world.book.zone) + timedelta(days=self.dice.randint(25, 50))
            fields |= {"kind": "assignment", "due": due.isoformat()}
        if await self._do("dispatch", REGISTRAR, **fields):
            self._soon(self.arrived)

    async def verify(self, _case: Case) -> None:
        agreed = self.dice.random() < 0.6
        reason = self._say("return_ok" if agreed else "return_no")
        await self._do("verify_return", REGISTRAR, agreed=agreed, reason=reason)
        case = await self.world.case(self.id)
        if case.state == "disputed":
            self._office((2, 8), self.rule)
        elif case.assignment.org is None:
            self._office((0, 4), self.dispatch)
        else:
            self._organisation(self._profile(case).accept, self.accept)

    async def rule(self, _case: Case) -> None:
        org = self.county.organisation(self.place, self.subject)
        if org not in self.profiles:
            org = self.dice.choice(sorted(self.profiles))
        if await self._do("rule_jurisdiction", SUPERVISOR, org=org, reason=self._say("ruling")):
            self._soon(self.arrived)

    async def finish(self, case: Case) -> None:
        """Call the petitioner; then order a redo, or close the case. The handling organisation never does that."""
        if case.state == "led_into":
            if case.assignment.assigned and not case.handling.report_filed:
                self._organisation((0, 5), self.report)
            self._office((6, 9), self.close)
            return
        if case.state not in ("replied", "not_accepted", "guided"):
            return
        reached = self.dice.random() < 0.8
        satisfied = self.satisfied if self.satisfied is not None else self.dice.random() < 0.8
        await self._do("follow_up", REGISTRAR, reached=reached, satisfied=satisfied if reached else None)
        again = (
            self.satisfied is False
            and case.supervision.redos == 0
            and case.assignment.org is not None
            and self.dice.random() < 0.7
        )
        if again and await self._do("order_redo", SUPERVISOR, ground="dissatisfied", text=self._say("redo")):
            self.satisfied = None
            self._organisation(self._profile(case).work, self.decide)
            return
        if case.supervision.stage == "supervised":
            await self._do("close_supervision", SUPERVISOR, text=self._say("supervision_done"))
        self._office((0, 3), self.close)

    async def close(self, case: Case) -> None:
        if case.handling.result == "supported" and not case.handling.executed:
            self._office((1, 5), self.close)
            return
        confirmed = case.evaluation.follow_up_satisfied is True or case.grade_now("organisation") == "satisfied"
        kind = _CLOSED.get(case.handling.result or "", "resolved_confirmed" if confirmed else "resolved_unconfirmed")
        if case.state == "led_into":
            kind = "led_into"
        await self._do("close", REGISTRAR, kind=kind, text=self._say("close"))

    async def watch(self) -> None:
        """The supervisor examines this case, because one of its deadlines has passed."""
        case = await self.world.case(self.id)
        if (
            not case.open
            or case.assignment.org is None
            or self.dice.random() < 0.25
            or case.supervision.stage == "supervised"
        ):
            return
        if case.supervision.stage != "urged":
            await self._do("urge", SUPERVISOR, text=self._say("urged"))
            return
        now, zone = self.world.clock.now(), self.world.book.zone
        if case.supervision.since is None or not before(case.supervision.since, now - _PATIENCE, zone):
            return
        opened = await self._do("open_supervision", SUPERVISOR, ground="delay", text=self._say("supervised"))
        if opened and self.waits_for_supervision:
            self.waits_for_supervision = False
            self._organisation((1, 3), self.accept)

    # ------------------------------------------------------------ the organisation

    async def arrived(self, case: Case) -> None:
        profile = self._profile(case)
        if not profile.signs:
            self.waits_for_supervision = True
        elif self.dice.random() < profile.returns and not case.assignment.final_ruling:
            self._organisation((0, 8), self.object_)
        elif self.dice.random() < 0.9:
            self._organisation(profile.sign, self.sign)
        else:
            self._organisation(profile.accept, self.accept)

    async def object_(self, _case: Case, org: str) -> None:
        reason = self._say("not_ours")
        if await self._do("request_return", clerk(org), reason_code="not_our_mandate", reason=reason):
            self._office((0, 5), self.verify)
        else:
            self._organisation((0, 3), self.sign)

    async def sign(self, case: Case, org: str) -> None:
        if await self._do("sign_off", clerk(org)):
            self._organisation(self._profile(case).accept, self.accept)

    async def accept(self, case: Case, org: str) -> None:
        path = self.dice.choice((6, 6, 6, 6, 5, 4)) if self.kind == "claim" else None
        if await self._do("accept", clerk(org), path=path):
            self._organisation(self._profile(case).notice, self.notice)

    async def notice(self, case: Case, org: str) -> None:
        mode = self.dice.choice(("left", "in_person", "in_person"))
        await self._do("serve_notice", clerk(org), kind="acceptance", mode=mode, witnesses=WITNESSES)
        self._organisation(self._profile(case).work, self.work)

    async def work(self, case: Case, org: str) -> None:
        await self._do("record_step", clerk(org), step="site_visit", text=self._say("step"))
        profile = self._profile(case)
        if self.dice.random() < profile.extends:
            self._organisation((10, 30), self.extend)
        else:
            self._organisation(profile.decide, self.decide)

    async def extend(self, case: Case, org: str) -> None:
        days, reason = self.dice.choice((10, 15, 30)), self._say("extend")
        if await self._do("ask_extension", clerk(org), days=days, reason=reason):
            granted = {"days": days, "approver": org, "reason": self._say("extend_ok")}
            if await self._do("grant_extension", head(org), **granted):
                self._organisation(self._profile(case).extension_notice, self.tell_extension)
        self._organisation((15, 50), self.decide)

    async def tell_extension(self, _case: Case, org: str) -> None:
        await self._do("serve_extension_notice", clerk(org), mode=self.dice.choice(("post", "in_person")))

    async def decide(self, case: Case, org: str) -> None:
        if self.kind == "suggestion":
            result = self.dice.choice(("adopted", "partly_adopted", "not_adopted"))
            text = self._say("adopted" if result == "adopted" else "not_adopted")
            done = await self._do("answer_suggestion", clerk(org), result=result, text=text)
        elif self.kind == "consultation":
            done = await self._do("answer_consultation", clerk(org), text=self._say("answer"))
        elif self.kind == "accusation":
            done = await self._do("finish_accusation", clerk(org), text=self._say("explained"))
        elif case.filing.path == 5:
            done = await self._do("perform_duty", clerk(org), result="performed", text=self._say("done"))
        elif case.filing.path == 4:
            await self._lead_into_procedure(org)
            return
        else:
            result = self.dice.choice(("supported", "supported", "explained", "not_supported"))
            text = self._say("refused" if result == "not_supported" else result)
            basis = ["《信访工作条例》第三十二条"]
            done = await self._do("decide", clerk(org), result=result, basis=basis, text=text)
        if done:
            self._organisation((0, 4), self.reply)

    async def _lead_into_procedure(self, org: str) -> None:
        today = day_of(self.world.clock.now(), self.world.book.zone).isoformat()
        fields = {"procedure": "行政裁决", "reference": f"裁{self.number:05d}号", "opened_on": today}
        if await self._do("lead_into", clerk(org), path=4, reason=self._say("path"), **fields):
            await self._do("serve_notice", clerk(org), kind="led_into")
            self._office((5, 10), self.finish)

    async def reply(self, case: Case, org: str) -> None:
        mode, text = self.dice.choice(("left", "in_person")), self._say("reply")
        if not await self._do("deliver_reply", clerk(org), mode=mode, text=text, witnesses=WITNESSES):
            return
        if case.handling.result == "supported":
            self._organisation((1, 6), self.execute)
        if case.assignment.assigned and not case.handling.report_filed:
            self._organisation((0, 5), self.report)
        if self.dice.random() < 0.5:
            self._citizen((1, 4), self.evaluate)
        self._office((5, 10), self.finish)

    async def execute(self, _case: Case, org: str) -> None:
        await self._do("confirm_execution", clerk(org), text=self._say("done"))

    async def report(self, _case: Case, org: str) -> None:
        await self._do("file_report", clerk(org), text=self._say("report"))

    # ------------------------------------------------------------ helpers

    @property
    def _petitioner(self) -> Principal:
        return Principal("citizen", None, "play-code", self.id)

    def _profile(self, case: Case) -> Profile:
        return self.profiles.get(case.assignment.org or "", PROMPT)

    def _say(self, kind: str) -> str:
        return self.texts.say(kind, self.dice)

    async def _do(self, command: str, principal: Principal, **fields: Any) -> bool:
        """Returns False when the command is refused."""
        return await self.world.act(self.id, command, principal, **fields)

    def _soon(self, act: CaseAct) -> None:
        self._plan(self.world.clock.now() + timedelta(minutes=1), act)

    def _citizen(self, days: Days, act: CaseAct) -> None:
        self._plan(self.world.waking_hour(self.dice, days), act)

    def _office(self, days: Days, act: CaseAct) -> None:
        self._plan(self.world.office_hour(self.dice, days), act)

    def _organisation(self, days: Days, act: OrgAct) -> None:
        """Schedule an action of the organisation that is responsible then. Without one the action is skipped."""
        self._office(days, partial(self._by_organisation, act))

    def _plan(self, when: datetime, act: CaseAct) -> None:
        self.world.at(when, self.number, partial(self._on_case, act))

    async def _on_case(self, act: CaseAct) -> None:
        await act(await self.world.case(self.id))

    async def _by_organisation(self, act: OrgAct, case: Case) -> None:
        if case.assignment.org is not None:
            await act(case, case.assignment.org)
