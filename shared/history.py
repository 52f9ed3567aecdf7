"""History: cases from another system's export. Pure: (item, case) -> events.

A step that the export does not know is unknown: it is never invented. An item that comes again adds the steps that are
new and changes nothing else; what contradicts an earlier import is refused, with the field, and nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.access import Principal
from shared.case import EMPTY, MOVES, Case, Fact, evolve
from shared.commands import Fresh, Given
from shared.envelope import Recorded
from shared.events import REGISTRY, Event
from shared.events import intake as e
from shared.events.base import Class, Moment, Service
from shared.names import number, request_digest
from shared.policy.documents import ChannelClass
from shared.refusals import Invalid, Refused
from shared.times import When, before, day_of, instant_of, is_instant, to_text

CAUSE = "file"
"""Cause of the filing commit: one filing per case stream."""
GO_LIVE = "go-live"
TEXT_LIMIT = 100_000
"""Characters of one text."""
SHORT_LIMIT = 2_000
CODE_LIMIT = 128

STEPS: tuple[str, ...] = (
    "CaseReopened",
    "RedoOrdered",
    "Nudged",
    "MaterialAdded",
    "InstructionRecorded",
    "CaseClassified",
    "CaseTransferred",
    "CaseAssigned",
    "AssignmentDelivered",
    "SignedFor",
    "ReturnRequested",
    "ReturnVerified",
    "JurisdictionDisputed",
    "JurisdictionRuled",
    "ReRegistrationBarred",
    "StatutoryPathGuided",
    "NotAccepted",
    "AcceptanceOrdered",
    "Accepted",
    "NoticeServed",
    "InvestigationStepRecorded",
    "HearingHeld",
    "MediationOffered",
    "ExtensionRequested",
    "ExtensionGranted",
    "ExtensionRefused",
    "MediationAgreed",
    "SuggestionAnswered",
    "DutyPerformed",
    "DecisionIssued",
    "AnsweredAtOnce",
    "ReplyDelivered",
    "ReplyCorrected",
    "ExecutionConfirmed",
    "ClosingReportFiled",
    "Urged",
    "SupervisionOpened",
    "SupervisionClosed",
    "ReviewRequested",
    "ReviewOpinionIssued",
    "ReReviewRequested",
    "ReReviewOpinionIssued",
    "EvaluationInvited",
    "EvaluationSubmitted",
    "FollowUpRecorded",
    "CaseWithdrawn",
    "CaseVoided",
    "CaseClosed",
    "Concluded",
)
"""Event types that an export may tell of, in the usual order of a case: the order of steps of one day whose hour is not
known. What only our own machinery writes is not among them."""
_RANK = {name: rank for rank, name in enumerate(STEPS)}
_BY_KIND = frozenset({"NoticeServed", "EvaluationInvited", "EvaluationSubmitted", "InvestigationStepRecorded"})
"""Types whose kind says *which* of several parallel things happened, not how one thing ended."""

Code = Annotated[str, Field(min_length=1, max_length=CODE_LIMIT)]
Short = Annotated[str, Field(min_length=1, max_length=SHORT_LIMIT)]
Long = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
DueResult = Literal["equal", "different", "not_derived"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class HistoryStep(_Part):
    """One thing that the export knows to have happened."""

    type: Annotated[str, Field(max_length=80)] = Field(description="Type of the event, one of STEPS")
    effective_at: Moment = Field(description="When: an instant with offset, or a date")
    body: dict[str, Any] = Field(default_factory=dict, description="Fields of that event")


class Filing(_Part):
    """What was filed. Unknown fields stay out."""

    received_at: Moment
    title: Short | None = None
    text: Long | None = None
    place: Code | None = None
    subject: Code | None = None
    level: Code | None = None
    class_: Class | None = Field(None, alias="class")
    location: Short | None = None
    received_by: Code | None = None
    anonymous: bool = False
    confidential: bool = False
    name: Short | None = None
    phone: Short | None = None
    id_number: Short | None = None
    address: Short | None = None


class HistoryOrganisation(_Part):
    """Who was responsible, as the source names it. `create`: add it to the list when it is not there."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    create: bool = False


class HistoryDue(_Part):
    """A due date that the source states; compared with the derived one, never stored."""

    clock: Code
    at: Moment


class Told(NamedTuple):
    """A step, and what it will be among the facts of a case."""

    step: HistoryStep
    fact: Fact


class HistoryItem(_Part):
    """One row of an export."""

    line: int = Field(ge=0)
    channel: Code
    channel_class: ChannelClass | None = Field(None, description="Only where the policy does not know the channel")
    item: Code
    filing: Filing
    org: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    organisation: HistoryOrganisation | None = None
    steps: Annotated[tuple[HistoryStep, ...], Field(max_length=200)] = ()
    due: HistoryDue | None = None
    go_live: bool = False

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """The steps with what they will be among the facts of a case; each once. Raises Invalid."""
        found: dict[tuple[str, bytes], Told] = {}
        for step in self.steps:  # one thing told by two columns is one thing
            same = orjson.dumps([to_text(step.effective_at), step.body], option=orjson.OPT_SORT_KEYS)
            found.setdefault((step.type, same), Told(step, as_fact(step, body_of(step, "-"))))
        return tuple(found.values())


class DueCompared(NamedTuple):
    """The date that the source states beside the derived one."""

    clock: str
    result: DueResult
    stated: When
    derived: datetime | None


class ItemResult(NamedTuple):
    """What came of one row."""

    line: int
    result: Literal["added", "extended", "same", "refused"]
    steps_added: int = 0
    code: str | None = None
    why: str | None = None
    why_zh: str | None = None
    field: str | None = None
    due: DueCompared | None = None


def digest(key: bytes, case_id: str, item: HistoryItem) -> str:
    """Tells whether an item's filing is the one that was imported before."""
    content = orjson.dumps(
        item.filing.model_dump(mode="json", exclude_none=True, exclude_defaults=True), option=orjson.OPT_SORT_KEYS
    )
    return request_digest(key, case_id, b"history:" + content)


def steps_digest(key: bytes, case_id: str, steps: Iterable[HistoryStep]) -> str:
    """The same for the steps of one commit."""
    content = orjson.dumps([step.model_dump(mode="json") for step in steps], option=orjson.OPT_SORT_KEYS)
    return request_digest(key, case_id, b"steps:" + content)


def organisation_code(name: str) -> str:
    """A code for an organisation that the source knows by name only: always the same one for the same name."""
    plain = re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-") if name.isascii() else ""
    if plain and len(plain) <= 60:
        return plain
    return "ORG-" + hashlib.sha256(" ".join(name.split()).encode()).hexdigest()[:10].upper()


def register(item: HistoryItem, case: Case, given: Given, case_id: str) -> list[Fresh]:
    """Register the filing; nothing when the case exists. Raises Invalid `unknown_channel`."""
    if case.exists:
        return []
    book, filing = given.book, item.filing
    channel = book.channel(item.channel)
    channel_class = channel.class_ if channel is not None else item.channel_class
    if channel_class is None:
        raise Invalid(
            "unknown_channel",
            "This channel is not in the policy of the jurisdiction: add it there, or give its class in the mapping.",
            why_zh="该渠道不在本辖区的渠道目录中：请先添加，或在映射文件中写明渠道类别。",
            field="channel",
        )
    known_place = not book.places or book.knows_place(filing.place)
    known_subject = not book.subjects or book.knows_subject(filing.subject)
    at = filing.received_at
    events: list[Event] = [
        e.CaseRegistered(
            number=number(case_id, day_of(at, book.zone).year),
            channel=item.channel,
            channel_class=channel_class,
            place=filing.place if known_place else None,
            subject=filing.subject if known_subject else None,
            level=filing.level,
            class_=filing.class_,
            received_by=filing.received_by or (channel.received_by if channel is not None else None),
            org=item.org,
            anonymous=filing.anonymous,
            confidential=filing.confidential,
            item=item.item,
            title=filing.title,
            text=filing.text,
            location=filing.location,
            place_text=None if known_place else filing.place,
            subject_text=None if known_subject else filing.subject,
        )
    ]
    if any((filing.name, filing.phone, filing.id_number, filing.address)):
        events.append(
            e.PartyRecorded(
                party="p1",
                role="petitioner",
                name=filing.name,
                phone=filing.phone,
                id_number=filing.id_number,
                address=filing.address,
            )
        )
    return [Fresh(event, at) for event in events]


# ---------------------------------------------------------------- steps


def body_of(step: HistoryStep, org: str | None = None) -> Event:
    """The event of a step, validated. A required `org` that the step leaves out is the responsible organisation.

    Raises Invalid with the field; the message never quotes a value.
    """
    if step.type not in _RANK:
        raise Invalid(
            "step_not_importable",
            "This event type cannot come from an export. The types that can are listed in docs/import.md.",
            why_zh="该事件类型不能由导入产生，可用的类型见 docs/import.md。",
            field="steps.type",
        )
    model = REGISTRY[step.type]
    unknown = sorted(set(step.body) - set(model.model_fields))
    if unknown:
        raise Invalid(
            "unknown_field",
            f"{step.type} has no such field.",
            why_zh=f"事件 {step.type} 没有该字段。",
            field=f"steps.{step.type}.{unknown[0][:60]}",
        )
    body = {name: value for name, value in step.body.items() if value is not None}
    wants = model.model_fields.get("org")
    if wants is not None and wants.is_required() and "org" not in body and org is not None:
        body["org"] = org
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            "invalid_step",
            f"A field of {step.type} is missing or has a wrong value; docs/import.md lists what is allowed.",
            why_zh=f"事件 {step.type} 的字段缺失或取值不对，可用的取值见 docs/import.md。",
            field=f"steps.{step.type}.{field[:60]}",
        ) from None


def as_fact(step: HistoryStep, body: Event) -> Fact:
    """What the step will be among the facts of a case."""
    actor = Principal("service", None, "history").actor
    at = step.effective_at
    now = instant_of(at, "UTC")
    event = Recorded("", "", 1, step.type, 1, "", at, now, "history", actor, "", None, None, None, body, ())
    return evolve(EMPTY, event).facts[-1]


def _key(fact: Fact) -> tuple[When, str | None, When | None, int]:
    return fact.effective_at, fact.kind, fact.due, fact.days


def _group(fact: Fact) -> tuple[str, str | None]:
    return fact.name, fact.kind if fact.name in _BY_KIND else None


def in_order(steps: Iterable[HistoryStep], zone: str) -> list[HistoryStep]:
    """By time. On one day, steps of which only the date is known stand where they usually come in a case."""
    days: dict[Any, list[HistoryStep]] = {}
    for step in steps:
        days.setdefault(day_of(step.effective_at, zone), []).append(step)
    ordered: list[HistoryStep] = []
    for day in sorted(days):
        own = sorted(days[day], key=lambda step: _RANK.get(step.type, 0))
        timed = sorted((step for step in own if is_instant(step.effective_at)), key=lambda step: _at(step, zone))
        for step in own:
            if is_instant(step.effective_at):
                continue
            place = next((at for at, other in enumerate(timed) if _rank(other) > _rank(step)), len(timed))
            timed.insert(place, step)
        ordered += timed
    return ordered


def _at(step: HistoryStep, zone: str) -> Any:
    return instant_of(step.effective_at, zone)


def _rank(step: HistoryStep) -> int:
    return _RANK.get(step.type, 0)


def pending(item: HistoryItem, case: Case, zone: str) -> list[HistoryStep]:
    """The steps that the case does not know yet, by time.

    Raises Refused `history_differs` where the export now tells another time or kind of a step that was imported, and
    `history_too_late` for a step that lies before the one that moved the case last: it cannot be put in between.
    """
    if case.state == "voided":  # nothing that came after means anything
        return []
    known = Counter((_group(fact), _key(fact)) for fact in case.facts)
    fresh: list[Told] = []
    for entry in item.told:
        place = _group(entry.fact), _key(entry.fact)
        if known[place]:
            known[place] -= 1
        else:
            fresh.append(entry)
    if not fresh:
        return []
    left = {group for (group, _), count in known.items() if count}
    for entry in fresh:
        if _group(entry.fact) in left:
            raise _differs(case, entry)
    if fresh and case.exists and case.live:
        raise Refused(
            "already_live",
            "This case is worked on here now: record the new step with a command, an export adds nothing any more.",
            why_zh="该件已转为在本系统办理，请用命令登记新的步骤，导入不再添加。",
            field="steps",
        )
    ordered = in_order((entry.step for entry in fresh), zone)
    for step in ordered:
        _check_late(step, case, zone)
    return ordered


def _differs(case: Case, entry: Told) -> Refused:
    same_time = any(
        fact.name == entry.fact.name and fact.effective_at == entry.fact.effective_at for fact in case.facts
    )
    field, what = ("kind", "类型") if same_time else ("effective_at", "时间")
    return Refused(
        "history_differs",
        f"{entry.fact.name} was imported before with another {'kind' if same_time else 'time'}. Nothing is overwritten: "
        "correct the case with case_corrected, or mend the export.",
        why_zh=f"{entry.fact.name} 此前导入的{what}不同。不会覆盖原有记录：请更正该件，或修正导出文件。",
        field=f"steps.{entry.fact.name}.{field}",
    )


def _check_late(step: HistoryStep, case: Case, zone: str) -> None:
    last = case.moved_at
    if last is None or step.type not in MOVES:
        return
    mover = next((fact for fact in reversed(case.facts) if fact.name in MOVES and fact.effective_at == last), None)
    usual = _RANK.get(mover.name, -1) if mover is not None else -1
    if before(step.effective_at, last, zone) or (not before(last, step.effective_at, zone) and _rank(step) < usual):
        raise Refused(
            "history_too_late",
            f"{step.type} lies before the step that moved this case last ({to_text(last)}), which was imported earlier; "
            "it cannot be put in between.",
            why_zh=f"{step.type} 早于该件此前已导入的最后一步（{to_text(last)}），不能再插入。",
            field=f"steps.{step.type}.effective_at",
        )


def runs(item: HistoryItem, case: Case, zone: str = "UTC") -> list[tuple[Service, list[HistoryStep]]]:
    """What is still to be appended, in consecutive runs by the service that owns the types. Raises as pending()."""
    grouped: list[tuple[Service, list[HistoryStep]]] = []
    for step in pending(item, case, zone):
        owner = REGISTRY[step.type].owner
        if grouped and grouped[-1][0] == owner:
            grouped[-1][1].append(step)
        else:
            grouped.append((owner, [step]))
    return grouped


def steps_fresh(steps: Sequence[HistoryStep], org: str | None = None) -> list[Fresh]:
    """The events of steps. Raises Invalid."""
    return [Fresh(body_of(step, org), step.effective_at) for step in steps]


def steps_cause(steps: Sequence[HistoryStep]) -> str:
    """Cause of the commit of a run: its first step, which is appended once and no more."""
    first = steps[0]
    kind = as_fact(first, body_of(first, "-")).kind
    return f"history:{first.type}:{to_text(first.effective_at)}:{kind or '-'}"


def go_live(case: Case) -> list[Fresh]:
    """Take an open imported case over; once."""
    if not case.exists or not case.open or case.live:
        return []
    return [Fresh(e.WentLive())]


def check_case(item: HistoryItem, case: Case) -> None:
    """Raises Refused when the case cannot take history: it was filed here, or the source names another organisation."""
    if not case.exists:
        return
    if case.origin != "history":
        raise Refused(
            "filed_live",
            "This item was filed here, it is no history: its steps are recorded with commands.",
            why_zh="该件是在本系统登记的，不是历史件，请用命令登记其步骤。",
            field="item",
        )
    named = any("org" in step.body for step in item.steps)
    if item.org is not None and not named and item.org != case.org and item.org not in case.past_orgs:
        raise Refused(
            "history_differs",
            "The source now names another organisation than the one imported. Nothing is overwritten: map the step "
            "that changed it (CaseTransferred with its date), or mend the export.",
            why_zh="来源现在给出的责任单位与此前导入的不同。不会覆盖：请映射带日期的转办步骤，或修正导出文件。",
            field="organisation",
        )
