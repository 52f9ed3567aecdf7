"""Recording history: one row of an export becomes a case, or the steps that a case does not have yet.

The cause of every commit depends only on the content, and the missing steps are derived from the case each time. Therefore the
recording of a row may be interrupted anywhere and repeated, also by several senders at once, with the same log as the result.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, cast
from weakref import WeakKeyDictionary

from services.intake.history.awaited import link_original, waiting_for
from services.intake.history.case_of_row import (
    CAUSE,
    GO_LIVE,
    check_case,
    content_digest,
    digest,
    go_live,
    organisation_code,
    other_organisation,
    register,
)
from services.intake.history.changes import (
    date_changes,
    emptied,
    filing_changes,
    organisation_changes,
    other_organisation_named,
    source_view,
    step_changes,
)
from services.intake.history.entries import new_entries, with_codes
from services.intake.history.items import DueCompared, HistoryItem, HistoryStep, ItemResult, LeftOut, Notice, Outcome
from services.intake.history.links import not_linked, refused_link
from services.intake.history.organisations import accuses, check_organisations, unknown_organisation
from services.intake.history.steps import (
    Run,
    impossible,
    in_runs,
    is_late,
    new_events,
    pending,
    runs,
    steps_cause,
    steps_digest,
)
from shared.application.case_reference import unknown_case
from shared.application.ports import Ports
from shared.case import EMPTY, STREAM, Case, fold
from shared.commands.authorization import (
    IMPORT,
    Action,
    Principal,
    Role,
    authorize,
    importing,
    may_add_history,
    within,
)
from shared.commands.command import DecisionContext, NewEvent
from shared.commands.effective_dates import check_order
from shared.commands.event_writer import EventMetadata
from shared.deadlines.derivation import deadlines
from shared.events.base import Event
from shared.events.intake import CaseLinked, CaseRegistered, LinkKind, OriginalNamed, SourceRestated
from shared.events.policy import OrganisationAdded
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import Origin, RecordedEvent
from shared.kernel.identifiers import case_id, request_digest
from shared.kernel.legal_time import LegalTime, day_of, is_instant
from shared.kernel.refusals import Refused, Unavailable
from shared.kernel.text_normalization import identifier_form, name_form
from shared.policy.book import PolicyBook
from shared.repositories.matter_cases import lines_of
from shared.repositories.policy_repository import STREAM as POLICY

_ROLES: tuple[Role, ...] = ("service",)
RECORD = Action("import", _ROLES)
FILE = Action("file", _ROLES)
AT_ONCE = 200
"""Rows that are recorded concurrently, so that the event store can write their commits together."""
_FILED = CaseRegistered(number="", channel="", channel_class="")
"""Represents the filing when the order of times is checked."""
_ADDING: WeakKeyDictionary[EventStore, asyncio.Lock] = WeakKeyDictionary()
"""One lock per event store: concurrent batches that add the same organisations would only conflict."""
MOST_CREATED = 5000
"""Places and subjects that imports add to a policy: more of them is a column that holds something else."""
CONFLICTS = 50
"""How often one row may find that another sender was first."""


async def record_batch(
    items: Sequence[HistoryItem], ports: Ports, *, principal: Principal, jurisdiction: str, dry: bool = False
) -> list[ItemResult]:
    """Record rows, many at once; rows of the same item one after the other. Results in the order of `items`. `dry`: record nothing,
    and say what would be recorded.

    A refusal becomes a result. Raises StoreFull, StoreBroken and Unavailable: then it is not known what was written."""
    recorder = _Recorder(ports, principal, jurisdiction, dry=dry)
    found: list[ItemResult | None] = [None] * len(items)
    rows: dict[tuple[str, str], list[int]] = {}
    for index, item in enumerate(items):
        rows.setdefault((item.channel, identifier_form(item.item)), []).append(index)
    if not dry:
        await recorder.organisations(items)
    waiting = deque(rows.values())

    async def worker() -> None:
        while waiting:
            try:
                for index in waiting.popleft():
                    found[index] = await recorder.item(items[index])
            except BaseException:  # rows that have begun are finished, and no other row begins
                waiting.clear()
                raise

    workers = (worker() for _ in range(min(AT_ONCE, len(waiting))))
    for error in await asyncio.gather(*workers, return_exceptions=True):
        if isinstance(error, BaseException):
            raise error
    done = [result for result in found if result is not None]
    for index, item in enumerate(items):  # after all rows: the original may stand below its duplicate
        if item.link is not None and done[index].result != "refused":
            done[index] = await recorder.linked(item, done[index])
    if not dry:
        await recorder.awaited(item for index, item in enumerate(items) if done[index].result == "added")
    return done


class _Changes(NamedTuple):
    """What a row states differently of its case. `beside`: steps with another date, which are recorded beside the known ones."""

    events: list[NewEvent]
    beside: list[HistoryStep]
    corrected: int
    left_out: list[LeftOut]
    notices: list[Notice]
    cause: str
    filing: str


class _Recorder:
    """Records rows for one importing principal into one jurisdiction. `dry`: it only says what recording them would do."""

    def __init__(self, ports: Ports, principal: Principal, jurisdiction: str, *, dry: bool = False) -> None:
        authorize(principal, IMPORT)
        within(principal, jurisdiction)
        self._ports = ports
        self._intake = ports.handling("intake")
        self._principal = principal
        self._service = importing(principal)
        """Writes the steps of all services. Whether a case may be written to is decided for `principal`, at each append."""
        self._jurisdiction = jurisdiction
        self._secret = ports.keys.secret("request")
        self._secret_of_cases = ports.keys.secret("case-id")
        self._dry = dry
        self._seen: dict[str, Case] = {}
        """The cases of a dry run, as they would be after the rows before."""

    async def item(self, item: HistoryItem) -> ItemResult:
        try:
            return await self._record(item)
        except Unavailable:
            raise
        except Refused as refused:
            other_filing = (refused.code, refused.field) == ("same_id_other_content", "command_id")
            field = "filing" if other_filing else refused.field
            return ItemResult(item.line, "refused", 0, refused.code, refused.detail, refused.detail_zh, field)

    def _metadata(
        self, cause: str, at: LegalTime | None = None, request: str | None = None, origin: Origin = "history"
    ) -> EventMetadata:
        return EventMetadata(self._service, cause, at, request, origin=origin, jurisdiction=self._jurisdiction)

    async def _named(self, item: HistoryItem) -> tuple[str, Case]:
        """The id of the case of a row, and the case. The item of a case that the importing person may not add to is recorded like a
        new one, as a case of its own: any other answer would tell that the case exists."""
        secret, cases = self._secret_of_cases, self._intake.cases
        name = case_id(secret, self._jurisdiction, item.channel, item.item)
        if name in self._seen:
            return name, self._seen[name]
        loaded = await cases.load(name)
        if loaded.case.exists and not self._may_add(loaded.case):
            if not loaded.read:  # the same reads as for a case that does not exist
                await cases.load_confirmed(name)
            return case_id(secret, self._jurisdiction, item.channel, f"{item.item}\x1f{self._service.name}"), EMPTY
        return name, loaded.case

    def _may_add(self, case: Case) -> bool:
        return case.jurisdiction == self._jurisdiction and may_add_history(self._principal, case)

    def _own(self, case: Case) -> Case:
        """The case. Raises Unknown if it was sealed in the meantime, so that the importing person may no longer add to it."""
        if case.exists and not self._may_add(case):
            raise unknown_case()
        return case

    async def _record(self, item: HistoryItem) -> ItemResult:
        intake, policies = self._intake, self._ports.policies
        book = await policies.book(self._jurisdiction)
        if item.organisation is not None:
            org = await self._organisation(item, book)
            item = item.model_copy(update={"org": org})
            book = await policies.book(self._jurisdiction)
        item = with_codes(item, book)
        case_name, before = await self._named(item)
        check_case(item, before)
        if item.on_change == "refuse" and other_organisation_named(item, before):
            raise other_organisation()
        now = intake.clock.now()
        responsible = (item.org or before.assignment.org) is not None
        possible, left_out = impossible(
            item.distinct_steps, item.filing.received_at, now, book.zone, responsible=responsible
        )
        if left_out:
            item = item.model_copy(update={"steps": tuple(possible)})
            item.__dict__.pop("distinct_steps", None)
        new = pending(item, before, book.zone)
        if (
            new.steps
            or not before.exists
            or (item.go_live and go_live(before))
            or other_organisation_named(item, before)
        ):
            created = self._dry and item.organisation is not None and book.organisation(item.org or "") is None
            check_organisations(item.model_copy(update={"org": None}) if created else item, new.steps, before, book)
        left = _check_all(item, new.steps, before, now, book.zone)
        if self._dry:
            return await self._previewed(item, case_name, before, left, left_out, book)
        case, added = await self._file(item, case_name)
        corrected = 0
        notices: list[Notice] = []
        if not added:
            case = self._own(case)
            check_case(item, case)
            changes = await self._changes(item, case, book)
            case, corrected = await self._correct(item, case, changes, book)
            left_out, notices = left_out + changes.left_out, changes.notices
            left = runs(item, case, book.zone)
        final = case.state == "closed"
        count = attempts = 0
        while left:
            if (attempts := attempts + 1) > CONFLICTS + len(item.steps):
                raise Unavailable(
                    "busy",
                    "There are many concurrent changes of this case. Try again in a moment.",
                    detail_zh="该件正被多人同时办理，请稍后重试。",
                )
            known = case.version
            appended, case = await self._append(left[0], item, case, book.zone)
            count += appended
            alone = appended and case.version == known + appended
            left = left[1:] if alone else runs(item, case, book.zone)
        if item.go_live and go_live(case):
            metadata = self._metadata(GO_LIVE, origin="live")
            done = await intake.handle(case_name, RECORD, metadata, lambda found, _given: go_live(self._own(found)))
            case = done.case
        if final and case.open:
            notices.append("reopened_in_source")
        result: Outcome = "added" if added else "extended" if count or corrected else "same"
        due = _compare(item, case, book)
        return ItemResult(
            item.line, result, count, due=due, corrected=corrected, left_out=tuple(left_out), notices=tuple(notices)
        )

    async def _previewed(
        self, item: HistoryItem, name: str, case: Case, left: list[Run], left_out: list[LeftOut], book: PolicyBook
    ) -> ItemResult:
        """What recording the row would do. Nothing is written; rows of the same batch see each other."""
        added, corrected, notices = not case.exists, 0, list[Notice]()
        if added:
            now = self._intake.clock.now()
            given = DecisionContext(self._service, now, item.filing.received_at, book)
            case = self._imagined(name, case, register(item, case, given, name), CAUSE)
        elif name not in self._seen:
            changes = await self._changes(item, case, book)
            left_out, notices, corrected = left_out + changes.left_out, changes.notices, changes.corrected
            corrected += len(changes.beside)
            case = self._imagined(name, case, changes.events, "restated:")
        final, count = case.state == "closed", sum(len(run.steps) for run in left)
        for run in left:
            steps = new_events(run.steps, item.org or case.assignment.org)
            case = self._imagined(name, case, steps, steps_cause(run))
        if item.go_live:
            case = self._imagined(name, case, go_live(case), GO_LIVE)
        if final and case.open:
            notices.append("reopened_in_source")
        self._seen[name] = case
        result: Outcome = "added" if added else "extended" if count or corrected else "same"
        return ItemResult(
            item.line, result, count, due=_compare(item, case, book), corrected=corrected, left_out=tuple(left_out),
            notices=tuple(notices),
        )  # fmt: skip

    def _imagined(self, name: str, case: Case, events: Sequence[NewEvent], cause: str) -> Case:
        """The case as it would be after these events."""
        now, origin = self._intake.clock.now(), "live" if cause == GO_LIVE else "history"
        recorded = [
            RecordedEvent(
                "", STREAM + name, case.version + number, type(one.body).__name__, 1, self._jurisdiction, one.at or now, now,
                cast(Origin, origin), self._service.actor, cause, None, None, None, one.body, (),
            )
            for number, one in enumerate(events, 1)
        ]  # fmt: skip
        return fold(recorded, case)

    async def _file(self, item: HistoryItem, case_name: str) -> tuple[Case, bool]:
        """The case after its filing was registered, and whether that was now."""
        request = digest(self._secret, case_name, item)
        metadata = self._metadata(CAUSE, item.filing.received_at, request)
        try:
            done = await self._intake.handle(
                case_name, FILE, metadata, lambda found, given: register(item, found, given, case_name)
            )
        except Refused as refused:
            if refused.code != "same_id_other_content":
                raise
            return (await self._intake.cases.get(case_name))[0], False
        if not done.repeated:
            return done.case, True
        return (await self._intake.cases.get(case_name))[0], False

    async def _changes(self, item: HistoryItem, case: Case, book: PolicyBook) -> _Changes:
        """What the source now states differently of a case that was imported before.

        An export that was imported before, also an older one, corrects nothing."""
        commits = await self._ports.log.load(case.stream)
        same_filing = digest(self._secret, case.id, item)
        causes = {commit.cause: commit.request for commit in commits}
        known = same_filing in causes.values()
        new = pending(item, case, book.zone)
        steps_differ = bool(item.steps) and self._steps_differ(item, commits, case)
        filed = [commit.request for commit in commits if commit.cause == CAUSE or commit.cause.startswith("restated:")]
        newer = bool(new.steps) or not known or same_filing == filed[-1]
        stated = {
            event.body.org
            for commit in commits
            for event in commit.recorded
            if isinstance(event.body, CaseRegistered | SourceRestated) and event.body.org is not None
        }
        organisation = organisation_changes(item, case, stated, newer=bool(new.steps) or not known)
        events, left_out, corrected = (
            list(organisation.events),
            [*organisation.left_out, *new.left_out],
            organisation.corrected,
        )
        notices: list[Notice] = [] if newer else ["stated_before"]
        view = None
        if not known or steps_differ:
            view = await source_view(self._intake.keys, [event for commit in commits for event in commit.recorded])
            parts = [] if known else [filing_changes(item, case, view, book)]
            parts += [step_changes(item, case, view)] if steps_differ else []
            for part in parts:
                events += part.events
                left_out += part.left_out
                corrected += part.corrected
        if newer and emptied(item, case, None if known else view):
            notices.append("emptied_in_source")
        if item.on_change == "refuse" and left_out:
            raise Refused(
                "same_id_other_content",
                "A step of this item was imported before with different content. Nothing is overwritten.",
                detail_zh="该件的某一步骤此前以不同的内容导入过，不会覆盖原有记录。",
                field=left_out[0].field,
            )
        dates, beside = date_changes(new.redated, case, book)
        cause = f"restated:{content_digest(self._secret, case.id, item)}"
        if cause in {commit.cause for commit in commits}:
            events, dates, corrected = [], [], 0
        return _Changes([*events, *dates], beside, corrected + len(dates), left_out, notices, cause, same_filing)

    async def _correct(self, item: HistoryItem, case: Case, changes: _Changes, book: PolicyBook) -> tuple[Case, int]:
        """The case after the corrections of what the source now states differently, and their number."""
        events, corrected = changes.events, changes.corrected
        if events:
            metadata = self._metadata(changes.cause, request=changes.filing)

            def decide(found: Case, _given: object) -> list[NewEvent]:
                self._own(found)
                return events if found.version == case.version else []

            done = await self._intake.handle(case.id, RECORD, metadata, decide)
            if done.repeated:
                corrected = 0
            case = (await self._intake.cases.get(case.id))[0]
        for run in in_runs(changes.beside, case, book.zone):
            _count, case = await self._append(run, item, case, book.zone, beside=True)
            corrected += _count
        return case, corrected

    async def _append(
        self, run: Run, item: HistoryItem, case: Case, zone: str, *, beside: bool = False
    ) -> tuple[int, Case]:
        """Append one run, the first that `case` does not have; 0 when another sender was first. `beside`: its steps are known with
        other dates."""
        handling = self._ports.handling(run.service)

        def decide(found: Case, _given: object) -> list[NewEvent]:
            self._own(found)
            if found.version != case.version:  # otherwise it is the case for which the run was derived
                pending_runs = [] if beside else runs(item, found, zone)
                if not pending_runs or pending_runs[0] != run:
                    return []
            return new_events(run.steps, item.org or found.assignment.org)

        request = steps_digest(self._secret, case.id, run.steps)
        metadata = self._metadata(steps_cause(run), run.steps[0].effective_at, request)
        try:
            done = await handling.handle(case.id, RECORD, metadata, decide)
        except Refused as refused:
            if refused.code != "same_id_other_content":
                raise
            done = None  # another sender appended a shorter or longer run that begins with the same step
        if done is not None and done.commit is not None and not done.repeated:
            return len(run.steps), done.case
        return 0, (await handling.cases.load_confirmed(case.id)).case

    def _steps_differ(self, item: HistoryItem, commits: Sequence[Commit], case: Case) -> bool:
        """True if a step that was imported before had other content. Only keyed digests are compared."""
        stated: dict[tuple[str, object], list[HistoryStep]] = {}
        for step in item.steps:
            stated.setdefault((step.type, step.effective_at), []).append(step)
        for commit in commits:
            if not commit.cause.startswith("history:"):
                continue
            steps = [stated.get((event.type, event.effective_at), []) for event in commit.recorded]
            if any(len(found) != 1 for found in steps):  # dated otherwise, or the export contains it twice or not
                return True
            if commit.request != steps_digest(self._secret, case.id, (found[0] for found in steps)):
                return True
        return False

    async def linked(self, item: HistoryItem, result: ItemResult) -> ItemResult:
        """The result of a row with its link; a refused link is a part that was left out."""
        try:
            return await self._link(item, result)
        except Unavailable:
            raise
        except Refused as refused:
            return result._replace(left_out=(*result.left_out, refused_link(refused.code)))

    async def _link(self, item: HistoryItem, result: ItemResult) -> ItemResult:
        """Link the case of a row to the one that it repeats, once. If it cannot be linked, the report lists this as an omitted
        part."""
        assert item.link is not None
        cases, kind = self._intake.cases, item.link.kind
        name, _case = await self._named(item)
        case = self._seen.get(name) or (await cases.load_confirmed(name)).case
        original = case_id(self._secret_of_cases, self._jurisdiction, item.channel, item.link.item)
        lead = self._seen.get(original) or (await cases.load_confirmed(original)).case
        if lead.exists and not self._may_add(lead):  # the same answer as for a case that does not exist
            lead = EMPTY
        lines = await lines_of(cases, [original]) if lead.exists else {}
        book = await self._ports.policies.book(self._jurisdiction)
        cause = f"link:{original}"
        if any(commit.cause == cause for commit in await self._ports.log.load(case.stream)):
            return (
                result  # it was linked once; whether a person has unlinked it since then is not for an import to change
            )
        if (why := not_linked(case, lead, lines, kind, book.zone)) is not None:
            if why.code == "original_unknown" and original != case.id and not self._dry:
                await self._await(item, case, original)
            return result._replace(left_out=(*result.left_out, why))
        outcome: Outcome = "extended" if result.result == "same" else result.result
        if self._dry:
            return result._replace(result=outcome, steps_added=result.steps_added + 1)
        metadata = self._metadata(cause, item.filing.received_at)

        def decide(found: Case, _given: object) -> list[NewEvent]:
            self._own(found)
            known = original in (found.matter.lead, *found.matter.related)
            return [] if known else [NewEvent(CaseLinked(lead=original, kind=kind), item.filing.received_at)]

        done = await self._intake.handle(case.id, RECORD, metadata, decide)
        if done.commit is None or done.repeated:
            return result
        return result._replace(result=outcome, steps_added=result.steps_added + 1)

    async def _await(self, item: HistoryItem, case: Case, original: str) -> None:
        """Record once that the case waits for its original. It is so for every original that the person may not know of, whether it
        exists or not."""
        assert item.link is not None
        kind = item.link.kind

        def decide(found: Case, _given: object) -> list[NewEvent]:
            known = (self._own(found).matter.awaits, found.matter.awaits_kind) == (original, kind)
            return [] if known else [NewEvent(OriginalNamed(original=original, kind=kind), item.filing.received_at)]

        metadata = self._metadata(f"original:{kind}:{original}", item.filing.received_at)
        await self._intake.handle(case.id, RECORD, metadata, decide)

    async def awaited(self, items: Iterable[HistoryItem]) -> None:
        """Link the filings that waited for one of these cases. What does not fit is told when the filing is imported again."""
        names = {case_id(self._secret_of_cases, self._jurisdiction, one.channel, one.item) for one in items}
        for row in await waiting_for(self._ports, sorted(names)):
            case, _head = await self._intake.cases.get(row.key, at_least=row.applied)
            original, kind = case.matter.awaits, case.matter.awaits_kind
            lead = (await self._intake.cases.load(original or "")).case
            if original in names and kind is not None and self._may_add(case) and lead.exists and self._may_add(lead):
                metadata = self._metadata(f"link:{original}", case.filing.filed_at)
                with suppress(Refused):
                    await link_original(self._ports, case, original, cast(LinkKind, kind), metadata)

    async def organisations(self, items: Iterable[HistoryItem]) -> None:
        """Create the organisations, places and subjects that the rows need, each once, before the rows are recorded at once."""
        wanted = {
            (item.organisation.code, item.organisation.name): item
            for item in items
            if item.organisation is not None and item.organisation.create and not accuses(item)
        }
        await self._entries(items)
        for item in wanted.values():
            try:
                await self._organisation(item, await self._ports.policies.book(self._jurisdiction))
            except Unavailable:
                raise
            except Refused:
                continue  # each row reports it

    async def _entries(self, items: Iterable[HistoryItem]) -> None:
        """Create the places and subjects that the rows need, in one commit.

        What is no name stays a text of the filing, sealed; so does what an accusation names, and what exceeds MOST_CREATED."""
        wanted = [item for item in items if item.create and not accuses(item)]
        if not wanted:
            return
        policies = self._ports.policies
        async with _ADDING.setdefault(self._ports.log, asyncio.Lock()):
            book = await policies.book(self._jurisdiction)
            added = new_entries(wanted, book, MOST_CREATED - len(book.added_entries))
            if added:
                events = [NewEvent(one) for one in added]
                names = request_digest(self._secret, self._jurisdiction, "\n".join(one.code for one in added).encode())
                commit, _ = await self._ports.handling("supervision").append(
                    POLICY + self._jurisdiction, self._metadata(f"entries:{names}"), lambda _head: events
                )
                policies.forget([commit])

    async def _organisation(self, item: HistoryItem, book: PolicyBook) -> str:
        """The code of the organisation that the row names, which is added if it is unknown and `create` is set."""
        named = item.organisation
        assert named is not None
        code = named.code or organisation_code(named.name)
        if book.organisation(code) is not None:
            return code
        if named.code is None:
            form = name_form(named.name)
            same = sorted(
                entry.code
                for entry in book.organisations.values()
                if form in map(name_form, (entry.name, entry.name_en or "", *entry.aliases))
            )
            if same:
                return same[0]
        if not named.create or accuses(item):  # an added organisation does not receive accusations
            raise unknown_organisation("organisation", accused=accuses(item))
        if self._dry:
            return code
        policies = self._ports.policies
        async with _ADDING.setdefault(self._ports.log, asyncio.Lock()):
            if (await policies.book(self._jurisdiction)).organisation(code) is None:
                added = NewEvent(OrganisationAdded(code=code, name=named.name))
                commit, _ = await self._ports.handling("supervision").append(
                    POLICY + self._jurisdiction, self._metadata(f"organisation:{code}"), lambda _head: [added]
                )
                policies.forget([commit])
        return code


_ORDER = {
    "effective_too_early": (
        "The step is dated before an earlier step of the same case, or before its filing. Correct the dates in the source, or take "
        "the step out of the mapping.",
        "该步骤的日期早于同一件的前一步骤或登记时间。请在来源中修正日期，或从映射文件中去掉该步骤。",
    ),
    "effective_in_future": (
        "The date is in the future. Correct it in the source, or check source: zone in the mapping.",
        "该日期晚于当前时间。请在来源中修正，或检查映射文件中的 source: zone。",
    ),
}
"""Reasons that quote no cell: they are written to the rejects file, which people pass on."""


def _check_all(item: HistoryItem, steps: Sequence[HistoryStep], case: Case, now: datetime, zone: str) -> list[Run]:
    """Check a row as a whole before any of it is written. Returns the runs to append after the filing."""
    fresh = new_events([step for step in steps if not is_late(step, case, zone)], item.org or case.assignment.org)
    new_events(steps, item.org or case.assignment.org)
    filed = [] if case.exists else [NewEvent(_FILED, item.filing.received_at)]
    try:
        check_order(case, [*filed, *fresh], item.filing.received_at, now, zone)
    except Refused as refused:
        wrong = _first_wrong(case, [*filed, *fresh], item, now, zone)
        field = "received_at" if wrong is _FILED else f"steps.{type(wrong).__name__}.effective_at"
        why, why_zh = _ORDER[refused.code]
        raise Refused(refused.code, why, detail_zh=why_zh, field=field) from None
    return in_runs(steps, case, zone)


def _first_wrong(case: Case, fresh: Sequence[NewEvent], item: HistoryItem, now: datetime, zone: str) -> Event:
    for end in range(1, len(fresh)):
        try:
            check_order(case, fresh[:end], item.filing.received_at, now, zone)
        except Refused:
            return fresh[end - 1].body
    return fresh[-1].body


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
