"""One matter of the play: who does what about it, from filing to closing. Each step plans the next."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from deploy.demo.sample import county_data, texts
from deploy.demo.simulation.organisation_profiles import PROMPT, Temper
from deploy.demo.simulation.world import REGISTRAR, SUPERVISOR, Act, Stage, clerk, head
from shared.access import Principal
from shared.case import Case
from shared.times import before, day_of

_PLATFORMS = {"province": "province", "h12345": "h12345"}
_KINDS = ("claim",) * 88 + ("consultation",) * 5 + ("suggestion",) * 4 + ("accusation",) * 3
_CLOSED = {"explained": "explained", "not_supported": "not_supported", "not_adopted": "explained"}
_PATIENCE = timedelta(days=8)
"""How long a supervisor waits after urging; over a long holiday that is too short, and the rule says so."""


class Matter:
    """All its chance comes from its own dice, so that no matter depends on another."""

    def __init__(self, number: int, seed: int, stage: Stage, tempers: dict[str, Temper]) -> None:
        self.number = number
        self.dice = Random(f"{seed}:{number}")
        self.stage = stage
        self.tempers = tempers
        self.id = ""
        self.kind = self.dice.choice(_KINDS)
        self.place = self._weighted(county_data.PLACES)
        self.subject = self._weighted(county_data.SUBJECTS)
        if self.kind == "suggestion":
            self.subject = county_data.QUEUED[0]
        if self.kind in ("accusation", "consultation"):
            self.subject = county_data.QUEUED[1]
        channel = self._weighted(county_data.CHANNELS)
        self.channel = "app" if channel == county_data.QR and not self.place.startswith("dh") else channel
        self.satisfied: bool | None = None
        self.woken = False
        self.waiting: Act | None = None
        """What a silent organisation does once it is supervised."""

    # ------------------------------------------------------------ the citizen

    async def file(self) -> None:
        pools = {"consultation": texts.CONSULTATIONS, "accusation": texts.ACCUSATIONS}
        pool = pools.get(self.kind) or texts.ISSUES[self.subject]
        title, text = texts.complaint(pool, self.place, self.dice, plain=self.kind != "claim")
        platform = _PLATFORMS.get(self.channel)
        fields: dict[str, Any] = {
            "channel": self.channel,
            "item": f"PLAY-{self.number:05d}",
            "title": title,
            "text": text,
            "place": self.place,
            "subject": self.subject,
            "petitioner": {
                "name": self.dice.choice(texts.NAMES),
                "phone": f"{texts.PHONE}{self.dice.randint(0, 9999):04d}",
            },
        }
        if self.kind != "claim":
            fields["class"] = self.kind
        filer = Principal("platform", platform, f"play-{platform}") if platform else REGISTRAR
        self.id = await self.stage.file(filer, fields)
        self._soon(self.routed)
        if self.dice.random() < 0.2:
            self._citizen((8, 40), self.nudge)

    async def nudge(self) -> None:
        if (await self._case()).state not in ("replied", "closed"):
            await self.stage.act(self.id, "nudge", self._petitioner, text=texts.say("nudge", self.dice))

    async def evaluate(self) -> None:
        self.satisfied = self.dice.random() < (0.85 if (await self._case()).redos else 0.75)
        for about in ("petition_office", "organisation"):
            grade = "satisfied" if self.satisfied or about == "petition_office" else "dissatisfied"
            await self.stage.act(self.id, "evaluate", self._petitioner, object=about, grade=grade)

    # ------------------------------------------------------------ the petition office

    async def routed(self) -> None:
        case = await self._case()
        if case.org is None:
            late = self.dice.random() < 0.12
            self._office((14, 24) if late else (0, 6), self.dispatch)
        else:
            await self.arrived()

    async def dispatch(self) -> None:
        case = await self._case()
        if case.org is not None or not case.open:
            return
        if self.kind == "consultation":
            await self.stage.act(self.id, "answer_at_once", REGISTRAR, text=texts.say("answer", self.dice))
            self._office((1, 4), self.finish)
            return
        orgs = [org for org in sorted(self.tempers) if org not in case.past_orgs]
        org = county_data.responsible(self.place, self.subject) or county_data.district_office(self.place)
        if org in case.past_orgs or org == county_data.PETITION_OFFICE:
            org = self.dice.choice(orgs)
        fields: dict[str, Any] = {"org": county_data.SEALED_ORGAN if self.kind == "accusation" else org}
        if self.kind == "claim" and self.dice.random() < 0.5:
            due = day_of(self.stage.clock.now(), self.stage.book.zone) + timedelta(days=self.dice.randint(25, 50))
            fields |= {"kind": "assignment", "due": due.isoformat()}
        if await self.stage.act(self.id, "dispatch", REGISTRAR, **fields):
            self._soon(self.arrived)

    async def verify(self) -> None:
        agreed = self.dice.random() < 0.6
        said = texts.say("return_ok" if agreed else "return_no", self.dice)
        await self.stage.act(self.id, "verify_return", REGISTRAR, agreed=agreed, reason=said)
        case = await self._case()
        if case.state == "disputed":
            self._office((2, 8), self.rule)
        elif case.org is None:
            self._office((0, 4), self.dispatch)
        else:
            self._office(self._temper(case).accept, self.accept)

    async def rule(self) -> None:
        org = county_data.responsible(self.place, self.subject) or county_data.district_office(self.place)
        org = org if org in self.tempers else self.dice.choice(sorted(self.tempers))
        said = texts.say("ruling", self.dice)
        if await self.stage.act(self.id, "rule_jurisdiction", SUPERVISOR, org=org, reason=said):
            self._soon(self.arrived)

    async def finish(self) -> None:
        """Called back, then handled again, or closed: by somebody outside the handling unit."""
        case = await self._case()
        if case.state not in ("replied", "not_accepted", "guided"):
            return
        reached = self.dice.random() < 0.8
        said = self.satisfied if self.satisfied is not None else self.dice.random() < 0.8
        await self.stage.act(self.id, "follow_up", REGISTRAR, reached=reached, satisfied=said if reached else None)
        if self.satisfied is False and case.redos == 0 and case.org is not None and self.dice.random() < 0.7:
            ordered = await self.stage.act(
                self.id, "order_redo", SUPERVISOR, ground="dissatisfied", text=texts.say("redo", self.dice)
            )
            if ordered:
                self.satisfied = None
                self._office(self._temper(case).work, self.decide)
                return
        if case.supervision == "supervised":
            done = texts.say("supervision_done", self.dice)
            await self.stage.act(self.id, "close_supervision", SUPERVISOR, text=done)
        self._office((0, 3), self.close)

    async def close(self) -> None:
        case = await self._case()
        if case.result == "supported" and not case.executed:
            self._office((1, 5), self.close)
            return
        confirmed = case.follow_up_satisfied is True or case.grade_now("organisation") == "satisfied"
        kind = _CLOSED.get(case.result or "", "resolved_confirmed" if confirmed else "resolved_unconfirmed")
        await self.stage.act(self.id, "close", REGISTRAR, kind=kind, text=texts.say("close", self.dice))

    async def watch(self) -> None:
        """The supervisor's round came to this matter, because a clock of it has lapsed."""
        case = await self._case()
        now = self.stage.clock.now()
        if not case.open or case.org is None or self.dice.random() < 0.25:
            return
        if case.supervision == "urged":
            if case.supervision_at is None or not before(case.supervision_at, now - _PATIENCE, self.stage.book.zone):
                return
            said = texts.say("supervised", self.dice)
            opened = await self.stage.act(self.id, "open_supervision", SUPERVISOR, ground="delay", text=said)
            if opened and self.waiting is not None and not self.woken:
                self.woken = True
                self._office((1, 3), self.waiting)
        elif case.supervision != "supervised":
            await self.stage.act(self.id, "urge", SUPERVISOR, text=texts.say("urged", self.dice))

    # ------------------------------------------------------------ the organisation

    async def arrived(self) -> None:
        case = await self._case()
        temper = self._temper(case)
        if not temper.signs:
            self.waiting, self.woken = self.accept, False
        elif self.dice.random() < temper.returns and not case.final_ruling:
            self._office((0, 8), self.object_)
        elif self.dice.random() < 0.9:
            self._office(temper.sign, self.sign)
        else:
            self._office(temper.accept, self.accept)

    async def object_(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        said = texts.say("not_ours", self.dice)
        asked = await self.stage.act(
            self.id, "request_return", clerk(case.org), reason_code="not_our_mandate", reason=said
        )
        if asked:
            self._office((0, 5), self.verify)
        else:
            self._office((0, 3), self.sign)

    async def sign(self) -> None:
        case = await self._case()
        if case.org is not None and await self.stage.act(self.id, "sign_off", clerk(case.org)):
            self._office(self._temper(case).accept, self.accept)

    async def accept(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        path = self.dice.choice((6, 6, 6, 6, 5, 4)) if self.kind == "claim" else None
        if await self.stage.act(self.id, "accept", clerk(case.org), path=path):
            self._office(self._temper(case).notice, self.notice)

    async def notice(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        mode = self.dice.choice(("post", "electronic", "in_person"))
        await self.stage.act(self.id, "serve_notice", clerk(case.org), kind="acceptance", mode=mode)
        self._office(self._temper(case).work, self.work)

    async def work(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        said = texts.say("step", self.dice)
        await self.stage.act(self.id, "record_step", clerk(case.org), step="site_visit", text=said)
        temper = self._temper(case)
        if self.dice.random() < temper.extends:
            self._office((10, 30), self.ask)
        else:
            self._office(temper.decide, self.decide)

    async def ask(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        days, said = self.dice.choice((10, 15, 30)), texts.say("extend", self.dice)
        if await self.stage.act(self.id, "ask_extension", clerk(case.org), days=days, reason=said):
            granted = {"days": days, "approver": case.org, "reason": texts.say("extend_ok", self.dice)}
            await self.stage.act(self.id, "grant_extension", head(case.org), **granted)
        self._office((15, 50), self.decide)

    async def decide(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        if self.kind == "suggestion" and case.redos == 0:
            result = self.dice.choice(("adopted", "partly_adopted", "not_adopted"))
            said = texts.say("adopted" if result == "adopted" else "not_adopted", self.dice)
            done = await self.stage.act(self.id, "answer_suggestion", clerk(case.org), result=result, text=said)
        else:
            result = self.dice.choice(("supported", "supported", "explained", "not_supported"))
            said = texts.say("refused" if result == "not_supported" else result, self.dice)
            basis = ["《信访工作条例》第三十二条"]
            done = await self.stage.act(self.id, "decide", clerk(case.org), result=result, basis=basis, text=said)
        if done:
            self._office((0, 4), self.reply)

    async def reply(self) -> None:
        case = await self._case()
        if case.org is None:
            return
        mode, said = self.dice.choice(("post", "electronic")), texts.say("reply", self.dice)
        if not await self.stage.act(self.id, "deliver_reply", clerk(case.org), mode=mode, text=said):
            return
        if case.result == "supported":
            self._office((1, 6), self.execute)
        if case.assigned and not case.report_filed:
            self._office((0, 5), self.report)
        if self.dice.random() < 0.5:
            self._citizen((1, 4), self.evaluate)
        self._office((5, 10), self.finish)

    async def execute(self) -> None:
        case = await self._case()
        if case.org is not None:
            said = texts.say("done", self.dice)
            await self.stage.act(self.id, "confirm_execution", clerk(case.org), text=said)

    async def report(self) -> None:
        case = await self._case()
        if case.org is not None:
            await self.stage.act(self.id, "file_report", clerk(case.org), text=texts.say("report", self.dice))

    # ------------------------------------------------------------ helpers

    @property
    def _petitioner(self) -> Principal:
        return Principal("citizen", None, "play-code", self.id)

    async def _case(self) -> Case:
        return await self.stage.case(self.id)

    def _temper(self, case: Case) -> Temper:
        return self.tempers.get(case.org or "", PROMPT)

    def _weighted(self, choices: tuple[tuple[str, int], ...]) -> str:
        return self.dice.choices([name for name, _ in choices], [weight for _, weight in choices])[0]

    def _soon(self, act: Act) -> None:
        self.stage.at(self.stage.clock.now() + timedelta(minutes=1), self.number, act)

    def _office(self, days: tuple[int, int], act: Act) -> None:
        self.stage.at(self.stage.in_office(self.dice, days), self.number, act)

    def _citizen(self, days: tuple[int, int], act: Act) -> None:
        self.stage.at(self.stage.some_time(self.dice, days), self.number, act)

    def filed_on(self, first: date, days: int) -> date:
        """Most of the filings come early, so that their clocks end within the play."""
        return first + timedelta(days=int(days * self.dice.random() ** 1.4))
