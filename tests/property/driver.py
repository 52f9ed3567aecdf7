"""Drives random commands by random actors through the handling behind HTTP, and asks the table after each what had to come of it.

A run is a list of steps made from a seed. Where table and product disagree, the list is made as short as still disagrees.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple

from deploy.modes.composition import compose
from deploy.modes.in_memory import memory_ports
from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from shared.adapters.memory import SetClock
from shared.application.command_dispatch import body_models, give
from shared.application.file_references import owner_of
from shared.application.request_validation import validated
from shared.commands.attached_files import FileDetails
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.hosting.process import Process
from shared.kernel.refusals import Denied, Refused, Unknown
from shared.kernel.settings import Settings
from tests.property.days import DAY, ZONE, When, calendar_days_after, day
from tests.property.matter import REVIEW_DAYS, Attempt, Matter, Who
from tests.property.table import (
    AFTER_CLOSING,
    OFFICE,
    OPEN,
    SUPERIOR,
    TABLE,
    Verdict,
    apply,
    knows,
    may,
    never,
    partial,
    sealed,
    verdict,
)  # fmt: skip
from tests.support.county import DEMO, activate
from tests.support.deciding import GUIDANCE

MODELS = body_models()
COOLING_OFF = 7 * DAY
"""From the request to withdraw until it takes effect: the policy's own choice."""
CASES = 6
"""Cases of one county."""
TICKER = frozenset(
    {"DeadlineAtRisk", "Reminded", "DeadlineBreached", "BreachLifted", "UnreadReminded", "ReviewWindowLapsed"}
)
_COMPARED = (
    "state", "assignment.org", "assignment.assist", "assignment.forwarded", "review.reviewer", "filing.class_", "filing.path",
)  # fmt: skip
ENDED = frozenset({"closed", "withdrawn", "voided"})
_CODE = re.compile(r"[a-z][a-z0-9_]+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
ACTORS = (
    Who("clerk", "zj", "zj-1"), Who("clerk", "zj", "zj-2", head=True), Who("organisation", "zj", "zj-3"),
    Who("clerk", "jt", "jt-1"), Who("organisation", "jt", "jt-2"),
    Who("clerk", "jjw", "jjw-1"), Who("clerk", "jjw", "jjw-2", head=True),
    Who("clerk", "dhq", "dhq-1"), Who("clerk", "dhyl", "dhyl-1"), Who("clerk", "fc", "fc-1"), Who("clerk", "sfc", "sfc-1"),
    Who("registrar", "xfj", "desk-1"), Who("registrar", "xfj", "desk-2"), Who("registrar", "zj", "desk-inside"),
    Who("supervisor", "xfj", "supervisor-1"), Who("supervisor", "zj", "supervisor-inside"),
    Who("registrar", "sxfj", "desk-above"), Who("supervisor", "sxfj", "supervisor-above"),
    Who("registrar", "hfzx", "third-1"), Who("supervisor", "hfzx", "third-2"),
    Who("operator", "xfj", "hotline-1"), Who("platform", "province", "platform-1"), Who("platform", "h12345", "platform-2"),
    Who("analyst", None, "analyst"), Who("operations", None, "operations"),
    Who("citizen", None, "own"), Who("citizen", None, "foreign"),
)  # fmt: skip


FREE: dict[str, tuple[Who, ...]] = {
    "supervisor_needed": tuple(who for who in ACTORS if who.role == "supervisor" and who.org in (OFFICE, SUPERIOR)),
    "level_above_needed": tuple(who for who in ACTORS if who.role == "supervisor" and who.org == SUPERIOR),
}
"""Refusal of what would remove a breach -> those to whom it is never said."""


class Step(NamedTuple):
    """One action in the county, recorded so that it can be repeated without the earlier steps."""

    case: int
    wait: float
    """Seconds before it."""
    who: Who
    command: str
    fields: dict[str, Any]
    days_off: float | None
    """Legal time, in days from now; None: now. A whole number means a date."""
    stale: bool = False
    repeat: bool = False
    """If it is done, the same command id is sent once more."""
    tick: bool = False
    """The ticker looks before it."""


class Disagreement(Exception):
    """Table and product disagree, or an invariant is violated."""


@dataclass
class Lived:
    """One case: its card in the table, and its state in the product."""

    id: str
    matter: Matter
    version: int = 0
    acted: int = 0
    """Version of the last event that the ticker did not write."""
    story: list[str] = field(default_factory=list)


class Desk:
    """A county in memory, without figures and without HTTP's transport."""

    def __init__(self, runtime: Process, clock: SetClock) -> None:
        self.runtime = runtime
        self.clock = clock
        self.lived: list[Lived] = []
        self.outcomes: Counter[str] = Counter()
        self.commands: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self._ids = 0

    # ---- filing

    async def file(self, dice: Random) -> None:
        fields = _filing(dice, len(self.lived), self.clock.now())
        own = fields["channel"] == "province"
        who = Principal("platform", "province", "platform-1") if own else Principal("registrar", "xfj", "desk-1")
        receipt = await file_case(self.runtime.handling("intake"), who, FileCase.model_validate(fields), DEMO)
        respondent = fields.get("respondent")
        moved: When = date.fromisoformat(fields["received_at"]) if "received_at" in fields else self.clock.now()
        matter = Matter(
            "registered",
            moved,
            {"province": "province"}.get(fields["channel"]),
            respondent["org"] if respondent else None,
            fields.get("class"),
            fields["subject"],
            fields["place"],
            own_code=own,
        )
        self.lived.append(Lived(receipt.case, matter))
        await self.settle()
        await self.absorb(self.lived[-1])

    # ---- one step

    async def take(self, step: Step) -> Verdict:
        """Do it, and compare. Raises Disagreement."""
        self.clock.advance(step.wait)
        if step.tick:
            await self.look()
        lived = self.lived[step.case]
        await self.absorb(lived)
        attempt = Attempt(
            step.who, step.command, step.fields, _date(step.days_off, self.clock.now()), self.clock.now(), step.stale
        )
        wanted = verdict(lived.matter, attempt)
        lived.story.append(f"{attempt.now:%m-%d %H:%M} {step.who.key} {step.command} {step.fields} at={attempt.at}")
        got, why = await self._give(lived, step, attempt)
        self.outcomes[got] += 1
        self.commands[f"{step.command} {got}"] += 1
        self.states[lived.matter.state] += 1
        bound = TABLE[step.command].or_a_supervisor and step.who not in FREE.get(why, ACTORS)
        if wanted.outcome == "either" and (got in ("done", "nothing", "refused") or bound):
            wanted = Verdict(got)  # type: ignore[arg-type]
        if got != wanted.outcome:
            raise Disagreement(
                f"{step.command} by {step.who.role}:{step.who.org} while {lived.matter.state}:"
                f" the table says {wanted.outcome} ({wanted.why or '-'}), the product {got} ({why})"
            )
        if got == "done":
            apply(lived.matter, attempt)
            await self.settle()
            await self.absorb(lived, step.command)
        return wanted

    async def _uploaded(self, owner: str, upload: str) -> None:
        async def content() -> AsyncIterator[bytes]:
            yield b"a photograph"

        files = self.runtime.ports.files
        await files.begin_upload(owner, upload)
        await files.append(owner, upload, 0, content())
        await files.finish(owner, upload, details=FileDetails("image/jpeg", "photo"))

    async def _give(self, lived: Lived, step: Step, attempt: Attempt) -> tuple[str, str]:
        """The product's answer as an outcome of the table, with its text."""
        value: dict[str, Any] = {"command": step.command, "command_id": f"m-{self._ids}", **step.fields}
        self._ids += 1
        if attempt.at is not None:
            value["effective_at"] = attempt.at.isoformat()
        value["expected_version"] = lived.acted - 1 if step.stale else lived.acted
        body = validated(MODELS[step.command], value)
        principal = self._principal(step, lived)
        for upload in value.get("files", ()):
            await self._uploaded(owner_of(principal), upload)
        log = self.runtime.ports.log
        before = (await log.load(f"case/{lived.id}"))[-1].last
        try:
            done, _case = await give(self.runtime.ports, principal, lived.id, RULES[step.command], body)
        except Refused as refused:
            _well_refused(refused)
            if (await log.load(f"case/{lived.id}"))[-1].last != before:
                raise Disagreement(f"a refusal of {step.command} wrote into the log") from None
            outcome = {Unknown: "hidden", Denied: "denied"}.get(type(refused), "refused")
            return outcome, refused.code
        if done.commit is None:
            return "nothing", "no event"
        if step.repeat:
            again, _case = await give(self.runtime.ports, principal, lived.id, RULES[step.command], body)
            if not again.repeated or again.commit != done.commit:
                raise Disagreement(f"{step.command} with the same id was not answered as the first time")
        return "done", ", ".join(event.type for event in done.commit.recorded)

    def _principal(self, step: Step, lived: Lived) -> Principal:
        who = step.who
        if who.role != "citizen":
            person = who.key if who.role == "clerk" else None
            return Principal(who.role, who.org, who.key, person=person, head=who.head)  # type: ignore[arg-type]
        own = lived.id if who.key == "own" else self.lived[step.case - 1].id
        return Principal("citizen", None, who.key, case=own)

    # ---- automatic actions of the county

    async def absorb(self, lived: Lived, command: str = "") -> None:
        """Apply the appended events to the card, check it, and compare it with the product's state."""
        matter = lived.matter
        for commit in await self.runtime.ports.log.load(f"case/{lived.id}", after=lived.version):
            for event in commit.recorded:
                lived.version = event.version
                by_ticker = event.type in TICKER or (event.type == "Urged" and event.actor.role == "service")
                lived.acted = lived.acted if by_ticker else event.version
                if matter.state in ENDED and event.actor.role == "service" and event.type not in AFTER_CLOSING:
                    raise Disagreement(f"{event.type} by a service after the case was {matter.state}")
                if event.actor.role == "service":
                    self._by_service(matter, event)
        case = (await self.runtime.ports.cases.get(lived.id))[0]
        for path in _COMPARED:
            name, value = path.rpartition(".")[2], attrgetter(path)(case)
            if value != getattr(matter, name):
                raise Disagreement(
                    f"after {command or 'what the services did'} {name} is {value}"
                    f" and in the table {getattr(matter, name)}"
                )

    @staticmethod
    def _by_service(matter: Matter, event: Any) -> None:
        body = event.body
        if event.type == "CaseTransferred":
            if (
                matter.state != "registered"
                or body.org == matter.accused
                or matter.class_ in ("accusation", "consultation")
                or (matter.class_ == "litigation" and body.org != "zfw")
            ):
                raise Disagreement(f"routed by itself while {matter.state}, {matter.class_}")
            matter.state, matter.moved = "dispatched", event.effective_at
            matter.given_to(body.org)
        elif event.type == "CaseClassified":
            matter.class_ = body.class_ or matter.class_
        elif event.type == "AssignmentDelivered":
            if body.org != matter.org:
                raise Disagreement("delivered to an organisation that does not have it")
            matter.delivered = event.effective_at
        elif event.type == "ReviewBodyNamed":
            if partial(matter, body.body):
                raise Disagreement(f"{body.body} reviews what it has to do with")
            matter.reviewer, matter.review_begun = body.body, False
        elif event.type == "ReviewWindowLapsed":
            opened, heard = (
                (matter.reply_open, matter.reply_heard)
                if body.clock == "C6"
                else (matter.opinion_open, matter.opinion_received)
            )
            if not (opened and heard) or day(event.recorded_at) <= calendar_days_after(opened, REVIEW_DAYS):
                raise Disagreement(f"the window of {body.clock} lapsed while the petitioner could ask")
        elif event.type == "CaseWithdrawn":
            asked = matter.withdrawal
            if asked is None or asked.waits_for_person(sealed=sealed(matter)) or matter.state not in OPEN:
                raise Disagreement("withdrawn without a request, or without the person who confirms it")
            if day(event.effective_at) < asked.day + COOLING_OFF:
                raise Disagreement("withdrawn before the cooling-off period was over")
            matter.state, matter.moved, matter.withdrawal = "withdrawn", event.effective_at, None
        elif event.type not in TICKER | {"QueuedForDispatch", "EvaluationInvited", "Urged"}:
            raise Disagreement(f"a service wrote {event.type}")

    async def settle(self) -> None:
        await self.runtime.ports.feed.drain()  # type: ignore[attr-defined]

    async def look(self) -> None:
        (ticker,) = (part.ticker for part in self.runtime.parts if part.ticker is not None)
        while await ticker.look():
            await self.settle()

    async def finish(self) -> None:
        """Check the invariants of the whole log. Raises Disagreement."""
        await self.look()
        findings = [finding async for finding in self.runtime.ports.log.verify()]
        if findings:
            raise Disagreement(f"the log does not verify: {findings[0]}")
        for lived in self.lived:
            await self.absorb(lived)
            await self._check(lived)
            asked = lived.matter.withdrawal
            if asked is None or asked.waits_for_person(sealed=sealed(lived.matter)):
                continue
            if lived.matter.state in OPEN and asked.day + COOLING_OFF + DAY < day(self.clock.now()):
                raise Disagreement("a withdrawal does not take effect")

    async def _check(self, lived: Lived) -> None:
        fired: Counter[tuple[Any, ...]] = Counter()
        ended = False
        for commit in await self.runtime.ports.log.load(f"case/{lived.id}"):
            for event in commit.recorded:
                if event.type in TICKER:
                    rung = getattr(event.body, "rung", "breach" if event.type == "DeadlineBreached" else "lift")
                    clock = getattr(event.body, "clock", "unread")
                    fired[clock, getattr(event.body, "episode", getattr(event.body, "of", 0)), rung] += 1
                if ended and event.type not in AFTER_CLOSING:
                    raise Disagreement(f"{event.type} after the case had ended")
                ended = event.type in ("CaseClosed", "CaseWithdrawn", "CaseVoided") or (
                    ended
                    and event.type
                    not in ("RedoOrdered", "ReviewRequested", "ReReviewRequested", "NotCompetentDeclared")
                )
        twice = [rung for rung, times in fired.items() if times > 1]
        if twice:
            raise Disagreement(f"a rung fired twice: {twice[0]}")


def _well_refused(refused: Refused) -> None:
    if not _CODE.fullmatch(refused.code) or not refused.detail.endswith((".", ")")) or " " not in refused.detail:
        raise Disagreement(f"a refusal without code or sentence: {refused.code}: {refused.detail}")
    if refused.detail_zh is None or not (_CHINESE.search(refused.detail_zh) and refused.detail_zh.endswith("。")):
        raise Disagreement(f"a refusal without a Chinese sentence: {refused.code}: {refused.detail_zh}")


def _date(days_off: float | None, now: datetime) -> When | None:
    if days_off is None:
        return None
    then = now + timedelta(days=days_off)
    return then.astimezone(ZONE).date() if days_off == int(days_off) else then


@asynccontextmanager
async def desk(start: datetime) -> AsyncIterator[Desk]:
    clock = SetClock(start)
    ports = memory_ports(clock)
    runtime = compose(Settings(), ports)
    runtime.parts = [part for part in runtime.parts if part.name != "analytics"]
    await runtime.start(tasks=False)
    try:
        await activate(runtime.ports, "demo", DEMO, date(2000, 1, 1))
        yield Desk(runtime, clock)
    finally:
        await runtime.stop()


# ---- random steps


def _filing(dice: Random, number: int, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "channel": dice.choice(("web", "letter", "province")),
        "item": f"model-{number}",
        "text": "反映的问题",
        "place": dice.choice(("dh-yl", "sl", "sl")),
        "subject": dice.choice(("0102", "0301", "1101", "1502", "1502")),
    }
    class_ = dice.choice((None, "claim", "claim", "suggestion", "consultation", "litigation", "accusation"))
    if class_ is not None:
        fields["class"] = class_
    if class_ == "accusation":  # a claim about an organisation is a suspected accusation
        fields["respondent"] = {"name": "某人", "org": dice.choice(("zj", "jt", "jjw"))}
    if dice.random() < 0.3:
        fields["received_at"] = (now.astimezone(ZONE).date() - timedelta(days=dice.randrange(9))).isoformat()
    return fields


def _fields(command: str, dice: Random, now: datetime) -> dict[str, Any]:
    org = dice.choice(("zj", "zj", "jt", "jjw", "zfw", "dhq", "nowhere"))
    today = now.astimezone(ZONE).date()
    if command == "dispatch":
        found: dict[str, Any] = {"org": org, "kind": dice.choice(("transfer", "transfer", "assignment"))}
        if dice.random() < 0.6:
            found["due"] = (today + timedelta(days=dice.choice((-2, 10, 40)))).isoformat()
        if dice.random() < 0.2:
            found["class"] = dice.choice(("claim", "suggestion"))
        return found | ({"path": dice.randint(1, 6)} if dice.random() < 0.2 else {})
    if command == "rule_jurisdiction":
        return {"org": org, "assist": list(dice.choice(((), (), ("jt",), ("zj", "jt"))))}
    if command in ("accept", "order_acceptance"):
        path = {"path": dice.choice((6, 6, 6, 6, 1, 4, 5))} if dice.random() < 0.85 else {}
        return path | ({"text": "应予受理"} if command == "order_acceptance" else {})
    if command == "record_hearing":
        first, last = (
            today + timedelta(days=dice.choice(((-3, -2), (-1, 0), (-1, 0), (0, 1), (0, -1)))[place])
            for place in (0, 1)
        )
        return {"from": first.isoformat(), "to": last.isoformat()}
    if command in ("issue_review_opinion", "issue_re_review_opinion"):
        result = dice.choice(("upheld", "changed", "redo")[: 3 if command == "issue_review_opinion" else 2])
        decision = {"decision": dice.choice(("supported", "explained", "not_supported"))} if result == "changed" else {}
        return {"result": result, "text": "意见", **decision}
    if command == "correct":
        name = dice.choice(("subject", "place", "class"))
        values = {
            "subject": ("0102", "0301", "1502"),
            "place": ("dh-yl", "sl"),
            "class": CLASSES,
        }
        return {"field": name, "new": dice.choice(values[name])}
    return {
        "answer_at_once": lambda: {"text": "答复"},
        "guide": lambda: {"path": dice.choice((1, 2, 3, 4, 4, 5, 6)), **GUIDANCE},
        "record_not_competent": lambda: {"organ": "复议机构", "reference": "不予受理"}
        | dice.choice(({}, {"path": 5}, {"path": 6})),
        "lead_into": lambda: {
            "path": dice.choice((1, 2, 3, 4, 4, 6)), "procedure": "行政裁决", "reference": "裁1号", "reason": "属于裁决事项",
            "opened_on": (today + timedelta(days=dice.choice((-3, 0, 0, 2)))).isoformat(),
        },
        "perform_duty": lambda: {
            "result": dice.choice(("performed", "refused", "answered")), "basis": ["某法第一条"], "text": "已查处",
        },
        "answer_consultation": lambda: {"text": "答复"},
        "finish_accusation": lambda: {"text": "办理结果"},
        "serve_on_paper": lambda: {"document": dice.choice(("reply", "reply", "notice"))},
        "deliver_reply": lambda: {"mode": dice.choice(MODES), **PROOF_OF_SERVICE},
        "answer_followers": lambda: {"electronic": dice.random() < 0.5},
        "record_failed_service": lambda: {
            "document": dice.choice(("reply", "notice")), "mode": "post", "reason_code": "unclaimed",
        },
        "prepare_notice": lambda: {"kind": dice.choice(("acceptance", "extension", "transfer")), "remarks": "附件一份"},
        "confirm_delivery_address": lambda: {"electronic": dice.random() < 0.7, "kind": "sms", "address": "13900000000"},
        "consent_to_messages": lambda: {"channel": "sms", "consent": dice.random() < 0.5},
        "ask_petitioner": lambda: {"questions": ["何时发现？"]},
        "verify_return": lambda: {"agreed": dice.random() < 0.4},
        "refer_dispute": lambda: {"reason": "意见不一"},
        "request_return": lambda: {"reason_code": "other", "reason": "不属于我单位职责"},
        "not_accept": lambda: {"reason_code": "other", "reason": "理由", "remedy": "可以申请复查"},
        "serve_notice": lambda: {
            "kind": dice.choice(("acceptance", "non_acceptance", "exempt", "guidance", "led_into")), "reason": "说明",
            "mode": dice.choice(MODES), **PROOF_OF_SERVICE,
        },
        "record_step": lambda: {"step": "site_visit"},
        "ask_extension": lambda: {"days": dice.choice((5, 10, 30)), "reason": "复杂"},
        "grant_extension": lambda: {"days": dice.choice((5, 10, 20, 30, 31)), "approver": "office"},
        "refuse_extension": lambda: {"reason": "不必"},
        "record_mediation": lambda: dice.choice(({"outcome": "offered"}, {"outcome": "agreed", "text": "协议"})),
        "refuse_review": lambda: {"reason": "无正当理由"},
        "no_longer_accept": lambda: {"concluded": "0" * 32, "reason": "同一事实"},
        "decide": lambda: {"result": dice.choice(("supported", "explained", "not_supported")), "basis": ["条例"], "text": "意见"},
        "answer_suggestion": lambda: {"result": dice.choice(("adopted", "not_adopted")), "text": "答复"},
        "correct_reply": lambda: {"text": "更正"},
        "file_report": lambda: {"text": "报告"},
        "add_material": lambda: {"text": "补充"},
        "attach_file": lambda: {"files": [f"u-{dice.randrange(10**9)}"]},
        "check_extension": lambda: {"result": "finding", "ground": "no_reason", "text": "理由不充分"},
        "confirm_date": lambda: {"of": 1, "evidence": "letter", "reference": "1"},
        "correct_party": lambda: {"name": "某"},
        "evaluate": lambda: {
            "object": dice.choice(("organisation", "petition_office")),
            "grade": dice.choice(("satisfied", "basically_satisfied", "dissatisfied")),
        },
        "name_review_body": lambda: {"body": dice.choice(("fc", "sfc", "zj", "jt", "nowhere"))},
        "name_representatives": lambda: {"parties": ["p1"]},
        "forward_down": lambda: {"to": dice.choice(("dhyl", "dhyl", "jt", "nowhere"))},
        "hand_back": lambda: {"reason_code": "other"},
        "void": lambda: {"reason_code": "other"},
        "decline_erasure": lambda: {"text": "档案须保存"},
        "erase_party": lambda: {"party": "p1", "ground": "requested", "number": "another"},
        "link": lambda: {"lead": "0" * 32, "reason": "同一事项"},
        "unlink": lambda: {"reason": "并非同一事项"},
        "renew_query_code": lambda: {"reason": "回执遗失"},
        "confirm_sealed_withdrawal": lambda: {"reason": "已当面核实"},
        "decline_sealed_withdrawal": lambda: {"reason": "并非本人意愿"},
        "follow_up": lambda: dice.choice(({"reached": False}, {"reached": True, "satisfied": dice.random() < 0.6})),
        "order_redo": lambda: {"ground": "other"},
        "open_supervision": lambda: {"ground": "delay", "text": "拖延"} | dice.choice(({}, {"decider": "xfj"})),
        "void_rungs": lambda: {"rungs": [{"clock": "C9", "episode": 0, "rung": "breach"}], "text": "时钟错误"},
        "close_supervision": lambda: {"text": "已整改"},
        "close": lambda: {
            "kind": dice.choice(
                ("resolved_confirmed", "resolved_unconfirmed", "settled", "explained", "not_supported", "guided",
                 "led_into", "not_accepted", "closed_unresolved", "withdrawn", "merged")
            )
        } | ({"text": "说明"} if dice.random() < 0.7 else {}),
    }.get(command, dict)()  # fmt: skip


def _proof(command: str, who: Who, dice: Random) -> dict[str, Any]:
    """What an office has to say for the petitioner, now and then wrong or left out."""
    if TABLE[command].unproven is never or (who.role == "registrar") == (dice.random() < 0.1):
        return {}
    found: dict[str, Any] = {"evidence": dice.choice(("signed_form", "signed_form", "recording", "letter"))}
    if dice.random() < 0.9:
        found["reference"] = "卷1"
    return found | ({"present": "家属"} if command == "withdraw" and dice.random() < 0.9 else {})


PROOF_OF_SERVICE = {"reference": "回执1号", "witnesses": ["见证人甲", "见证人乙"]}
MODES = ("in_person", "in_person", "in_person", "post", "electronic", "left", "public")
CLASSES = (*("claim", "suggestion") * 8, "accusation")
"""To an accusation less often: it takes a case back to its beginning."""
NOW_ONLY = frozenset({"ask_extension", "grant_extension", "refuse_extension"})
"""A grant that is dated back may lie in an earlier period: the table keeps the present one only."""
ENDS = {"withdraw": 0.5, "void": 0.1, "link": 0.1, "unlink": 0.1}
"""Weight of a command that ends everything, or that these cases know nothing of."""
LATE = {
    "request_review": 6.0,
    "name_review_body": 6.0,
    "accept_review": 3.0,
    "issue_review_opinion": 4.0,
    "deliver_opinion": 3.0,
    "dispatch": 3.0,
    "accept": 2.0,
    "decide": 4.0,
    "deliver_reply": 3.0,
    "confirm_withdrawal": 6.0,
    "confirm_sealed_withdrawal": 10.0,
    "decline_sealed_withdrawal": 10.0,
    "request_re_review": 8.0,
    "issue_re_review_opinion": 6.0,
    "grant_extension": 3.0,
    "serve_extension_notice": 4.0,
    "verify_return": 4.0,
    "record_not_competent": 3.0,
    "finish_accusation": 3.0,
    "answer_consultation": 3.0,
    "perform_duty": 2.0,
}
"""More weight for what stands at the end of the longest way."""
SLOW = {
    "withdraw": 0.1, "void": 0.02, "answer_at_once": 0.2, "guide": 0.1,
    "lead_into": 0.1, "recall": 0.2, "nudge": 0.1, "add_material": 0.1, "attach_file": 0.1,
    "consent_to_messages": 0.1, "ask_petitioner": 0.1,
    "renew_query_code": 0.1, "confirm_delivery_address": 0.1, "follow_up": 0.2, "correct_reply": 0.2,
    "correct": 0.2, "serve_notice": 0.3, "request_confidentiality": 0.2, "urge": 0.3, "open_supervision": 0.2,
    "close_supervision": 0.2, "record_hearing": 0.3,
    "prepare_notice": 0.03, "record_failed_service": 0.05, "answer_followers": 0.03,
}  # fmt: skip
"""How often a step is taken that ends a case early or gets it nowhere, where another could be."""


def next_step(made: Desk, dice: Random) -> Step:
    """A random action by a random actor; more often one of those that the table accepts, so that cases progress."""
    tried = [_any_step(made, dice) for _ in range(1 if dice.random() < 0.4 else 24)]
    return next(
        (step for step in tried if _makes_progress(made, step) and dice.random() < SLOW.get(step.command, 1)), tried[0]
    )


def _any_step(made: Desk, dice: Random) -> Step:
    case = dice.randrange(len(made.lived))
    if made.lived[case].matter.state in ENDED and dice.random() < 0.7:
        case = dice.randrange(len(made.lived))
    matter = made.lived[case].matter
    wait = dice.choice((60.0, 3600.0, 7200.0, 20000.0, 90000.0))
    (command,) = dice.choices(list(TABLE), [ENDS.get(name, 1.0) * LATE.get(name, 1.0) for name in TABLE])
    actors = [who for who in ACTORS if knows(matter, who) and may(TABLE[command], matter, who)]
    who = dice.choice(actors if actors and dice.random() < 0.75 else ACTORS)
    off: float | None = None
    if dice.random() < 0.25:
        late = (0.5, 2.0) if command in NOW_ONLY else (0.5, 2.0, 0.0, 0.0, -1.0, -3.0, -0.02, -0.3, -1.7)
        off = dice.choice(late)
    fields = {**_fields(command, dice, made.clock.now() + timedelta(seconds=wait)), **_proof(command, who, dice)}
    return Step(
        case, wait, who, command, fields, off,
        stale=dice.random() < 0.04, repeat=dice.random() < 0.05, tick=dice.random() < 0.15,
    )  # fmt: skip


def _makes_progress(made: Desk, step: Step) -> bool:
    now = made.clock.now() + timedelta(seconds=step.wait)
    attempt = Attempt(step.who, step.command, step.fields, _date(step.days_off, now), now, step.stale)
    return verdict(made.lived[step.case].matter, attempt).outcome in ("done", "either")


# ---- runs


@dataclass
class Run:
    """The result of a run."""

    steps: list[Step]
    outcomes: Counter[str]
    commands: Counter[str]
    states: Counter[str]
    trouble: str | None = None
    story: tuple[str, ...] = ()


def start_of(seed: int) -> datetime:
    """Some morning of 2024 or the first half of 2025: the calendar that the table uses ends with 2026."""
    return datetime(2024, 1, 2, 9, tzinfo=ZONE) + timedelta(days=Random(f"{seed}:start").randrange(520))


async def live(seed: int, number: int = 0, steps: Sequence[Step] | None = None) -> Run:
    """A county of this seed with `number` random steps, or with the given ones."""
    dice = Random(f"{seed}:steps")
    taken: list[Step] = []
    async with desk(start_of(seed)) as made:
        trouble: str | None = None
        story: tuple[str, ...] = ()
        filing = Random(f"{seed}:filing")
        for _ in range(CASES):
            await made.file(filing)
            made.clock.advance(60)
        try:
            for turn in range(number if steps is None else len(steps)):
                taken.append(next_step(made, dice) if steps is None else steps[turn])
                await made.take(taken[-1])
            await made.finish()
        except Disagreement as found:
            trouble = str(found)
            story = tuple(made.lived[taken[-1].case].story) if taken else ()
        return Run(taken, made.outcomes, made.commands, made.states, trouble, story)


async def shrunk(seed: int, run: Run) -> Run:
    """The same disagreement with as few steps as possible: halves, quarters, … single steps are left out while it stays, and
    with them the time that they took, or that time passes before the next step instead."""
    size = max(1, len(run.steps) // 2)
    while True:
        place, smaller = 0, run
        while place < len(smaller.steps):
            for steps in _without(smaller.steps, place, size):
                tried = await live(seed, steps=steps)
                if tried.trouble == run.trouble:
                    smaller = tried
                    break
            else:
                place += size
        if size == 1 and len(smaller.steps) == len(run.steps):
            return smaller
        run, size = smaller, max(1, size // 2)


def _without(steps: Sequence[Step], place: int, size: int) -> Iterator[tuple[Step, ...]]:
    """The steps without `size` of them: their time removed, or spent waiting."""
    before, gone, after = steps[:place], steps[place : place + size], steps[place + size :]
    yield (*before, *after)
    if after:
        yield (*before, after[0]._replace(wait=after[0].wait + sum(one.wait for one in gone)), *after[1:])


def report(seed: int, run: Run) -> str:
    lines = "\n  ".join(run.story)
    return f"seed {seed}: {run.trouble}\nafter {len(run.steps)} steps, of this case:\n  {lines}"


async def campaign(seeds: Sequence[int], steps: int) -> tuple[list[str], Counter[str], Counter[str], Counter[str]]:
    """Run the counties of `seeds`. Returns the shrunk disagreements and the number of each outcome."""
    troubles: list[str] = []
    totals: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    for seed in seeds:
        run = await live(seed, steps)
        for total, one in zip(totals, (run.outcomes, run.commands, run.states), strict=True):
            total.update(one)
        if run.trouble is not None:
            troubles.append(report(seed, await shrunk(seed, run)))
        await asyncio.sleep(0)
    return troubles, *totals
