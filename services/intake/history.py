"""Recording history: one row of an export becomes a case, or the steps that a case does not have yet.

Every commit has a cause that follows from the content alone, and what is still missing is derived from the case each time.
So a row may be cut off anywhere and sent again, also by several senders at once, and the log ends up the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from weakref import WeakKeyDictionary

from services.intake.history_organs import accuses, check_organs, unknown_organisation
from shared import history
from shared.access import IMPORT, Action, Principal, Role, authorize, within
from shared.case import STREAM, Case
from shared.commands import Fresh
from shared.deadlines import deadlines
from shared.events.base import Event, Service
from shared.events.intake import CaseRegistered
from shared.events.policy import OrganisationAdded
from shared.handling import Handling, Stamp, check_order
from shared.history import DueCompared, HistoryItem, HistoryStep, ItemResult, Outcome, Run
from shared.log import Log
from shared.names import case_id
from shared.policies import STREAM as POLICY
from shared.policy.book import PolicyBook
from shared.refusals import Refused, Unavailable
from shared.times import day_of, is_instant

_HANDS: tuple[Role, ...] = ("service",)
RECORD = Action("import", _HANDS)
FILE = Action("file", _HANDS)
AT_ONCE = 200
"""Rows that are under way together, so that the log can write their commits together."""
_FILED = CaseRegistered(number="", channel="", channel_class="")
"""Stands for the filing when the order of times is checked."""
_ADDING: WeakKeyDictionary[Log, asyncio.Lock] = WeakKeyDictionary()
"""One after the other in this process: batches that need the same organisations would only get in each other's way."""
TURNS = 50
"""How often one row may find that another sender was first."""


async def record_item(
    item: HistoryItem, handlings: Mapping[Service, Handling], *, principal: Principal, jurisdiction: str
) -> ItemResult:
    """Record one row. Refusals become a result; LogFull, LogBroken and Unavailable are raised: nothing is known then."""
    authorize(principal, IMPORT)
    within(principal, jurisdiction)
    try:
        return await _record(item, handlings, principal, jurisdiction)
    except Unavailable:
        raise
    except Refused as refused:
        return ItemResult(item.line, "refused", 0, refused.code, refused.why, refused.why_zh, _field(refused), None)


async def record_batch(
    items: Sequence[HistoryItem], handlings: Mapping[Service, Handling], *, principal: Principal, jurisdiction: str
) -> list[ItemResult]:
    """Record rows, many at once; rows of the same item one after the other as they stand. Results in order of `items`."""
    authorize(principal, IMPORT)
    within(principal, jurisdiction)
    found: list[ItemResult | None] = [None] * len(items)
    rows: dict[tuple[str, str], list[int]] = {}
    for index, item in enumerate(items):
        rows.setdefault((item.channel, item.item), []).append(index)
    await _organisations(items, handlings, principal, jurisdiction)

    async def one_after_the_other(indexes: Iterable[int]) -> None:
        for index in indexes:
            found[index] = await record_item(items[index], handlings, principal=principal, jurisdiction=jurisdiction)

    waiting = deque(rows.values())

    async def worker() -> None:
        while waiting:
            try:
                await one_after_the_other(waiting.popleft())
            except BaseException:  # what is under way ends, and nothing more begins
                waiting.clear()
                raise

    workers = (worker() for _ in range(min(AT_ONCE, len(waiting))))
    for end in await asyncio.gather(*workers, return_exceptions=True):
        if isinstance(end, BaseException):
            raise end
    return [result for result in found if result is not None]


async def _record(
    item: HistoryItem, handlings: Mapping[Service, Handling], principal: Principal, jurisdiction: str
) -> ItemResult:
    intake = handlings["intake"]
    hands = Principal("service", principal.org, principal.ref)  # may reach any case, whoever the importing person is
    book = await intake.policies.book(jurisdiction)
    if item.organisation is not None:
        org = await _organisation(item, book, handlings, hands, jurisdiction)
        item = item.model_copy(update={"org": org})
        book = await intake.policies.book(jurisdiction)
    case_name = case_id(intake.keys.secret("case-id"), item.channel, item.item)
    secret = intake.keys.secret("request")
    before, _ = await intake.cases.get(case_name)
    history.check_case(item, before)
    steps = history.pending(item, before, book.zone)
    if steps or not before.exists or (item.go_live and history.go_live(before)):
        check_organs(item, steps, before, book)
    left = _check_all(item, before, intake.clock.now(), book.zone)
    stamp = Stamp(
        principal=hands,
        cause=history.CAUSE,
        at=item.filing.received_at,
        request=history.digest(secret, case_name, item),
        origin="history",
        jurisdiction=jurisdiction,
    )
    done = await intake.on_case(
        case_name, FILE, stamp, lambda found, given: history.register(item, found, given, case_name)
    )
    case, added = done.case, not done.repeated
    if not added:
        case, _ = await intake.cases.get(case_name)
        history.check_case(item, case)
        await _check_steps(item, intake, case, secret)
        left = history.runs(item, case, book.zone)
    count = turns = 0
    while left:
        if (turns := turns + 1) > TURNS + len(item.steps):
            raise Unavailable(
                "busy",
                "The case is being changed by many at once; try again in a moment.",
                why_zh="该件正被多人同时办理，请稍后重试。",
            )
        run = left[0]
        known = case.version
        appended, case = await _append(run, item, handlings, hands, case, secret, jurisdiction, book.zone)
        count += appended
        alone = appended and case.version == known + appended
        left = left[1:] if alone else history.runs(item, case, book.zone)
    if item.go_live and history.go_live(case):
        stamp = Stamp(principal=hands, cause=history.GO_LIVE, jurisdiction=jurisdiction)
        case = (await intake.on_case(case_name, RECORD, stamp, lambda found, _given: history.go_live(found))).case
    result: Outcome = "added" if added else "extended" if count else "same"
    return ItemResult(item.line, result, count, due=_compare(item, case, book))


_ORDER = {
    "effective_too_early": (
        "The step lies before an earlier step of the same case, or before its filing. Mend the dates in the source, or take "
        "the step out of the mapping.",
        "该步骤的日期早于同一件的前一步骤或登记时间。请在来源中修正日期，或从映射文件中去掉该步骤。",
    ),
    "effective_in_future": (
        "The date lies in the future. Mend it in the source, or check source: zone in the mapping.",
        "该日期晚于当前时间。请在来源中修正，或检查映射文件中的 source: zone。",
    ),
}
"""Reasons that quote no cell: they go into a file that is passed around."""


def _check_all(item: HistoryItem, case: Case, now: datetime, zone: str) -> list[Run]:
    """All of a row is checked before any of it is written: a row is taken or refused as a whole. Returns what is to be
    appended after the filing."""
    steps = history.pending(item, case, zone)
    fresh = history.steps_fresh(steps, item.org or case.org)
    filed = [] if case.exists else [Fresh(_FILED, item.filing.received_at)]
    try:
        check_order(case, [*filed, *fresh], item.filing.received_at, now, zone)
    except Refused as refused:
        wrong = _first_wrong(case, [*filed, *fresh], item, now, zone)
        field = "received_at" if wrong is _FILED else f"steps.{type(wrong).__name__}.effective_at"
        why, why_zh = _ORDER[refused.code]
        raise Refused(refused.code, why, why_zh=why_zh, field=field) from None
    return history.in_runs(steps)


def _first_wrong(case: Case, fresh: Sequence[Fresh], item: HistoryItem, now: datetime, zone: str) -> Event:
    for end in range(1, len(fresh)):
        try:
            check_order(case, fresh[:end], item.filing.received_at, now, zone)
        except Refused:
            return fresh[end - 1].body
    return fresh[-1].body


async def _append(
    run: Run,
    item: HistoryItem,
    handlings: Mapping[Service, Handling],
    hands: Principal,
    case: Case,
    secret: bytes,
    jurisdiction: str,
    zone: str,
) -> tuple[int, Case]:
    """Append one run, the first that `case` does not have; 0 when somebody else was first."""
    service, steps = run
    handling = handlings[service]

    def decide(found: Case, _given: object) -> list[Fresh]:
        if found.version != case.version:  # else it is the case that the run was found for
            still = history.runs(item, found, zone)
            if not still or still[0] != run:
                return []
        return history.steps_fresh(steps, item.org or found.org)

    stamp = Stamp(
        principal=hands,
        cause=history.steps_cause(steps),
        at=steps[0].effective_at,
        origin="history",
        request=history.steps_digest(secret, case.id, steps),
        jurisdiction=jurisdiction,
    )
    try:
        done = await handling.on_case(case.id, RECORD, stamp, decide)
    except Refused as refused:
        if refused.code != "same_id_other_content":
            raise
        done = None  # another sender began a shorter or longer run with the same step: see what is left
    if done is not None and done.commit is not None and not done.repeated:
        return len(steps), done.case
    return 0, (await handling.cases.reload(case.id))[0]


async def _check_steps(item: HistoryItem, intake: Handling, case: Case, secret: bytes) -> None:
    """Steps that were imported before must have the same content. Only keyed digests are compared."""
    if not item.steps:
        return
    told: dict[tuple[str, object], list[HistoryStep]] = {}
    for step in item.steps:
        told.setdefault((step.type, step.effective_at), []).append(step)
    for commit in await intake.log.load(STREAM + case.id):
        if not commit.cause.startswith("history:"):
            continue
        steps = [told.get((event.type, event.effective_at), []) for event in commit.recorded]
        if any(len(found) != 1 for found in steps):  # the export no longer tells it, or tells it twice
            continue
        if commit.request != history.steps_digest(secret, case.id, (found[0] for found in steps)):
            raise Refused(
                "same_id_other_content",
                "A step of this item was imported before with different content. Nothing is overwritten.",
                why_zh="该件的某一步骤此前以不同的内容导入过，不会覆盖原有记录。",
                field=f"steps.{steps[0][0].type}",
            )


# ---------------------------------------------------------------- organisations


async def _organisations(
    items: Iterable[HistoryItem], handlings: Mapping[Service, Handling], principal: Principal, jurisdiction: str
) -> None:
    """Create what the rows need, each once, before they run side by side."""
    hands = Principal("service", principal.org, principal.ref)
    wanted = {
        (item.organisation.code, item.organisation.name): item
        for item in items
        if item.organisation is not None and item.organisation.create and not accuses(item)
    }
    for item in wanted.values():
        try:
            book = await handlings["supervision"].policies.book(jurisdiction)
            await _organisation(item, book, handlings, hands, jurisdiction)
        except Unavailable:
            raise
        except Refused:
            continue  # each row says it for itself


async def _organisation(
    item: HistoryItem, book: PolicyBook, handlings: Mapping[Service, Handling], hands: Principal, jurisdiction: str
) -> str:
    """The code of the organisation that the row names; added to the list when it is not there and may be."""
    named = item.organisation
    assert named is not None
    code = named.code or history.organisation_code(named.name)
    if book.organisation(code) is not None:
        return code
    if named.code is None:
        same = sorted(entry.code for entry in book.organisations.values() if entry.name == named.name)
        if same:
            return same[0]
    if not named.create or accuses(item):  # what is added by an export is not marked for accusations
        raise unknown_organisation("organisation", accused=accuses(item))
    supervision = handlings["supervision"]
    async with _ADDING.setdefault(supervision.log, asyncio.Lock()):
        if (await supervision.policies.book(jurisdiction)).organisation(code) is None:
            await _add(code, named.name, handlings, hands, jurisdiction)
    return code


async def _add(
    code: str, name: str, handlings: Mapping[Service, Handling], hands: Principal, jurisdiction: str
) -> None:
    supervision = handlings["supervision"]
    stamp = Stamp(principal=hands, cause=f"organisation:{code}", jurisdiction=jurisdiction, origin="history")
    commit, _ = await supervision.on_stream(
        POLICY + jurisdiction, stamp, lambda _head: [Fresh(OrganisationAdded(code=code, name=name))]
    )
    for handling in handlings.values():
        handling.policies.forget([commit])


# ---------------------------------------------------------------- comparing


def _compare(item: HistoryItem, case: Case, book: PolicyBook) -> DueCompared | None:
    if item.due is None:
        return None
    clock, stated = item.due.clock, item.due.at
    derived = [one.due for one in deadlines(case, book) if one.clock == clock]
    if not derived:
        return DueCompared(clock, "not_derived", stated, None)
    due = derived[-1]
    same = due == stated if is_instant(stated) else day_of(due, book.zone) == stated
    return DueCompared(clock, "equal" if same else "different", stated, due)


def _field(refused: Refused) -> str | None:
    return "filing" if refused.code == "same_id_other_content" and refused.field == "command_id" else refused.field
