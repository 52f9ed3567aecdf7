"""The steps that a case does not have yet: which they are, in which order, and which service appends them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import orjson

from services.intake.history.items import HistoryItem, HistoryStep, LeftOut
from services.intake.history.step_types import BY_KIND, NEEDS_ORG, RANK
from shared.case import LATE, MOVES, Case, Fact
from shared.commands.command import NewEvent
from shared.events import REGISTRY
from shared.events.fields import Service
from shared.kernel.identifiers import request_digest
from shared.kernel.legal_time import LegalTime, before, day_of, instant_of, is_instant, to_text
from shared.kernel.refusals import Refused


class Run(NamedTuple):
    """Consecutive steps whose types belong to the same service."""

    service: Service
    steps: list[HistoryStep]
    late: bool = False
    """They are dated before the step that moved the case last: recorded beside it, without moving the case."""


class Redated(NamedTuple):
    """A step that was imported with another date."""

    fact: Fact
    step: HistoryStep


class Pending(NamedTuple):
    """What a row adds to a case: steps by time, dates that changed, and what contradicts what is known."""

    steps: list[HistoryStep]
    redated: list[Redated]
    left_out: list[LeftOut]


def steps_digest(key: bytes, case_id: str, steps: Iterable[HistoryStep]) -> str:
    """The keyed digest of the content of the steps of one commit."""
    content = orjson.dumps([step.model_dump(mode="json") for step in steps], option=orjson.OPT_SORT_KEYS)
    return request_digest(key, case_id, b"steps:" + content)


def _key(fact: Fact) -> tuple[LegalTime, str | None, LegalTime | None, int]:
    return fact.effective_at, fact.kind, fact.due, fact.days


def _group(fact: Fact) -> tuple[str, str | None]:
    return fact.name, fact.kind if fact.name in BY_KIND else None


_UNDATED = "UndatedStepRecorded"


def in_order(steps: Iterable[HistoryStep], zone: str) -> list[HistoryStep]:
    """The steps by time. Within a day, a step of which only the date is known has its usual place in a case. Those without a date
    come last."""
    steps, ordered = list(steps), []
    by_day = sorted(
        (step for step in steps if step.type != _UNDATED),
        key=lambda step: (day_of(step.effective_at, zone), _rank(step)),
    )
    for _, group in groupby(by_day, key=lambda step: day_of(step.effective_at, zone)):
        own = list(group)
        timed = [step for step in own if is_instant(step.effective_at)]
        timed.sort(key=lambda step: instant_of(step.effective_at, zone))
        for step in own:
            if not is_instant(step.effective_at):
                place = next((at for at, other in enumerate(timed) if _rank(other) > _rank(step)), len(timed))
                timed.insert(place, step)
        ordered += timed
    return ordered + [step for step in steps if step.type == _UNDATED]


def _rank(step: HistoryStep) -> int:
    return RANK.get(step.type, 0)


_BEFORE_FILING = LeftOut(
    "",
    "before_filing",
    "The step is dated before the filing of its case, so it was left out; the rest of the row was imported."
    " Correct the date in the"
    " source, or take the step out of the mapping.",
    "该步骤的日期早于登记时间，未导入；该行其余内容已导入。请在来源中修正日期，或从映射文件中去掉该步骤。",
)
_IN_FUTURE = LeftOut(
    "",
    "step_in_future",
    "The step is dated in the future, so it was left out; the rest of the row was imported. Correct the date in"
    " the source, or check"
    " source: zone in the mapping.",
    "该步骤的日期晚于当前时间，未导入；该行其余内容已导入。请在来源中修正日期，或检查映射文件中的 source: zone。",
)


_NO_ORGANISATION = LeftOut(
    "",
    "organisation_missing",
    "The step needs an organisation, and the row names none, so it was left out; the rest of the row was imported. It is taken"
    " as soon as an export names the organisation.",
    "该步骤须有承办单位，而该行没有写明，未导入；该行其余内容已导入。以后的导出写明单位时即行补入。",
)


def impossible(
    steps: Iterable[HistoryStep], received_at: LegalTime, now: datetime, zone: str, *, responsible: bool = True
) -> tuple[list[HistoryStep], list[LeftOut]]:
    """The steps that can be recorded, and why each of the others cannot: dated before the filing or in the future, or of an
    organisation that nobody names. `responsible`: a responsible organisation is known."""
    possible: list[HistoryStep] = []
    left: list[LeftOut] = []
    for step in steps:
        if not responsible and step.type in NEEDS_ORG and step.body.get("org") is None:
            left.append(_NO_ORGANISATION._replace(field=f"steps.{step.type}.org"))
            continue
        if before(step.effective_at, received_at, zone):
            left.append(_BEFORE_FILING._replace(field=f"steps.{step.type}.effective_at"))
        elif before(now, step.effective_at, zone):
            left.append(_IN_FUTURE._replace(field=f"steps.{step.type}.effective_at"))
        else:
            possible.append(step)
    return possible, left


def pending(item: HistoryItem, case: Case, zone: str) -> Pending:
    """What the case does not have yet.

    A step of a type that was imported with another date is a changed date, not a second step. Raises Refused `history_differs` for
    it where the mapping says `on_change: refuse`, and `already_live` where the case is no longer history.
    """
    steps = item.distinct_steps
    if case.state == "voided" or not steps:  # steps after the voiding have no meaning
        return Pending([], [], [])
    types = {step.type for step in steps}
    known = Counter((_group(fact), _key(fact)) for fact in case.facts if fact.name in types)
    new: list[HistoryStep] = []
    for step in steps:
        place = _group(step.fact), _key(step.fact)
        if known[place]:
            known[place] -= 1
        else:
            new.append(step)
    unmatched: dict[tuple[str, str | None], list[Fact]] = {}
    for fact in case.facts:
        place = _group(fact), _key(fact)
        if known[place] > 0:
            known[place] -= 1
            unmatched.setdefault(_group(fact), []).append(fact)
    occurred = {fact.name for fact in case.facts}
    added: list[HistoryStep] = []
    redated: list[Redated] = []
    left: list[LeftOut] = []
    for step in new:
        others = unmatched.get(_group(step.fact), [])
        if step.type == _UNDATED and (others or step.body["step"] in occurred):
            continue  # known, or its date is known meanwhile
        if not others or step.type == "SourceStatedOpen":
            added.append(step)
            continue
        if _was_corrected(case, step, others):
            continue
        if item.on_change == "refuse":
            raise _differs(case, step)
        fact = others.pop(0)
        if item.on_change == "keep" or fact.effective_at == step.effective_at or case.live:
            left.append(_contradicts(case, step))
        else:
            redated.append(Redated(fact, step))
    if added and case.exists and case.live:
        raise Refused(
            "already_live",
            "This case is handled in this system now. Record the new step with a command.",
            detail_zh="该件已转为在本系统办理，请用命令登记新的步骤，导入不再添加。",
            field="steps",
        )
    return Pending(in_order(added, zone), redated, left)


def _was_corrected(case: Case, step: HistoryStep, facts: list[Fact]) -> bool:
    """True for a date that a later export has corrected: this export is older."""
    at, versions = to_text(step.effective_at), {fact.version for fact in facts}
    return any(one.field == "effective_at" and one.of in versions and one.old == at for one in case.corrections)


def _differs(case: Case, step: HistoryStep) -> Refused:
    left = _contradicts(case, step)
    return Refused("history_differs", left.why, detail_zh=left.why_zh, field=left.field)


def _contradicts(case: Case, step: HistoryStep) -> LeftOut:
    same_time = any((fact.name, fact.effective_at) == (step.type, step.effective_at) for fact in case.facts)
    field, what = ("kind", "类型") if same_time else ("effective_at", "时间")
    return LeftOut(
        f"steps.{step.type}.{field}",
        "history_differs",
        f"{step.type} was imported before with another {'kind' if same_time else 'time'}. Nothing is overwritten: "
        "correct the case with case_corrected, or correct the export.",
        f"{step.type} 此前导入的{what}不同。不会覆盖原有记录：请更正该件，或修正导出文件。",
    )


_AGAIN = frozenset({"CaseReopened", "RedoOrdered"})
"""Types that lead back from a later step of a case to an earlier one."""


def is_late(step: HistoryStep, case: Case, zone: str) -> bool:
    """True for a step that would have moved the case before the step that moved it last, also where that one has no date."""
    last = case.moved_at
    if last is None or not case.exists or step.type not in MOVES:
        return False
    if step.type not in _AGAIN and any(
        fact.name == _UNDATED and RANK.get(fact.kind or "", 0) > _rank(step) for fact in case.facts
    ):
        return True
    mover = next((fact for fact in reversed(case.facts) if fact.name in MOVES and fact.effective_at == last), None)
    usual = RANK.get(mover.name, -1) if mover is not None else -1
    return before(step.effective_at, last, zone) or (not before(last, step.effective_at, zone) and _rank(step) < usual)


def runs(item: HistoryItem, case: Case, zone: str = "UTC") -> list[Run]:
    """The runs that are still to be appended. Raises as pending()."""
    return in_runs(pending(item, case, zone).steps, case, zone)


def in_runs(steps: Iterable[HistoryStep], case: Case, zone: str) -> list[Run]:
    """Ordered steps, grouped into runs."""
    grouped = groupby(steps, key=lambda step: (REGISTRY[step.type].owner, is_late(step, case, zone)))
    return [Run(service, list(group), late) for (service, late), group in grouped]


def new_events(steps: Iterable[HistoryStep], org: str | None = None) -> list[NewEvent]:
    """The events of steps. Raises Invalid."""
    return [step.new_event(org) for step in steps]


def steps_cause(run: Run) -> str:
    """The cause of the commit of a run: its first step, which is appended only once."""
    first = run.steps[0]
    begin = LATE if run.late else "history:"
    return f"{begin}{first.type}:{to_text(first.effective_at)}:{first.fact.kind or '-'}"
