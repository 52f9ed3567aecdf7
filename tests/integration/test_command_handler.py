"""load -> decide -> append: once per causation id, one winner per version, nothing written on refusal, effective times in
order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from services.routing.commands.dispatch import RecordDelivery
from shared.case.evolve import changed
from shared.commands.authorization import Principal
from shared.commands.command import RULES, DecisionContext, NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.routing import CaseTransferred, ReadRecorded
from shared.eventstore.commit import LARGEST_EVENT
from shared.eventstore.recorded_event import decode
from shared.kernel.clock_trust import ClockTrust
from shared.kernel.refusals import Refused, Unavailable
from shared.repositories.case_repository import CaseRepository, Expected
from tests.support.county import DEMO, REGISTRAR, SUPERVISOR, County, clerk, county


@pytest.fixture(params=["memory", "sqlite"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[County]:
    async with county(tmp_path if request.param == "sqlite" else None) as made:
        yield made


async def test_same_item_gets_same_receipt_and_different_content_is_refused(here: County) -> None:
    first = await here.file("A-1", text="one")
    again = await here.file("A-1", text="one")
    assert (again.case, again.number, again.code) == (first.case, first.number, first.code)
    assert again.repeated
    assert not first.repeated
    with pytest.raises(Refused, match="same_id_other_content"):
        await here.file("A-1", text="two")
    types = [event.type for event in await here.events(f"case/{first.case}")]
    assert types.count("CaseRegistered") == 1


async def test_concurrent_filings_of_one_item_register_one_case(here: County) -> None:
    command = FileCase(channel="web", item="B-1", text="x", place="dh", subject="01")
    hands = here.ports.handling("intake")
    receipts = await asyncio.gather(*(file_case(hands, REGISTRAR, command, DEMO) for _ in range(40)))
    await here.settle()
    assert len({receipt.number for receipt in receipts}) == 1
    assert sum(not receipt.repeated for receipt in receipts) == 1
    events = await here.events(f"case/{receipts[0].case}")
    assert [event.version for event in events] == list(range(1, len(events) + 1))


async def test_filing_evicted_from_memory_gets_first_answer(here: County) -> None:
    """An unknown case is registered without reading the log; the append then returns the stored answer."""
    filing = {"place": "dh", "subject": "01", "petitioner": {"name": "某"}}
    first = await here.file("B-2", text="one", **filing)
    org = (await here.case(first.case)).assignment.org or ""
    await here.act(first.case, "sign_off", clerk(org))
    keys = await here.ports.keys.count()
    for erased in (False, True):
        if erased:
            await here.ports.keys.erase(first.case, "p1")
        here.ports.cases.forget([first.case])
        again = await here.file("B-2", text="one", **filing)
        assert again.repeated and again.number == first.number
        here.ports.cases.forget([first.case])
        with pytest.raises(Refused, match="same_id_other_content"):
            await here.file("B-2", text="two", **filing)
    types = [event.type for event in await here.events(f"case/{first.case}")]
    assert types.count("CaseRegistered") == 1
    assert await here.ports.keys.count() <= keys


async def test_cached_commit_equals_decoded_bytes(here: County) -> None:
    filed = await here.file("B-3", place="dh", subject="01", petitioner={"name": "某"})
    org = (await here.case(filed.case)).assignment.org or ""
    await here.act(filed.case, "sign_off", clerk(org), at=date(2026, 3, 2))
    await here.act(filed.case, "accept", clerk(org), path=6)
    for stream in (f"case/{filed.case}", f"inbox/cn-demo/{org}"):
        commits = await here.ports.log.load(stream)
        assert commits
        for commit in commits:
            assert commit.recorded == tuple(map(decode, commit.events))


async def test_command_id_is_idempotent_after_later_events(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    org = (await here.case(filed.case)).assignment.org or ""
    first = await here.act(filed.case, "sign_off", clerk(org), command_id="s1")
    await here.act(filed.case, "accept", clerk(org), path=6)
    again = await here.act(filed.case, "sign_off", clerk(org), command_id="s1")
    assert again.repeated
    assert again.commit is not None and first.commit is not None
    assert again.commit.first == first.commit.first


async def test_one_of_two_dispatching_registrars_is_refused(here: County) -> None:
    filed = await here.file(place="某处", subject="01")
    assert (await here.case(filed.case)).assignment.queue_reason == "unknown_place"
    results = await asyncio.gather(
        here.act(filed.case, "dispatch", REGISTRAR, org="zj"),
        here.act(filed.case, "dispatch", SUPERVISOR._replace(role="registrar", ref="other"), org="jy"),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Refused)]
    assert [one.code for one in refused] == ["has_an_organisation"]
    sent = [event for event in await here.events(f"case/{filed.case}") if event.type == "CaseTransferred"]
    assert len(sent) == 1


async def test_stale_version_is_refused_but_ticker_events_do_not_make_versions_stale(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    case = await here.case(filed.case)
    org = case.assignment.org or ""
    hands = here.ports.handling("routing")
    from shared.commands.command import RULES

    rule = RULES["sign_off"]
    for _ in range(15):
        here.clock.advance(timedelta(days=1))
        await here.tick()
    assert (await here.case(filed.case)).version > case.version
    command = rule.model()

    async def sign(cause: str, expected: int) -> None:
        stamp = EventMetadata(clerk(org), cause)
        await hands.handle(
            filed.case, rule.action, stamp, lambda found, given: rule(found, command, given), expected_version=expected
        )

    with pytest.raises(Refused, match="stale_version"):
        await sign("early", 1)
    await sign("now", case.version)


async def test_effective_time_is_monotonic_and_not_in_future(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    org = (await here.case(filed.case)).assignment.org or ""
    here.clock.advance(timedelta(days=2))
    with pytest.raises(Refused, match="effective_too_early") as early:
        await here.act(filed.case, "sign_off", clerk(org), at=date(2026, 2, 1))
    assert early.value.more["earliest"].startswith("2026-03-02")
    with pytest.raises(Refused, match="effective_in_future"):
        await here.act(filed.case, "sign_off", clerk(org), at=date(2026, 3, 9))
    await here.act(filed.case, "sign_off", clerk(org), at=date(2026, 3, 3))
    assert (await here.case(filed.case)).moved_at == date(2026, 3, 3)


async def test_clock_far_behind_log_is_refused(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    org = (await here.case(filed.case)).assignment.org or ""
    here.clock.jump(timedelta(hours=-1))
    with pytest.raises(Unavailable, match="clock_wrong"):
        await here.act(filed.case, "sign_off", clerk(org))
    here.clock.trust = ClockTrust(here.clock.now, here.clock.monotonic)  # as if the process had started so
    with pytest.raises(Unavailable, match="clock_behind"):
        await here.act(filed.case, "sign_off", clerk(org))
    here.clock.jump(timedelta(minutes=59, seconds=30))
    here.clock.trust = ClockTrust(here.clock.now, here.clock.monotonic)
    await here.act(filed.case, "sign_off", clerk(org))
    events = await here.events(f"case/{filed.case}")
    times = [event.recorded_at for event in events]
    assert times == sorted(times)


async def test_case_dated_by_wrong_clock_continues_after_confirmation(here: County) -> None:
    here.clock.jump(timedelta(days=20))
    here.clock.trust.accept()  # nobody knew better
    filed = await here.file(place="dh", subject="01")
    org = (await here.case(filed.case)).assignment.org or ""
    here.clock.jump(timedelta(days=-20))
    here.clock.trust.accept()
    acted = here.clock.now()
    await here.act(filed.case, "sign_off", clerk(org))
    events = await here.events(f"case/{filed.case}")
    assert events[-1].type == "SignedFor"
    assert events[-1].effective_at == acted
    times = [event.recorded_at for event in events]
    assert times == sorted(times), "the time of recording never goes back"
    assert [found async for found in here.ports.log.verify()] == []


async def test_service_cannot_append_events_of_another_service(here: County) -> None:
    with pytest.raises(TypeError, match="routing owns it"):
        await here.ports.handling("intake").append(
            "case/x", EventMetadata(REGISTRAR, "c"), lambda _head: [NewEvent(CaseTransferred(org="zj"))]
        )


async def test_log_verifies_after_all_commands(here: County) -> None:
    for item in range(5):
        await here.file(str(item), place="dh", subject="01", petitioner={"name": "某"})
    assert [found async for found in here.ports.log.verify()] == []


async def test_foreign_item_is_hidden_from_platform(here: County) -> None:
    """Neither the receipt nor whether the item exists."""
    filed = await here.file("F-1", text="one")
    assert not filed.repeated
    hands = here.ports.handling("intake")
    foreign = Principal("platform", "elsewhere", "k-foreign")
    codes = []
    for item, text in [("F-1", "one"), ("F-1", "two"), ("F-2", "one")]:
        with pytest.raises(Refused) as refusal:
            await file_case(hands, foreign, FileCase(channel="web", item=item, text=text), DEMO)
        codes.append((refusal.value.code, refusal.value.status))
    assert len(set(codes)) == 1, codes


async def test_delivery_is_recorded_after_clock_moved_back(here: County) -> None:
    filed = await here.file(place="dh", subject="01", **{"class": "claim"})
    case = await here.case(filed.case)
    rule = RULES["record_delivery"]
    told = here.clock.now() + timedelta(seconds=5)  # the outbox was written before the clock was put back
    given = DecisionContext(
        Principal("service", None, "routing"), here.clock.now(), told, await here.ports.policies.book(DEMO)
    )
    (fresh,) = rule(
        changed(case, {"assignment": {"delivered": False}}), RecordDelivery(org=case.assignment.org or "", seq=1), given
    )
    assert fresh.at == here.clock.now()


async def test_times_of_stateless_stream_never_decrease(here: County) -> None:
    hands = here.ports.handling("routing")
    read = ReadRecorded(case="x")
    for number, step in enumerate([0, -5, -20]):
        here.clock.jump(timedelta(seconds=step))
        await hands.append("reads/x", EventMetadata(SUPERVISOR, f"t:{number}"), lambda _head: [NewEvent(read)])
    recorded = [event.recorded_at for event in await here.events("reads/x")]
    assert recorded == sorted(recorded)


async def test_commit_too_large_to_publish_is_never_stored(here: County) -> None:
    handling = here.ports.handling("routing")
    stamp = EventMetadata(SUPERVISOR, "t:large", jurisdiction=DEMO)
    for fresh in ([ReadRecorded(case="x" * LARGEST_EVENT)], [ReadRecorded(case="x" * (LARGEST_EVENT - 2000))] * 4):
        with pytest.raises(Refused, match="too_large_to_keep"):
            await handling.append("reads/large", stamp, lambda _head, found=fresh: [NewEvent(one) for one in found])
    assert await here.ports.log.load("reads/large") == []
    fits = ReadRecorded(case="x" * (LARGEST_EVENT - 2000))
    await handling.append("reads/large", stamp, lambda _head: [NewEvent(fits)])
    assert len(await here.ports.log.load("reads/large")) == 1


async def test_stale_refusal_of_reaction_is_rechecked_against_log(here: County) -> None:
    """A process with an outdated case refuses; the refusal is rechecked against the log (docs/adr/0028)."""
    filed = await here.file(place="dh", subject="01")
    org = (await here.case(filed.case)).assignment.org or ""
    before, head = await here.ports.cases.get(filed.case)
    await here.act(filed.case, "sign_off", clerk(org))
    await here.act(filed.case, "accept", clerk(org), path=6)
    known = CaseRepository(here.ports.log, alone=False)
    known.remember(before, head)
    handling = replace(here.ports.handling("routing"), cases=known)
    rule = RULES["serve_notice"]
    command = rule.model.model_validate({"kind": "acceptance"})
    stamp = EventMetadata(clerk(org), "t:seen", jurisdiction=DEMO)
    done = await handling.handle(
        filed.case,
        rule.action,
        stamp,
        lambda case, given: rule(case, command, given),
        expected=Expected(before.version),
    )
    assert done.commit is not None and done.case.state == "accepted"
