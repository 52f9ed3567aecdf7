"""Corrections of imported cases: what the source states differently in a later export.

Compared is what the source said, not what people have corrected here since. A text can only be compared where it can still be
decrypted: what was erased is never brought back by an export.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.intake.history.case_of_row import in_policy
from services.intake.history.items import Filing, HistoryItem, HistoryStep, LeftOut
from services.intake.history.step_types import RANK
from services.intake.history.steps import Redated
from services.intake.text_similarity import TextProfile, likeness
from shared.case import Case, Fact, fold
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.deadlines.derivation import deadlines
from shared.events import intake as e
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import before, from_text, instant_of, to_text
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook

_ACTOR = Principal("service", None, "history").actor
_TEXTS = ("title", "text", "location")
_CODES = ("place", "subject", "level")
_PERSON = ("name", "phone", "id_number", "address")
_FIXED = ("class_", "received_by", "anonymous", "confidential")
"""Fields that a later export does not change: they decide who may see the case."""


class SourceView(NamedTuple):
    """What the source has said so far. `values`: by field of the filing; `steps`: (version, field) -> text of a step. `erased`: its
    texts cannot be compared any more."""

    values: dict[str, Any]
    steps: dict[tuple[int, str], Any]
    erased: frozenset[str]


class Changed(NamedTuple):
    """Corrections, and what was left unchanged."""

    events: list[NewEvent]
    left_out: list[LeftOut]

    @property
    def corrected(self) -> int:
        return sum(max(1, len(getattr(one.body, "fields", ()))) for one in self.events)


async def source_view(keys: KeyStore, events: Sequence[RecordedEvent]) -> SourceView:
    """What earlier exports said, from the events that they brought."""
    own = [event for event in events if event.origin == "history"]
    opened: dict[int, dict[str, Any]] = {}
    erased: set[str] = set()
    for part in await open_sealed(keys, own):
        opened.setdefault(part.version, {}).update(part.values)
        if part.erased:
            erased.add(part.party)
    values: dict[str, Any] = {}
    steps: dict[tuple[int, str], Any] = {}
    for event in own:
        body, sealed = event.body, opened.get(event.version, {})
        if isinstance(body, e.CaseRegistered):
            values |= {name: getattr(body, name) for name in (*_CODES, *_FIXED)}
            values |= {"received_at": event.effective_at, "org": body.org}
            values |= {name: sealed.get(name) for name in _TEXTS}
            values |= {name: sealed[f"{name}_text"] for name in _CODES if sealed.get(f"{name}_text")}
        elif isinstance(body, e.PartyRecorded) and body.party == "p1":
            values |= {name: sealed.get(name) for name in _PERSON}
        elif isinstance(body, e.PartyCorrected) and body.party == "p1":
            values |= {name: sealed[name] for name in _PERSON if sealed.get(name) is not None}
        elif isinstance(body, e.CaseCorrected):
            if body.field != "effective_at":
                values[body.field] = body.new
            elif body.of == 1 and body.new is not None:
                values["received_at"] = from_text(body.new)
        elif isinstance(body, e.SourceRestated):
            if body.of is not None:
                steps |= {(body.of, "text"): sealed.get("text")}
                continue
            values |= {name: sealed[name] for name in _TEXTS if sealed.get(name) is not None}
            values |= {name: sealed[f"{name}_text"] for name in _CODES if sealed.get(f"{name}_text")}
            values |= {"org": body.org} if body.org is not None else {}
            values |= {"received_at": body.received_at} if body.received_at is not None else {}
        else:
            steps |= {(event.version, name): value for name, value in sealed.items()}
    return SourceView(values, steps, frozenset(erased))


def changed_fields(filing: Filing, view: SourceView, book: PolicyBook) -> list[str]:
    """The fields of the filing that the source states otherwise now. A cell that is empty now changes nothing."""
    found = []
    place, subject = in_policy(filing, book)
    filing = filing.model_copy(update={"place": place, "subject": subject})
    for name in ("received_at", *_CODES, *_FIXED, *_TEXTS, *_PERSON):
        new = getattr(filing, name)
        if new is None or (name in (*_TEXTS, *_PERSON) and view.erased):
            continue
        if new != view.values.get(name) and not (new is False and not view.values.get(name)):
            found.append(name)
    return found


def emptied(item: HistoryItem, case: Case, view: SourceView | None) -> bool:
    """True if the row lacks a field of the filing or a step that another export had. What was imported is kept."""
    fields = (*_CODES, *_TEXTS, *_PERSON)
    if view is not None and any(getattr(item.filing, name) is None and view.values.get(name) for name in fields):
        return True
    stated = {step.type for step in item.steps}
    return any(fact.history and fact.name in RANK and fact.name not in (*stated, *_NO_ORDER) for fact in case.facts)


def _check_matter(item: HistoryItem, case: Case, view: SourceView, fields: Collection[str], zone: str) -> None:
    """Raise Refused `other_matter` for a row that has the number of this case and is another filing: a number that the source uses
    again. It is another one if its time and its text are others, or if all that happened in this case was before it."""
    if "received_at" not in fields:
        return
    filing = item.filing
    earlier = TextProfile(view.values.get("title") or "", view.values.get("text") or "")
    now = TextProfile(filing.title or "", filing.text or "")
    told = all(map(any, (earlier, now)))
    apart = abs((instant_of(filing.received_at, zone) - instant_of(view.values["received_at"], zone)).total_seconds())
    other_text = told and apart > _DAY and likeness(earlier, [now])[0] < _ALIKE
    dated = [fact.effective_at for fact in case.facts if fact.history and fact.name not in _NO_ORDER]
    all_before = bool(dated) and all(before(at, filing.received_at, zone) for at in dated)
    if other_text or (all_before and len(set(fields) - {"received_at"}) > 0):
        raise Refused(
            "other_matter",
            "This number belongs to another filing that was imported before: its time and its content are others. Nothing of this "
            "row was imported. If the source uses its numbers again, map `item` with the year: {join: [NUMBER, YEAR]}.",
            detail_zh="该编号此前已用于另一件（登记时间和内容均不同），本行未导入。"
            "如来源重复使用编号，请将 item 写成编号与年份相连：{join: [编号, 年份]}。",
            field="item",
        )


_NO_ORDER = frozenset({"CaseRegistered", "UndatedStepRecorded", "SourceStatedOpen"})
"""Facts that say nothing of the time of the handling."""
_DAY = 86_400
_ALIKE = 0.2
"""Texts that are less alike are not a corrected text (own choice)."""


def filing_changes(item: HistoryItem, case: Case, view: SourceView, book: PolicyBook) -> Changed:
    """The corrections of the filing. Raises Refused `same_id_other_content` where the mapping says `on_change: refuse`, and
    `other_matter`."""
    fields = changed_fields(item.filing, view, book)
    _check_matter(item, case, view, fields, book.zone)
    place, subject = in_policy(item.filing, book)
    filing = item.filing.model_copy(update={"place": place, "subject": subject})
    if not fields:
        return Changed([], [])
    if item.on_change == "refuse":
        raise Refused(
            "same_id_other_content",
            f"This item was imported before with other content: {', '.join(map(_shown, fields))}. Nothing is overwritten.",
            detail_zh=f"该件此前以不同的内容导入过（{'、'.join(map(_shown, fields))}），不会覆盖原有记录。",
            field="filing",
        )
    if item.on_change == "keep" or case.live or case.state == "voided":
        return Changed([], [_kept(name, live=case.live) for name in fields])
    events: list[NewEvent] = []
    left: list[LeftOut] = []
    restated: dict[str, Any] = {}
    person: dict[str, Any] = {}
    for name in fields:
        new = getattr(filing, name)
        if name in _FIXED:
            left.append(_kept(name))
        elif name in _CODES:
            catalogues: dict[str, Collection[str]] = {
                "place": book.places, "subject": book.subjects, "level": book.levels
            }  # fmt: skip
            listed = catalogues[name]
            if new in listed or not listed:
                correction = e.CaseCorrected.model_validate(
                    {"field": name, "old": getattr(case.filing, name), "new": new, "reason_code": "wrong_source"}
                )
                events.append(NewEvent(correction))
            else:
                restated[f"{name}_text"] = new
        elif name == "received_at":
            correction = _new_date(1, view.values["received_at"], new)
            if any(fact.name not in _NO_ORDER and before(fact.effective_at, new, book.zone) for fact in case.facts):
                left.append(_kept(name))  # a step of the case would be before its filing
            elif _shortens(case, correction, book):
                restated["received_at"] = to_text(new)
            else:
                events.append(NewEvent(correction))
        elif name in _PERSON:
            person[name] = new
        else:
            restated[name] = new
    if restated:
        body = {"fields": tuple(restated), **restated}
        events.append(NewEvent(e.SourceRestated.model_validate(body)))
    if person:
        events.append(NewEvent(e.PartyCorrected.model_validate({"party": "p1", **person})))
    return Changed(events, left)


def organisation_changes(item: HistoryItem, case: Case, stated: Collection[str], *, newer: bool) -> Changed:
    """The responsible organisation that the source names now, filled in or changed without a step that says since when.

    `stated`: those that exports have named so far. One of them is named again by an older export, or by a `newer` one, which brings
    something else that is new."""
    if not other_organisation_named(item, case) or (item.org in stated and not newer):
        return Changed([], [])
    if item.on_change != "correct" or case.live or case.accusation.sealed or case.state == "voided":
        return Changed([], [_kept("organisation", live=case.live)])
    return Changed([NewEvent(e.SourceRestated(fields=("organisation",), org=item.org))], [])


def other_organisation_named(item: HistoryItem, case: Case) -> bool:
    """True if the row names an organisation that the case never had, and no step of the row names one."""
    if item.org is None or not case.exists or any("org" in step.body for step in item.steps):
        return False
    return item.org not in (case.assignment.org, *case.assignment.past_orgs)


def date_changes(redated: Sequence[Redated], case: Case, book: PolicyBook) -> tuple[list[NewEvent], list[HistoryStep]]:
    """(corrections of dates, additional steps to record). A date that would remove or shorten a delay is only recorded as
    reported later by the source: the breach stays."""
    events: list[NewEvent] = []
    beside: list[HistoryStep] = []
    for fact, step in redated:
        correction = _new_date(fact.version, fact.effective_at, step.effective_at)
        if _shortens(case, correction, book):
            beside.append(step)
        else:
            events.append(NewEvent(correction))
    return events, beside


def step_changes(item: HistoryItem, case: Case, view: SourceView) -> Changed:
    """Texts of steps that the source has filled in or changed."""
    events: list[NewEvent] = []
    left: list[LeftOut] = []
    by_place: dict[tuple[str, object], list[Fact]] = {}
    for fact in case.facts:
        by_place.setdefault((fact.name, fact.effective_at), []).append(fact)
    for step in item.distinct_steps:
        facts = by_place.get((step.type, step.effective_at), [])
        new = step.body.get("text")
        if len(facts) != 1 or not isinstance(new, str) or "text" not in step.event.personal or view.erased:
            continue
        if view.steps.get((facts[0].version, "text")) == new:
            continue
        if item.on_change == "correct" and not case.live and case.state != "voided":
            field = f"steps.{step.type}.text"
            events.append(NewEvent(e.SourceRestated(fields=(field,), of=facts[0].version, text=new)))
        else:
            left.append(_kept(f"steps.{step.type}.text", live=case.live))
    return Changed(events, left)


def _new_date(of: int, old: Any, new: Any) -> e.CaseCorrected:
    return e.CaseCorrected(field="effective_at", of=of, old=to_text(old), new=to_text(new), reason_code="wrong_source")


def _shortens(case: Case, correction: e.CaseCorrected, book: PolicyBook) -> bool:
    """True if a delay that is known would be shorter or gone with the new date."""
    now = case.last_recorded
    assert now is not None
    event = RecordedEvent(
        "", "", case.version + 1, "CaseCorrected", 1, case.jurisdiction, now, now, "history", _ACTOR, "", None, None,
        None, correction, (),
    )  # fmt: skip
    after = _delays(fold((event,), case), book)
    return any(after.get(place, 0.0) < delay for place, delay in _delays(case, book).items())


def _delays(case: Case, book: PolicyBook) -> dict[tuple[str, int], float]:
    """(clock, episode) -> seconds by which its end is after its due instant."""
    found: dict[tuple[str, int], float] = {}
    for one in deadlines(case, book):
        end = one.end or one.stopped
        if end is not None:
            late = (_instant(end.effective_at, book) - one.due).total_seconds()
            if late > 0:
                found[one.clock, one.episode] = late
    return found


def _instant(when: Any, book: PolicyBook) -> datetime:
    return instant_of(when, book.zone)


def _shown(name: str) -> str:
    return name.rstrip("_")


def _kept(name: str, *, live: bool = False) -> LeftOut:
    if live:
        return LeftOut(
            _shown(name),
            "already_live",
            "The source now states this differently, but the case is handled in this system. Correct it with a"
            " command.",
            "来源现在的内容不同，但该件已转为在本系统办理，请用命令更正。",
        )
    return LeftOut(
        _shown(name),
        "changed_in_source",
        "The source now states this differently; the imported content is kept. New steps of the row were imported.",
        "来源现在的内容不同，保留此前导入的内容；该行新的步骤已导入。",
    )
