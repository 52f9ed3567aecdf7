"""Inbox entries of an organisation: every kind of entry arises in its lifecycle and goes to the organisations concerned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, get_args

import pytest

from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.policy import PolicyActivated
from shared.events.routing import OutboxEntry, OutboxKind
from shared.policy.loading.loader import bundled, hash_of
from tests.support.county import DEMO, REGISTRAR, SUPERVISOR, County, clerk, county
from tests.support.deciding import PROOF

ANSWERS_OF_TOPICS = {"outcome", "webhook_disabled"}
"""Kinds that answer commands which came by a topic, and one that no case causes; over HTTP the answer is the answer."""
DAY = 86400


@pytest.fixture
async def here() -> AsyncIterator[County]:
    async with county() as found:
        yield found


async def told(here: County, org: str) -> list[tuple[str, str | None]]:
    bodies = [event.body for event in await here.events(f"inbox/cn-demo/{org}")]
    return [(body.kind, body.detail) for body in bodies if isinstance(body, OutboxEntry)]


async def lived(here: County, case: str, *steps: tuple[Principal, str, dict[str, Any]]) -> None:
    for who, command, fields in steps:
        here.clock.advance(60)
        await here.act(case, command, who, **fields)


ZJ, HEAD = clerk("zj"), clerk("zj", "k-head", head=True)
TAKEN = (
    (ZJ, "sign_off", {}),
    (ZJ, "accept", {"path": 6}),
    (ZJ, "serve_notice", {"kind": "acceptance"}),
)
ANSWERED = (
    (ZJ, "decide", {"result": "explained", "basis": ["条例"], "text": "x"}),
    (ZJ, "deliver_reply", {"mode": "in_person"}),
)
HOUSING = {"place": "dh-yl", "subject": "0102"}


async def test_every_entry_kind_appears_in_its_lifecycle(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    await lived(here, case, *TAKEN)
    await lived(
        here,
        case,
        (REGISTRAR, "add_material", {"text": "x"}),
        (REGISTRAR, "nudge", {}),
        (REGISTRAR, "correct", {"field": "place", "new": "dh-hg"}),
        (ZJ, "ask_extension", {"days": 10, "reason": "x"}),
        (HEAD, "refuse_extension", {"reason": "x"}),
        (ZJ, "ask_extension", {"days": 10, "reason": "x"}),
        (HEAD, "grant_extension", {"days": 10, "approver": "局长"}),
        (REGISTRAR, "check_extension", {"result": "finding", "ground": "not_complex", "text": "x"}),
    )
    for _ in range(14):  # the clock of handling passes its rungs
        here.clock.advance(5 * DAY)
        await here.tick()
    await lived(
        here,
        case,
        (SUPERVISOR, "urge", {}),
        *ANSWERED,
        (REGISTRAR, "evaluate", {"object": "organisation", "grade": "dissatisfied"} | PROOF),
        (SUPERVISOR, "order_redo", {"ground": "dissatisfied"}),
        *ANSWERED,
        (REGISTRAR, "request_review", PROOF),
        (clerk("fc"), "issue_review_opinion", {"result": "upheld", "text": "x"}),
        (SUPERVISOR, "close", {"kind": "explained"}),
    )
    recalled = (await here.file("2", **HOUSING)).case
    await lived(here, recalled, (REGISTRAR, "recall", {}))
    disputed = (await here.file("3", **HOUSING)).case
    objection: dict[str, Any] = {"reason_code": "other", "reason": "x"}
    for _ in range(2):
        await lived(here, disputed, (ZJ, "request_return", objection), (REGISTRAR, "verify_return", {"agreed": False}))
    await lived(here, disputed, (ZJ, "request_return", objection), (REGISTRAR, "verify_return", {"agreed": True}))
    await lived(here, disputed, (SUPERVISOR, "rule_jurisdiction", {"org": "dhq"}))
    await lived(here, disputed, (clerk("dhq"), "forward_down", {"to": "dhyl"}))
    await lived(here, disputed, (clerk("dhyl"), "hand_back", {"reason_code": "other"}))
    leading = (await here.file("4", **HOUSING)).case
    here.clock.advance(60)
    follower = (await here.file("5", **HOUSING)).case
    await lived(here, follower, (REGISTRAR, "link", {"lead": leading, "reason": "x"}))
    entries = {org: await told(here, org) for org in ("zj", "dhq", "dhyl", "fc")}
    kinds = {kind for told in entries.values() for kind, _detail in told}
    elsewhere = {"at_risk", "guidance_void"}  # a rung of another policy: below; void guidance: tests/acceptance/test_12
    assert kinds == set(get_args(OutboxKind)) - ANSWERS_OF_TOPICS - elsewhere
    assert ("deadline_changed", "C5") in entries["zj"]
    assert {("redo_ordered", "dissatisfied"), ("opinion_issued", "upheld"), ("closed", "explained")} <= set(
        entries["zj"]
    )
    assert {kind for kind, _ in entries["zj"]} >= {"returned", "return_refused", "withdrawn", "evaluated", "reminded"}
    assert entries["zj"][-2:] == [("withdrawn", "follows_lead"), ("joined", (await here.case(follower)).number)]
    assert entries["zj"].count(("withdrawn", "disputed")) == 0, "it gave the case back itself"
    assert entries["dhq"] == [("ruled", None), ("handed_back", "other")]
    assert entries["dhyl"] == [("forwarded", "dhq")]
    assert entries["fc"][0] == ("review_requested", "review")


async def test_correction_creates_due_date_entry_only_if_due_date_moved(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    here.clock.advance(8 * DAY)
    await lived(here, case, (ZJ, "sign_off", {}), (ZJ, "accept", {"path": 6}))
    await here.act(case, "correct", REGISTRAR, field="place", new="dh-hg")
    assert await told(here, "zj") == [("assigned", None), ("corrected", "place")]
    for step in ("SignedFor", "Accepted"):
        version = next(event.version for event in await here.events(f"case/{case}") if event.type == step)
        await here.act(case, "correct", SUPERVISOR, field="effective_at", of=version, new="2026-03-04")
    assert (await told(here, "zj"))[2:] == [
        ("corrected", "effective_at"),
        ("corrected", "effective_at"),
        ("deadline_changed", "C5"),
    ]


async def test_at_risk_entry_goes_to_responsible_organisation(here: County) -> None:
    clocks = next(dict(one.document) for one in bundled("cn-xf-2022") if one.section == "clocks")
    clocks["rules"] = [
        {**rule, "rungs": [{"id": "soon", "at_percent": 50, "kind": "at_risk"}]} if rule["id"] in ("C3", "C1") else rule
        for rule in clocks["rules"]
    ]
    await here.ports.handling("supervision").append(
        f"policy/{DEMO}",
        EventMetadata(SUPERVISOR, "activate:at-risk", date(2001, 1, 1), jurisdiction=DEMO),
        lambda _head: [NewEvent(PolicyActivated(section="clocks", hash=hash_of(clocks), document=clocks))],
    )
    await here.settle()
    await here.file(**HOUSING)
    await here.file("queued", place="nowhere")  # the petition office's clock runs; no organisation gets an entry
    here.clock.advance(10 * DAY)
    await here.tick()
    assert await told(here, "zj") == [("assigned", None), ("at_risk", "C3")]


async def test_review_entries_and_clocks_go_to_review_body_only(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    await lived(here, case, *TAKEN, *ANSWERED, (REGISTRAR, "request_review", PROOF))
    here_before = len(await told(here, "zj"))
    for _ in range(7):
        here.clock.advance(5 * DAY)
        await here.tick()
    assert ("reminded", "C7") in await told(here, "fc")
    assert len(await told(here, "zj")) == here_before
    breach = [event.body for event in await here.events(f"case/{case}") if event.type == "DeadlineBreached"]
    assert [(body.clock, body.org) for body in breach] == [("C7", "fc")]  # type: ignore[attr-defined]
    await lived(here, case, (clerk("fc"), "issue_review_opinion", {"result": "redo", "text": "x"}))
    assert (await told(here, "zj"))[-2:] == [("opinion_issued", "redo"), ("redo_ordered", "review")]


async def test_hearing_at_re_review_moves_due_date_of_re_review_body(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    await lived(here, case, *TAKEN, *ANSWERED, (REGISTRAR, "request_review", PROOF))
    await lived(here, case, (clerk("fc"), "issue_review_opinion", {"result": "upheld", "text": "x"}))
    await lived(here, case, (REGISTRAR, "request_re_review", PROOF))
    here.clock.advance(5 * DAY)
    days = {"from": date(2026, 3, 4), "to": date(2026, 3, 5)}
    await here.act(case, "record_hearing", clerk("sfc"), **days)
    assert await told(here, "sfc") == [("review_requested", "re_review"), ("deadline_changed", "C9")]
    await lived(here, case, (clerk("sfc"), "issue_re_review_opinion", {"result": "upheld", "text": "x"}))
    assert ("opinion_issued", "upheld") in await told(here, "zj")
    assert (await here.case(case)).state == "concluded"


async def test_replaced_review_body_is_notified(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    await lived(here, case, *TAKEN, *ANSWERED, (REGISTRAR, "request_review", PROOF))
    await lived(here, case, (SUPERVISOR, "name_review_body", {"body": "sfc"}))
    assert await told(here, "fc") == [("review_requested", "review"), ("withdrawn", "another_body")]
    assert await told(here, "sfc") == [("review_requested", "review")]


async def test_organisation_that_lost_case_gets_no_further_entries(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    objection: dict[str, Any] = {"reason_code": "other", "reason": "x"}
    await lived(here, case, (ZJ, "request_return", objection), (REGISTRAR, "verify_return", {"agreed": True}))
    await lived(here, case, (REGISTRAR, "nudge", {}), (REGISTRAR, "add_material", {"text": "x"}))
    assert [kind for kind, _ in await told(here, "zj")] == ["assigned", "returned"]


async def test_subordinate_of_forwarder_receives_case_entries(here: County) -> None:
    case = (await here.file("d", place="dh-yl", subject="0601")).case
    await here.act(case, "recall", REGISTRAR)
    await here.act(case, "dispatch", REGISTRAR, org="dhq")
    await lived(here, case, (clerk("dhq"), "forward_down", {"to": "dhyl"}), (REGISTRAR, "nudge", {}))
    entry = (await here.events("inbox/cn-demo/dhyl"))[0].body
    assert isinstance(entry, OutboxEntry)
    assert {due.clock for due in entry.due} == {"C3", "C4"}
    await lived(here, case, (REGISTRAR, "recall", {}))
    assert [kind for kind, _ in await told(here, "dhyl")] == ["forwarded", "nudged", "withdrawn"]
    assert [kind for kind, _ in await told(here, "dhq")][-2:] == ["nudged", "withdrawn"]


async def test_voided_case_is_removed_from_holding_organisation(here: County) -> None:
    case = (await here.file(**HOUSING)).case
    await lived(here, case, (ZJ, "sign_off", {}), (REGISTRAR, "void", {"reason_code": "registered_twice"}))
    assert await told(here, "zj") == [("assigned", None), ("withdrawn", "voided")]


async def test_organisation_losing_case_to_dispute_is_notified(here: County) -> None:
    """After a third refused objection the case waits for a ruling without a responsible organisation (Art. 24)."""
    case = (await here.file(**HOUSING)).case
    objection: dict[str, Any] = {"reason_code": "other", "reason": "x"}
    for _ in range(3):
        await lived(here, case, (ZJ, "request_return", objection), (REGISTRAR, "verify_return", {"agreed": False}))
    assert (await here.case(case)).state == "disputed"
    assert (await told(here, "zj"))[-2:] == [("return_refused", None), ("withdrawn", "disputed")]


async def test_receiving_organisation_is_notified_when_notice_is_due_and_done(here: County) -> None:
    """The receiving organisation bears C2 while another handles the case (Art. 23 ¶1); after the notice it gets no further
    entries."""
    case = (await here.file(received_by="jt", **HOUSING)).case
    voided = (await here.file("2", received_by="jt", **HOUSING)).case
    here.clock.advance(14 * DAY)  # a Monday again
    await here.tick()
    assert await told(here, "jt") == [("reminded", "C2")] * 2, "once for each case"
    await lived(here, voided, (REGISTRAR, "void", {"reason_code": "test"}))
    await lived(here, case, (clerk("jt"), "serve_notice", {"kind": "transfer"}))
    heard = await told(here, "jt")
    assert heard[2:] == [("withdrawn", "voided")]
    here.clock.advance(20 * DAY)
    await here.tick()
    assert await told(here, "jt") == heard
