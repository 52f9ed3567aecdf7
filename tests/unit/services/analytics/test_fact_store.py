"""Facts and figures: every measure against a plain recomputation, and batches that repeat, overlap and come late."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.fact_rows import Snapshot
from services.analytics.fact_store.store import Facts
from services.analytics.statistics.as_of import facts_as_of
from services.analytics.statistics.measures import MEASURES
from services.analytics.statistics.models import Figure, StatsQuery, StatsResult
from services.analytics.statistics.query import query
from shared.case import FINAL_STATES, Case, cut, fold
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events import Event
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.policy import PolicyActivated
from shared.eventstore.recorded_event import Actor, RecordedEvent
from shared.kernel.legal_time import LegalTime, day_of, elapsed
from shared.kernel.refusals import Invalid, Unavailable
from shared.policy.book import PolicyBook

J, ZONE = "test", "Asia/Shanghai"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 9, 1, tzinfo=UTC)
RULES: tuple[dict[str, Any], ...] = (
    {"id": "N", "start": ["AssignmentDelivered"], "end": ["NoticeServed"], "days": 15},
    {"id": "R", "start": ["Accepted", "RedoOrdered"], "end": ["ReplyDelivered"], "days": 30},
    {"id": "K", "start": ["CaseRegistered"], "end": ["CaseClosed"], "days": 60},
    {"id": "W", "start": ["ReplyDelivered"], "end": ["ReviewRequested"], "days": 30, "window": True},
)


def _clock(plain: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": plain["id"],
        "title": {"zh": plain["id"], "en": plain["id"]},
        "article": "test",
        "start": [{"event": name} for name in plain["start"]],
        "end": [{"event": name} for name in plain["end"]],
        "cancel": [{"event": "CaseWithdrawn"}],
        "period": {"days": plain["days"]},
        "window": plain.get("window", False),
    }


def recorded(
    stream: str, version: int, body: Event, at: LegalTime, known: datetime | None = None, origin: Any = "live"
) -> RecordedEvent:
    when = known or (at if isinstance(at, datetime) else datetime.combine(at, datetime.max.time(), tzinfo=UTC))
    return RecordedEvent(
        f"{stream}:{version}",
        stream,
        version,
        type(body).__name__,
        1,
        J,
        at,
        when,
        origin,
        Actor(None, "clerk", "k1"),
        f"c{version}",
        None,
        None,
        None,
        body,
        (),
    )


def policy_events() -> list[RecordedEvent]:
    clocks = {"id": "TEST", "rules": [_clock(rule) for rule in RULES]}
    documents: dict[Any, dict[str, Any]] = {
        "jurisdiction": {"code": J, "name": "某县", "zone": ZONE, "petition_office": "office"},
        "clocks": clocks,
    }
    return [
        recorded(f"policy/{J}", number, PolicyActivated(section=section, hash="h", document=document), EPOCH)
        for number, (section, document) in enumerate(documents.items(), 1)
    ]


BOOK = PolicyBook.of(policy_events())


def stream_of(seed: int) -> list[RecordedEvent]:
    """A random life of a case. Not always a legal one: figures must be total."""
    dice = random.Random(seed)
    name = f"case/{seed:032x}"
    origin = "history" if dice.random() < 0.3 else "live"
    org = f"org{dice.randrange(3)}"
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(200 * 1440))
    events: list[RecordedEvent] = []

    def add(body: Event, chance: float = 1.0) -> None:
        nonlocal at
        if dice.random() >= chance:
            return
        when: LegalTime = day_of(at, ZONE) if dice.random() < 0.3 else at
        events.append(recorded(name, len(events) + 1, body, when, at + timedelta(days=1), origin))
        at += timedelta(minutes=dice.choice((0, 1, 600, 5000, 20000, 60000)))

    add(
        i.CaseRegistered(
            number="n",
            channel=f"c{dice.randrange(2)}",
            channel_class="web",
            place=dice.choice((None, "p1", "p2")),
            subject="s1",
            class_=dice.choice(("claim", "accusation", "suggestion")),
            org=org if origin == "history" else None,
        )
    )
    add(r.CaseTransferred(org=org, rule="r"), 0.8)
    add(r.AssignmentDelivered(org=org, seq=1), 0.8)
    add(d.NoticeServed(org=org, kind="acceptance"), 0.6)
    add(d.Accepted(org=org), 0.7)
    add(r.StatutoryPathGuided(path=4, org=dice.choice((None, org))), 0.15)
    add(r.NotCompetentDeclared(org=org), 0.1)
    add(d.ReplyDelivered(org=org, mode="post"), 0.6)
    add(i.AnsweredAtOnce(), 0.05)
    for object_ in ("organisation", "petition_office"):
        add(i.EvaluationInvited(object=object_), 0.6)
        grade = dice.choice(("satisfied", "basically_satisfied", "dissatisfied"))
        word = dice.choice((None, "own_hand", "keyed"))
        add(i.EvaluationSubmitted(object=object_, grade=grade, word=word), 0.5)
    add(i.CaseLinked(lead="k0", kind=dice.choice(("same_matter", "related"))), 0.2)
    add(s.RedoOrdered(ground="dissatisfied"), 0.1)
    add(d.ReplyDelivered(org="org9", mode="post"), 0.1)
    add(s.CaseClosed(kind=dice.choice(("resolved_confirmed", "resolved_unconfirmed", "settled", "merged"))), 0.5)
    add(i.ReviewRequested(), 0.05)
    if dice.random() < 0.15:
        add(i.WithdrawalRequested(party="p1", effective_on=day_of(at, ZONE), word="own_hand"), 0.8)
        add(i.CaseWithdrawn(), 0.6)
    add(i.WentLive(), 0.1)
    add(i.CaseVoided(reason_code="test"), 0.08)
    return events


def snapshot(events: Iterable[RecordedEvent], book: PolicyBook = BOOK) -> Snapshot:
    case = fold(events)
    return Snapshot(case, deadlines(case, book), book.zone)


@pytest.fixture
async def facts() -> AsyncIterator[Facts]:
    made = Facts()
    yield made
    await made.close()


async def extent(facts: Facts) -> tuple[int, int]:
    """The numbers of cases and events that are held, those in no figure included."""
    held = "SELECT count(*), coalesce(sum(version), 0)::BIGINT FROM cases"
    [[(cases, events)]] = await facts.select([(held, {})])
    return cases, events


async def all_rows(facts: Facts) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in ("cases", "clocks", "asked"):
        found[table] = [row async for rows in facts.rows(table, batch=7) for row in rows]  # type: ignore[arg-type]
    return found


# ------------------------------------------------------------------ the oracle

Tally = dict[tuple[str, str | None, tuple[str, ...]], list[Any]]


class Oracle:
    """Every measure once more, in plain Python over cases and deadlines."""

    def __init__(self, lives: Sequence[Sequence[RecordedEvent]], first: date, last: date, now: datetime) -> None:
        self.lives, self.first, self.last, self.now = lives, first, last, now
        self.found: Tally = defaultdict(lambda: [0, 0, 0, []])

    def within(self, when: LegalTime | None) -> bool:
        return when is not None and self.first <= day_of(when, ZONE) <= self.last

    def note(
        self, measure: str, of: str | None, group: tuple[str, ...], hit: bool, counts: bool, amount: float = 0.0
    ) -> None:
        cell = self.found[measure, of, group]
        cell[0] += hit and counts
        cell[1] += counts
        cell[2] += not counts
        if counts:
            cell[3].append(amount)

    def run(self, group_of: Callable[[Case, str | None], tuple[str, ...]]) -> Tally:
        for life in self.lives:
            case = fold(life)
            if case.accusation.sealed or case.accusation.accused:
                continue
            if case.state == "voided":
                if self.within(case.filing.filed_at):
                    self.note(
                        "voided",
                        None,
                        group_of(case, case.assignment.past_orgs[-1] if case.assignment.past_orgs else None),
                        True,
                        True,
                    )
                continue
            org = case.assignment.org or (case.assignment.past_orgs[-1] if case.assignment.past_orgs else None)
            for deadline in deadlines(case, BOOK):
                self._deadline(deadline, group_of(case, deadline.org))
            self._times(case, org, group_of)
            self._asked(case, org, group_of)
        return self.found

    def _deadline(self, deadline: Deadline, group: tuple[str, ...]) -> None:
        if deadline.due > self.now or deadline.rule.window or not self.within(deadline.due_day):
            return
        status = deadline.status(self.now)
        if status != "unknown":
            ended = deadline.end or deadline.stopped
            late = (
                ended is not None
                and ended.recorded_at > deadline.due
                and not ended.history
                and day_of(ended.effective_at, ZONE) <= deadline.due_day
            )
            self.note("recorded_late", None, group, late, True)
        if status == "cancelled":
            return
        names = {"N": "on_time_acceptance", "R": "on_time_reply", "K": "on_time_closing"}
        known, met = status != "unknown", status == "met"
        self.note("on_time", deadline.clock, group, met, known)
        self.note(names[deadline.clock], None, group, met, known)
        if deadline.clock == "K" and (deadline.end is not None or not known):
            self.note("closed_late", None, group, status == "late", known)

    def _times(self, case: Case, org: str | None, group_of: Callable[[Case, str | None], tuple[str, ...]]) -> None:
        filed = case.filing.filed_at
        assert filed is not None
        ended = case.closure.closed_at if case.state in FINAL_STATES else None
        group = group_of(case, org)
        last = min(self.last, self.now.date())
        if self.within(last) and day_of(filed, ZONE) <= self.last:
            shown = [day_of(fact.effective_at, ZONE) for fact in case.facts if fact.name == "SourceStatedOpen"]
            if ended is not None and day_of(ended, ZONE) > self.last:
                self.note("backlog", None, group, True, True)
            elif ended is None:
                self.note("backlog", None, group, True, case.live or max(shown, default=date.min) >= last)
        if self.within(filed):
            self.note("registered", None, group, True, True)
            if ended is None:
                self.note("open", "following" if case.matter.lead else case.state, group, True, case.live)
            if case.matter.lead or case.closure.kind == "merged":
                self.note("joined", None, group, True, True)
        away = next((fact for fact in case.facts if fact.name == "StatutoryPathGuided"), None)
        if away is not None and self.within(away.effective_at):
            back = {"NotCompetentDeclared", "CaseReopened", "RedoOrdered"}
            came = any(fact.name in back and fact.version > away.version for fact in case.facts)
            gone = group_of(case, away.org or org)
            self.note("guided", None, gone, True, True)
            self.note("guided_back", None, gone, came, True)
        if case.state == "withdrawn" and self.within(ended):
            self.note("withdrawn", _days_group(case), group, True, True)
        first = next((fact for fact in case.facts if fact.name in ("ReplyDelivered", "AnsweredAtOnce")), None)
        replied = group_of(case, (first.org or org) if first else org)
        known = first is not None
        if self.within(first.effective_at) if first else (self.within(filed) and not case.live):
            seconds = elapsed(filed, first.effective_at, ZONE).total_seconds() if first else 0.0
            for days in (15, 60):
                within = known and seconds <= days * 86400
                self.note(f"elapsed_reply_{days}d", None, replied, within, True)
                self.found[f"elapsed_reply_{days}d", None, replied][2] += not known
            for name in ("median", "p90"):
                self.note(f"elapsed_reply_{name}", None, replied, True, known, seconds)
        if self.within(ended) if ended else (self.within(filed) and not case.live):
            seconds = elapsed(filed, ended, ZONE).total_seconds() if ended else 0.0
            for name in ("median", "p90"):
                self.note(f"elapsed_closing_{name}", None, group, True, ended is not None, seconds)
            if ended is not None:
                self.note("closed", case.closure.kind or case.state, group, True, True)
            if ended is None or (case.state == "closed" and case.closure.kind != "merged"):
                kind = case.closure.kind
                is_known = ended is not None and kind != "unknown"
                self.note("resolution", None, group, kind in ("resolved_confirmed", "settled"), is_known)
                self.note("resolved_unconfirmed", None, group, kind == "resolved_unconfirmed", is_known)
                self.note("closed_unresolved", None, group, kind == "closed_unresolved", is_known)

    def _asked(self, case: Case, org: str | None, group_of: Callable[[Case, str | None], tuple[str, ...]]) -> None:
        first = next((fact for fact in case.facts if fact.name in ("ReplyDelivered", "AnsweredAtOnce")), None)
        group = group_of(case, (first.org or org) if first else org)
        for object_ in ("organisation", "petition_office"):
            about = [fact for fact in case.facts if fact.kind == object_]
            invited = [fact for fact in about if fact.name == "EvaluationInvited"]
            evaluated = [fact for fact in about if fact.name == "EvaluationSubmitted"]
            if not self.within((invited or evaluated)[-1].effective_at if invited or evaluated else None):
                continue
            self.note("participation", object_, group, bool(evaluated), bool(invited))
            if evaluated:
                self.note("satisfaction", object_, group, case.grade(object_) != "dissatisfied", True)
                word = case.word(object_)
                self.note("own_hand", object_, group, word == "own_hand", word is not None)


def _days_group(case: Case) -> str:
    asked = next((fact for fact in reversed(case.facts) if fact.name == "WithdrawalRequested"), None)
    if asked is None:
        return "no_clock"
    left = [
        (one.due_day - day_of(asked.effective_at, ZONE)).days
        for one in deadlines(case, BOOK)
        if not one.rule.window
        and one.start.version < asked.version
        and all(fact is None or fact.version > asked.version for fact in (one.end or one.stopped,))
    ]
    if not left:
        return "no_clock"
    days = min(left)
    return "overdue" if days < 0 else "0-7" if days <= 7 else "8-30" if days <= 30 else "31+"


def no_group(_case: Case, _org: str | None) -> tuple[str, ...]:
    return ()


def by_org_and_place(case: Case, org: str | None) -> tuple[str, ...]:
    return (org or "-", case.filing.place or "-")


def compare(result: StatsResult, expected: Tally) -> None:
    got = {(one.measure, one.of, tuple(one.group.values())): one for one in result.figures}
    for key, figure in got.items():
        assert key in expected or (figure.denominator, figure.unknown) == (0, 0), key
    for key, (numerator, denominator, unknown, amounts) in expected.items():
        figure = got[key]
        assert (figure.denominator, figure.unknown) == (denominator, unknown), key
        if figure.shape == "rate":
            assert figure.numerator == numerator, key
            known = denominator - (unknown if figure.measure.startswith("elapsed_reply_") else 0)
            assert figure.value == (numerator / denominator if known else None)
        elif figure.shape == "count":
            assert figure.value == denominator
        else:
            share = 50 if figure.measure.endswith("median") else 90
            rank = ceil(denominator * share / 100)
            assert figure.value == (sorted(amounts)[rank - 1] / 86400 if amounts else None), key


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("all", date.min, date.max),
        ("2025-Q1", date(2025, 1, 1), date(2025, 3, 31)),
        ("2025-03", date(2025, 3, 1), date(2025, 3, 31)),
    ],
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_every_measure_equals_its_recomputation(period: str, first: date, last: date, seed: int) -> None:
    lives = [stream_of(seed * 1000 + number) for number in range(250)]

    async def check() -> None:
        facts = Facts()
        try:
            await facts.write([snapshot(life) for life in lives])
            for by, group_of in (((), no_group), (("organisation", "place"), by_org_and_place)):
                result = await query(facts, StatsQuery(period=period, by=by), NOW)
                compare(result, Oracle(lives, first, last, NOW).run(group_of))
        finally:
            await facts.close()

    asyncio.run(check())


def test_oracle_covers_every_measure() -> None:
    found = Oracle([stream_of(seed) for seed in range(500)], date.min, date.max, NOW).run(no_group)
    assert {name for name, _, _ in found} == {measure.name for measure in MEASURES}


# ------------------------------------------------------------------ batches


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_repeated_reordered_and_late_batches_give_same_rows(seed: int) -> None:
    dice = random.Random(seed)
    lives = [stream_of(seed * 1000 + number) for number in range(30)]

    async def check() -> None:
        plain, shaken = Facts(), Facts()
        try:
            await plain.write([snapshot(life) for life in lives])
            pieces = [(life, event) for life in lives for event in life for _ in range(dice.choice((1, 1, 2)))]
            dice.shuffle(pieces)
            while pieces:
                batch, pieces = pieces[: (size := dice.randint(1, 40))], pieces[size:]
                snapshots = [snapshot(life[: event.version]) for life, event in batch]
                await shaken.write(snapshots)
            assert await all_rows(shaken) == await all_rows(plain)
            assert await extent(shaken) == await extent(plain) == (30, sum(map(len, lives)))
        finally:
            await plain.close()
            await shaken.close()

    asyncio.run(check())


async def test_reopened_fact_file_keeps_applied_versions(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    lives = [stream_of(number) for number in range(40)]
    first = Facts(path)
    await first.write([snapshot(life[:1]) for life in lives])
    await first.close()
    second = Facts(path)
    for _ in range(2):
        await second.write([snapshot(life) for life in lives])
    plain = Facts()
    await plain.write([snapshot(life) for life in lives])
    assert await all_rows(second) == await all_rows(plain)
    await plain.close()
    await second.close()


async def test_rewritten_facts_become_visible_atomically(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    old, new = stream_of(1), stream_of(2)
    facts = Facts(path)
    await facts.write([snapshot(old)])
    before = await all_rows(facts)
    for whole in (False, True):
        await facts.begin_anew()
        for life in (new, new):
            await facts.write([snapshot(life)])
            assert await all_rows(facts) == before, "the old ones serve"
        await facts.end_anew(whole=whole)
        plain = Facts()
        await plain.write([snapshot(new)])
        assert await all_rows(facts) == (await all_rows(plain) if whole else before)
        await plain.close()
    await facts.write([snapshot(old)])
    assert await extent(facts) == (2, len(old) + len(new)), "what is held is known again"
    await facts.close()


async def test_failed_rewrite_keeps_old_facts(tmp_path: Path) -> None:
    """And so does a process that ends before the new ones were shown."""
    path = tmp_path / "facts.duckdb"
    old, new = stream_of(1), stream_of(2)
    facts = Facts(path)
    await facts.write([snapshot(old)])
    before = await all_rows(facts)
    await facts.begin_anew()
    with pytest.raises(ValueError, match="time zone"):
        await facts.write([snapshot(new)._replace(zone="Nowhere/Land")])
    await facts.end_anew(whole=False)
    assert await all_rows(facts) == before
    with pytest.raises(RuntimeError):
        await facts.end_anew(whole=True)
    await facts.begin_anew()
    await facts.write([snapshot(new)])
    await facts.close()
    again = Facts(path)
    assert await all_rows(again) == before
    await again.close()


async def test_failed_batch_writes_nothing_and_can_be_retried(facts: Facts) -> None:
    life = stream_of(7)
    broken = snapshot(life)._replace(zone="Nowhere/Land")
    with pytest.raises(ValueError, match="time zone"):
        await facts.write([broken])
    assert (await all_rows(facts))["cases"] == []
    await facts.write([snapshot(life)])
    assert len((await all_rows(facts))["cases"]) == 1


async def test_renew_replaces_snapshot_of_same_version(facts: Facts) -> None:
    life = next(life for life in map(stream_of, range(50)) if snapshot(life).deadlines)
    await facts.write([snapshot(life)._replace(deadlines=())])
    await facts.write([snapshot(life)])
    assert not (await all_rows(facts))["clocks"]
    await facts.write([snapshot(life)], renew=True)
    assert (await all_rows(facts))["clocks"]


async def test_queries_and_writes_run_concurrently(facts: Facts) -> None:
    lives = [stream_of(number) for number in range(200)]

    async def write() -> None:
        for one in lives:
            for cut_at in (1, len(one)):
                await facts.write([snapshot(one[:cut_at])])

    async def ask() -> None:
        for _ in range(20):
            result = await query(facts, StatsQuery(measures=("registered", "voided")), NOW)
            assert sum(found.denominator for found in result.figures) == result.cases  # one transaction

    await asyncio.gather(write(), ask(), ask())
    assert await extent(facts) == (200, sum(map(len, lives)))


async def test_second_process_is_told_that_file_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_args: Any, **_more: Any) -> None:
        raise duckdb.IOException("Could not set lock")

    monkeypatch.setattr(duckdb, "connect", taken)
    facts = Facts(tmp_path / "facts.duckdb")
    with pytest.raises(Unavailable, match="facts_in_use"):
        await facts.start()
    await facts.close()


# ------------------------------------------------------------------ rules of counting


def life(*steps: tuple[Event, LegalTime], origin: Any = "live", name: str = "case/a") -> list[RecordedEvent]:
    return [recorded(name, number, body, at, origin=origin) for number, (body, at) in enumerate(steps, 1)]


def filed(**more: Any) -> i.CaseRegistered:
    return i.CaseRegistered(**{"number": "n", "channel": "c", "channel_class": "web", **more})


async def figure(facts: Facts, measure: str, now: datetime = NOW, of: str | None = None, **asked: Any) -> Figure:
    result = await query(facts, StatsQuery(measures=(measure,), **asked), now)
    return next(one for one in result.figures if one.measure == measure and one.of == of)


async def test_undecided_deadline_counts_as_missed_from_due_date(facts: Facts) -> None:
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    await facts.write([snapshot(life((filed(), start), (d.Accepted(org="o"), start)))])
    due = datetime(2025, 4, 2, 15, 59, 59, 999999, tzinfo=UTC)
    early = await figure(facts, "on_time_reply", due - timedelta(microseconds=1))
    assert (early.numerator, early.denominator, early.value) == (0, 0, None)
    after = await figure(facts, "on_time_reply", due)
    assert (after.numerator, after.denominator, after.value) == (0, 1, 0.0)


async def test_history_with_unknown_times_is_excluded_from_rates(facts: Facts) -> None:
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    await facts.write([snapshot(life((filed(org="o"), start), (d.Accepted(org="o"), start), origin="history"))])
    for measure in ("on_time_reply", "on_time_closing", "elapsed_reply_median", "resolution", "elapsed_closing_p90"):
        found = await figure(facts, measure)
        assert (found.denominator, found.unknown, found.value) == (0, 1, None), measure
    bound = await figure(facts, "elapsed_reply_15d")
    assert (bound.numerator, bound.denominator, bound.unknown, bound.value) == (0, 1, 1, None)


async def test_voided_case_is_excluded_from_statistics(facts: Facts) -> None:
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    voided = life(
        (filed(), start),
        (r.CaseTransferred(org="o", rule="r"), start),
        (d.Accepted(org="o"), start),
        (d.ReplyDelivered(org="o", mode="post"), start),
        (i.EvaluationInvited(object="organisation"), start),
        (s.CaseClosed(kind="settled"), start),
        (i.CaseVoided(reason_code="test"), start),
    )
    await facts.write([snapshot(voided)])
    result = await query(facts, StatsQuery(by=("organisation",)), NOW)
    assert [(one.measure, one.denominator) for one in result.figures] == [("voided", 1)]


async def test_accusation_is_only_counted_in_coarse_number_of_a_year(facts: Facts) -> None:
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    sealed = life(
        (filed(class_="accusation"), start),
        (r.CaseTransferred(org="secret", rule="r"), start),
        (d.Accepted(org="secret"), start),
        (d.ReplyDelivered(org="secret", mode="post"), start),
        (i.EvaluationInvited(object="organisation"), start),
    )
    await facts.write([snapshot(sealed)])
    result = await query(facts, StatsQuery(by=("organisation",)), NOW)
    assert (result.cases, result.events, result.figures, result.sealed) == (0, 0, (), "0-9")
    assert (await figure(facts, "registered")).value == 0
    bands = {
        period: (await query(facts, StatsQuery(period=period), NOW)).sealed
        for period in ("2025", "2024", "2025-Q1", "2025-03", "2025-03-03")
    }
    assert bands == {"2025": "0-9", "2024": "0-9", "2025-Q1": None, "2025-03": None, "2025-03-03": None}


async def test_days_follow_jurisdiction_time_zone(facts: Facts) -> None:
    before, after = datetime(2025, 3, 31, 15, 59, 59, tzinfo=UTC), datetime(2025, 3, 31, 16, 0, tzinfo=UTC)
    await facts.write(
        [snapshot(life((filed(), before), name="case/a")), snapshot(life((filed(), after), name="case/b"))]
    )
    for period, count in (("2025-03", 1), ("2025-04", 1), ("2025-03-31..2025-04-01", 2), ("2025", 2), ("2024", 0)):
        assert (await figure(facts, "registered", period=period)).value == count
    months = await query(facts, StatsQuery(by=("month",), measures=("registered",)), NOW)
    assert [one.group for one in months.figures] == [{"month": "2025-03"}, {"month": "2025-04"}]


async def test_statistics_compare_with_previous_month_and_year(facts: Facts) -> None:
    starts = [datetime(2025, 3, 5, tzinfo=UTC)] * 3 + [
        datetime(2025, 2, 5, tzinfo=UTC),
        datetime(2024, 3, 5, tzinfo=UTC),
    ]
    await facts.write([snapshot(life((filed(), at), name=f"case/{n}")) for n, at in enumerate(starts)])
    found = await figure(facts, "registered", period="2025-03", compare=("month", "year"))
    assert [(one.with_, one.period, one.value, one.difference) for one in found.compared] == [
        ("month", "2025-02", 1.0, 2.0),
        ("year", "2024-03", 1.0, 2.0),
    ]
    gone = await figure(facts, "open", period="2025-04", compare=("month",), of="registered")
    assert (gone.value, gone.compared[0].value, gone.compared[0].difference) == (0.0, 3.0, -3.0)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"by": ("person",)}, "by"),
        ({"by": ("place", "place")}, "by"),
        ({"period": "2025-13"}, "period"),
        ({"period": "2025", "compare": ("month",)}, "compare"),
        ({"compare": ("year",)}, "compare"),
        ({"period": "2025-03", "compare": ("week",)}, "compare"),
        ({"period": "2025-03", "compare": ("month",), "by": ("month",)}, "compare"),
        ({"measures": ("volume_rank",)}, "measures"),
    ],
)
async def test_unknown_value_is_refused_with_field_name(facts: Facts, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await query(facts, StatsQuery(**asked), NOW)
    assert refused.value.field == field


async def test_satisfaction_is_reported_with_participation(facts: Facts) -> None:
    result = await query(facts, StatsQuery(measures=("satisfaction",), by=("organisation",)), NOW)
    assert result.figures == ()
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    asked = i.EvaluationInvited(object="organisation"), i.EvaluationSubmitted(object="organisation", grade="satisfied")
    await facts.write([snapshot(life((filed(org="o"), start), (asked[0], start), (asked[1], start)))])
    result = await query(facts, StatsQuery(measures=("satisfaction",)), NOW)
    assert {one.measure for one in result.figures} == {"satisfaction", "participation"}


# ------------------------------------------------------------------ time travel


class LogOf:
    """As much of a log as time travel reads."""

    def __init__(self, streams: dict[str, list[RecordedEvent]]) -> None:
        self.streams = streams

    async def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[list[Any]]:
        commits = [
            _Commit(name, (event,))
            for name in sorted(self.streams)
            if name.startswith(prefix)
            for event in self.streams[name]
        ]
        for start in range(0, len(commits), 3):
            yield commits[start : start + 3]

    async def load(self, stream: str, after: int = 0) -> list[Any]:
        return [_Commit(stream, (event,)) for event in self.streams.get(stream, [])]


class _Commit:
    def __init__(self, stream: str, events: tuple[RecordedEvent, ...]) -> None:
        self.stream, self.recorded = stream, events


class _Policies:
    async def book(self, _jurisdiction: str) -> PolicyBook:
        return BOOK


async def test_statistics_as_of_day_equal_those_of_truncated_log() -> None:
    lives = [stream_of(number) for number in range(120)]
    log = LogOf({life[0].stream: life for life in lives} | {f"policy/{J}": policy_events()})
    for day in (date(2025, 3, 1), date(2025, 6, 15), datetime(2025, 5, 1, 3, tzinfo=UTC)):
        facts = await facts_as_of(log, _Policies(), day)  # type: ignore[arg-type]
        kept = [cut(life, ZONE, as_of=day, known_at=day) for life in lives]
        now = datetime(2025, 6, 1, tzinfo=UTC)
        result = await query(facts, StatsQuery(), now)
        compare(result, Oracle([events for events in kept if events], date.min, date.max, now).run(no_group))
        await facts.close()


async def test_historical_view_uses_policy_known_then() -> None:
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    longer = {"id": "TEST", "rules": [_clock({**RULES[2], "days": 300})]}
    changed = recorded(
        f"policy/{J}",
        3,
        PolicyActivated(section="clocks", hash="h2", document=longer),
        EPOCH,
        datetime(2025, 7, 1, tzinfo=UTC),
    )
    policy = [*policy_events(), changed]

    class Changed:
        async def book(self, _jurisdiction: str) -> PolicyBook:
            return PolicyBook.of(policy)

    log = LogOf({"case/a": life((filed(), start)), f"policy/{J}": policy})
    for day, due in ((date(2025, 6, 1), "2025-05-02"), (date(2025, 8, 1), "2025-12-29")):
        facts = await facts_as_of(log, Changed(), day)  # type: ignore[arg-type]
        rows = (await all_rows(facts))["clocks"]
        assert [row[7] for row in rows] == [due]
        await facts.close()
