"""Recording history on both adapters: interrupted anywhere, sent twice, and sent concurrently."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.intake.history.items import HistoryItem, ItemResult
from services.intake.history.recorder import record_batch
from shared.commands.authorization import Principal
from shared.deadlines.derivation import deadlines
from shared.eventstore.field_encryption import open_sealed
from shared.kernel.identifiers import case_id
from shared.kernel.refusals import Denied, Unavailable
from tests.support.county import DEMO, REGISTRAR, County, county

OPERATIONS = Principal("operations", None, "k-ops")


@pytest.fixture(params=["memory", "sqlite"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[County]:
    async with county(tmp_path if request.param == "sqlite" else None) as made:
        yield made


def item(number: int = 1, *steps: tuple[str, str, dict[str, Any]], **more: Any) -> HistoryItem:
    told = [{"type": kind, "effective_at": at, "body": body} for kind, at, body in steps]
    filing = {"received_at": "2025-01-01", "text": "路灯不亮", "name": "甲", "phone": "1"}
    whole = {
        "line": number,
        "channel": "old",
        "channel_class": "web",
        "item": str(number),
        "filing": filing,
        "steps": told,
    }
    return HistoryItem.model_validate({**whole, **more})


SIGNED = ("SignedFor", "2025-01-02", {"org": "A"})
REPLY = ("ReplyDelivered", "2025-01-05", {"text": "已修", "mode": "phone"})
INVITED = ("EvaluationInvited", "2025-01-05", {"object": "organisation"})
CLOSED = ("CaseClosed", "2025-01-06", {"kind": "resolved_unconfirmed"})


ACCUSING = {"received_at": "2025-01-01", "text": "收钱", "class": "accusation"}


async def record(here: County, *items: HistoryItem, principal: Principal = OPERATIONS) -> list[ItemResult]:
    found = await record_batch(items, here.ports, principal=principal, jurisdiction=DEMO)
    await here.settle()
    return found


async def everything(here: County) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    async for commits in here.ports.log.scan("case/"):
        for commit in commits:
            found.update((event.type, event.origin) for event in commit.recorded)
    return found


async def test_historical_case_is_recorded_once(here: County) -> None:
    whole = item(1, SIGNED, REPLY, INVITED, CLOSED)
    assert [(one.result, one.steps_added) for one in await record(here, whole)] == [("added", 4)]
    assert [(one.result, one.steps_added) for one in await record(here, whole)] == [("same", 0)]
    names = ("CaseRegistered", "PartyRecorded", "SignedFor", "ReplyDelivered", "EvaluationInvited", "CaseClosed")
    assert await everything(here) == Counter({(name, "history"): 1 for name in names})
    await here.tick()
    assert sum((await everything(here)).values()) == 6  # nothing is sent, no rung fires
    async for commits in here.ports.log.scan("inbox/"):
        pytest.fail(f"{len(commits)} entries were sent")


async def test_additional_cells_add_only_their_steps(here: County) -> None:
    await record(here, *(item(number) for number in range(5)))
    found = await record(here, *(item(number, REPLY) for number in range(5)))
    assert [(one.result, one.steps_added) for one in found] == [("extended", 1)] * 5
    assert (await everything(here))["ReplyDelivered", "history"] == 5


async def test_contradictory_history_is_refused_without_changes(here: County) -> None:
    await record(here, item(1, REPLY))
    before = await everything(here)
    other = {"received_at": "2025-01-01", "text": "别的内容"}
    for changed, code in (
        (item(1, REPLY, filing=other, on_change="refuse"), "same_id_other_content"),
        (item(1, (REPLY[0], "2025-01-07", {}), on_change="refuse"), "history_differs"),
        (
            item(1, (REPLY[0], REPLY[1], {"text": "不修", "mode": "phone"}), on_change="refuse"),
            "same_id_other_content",
        ),
        (item(1, REPLY, org="zj", on_change="refuse"), "history_differs"),
        (item(1, REPLY, ("DeadlineBreached", "2025-01-09", {})), "step_not_importable"),
        (item(2, ("CaseClosed", "2025-01-09", {"kind": "stabilised"})), "invalid_step"),
        (item(2, filing={**other, "received_at": "2099-01-01"}), "effective_in_future"),
        (item(2, REPLY, org="nobody"), "unknown_organisation"),
        (item(2, filing={**other, "received_by": "王某 13900000000"}), "unknown_organisation"),
        (item(2, ("SignedFor", "2025-01-02", {"org": "县里的老李"})), "unknown_organisation"),
        (item(2, ("SignedFor", "2025-01-02", {"org": "13900000000"})), "unknown_organisation"),
        (item(2, ("SignedFor", "2025-01-02", {"org": "11010119900307123X"})), "unknown_organisation"),
        (item(2, ("InstructionRecorded", "2025-01-02", {"by_office": "王某副县长"})), "unknown_organisation"),
        (item(2, filing={**other, "class": "accusation"}, org="zj"), "accusation_needs_sealed_organ"),
        (item(2, ("CaseTransferred", "2025-01-02", {"org": "zj"}), filing=ACCUSING), "accusation_needs_sealed_organ"),
        (item(2, channel_class=None), "unknown_channel"),
    ):
        (result,) = await record(here, changed)
        assert (result.result, result.code) == ("refused", code)
        assert result.why
        assert result.why_zh
        assert result.field
    assert await everything(here) == before


async def test_impossible_step_is_left_out_and_the_rest_taken(here: County) -> None:
    late = {"received_at": "2025-01-03", "text": "路灯不亮"}
    (one,) = await record(here, item(1, SIGNED, REPLY, CLOSED, filing=late))
    assert (one.result, one.steps_added) == ("added", 2)
    assert [(each.field, each.code) for each in one.left_out] == [("steps.SignedFor.effective_at", "before_filing")]
    (two,) = await record(here, item(2, REPLY, ("CaseClosed", "2099-01-09", {"kind": "explained"})))
    assert [(each.field, each.code) for each in two.left_out] == [("steps.CaseClosed.effective_at", "step_in_future")]


JANUARY: dict[str, Any] = {"filing": {"received_at": "2025-01-01", "text": "路灯不亮", "name": "甲", "phone": "1"}}
FEBRUARY: dict[str, Any] = {
    "filing": {"received_at": "2025-01-01", "text": "路灯不亮，已三天", "name": "甲", "phone": "2", "place": "dh-yl"},
    "org": "zj",
}


async def _state(here: County, number: int) -> Any:
    name = case_id(here.ports.keys.secret("case-id"), DEMO, "old", str(number))
    case, _head = await here.ports.cases.get(name)
    facts = {(fact.name, fact.kind, fact.effective_at, fact.org) for fact in case.facts}
    return case.state, case.filing.place, case.assignment.org, case.handling.replied_at, case.closure, facts


async def test_next_export_with_every_usual_change_equals_the_whole(here: County) -> None:
    """A place, a text, a telephone number and the organisation are filled in or corrected, a reply before a known closing."""
    closed_only = ("CaseClosed", "2025-01-06", {"kind": "resolved_unconfirmed"})
    signed, reply = ("SignedFor", "2025-01-02", {}), ("ReplyDelivered", "2025-01-05", {"text": "已修", "mode": "phone"})
    nudge = ("Nudged", "2025-02-03", {})
    await record(here, item(1, closed_only, **JANUARY))
    february = item(1, signed, reply, closed_only, nudge, **FEBRUARY)
    (first,) = await record(here, february)
    assert (first.result, first.steps_added, first.left_out) == ("extended", 3, ())
    assert first.corrected >= 4
    known = await everything(here)
    (again,) = await record(here, february)
    assert (again.result, again.steps_added, again.corrected, again.left_out) == ("same", 0, 0, ())
    (older,) = await record(here, item(1, closed_only, **JANUARY))
    assert (older.result, older.corrected, older.left_out) == ("same", 0, ())
    assert await everything(here) == known
    await record(here, item(2, signed, reply, closed_only, nudge, **FEBRUARY))
    assert await _state(here, 1) == await _state(here, 2)


async def test_places_and_subjects_are_found_by_code_or_name(here: County) -> None:
    book = await here.ports.policies.book(DEMO)
    place, subject = book.places["dh-yl"], book.subjects["0102"]
    for number, (where, what) in enumerate(((place.code, subject.code), (f" {place.name}\u200b", subject.name)), 1):
        filing = {"received_at": "2025-01-01", "text": "x", "place": where, "subject": what}
        await record(here, item(number, filing=filing))
        name = case_id(here.ports.keys.secret("case-id"), DEMO, "old", str(number))
        case, _head = await here.ports.cases.get(name)
        assert (case.filing.place, case.filing.subject) == ("dh-yl", "0102")
    (again,) = await record(here, item(1, filing={"received_at": "2025-01-01", "text": "x", "place": place.name}))
    assert (again.corrected, again.left_out) == (0, ())


async def test_changed_texts_are_stored_next_to_the_original(here: County) -> None:
    await record(here, item(1, REPLY, **JANUARY))
    await record(here, item(1, (REPLY[0], REPLY[1], {"text": "已修好", "mode": "phone"}), **FEBRUARY | {"org": None}))
    name = case_id(here.ports.keys.secret("case-id"), DEMO, "old", "1")
    events = [event for commit in await here.ports.log.load(f"case/{name}") for event in commit.recorded]
    opened = await open_sealed(here.ports.keys, events)
    texts = [part.values["text"] for part in opened if "text" in part.values]
    assert texts == ["路灯不亮", "已修", "路灯不亮，已三天", "已修好"]


@pytest.mark.parametrize("policy", ["keep", "refuse"])
async def test_mapping_can_keep_or_refuse_changes(here: County, policy: str) -> None:
    await record(here, item(1, **JANUARY))
    known = await everything(here)
    (found,) = await record(here, item(1, REPLY, on_change=policy, **FEBRUARY | {"org": None}))
    if policy == "refuse":
        assert (found.result, found.code) == ("refused", "same_id_other_content")
        assert "place" in (found.why or "")
        assert "phone" in (found.why or "")
        assert await everything(here) == known
    else:
        assert (found.result, found.steps_added, found.corrected) == ("extended", 1, 0)
        assert {each.field for each in found.left_out} == {"place", "text", "phone"}


async def test_changed_date_that_shortens_a_delay_leaves_the_breach(here: County) -> None:
    name = case_id(here.ports.keys.secret("case-id"), DEMO, "old", "1")
    sent, late = ("CaseTransferred", "2025-03-03", {"org": "zj"}), ("ReplyDelivered", "2026-01-20", {})
    filing = {"filing": {"received_at": "2025-03-03", "text": "路灯不亮", "class": "claim"}, "org": "zj"}
    accepted = ("Accepted", "2025-03-04", {"path": 6})
    await record(here, item(1, sent, accepted, late, **filing))
    book = await here.ports.policies.book(DEMO)

    async def ends() -> dict[str, tuple[str, Any]]:
        case, _head = await here.ports.cases.get(name)
        return {
            one.clock: (one.status(here.clock.now()), one.end and one.end.effective_at) for one in deadlines(case, book)
        }

    before = await ends()
    assert ("late", date(2026, 1, 20)) in before.values()
    (found,) = await record(here, item(1, sent, accepted, ("ReplyDelivered", "2025-03-20", {}), **filing))
    assert (found.result, found.left_out) == ("extended", ())
    assert await ends() == before
    (again,) = await record(here, item(1, sent, accepted, ("ReplyDelivered", "2025-03-20", {}), **filing))
    assert again.result == "same"


async def test_exported_accusation_is_assigned_to_marked_organs_only(here: County) -> None:
    """Only no organisation or an organ marked for accusations is accepted (Art. 30)."""
    sent = ("CaseTransferred", "2025-01-02", {"org": "jjw"})
    found = await record(here, item(1, filing=ACCUSING), item(2, sent, filing=ACCUSING, org="jjw"))
    assert [one.result for one in found] == ["added", "added"]
    step = ("CaseTransferred", "2025-01-03", {"org": "zj"})
    (later,) = await record(here, item(2, sent, step, filing=ACCUSING))
    assert (later.result, later.code, later.field) == (
        "refused",
        "accusation_needs_sealed_organ",
        "steps.CaseTransferred.org",
    )


async def test_reclassification_as_accusation_removes_ordinary_organisation(here: County) -> None:
    sent = ("CaseTransferred", "2025-01-02", {"org": "zj"})
    turned = ("CaseClassified", "2025-01-03", {"class_": "accusation", "by": "person"})
    (first, later) = await record(here, item(1, sent), item(1, turned))
    assert (first.result, later.code) == ("added", "accusation_needs_sealed_organ")
    known = set((await here.ports.policies.book(DEMO)).organisations)
    named = {"name": "新的单位", "create": True}
    (refused,) = await record(here, item(2, filing=ACCUSING, organisation=named))
    assert refused.code == "unknown_organisation"
    assert set((await here.ports.policies.book(DEMO)).organisations) == known, "nothing was added for it"
    (office,) = await record(
        here, item(3, ("NoticeServed", "2025-01-04", {"kind": "acceptance", "org": "xfj"}), filing=ACCUSING)
    )
    assert office.result == "added"


async def test_import_does_not_disclose_case_reclassified_as_accusation(here: County) -> None:
    """The same row adds nothing; a changed row is refused as different, without mention of the accusation (Art. 30)."""
    row = item(1, ("SignedFor", "2025-01-02", {}), org="zj")
    assert [one.result for one in await record(here, row)] == ["added"]
    case = (await here.ports.views.find("worklist", limit=1))[0].key
    await here.act(case, "correct", REGISTRAR, field="class", new="accusation")
    assert (await here.case(case)).assignment.org is None
    assert [one.result for one in await record(here, row)] == ["same"]
    told = ("NoticeServed", "2025-01-03", {"kind": "acceptance"})
    (more,) = await record(here, item(1, ("SignedFor", "2025-01-02", {}), told, org="zj"))
    assert (more.result, more.code) == ("refused", "history_differs")
    assert "ccusation" not in str(more)


async def test_imported_dispatch_does_not_show_accusation_to_former_review_body(here: County) -> None:
    """The case goes to the organ for accusations; former assisting and review bodies must not see it."""
    sent = ("CaseTransferred", "2025-01-02", {"org": "zj"})
    opinion = ("ReviewOpinionIssued", "2025-02-02", {"body": "fc", "result": "upheld"})
    turned = ("CaseClassified", "2025-03-01", {"class_": "accusation", "by": "person"})
    away = ("CaseTransferred", "2025-03-02", {"org": "jjw"})
    (first, later) = await record(here, item(1, sent, opinion), item(1, sent, opinion, turned, away))
    assert (first.result, later.code) == ("added", "accusation_needs_sealed_organ")


async def test_later_rows_of_accusation_may_omit_class(here: County) -> None:
    sent = ("CaseTransferred", "2025-01-02", {"org": "jjw"})
    turned = ("CaseClassified", "2025-01-01", {"class_": "accusation", "by": "person"})
    (first, later) = await record(here, item(1, turned, sent), item(1, ("SignedFor", "2025-01-05", {"org": "jjw"})))
    assert (first.result, later.result) == ("added", "extended")


async def test_import_does_not_assign_accusation_to_petition_office(here: County) -> None:
    (result,) = await record(here, item(1, filing=ACCUSING, org="xfj"))
    assert (result.code, result.field) == ("accusation_needs_sealed_organ", "organisation")


async def test_rows_of_one_item_are_recorded_in_file_order(here: County) -> None:
    found = await record(here, item(1, line=10), item(2), item(1, REPLY, line=11), item(1, REPLY, line=12))
    assert [(one.line, one.result) for one in found] == [(10, "added"), (2, "added"), (11, "extended"), (12, "same")]


async def test_concurrent_senders_record_history_once(here: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.clock, "sleep", asyncio.sleep)  # a writer that was second waits a little, really
    wholes = [item(number, SIGNED, REPLY, INVITED, CLOSED) for number in range(8)]
    parts = [item(number, SIGNED, REPLY) for number in range(8)]
    found = await asyncio.gather(*(record(here, *rows) for rows in (wholes, parts, wholes, parts, wholes)))
    assert {one.result for results in found for one in results} <= {"added", "extended", "same"}
    counted = await everything(here)
    assert set(counted.values()) == {8}
    assert len(counted) == 6


@pytest.mark.parametrize("after", range(6))
async def test_history_interrupted_anywhere_can_be_resent(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with county(tmp_path) as here:
        whole = item(1, SIGNED, REPLY, INVITED, CLOSED, organisation={"name": "城管局", "create": True}, go_live=False)
        append, left = here.ports.log.append, [after]

        async def failing(commit: Any) -> Any:
            if left[0] == 0:
                raise Unavailable("gone", "gone")
            left[0] -= 1
            return await append(commit)

        monkeypatch.setattr(here.ports.log, "append", failing)
        if after < 5:
            with pytest.raises(Unavailable):
                await record(here, whole)
        left[0] = -1
        (result,) = await record(here, whole)
        assert result.result == ("added" if after < 2 else "extended" if after < 5 else "added")
        assert set((await everything(here)).values()) == {1}
        assert [one.result for one in await record(here, whole)] == ["same"]


async def test_organisations_are_added_once(here: County) -> None:
    named = {"name": "城管局（旧）", "create": True}
    await record(here, *(item(number, organisation=named) for number in range(20)))
    await record(here, item(99, organisation=named))
    added = [event for event in await here.events(f"policy/{DEMO}") if event.type == "OrganisationAdded"]
    assert len(added) == 1
    (refused,) = await record(here, item(100, organisation={"name": "不存在的局"}))
    assert refused.code == "unknown_organisation"
    known = next(iter((await here.ports.policies.book(DEMO)).organisations.values()))
    (by_name,) = await record(here, item(101, organisation={"name": known.name}))
    assert by_name.result == "added"
    codes = {event.body.org for event in await _registered(here) if not isinstance(event.body, str)}  # type: ignore[union-attr]
    assert known.code in codes


async def _registered(here: County) -> list[Any]:
    found = []
    async for commits in here.ports.log.scan("case/"):
        found += [event for commit in commits for event in commit.recorded if event.type == "CaseRegistered"]
    return found


async def test_case_goes_live_once(here: County) -> None:
    open_, closed = item(1, SIGNED, go_live=True), item(2, REPLY, CLOSED, go_live=True)
    await record(here, open_, closed)
    await record(here, open_, closed)
    assert (await everything(here))["WentLive", "live"] == 1


async def test_stated_due_dates_are_compared_with_derived_ones(here: County) -> None:
    book = await here.ports.policies.book(DEMO)
    await record(here, item(1))
    case = await here.case((await _registered(here))[0].stream.removeprefix("case/"))
    derived = deadlines(case, book)
    if derived:
        clock, day = derived[-1].clock, derived[-1].due_day.isoformat()
        (same,) = await record(here, item(1, due={"clock": clock, "at": day}))
        assert same.due is not None
        assert same.due.result == "equal"
        (other,) = await record(here, item(1, due={"clock": clock, "at": "2025-12-31"}))
        assert other.due is not None
        assert other.due.result == "different"
    (none,) = await record(here, item(1, due={"clock": "NONE", "at": "2025-12-31"}))
    assert none.due is not None
    assert none.due.result == "not_derived"


async def test_only_operations_and_registrars_may_import(here: County) -> None:
    for principal in (Principal("clerk", "A", "k"), Principal("platform", "P", "k")):
        with pytest.raises(Denied):
            await record_batch([item(1)], here.ports, principal=principal, jurisdiction=DEMO)
    assert (await record(here, item(1), principal=REGISTRAR))[0].result == "added"


async def test_imported_personal_data_stays_sealed(here: County) -> None:
    filing = {"received_at": "2025-01-01"} | {
        name: f"金丝雀{name}" for name in ("text", "name", "phone", "title", "place")
    }
    await record(here, item(1, ("ReplyDelivered", "2025-01-05", {"text": "金丝雀甲"}), filing=filing))
    async for commits in here.ports.log.scan():
        for commit in commits:
            assert "金丝雀" not in b"".join(commit.events).decode()
