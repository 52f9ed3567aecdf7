"""The bundled sample: every row is accepted, every state occurs, and no reminder is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from deploy.demo.county import BATCH, prepare
from deploy.demo.sample.case_histories import case_histories
from deploy.demo.sample.complaints import complaints, plan
from deploy.demo.sample.county_data import county_data
from deploy.demo.sample.matters import MOST, matters
from deploy.demo.sample.texts import sample_texts
from deploy.storage.data_folder import Folder
from services.intake.history.items import HistoryItem
from services.intake.history.recorder import record_batch
from services.intake.history.step_types import STEPS
from shared.case import OPEN_STATES, STATES, Case
from shared.commands.authorization import Principal
from shared.deadlines.derivation import deadlines
from shared.events.routing import OutboxEntry
from shared.events.supervision import TICKER, ClosureKind
from shared.eventstore.commit import Commit
from shared.kernel.legal_time import day_of
from tests.support.county import DEMO, MORNING, County, county
from tests.support.serving import served

once = pytest.mark.asyncio(loop_scope="module")
ZONE = "Asia/Shanghai"
TODAY = MORNING.date()
OPERATIONS = Principal("operations", None, "k-operations")
COUNT = 500
TEXTS = sample_texts()
COUNTY = county_data()


class Summary(NamedTuple):
    """How many rows were recorded, and how."""

    added: int = 0
    extended: int = 0
    same: int = 0
    refused: int = 0
    steps: int = 0
    codes: Mapping[str, int] = {}


async def load(here: County, today: date) -> Summary:
    """Record the sample as POST /v1/history:batch does."""
    rows = complaints(today, ZONE)
    found = [
        result
        for start in range(0, len(rows), BATCH)
        for result in await record_batch(
            [HistoryItem.model_validate(row) for row in rows[start : start + BATCH]],
            here.ports,
            principal=OPERATIONS,
            jurisdiction=DEMO,
        )
    ]
    results = Counter(one.result for one in found)
    steps = sum(one.steps_added or 0 for one in found)
    codes = Counter(one.code for one in found if one.code)
    return Summary(results["added"], results["extended"], results["same"], results["refused"], steps, codes)


async def commits(here: County) -> list[Commit]:
    return [commit async for batch in here.ports.log.scan() for commit in batch]


async def cases(here: County) -> list[Case]:
    names = dict.fromkeys(commit.stream for commit in await commits(here) if commit.stream.startswith("case/"))
    return [await here.case(name.removeprefix("case/")) for name in names]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["memory", "sqlite"])
async def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[County, Summary]]:
    """Loaded once for all tests: they read it, but for the last, which lets time pass."""
    async with county(tmp_path_factory.mktemp("sample") if request.param == "sqlite" else None) as here:
        summary = await load(here, TODAY)
        await here.settle()
        yield here, summary


@once
async def test_loaded_sample_fills_county(loaded: tuple[County, Summary]) -> None:
    here, summary = loaded
    assert (summary.added, summary.refused, dict(summary.codes)) == (COUNT, 0, {})
    found = await cases(here)
    assert len(found) == COUNT
    wanted = Counter(history.state for history in plan())
    assert Counter(case.state for case in found) == wanted
    assert {case.state for case in found} == REACHABLE
    assert {case.closure.kind for case in found} - {None} == set(ClosureKind.__args__)  # type: ignore[attr-defined]
    assert all(case.origin == "history" and case.live == case.open for case in found)
    book = await here.ports.handling("intake").policies.book(DEMO)
    assert {case.filing.channel for case in found} == {
        channel.code for channel in book.edition("channels").document.channels
    }  # type: ignore[union-attr]
    assert {(case.filing.place or "").split("-")[0] for case in found} >= {"dh", "xs", "bh"}
    bodies = [event.body for commit in await commits(here) for event in commit.recorded]
    named = {getattr(body, field, None) for body in bodies for field in ("org", "body")}
    below = {
        one.code for one in book.organisations.values() if one.parent is not None
    }  # forwarded down to, never sent to
    assert named >= set(book.organisations) - below - {
        "zfw",
        "hfzx",
        "sxfj",
    }  # guided on a visit; no handlers
    assert {case.filing.class_ for case in found} >= {"claim", "suggestion", "consultation", "accusation", "litigation"}
    assert {case.filing.path for case in found} >= {1, 2, 3, 4, 5, 6}
    assert all(case.assignment.org in (None, "jjw") for case in found if case.accusation.sealed)
    assert any(case.assignment.queue_reason == "no_rule" for case in found if case.state == "registered")
    assert {grade for case in found for grade in case.evaluation.grades} == {
        (about, grade)
        for about in ("petition_office", "organisation")
        for grade in ("satisfied", "basically_satisfied", "dissatisfied")
    }

    # Most in time, some late, some about to be.
    of_reply = [clock for case in found for clock in deadlines(case, book) if clock.clock == "C5" and clock.end]
    in_time = sum(clock.in_time for clock in of_reply)
    assert 0.8 < in_time / len(of_reply) < 1
    running = [
        clock
        for case in found
        if case.open
        for clock in deadlines(case, book)
        if clock.running and not clock.rule.window
    ]
    now = here.clock.now()
    assert sum(now < clock.due <= now + timedelta(days=5) for clock in running) >= 5
    assert any(clock.due < now for clock in running)
    assert sum(clock.due < now for clock in running) < len(running) / 4


@once
async def test_loading_sample_again_adds_nothing(loaded: tuple[County, Summary]) -> None:
    here, summary = loaded
    before = len(await commits(here))
    again = await load(here, TODAY)
    await here.settle()
    assert again == Summary(same=COUNT)
    later = await load(here, TODAY - timedelta(days=1))
    assert (later.added, later.extended, later.steps) == (0, 0, 0)
    await here.settle()
    assert len(await commits(here)) == before
    assert summary.steps > COUNT * 5


@once
async def test_log_contains_no_plain_text_names(loaded: tuple[County, Summary]) -> None:
    here, _ = loaded
    data = b"".join(data for commit in await commits(here) for data in commit.events)
    assert b"CaseRegistered" in data
    given = {row["filing"].get("name") for row in complaints(TODAY, ZONE)}
    assert given - {None} == set(TEXTS.names)
    for secret in (*TEXTS.names, TEXTS.phone, *(spot for spots in TEXTS.spots.values() for spot in spots)):
        assert secret.encode() not in data


@once
async def test_loading_sample_sends_no_reminders_but_open_cases_are_monitored(loaded: tuple[County, Summary]) -> None:
    here, _ = loaded
    await here.tick()
    events = [event for commit in await commits(here) for event in commit.recorded]
    types = Counter(event.type for event in events)
    assert not types.keys() & {"DeadlineAtRisk", "Reminded", "DeadlineBreached", "BreachLifted"}
    told = [event.body.kind for event in events if isinstance(event.body, OutboxEntry)]
    assert set(told) == {"review_requested"}, (
        "no export names the body of an open review: it is named when the case goes live"
    )
    assert len(told) == types["ReviewBodyNamed"]
    assert types["CaseRegistered"] == COUNT
    assert await here.ports.views.parked() == []

    began = here.clock.now()
    here.clock.advance(timedelta(days=6))
    await here.tick()
    fired = [event for commit in await commits(here) for event in commit.recorded if event.type in TICKER]
    assert {event.type for event in fired} >= {"Reminded", "DeadlineBreached"}
    assert all(began < event.effective_at <= here.clock.now() for event in fired)


async def test_sample_contains_linked_filings(tmp_path: Path) -> None:
    async with served() as here:
        await prepare(here.runtime, Folder(tmp_path), wanted=True)
        await here.runtime.drain()
        rows = complaints(day_of(here.clock.now(), ZONE), ZONE)
        async with here.client("registrar") as client:
            for follower, lead in matters(rows):
                shown = (await client.get(f"/v1/cases/{follower}", params={"content": "false"})).json()
                leading = (await client.get(f"/v1/cases/{lead}", params={"content": "false"})).json()
                assert (shown["lead"], shown["org"]) == (leading["id"], None)
                assert leading["org"] is not None and shown["state"] == "registered"
                whole = (await client.get(f"/v1/matters/{follower}")).json()
                assert len(whole["filings"]) >= 2
        streams = {one.stream async for batch in here.runtime.ports.log.scan("case/") for one in batch}
        assert len(streams) == COUNT


def test_sample_links_do_not_depend_on_day() -> None:
    found = {tuple(matters(complaints(day, ZONE))) for day in (TODAY, date(2026, 11, 25), date(2028, 2, 29))}
    (pairs,) = found
    assert len(pairs) == MOST
    assert {one.follower for one in pairs}.isdisjoint({one.lead for one in pairs})


def test_same_day_gives_same_sample_rows() -> None:
    assert complaints(TODAY, ZONE) == complaints(TODAY, ZONE)
    assert len(plan()) == COUNT
    assert set(map(id, plan())) == set(map(id, case_histories().histories))
    assert len({(row["channel"], row["item"]) for row in complaints(TODAY, ZONE)}) == COUNT


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 7, 4), date(2026, 10, 8), date(2028, 2, 29)])
def test_sample_rows_end_on_given_day_in_legal_order(today: date) -> None:
    filed = set()
    for row in map(HistoryItem.model_validate, complaints(today, ZONE)):
        days = [day_of(row.filing.received_at, ZONE), *(day_of(step.effective_at, ZONE) for step in row.steps)]
        instants = [step.effective_at for step in row.steps if isinstance(step.effective_at, datetime)]
        assert days == sorted(days)
        assert instants == sorted(set(instants)), "no two steps of a case at the same moment"
        assert today - timedelta(days=150) <= days[0]
        assert days[-1] < today or not row.steps
        filed.add(days[0])
    assert max(filed) == today


def test_sample_texts_cover_demo_county_subjects_and_places(tmp_path: Path) -> None:
    assert len(TEXTS.names) == len(set(TEXTS.names))
    assert COUNTY.subjects.keys() | COUNTY.queued == TEXTS.issues.keys()
    assert COUNTY.places.keys() | {COUNTY.city} == TEXTS.spots.keys()


async def test_sample_routing_agrees_with_policy() -> None:
    async with county() as here:
        book = await here.ports.handling("intake").policies.book(DEMO)
        for place in TEXTS.spots:
            for subject in TEXTS.issues:
                assert COUNTY.responsible(place, subject) == book.route(place, subject, None, MORNING).org


def test_sample_contains_each_rare_case() -> None:
    rows = list(map(HistoryItem.model_validate, complaints(TODAY, ZONE)))
    assert any(row.filing.anonymous and row.filing.name is None for row in rows)
    assert any(row.filing.confidential for row in rows)
    keyed_late = [
        row
        for row in rows
        if row.channel == "letter"
        and row.steps
        and (day_of(row.steps[0].effective_at, ZONE) - day_of(row.filing.received_at, ZONE)).days >= 9
    ]
    assert len(keyed_late) >= 1
    told = {step.type for row in rows for step in row.steps}
    assert told >= {"CaseAssigned", "ClosingReportFiled", "ExtensionGranted", "RedoOrdered", "ReplyCorrected"}
    assert told >= {"FollowUpRecorded", "SupervisionOpened", "HearingHeld", "MediationAgreed", "JurisdictionRuled"}
    assert {row.go_live for row in rows} == {True, False}


REACHABLE = {history.state for history in case_histories().histories if history.types <= set(STEPS)}


def test_every_state_has_importable_histories() -> None:
    assert set(STATES) - {"barred"} == REACHABLE, "to bar a filing needs a concluded case"
    assert set(OPEN_STATES) <= REACHABLE
