"""The steps that a case does not have yet: which they are, in which order, and which service appends them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

import orjson

from services.intake.history.items import HistoryItem, HistoryStep
from services.intake.history.step_types import BY_KIND, RANK
from shared.case import MOVES, Case, Fact
from shared.commands.command import NewEvent
from shared.events import REGISTRY
from shared.events.fields import Service
from shared.kernel.identifiers import request_digest
from shared.kernel.legal_time import LegalTime, before, day_of, instant_of, is_instant, to_text
from shared.kernel.refusals import Refused

Run = tuple[Service, list[HistoryStep]]
"""Consecutive steps whose types belong to the same service."""


def steps_digest(key: bytes, case_id: str, steps: Iterable[HistoryStep]) -> str:
    """The keyed digest of the content of the steps of one commit."""
    content = orjson.dumps([step.model_dump(mode="json") for step in steps], option=orjson.OPT_SORT_KEYS)
    return request_digest(key, case_id, b"steps:" + content)


def _key(fact: Fact) -> tuple[LegalTime, str | None, LegalTime | None, int]:
    return fact.effective_at, fact.kind, fact.due, fact.days


def _group(fact: Fact) -> tuple[str, str | None]:
    return fact.name, fact.kind if fact.name in BY_KIND else None


def in_order(steps: Iterable[HistoryStep], zone: str) -> list[HistoryStep]:
    """The steps by time. Within a day, a step of which only the date is known has its usual place in a case."""
    ordered: list[HistoryStep] = []
    by_day = sorted(steps, key=lambda step: (day_of(step.effective_at, zone), _rank(step)))
    for _, group in groupby(by_day, key=lambda step: day_of(step.effective_at, zone)):
        own = list(group)
        timed = [step for step in own if is_instant(step.effective_at)]
        timed.sort(key=lambda step: instant_of(step.effective_at, zone))
        for step in own:
            if not is_instant(step.effective_at):
                place = next((at for at, other in enumerate(timed) if _rank(other) > _rank(step)), len(timed))
                timed.insert(place, step)
        ordered += timed
    return ordered


def _rank(step: HistoryStep) -> int:
    return RANK.get(step.type, 0)


def pending(item: HistoryItem, case: Case, zone: str) -> list[HistoryStep]:
    """The steps that the case does not have yet, by time.

    Raises Refused `history_differs` where the export now states another time or kind of a step that was imported,
    `already_live` where the case is no longer history, and `history_too_late` for a step before the latest one that moved the
    case, which cannot be inserted.
    """
    steps = item.distinct_steps
    if case.state == "voided" or not steps:  # steps after the voiding have no meaning
        return []
    types = {step.type for step in steps}
    known = Counter((_group(fact), _key(fact)) for fact in case.facts if fact.name in types)
    new: list[HistoryStep] = []
    for step in steps:
        place = _group(step.fact), _key(step.fact)
        if known[place]:
            known[place] -= 1
        else:
            new.append(step)
    contradicted = {group for (group, _), count in known.items() if count}
    for step in new:
        if _group(step.fact) in contradicted:
            raise _differs(case, step)
    if new and case.exists and case.live:
        raise Refused(
            "already_live",
            "This case is handled in this system now. Record the new step with a command.",
            detail_zh="该件已转为在本系统办理，请用命令登记新的步骤，导入不再添加。",
            field="steps",
        )
    ordered = in_order(new, zone)
    for step in ordered:
        _check_late(step, case, zone)
    return ordered


def _differs(case: Case, step: HistoryStep) -> Refused:
    same_time = any((fact.name, fact.effective_at) == (step.type, step.effective_at) for fact in case.facts)
    field, what = ("kind", "类型") if same_time else ("effective_at", "时间")
    return Refused(
        "history_differs",
        f"{step.type} was imported before with another {'kind' if same_time else 'time'}. Nothing is overwritten: "
        "correct the case with case_corrected, or correct the export.",
        detail_zh=f"{step.type} 此前导入的{what}不同。不会覆盖原有记录：请更正该件，或修正导出文件。",
        field=f"steps.{step.type}.{field}",
    )


def _check_late(step: HistoryStep, case: Case, zone: str) -> None:
    last = case.moved_at
    if last is None or step.type not in MOVES:
        return
    mover = next((fact for fact in reversed(case.facts) if fact.name in MOVES and fact.effective_at == last), None)
    usual = RANK.get(mover.name, -1) if mover is not None else -1
    if before(step.effective_at, last, zone) or (not before(last, step.effective_at, zone) and _rank(step) < usual):
        raise Refused(
            "history_too_late",
            f"{step.type} is dated before the step that moved this case last ({to_text(last)}), which was imported earlier; "
            "it cannot be put in between.",
            detail_zh=f"{step.type} 早于该件此前已导入的最后一步（{to_text(last)}），不能再插入。",
            field=f"steps.{step.type}.effective_at",
        )


def runs(item: HistoryItem, case: Case, zone: str = "UTC") -> list[Run]:
    """The runs that are still to be appended. Raises as pending()."""
    return in_runs(pending(item, case, zone))


def in_runs(steps: Iterable[HistoryStep]) -> list[Run]:
    """Ordered steps, grouped into runs."""
    return [(service, list(group)) for service, group in groupby(steps, key=lambda step: REGISTRY[step.type].owner)]


def new_events(steps: Iterable[HistoryStep], org: str | None = None) -> list[NewEvent]:
    """The events of steps. Raises Invalid."""
    return [step.new_event(org) for step in steps]


def steps_cause(steps: Sequence[HistoryStep]) -> str:
    """The cause of the commit of a run: its first step, which is appended only once."""
    first = steps[0]
    return f"history:{first.type}:{to_text(first.effective_at)}:{first.fact.kind or '-'}"
