"""Messages to petitioners: what triggers them, consent, quiet hours, retries, and what happens where nothing can be sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.intake.messages.outgoing import OUTGOING, SCHEDULE, Message, fold
from services.intake.messages.send_times import not_before
from services.intake.messages.sender import MessageSender
from shared.adapters.gateways.memory import MemoryGateway
from shared.commands.authorization import Principal
from shared.events.routing import ReadRecorded
from shared.messaging.gateway import GatewayResult
from shared.policy.message_rules import MessageRules, QuietHours
from tests.support.county import MORNING, County, clerk, county

PLACE = {"place": "dh-yl", "subject": "0102"}
PHONE = "13800138000"
ZJ = clerk("zj")


@asynccontextmanager
async def office(**gateways: MemoryGateway) -> AsyncIterator[County]:
    async with county(gateways=gateways or {"sms": MemoryGateway()}, start=MORNING) as here:
        sender(here)._chance = lambda: 0.0
        yield here


def sender(here: County) -> MessageSender:
    (found,) = here.parts["intake"].senders
    assert isinstance(found, MessageSender)
    return found


def gateway(here: County, channel: str = "sms") -> MemoryGateway:
    found = sender(here)._lines[channel].gateway
    assert isinstance(found, MemoryGateway)
    return found


async def sent(here: County, rounds: int = 3) -> None:
    for _ in range(rounds):
        await here.settle()
        await sender(here).round()
        await sender(here).idle()


async def messages(here: County, case: str) -> dict[str, Message]:
    """Kind -> the message."""
    return {one.kind: one for one in fold(await here.events(f"messages/{case}")).values()}


async def filed(here: County, item: str = "1", **petitioner: Any) -> str:
    person = {"name": "张三", "phone": PHONE, **petitioner}
    return (await here.file(item, petitioner=person, **PLACE)).case


def citizen(case: str) -> Principal:
    return Principal("citizen", None, "code", case=case)


async def test_a_filing_is_confirmed_by_one_message_without_its_content() -> None:
    async with office() as here:
        case = await filed(here)
        await sent(here)
        (taken,) = gateway(here).taken
        number = (await here.case(case)).number
        assert (taken.channel, taken.address) == ("sms", f"+86{PHONE}")
        assert number in taken.text
        assert "路灯" not in taken.text
        assert "张三" not in taken.text
        found = (await messages(here, case))["registered"]
        assert (found.state, found.attempt) == ("sent", 1)
        assert taken.effect_id == found.id
        await sent(here)
        assert len(gateway(here).taken) == 1


async def test_reading_the_address_is_recorded_and_no_address_is_in_the_log() -> None:
    async with office() as here:
        case = await filed(here)
        await sent(here)
        reads = [event for event in await here.events(f"reads/{case}") if isinstance(event.body, ReadRecorded)]
        assert [(event.body.purposes, event.body.reason, event.actor.ref) for event in reads] == [
            (("identity",), "message", "messages")
        ]
        async for commits in here.ports.log.scan():
            for commit in commits:
                assert PHONE.encode() not in b"".join(commit.events)


async def test_each_step_that_concerns_petitioner_is_sent_once() -> None:
    async with office() as here:
        case = await filed(here)
        await here.act(case, "confirm_delivery_address", citizen(case), electronic=True, kind="sms", address=PHONE)
        for name, fields in (
            ("sign_off", {}),
            ("accept", {"path": 6}),
            ("serve_notice", {"kind": "acceptance", "mode": "electronic"}),
            ("ask_petitioner", {"questions": ["何时发现？"]}),
        ):
            here.clock.advance(60)
            await here.act(case, name, ZJ, **fields)
        await sent(here)
        assert set(await messages(here, case)) == {"registered", "accepted", "notice", "asked"}
        assert {kind for kind, one in (await messages(here, case)).items() if one.notice} == {"notice", "asked"}
        assert all(count == 1 for count in gateway(here).calls.values())


async def test_quiet_hours_and_the_cap_delay_only_what_carries_no_notice() -> None:
    async with office() as here:
        here.clock.set(datetime(2026, 3, 2, 14, 0, tzinfo=UTC))  # 22:00 there
        case = await filed(here)
        await here.act(case, "confirm_delivery_address", citizen(case), electronic=True, kind="sms", address=PHONE)
        await here.act(case, "sign_off", ZJ)
        await here.act(case, "ask_petitioner", ZJ, questions=["何时发现？"])
        await sent(here)
        found = await messages(here, case)
        assert (found["registered"].state, found["asked"].state) == ("waiting", "sent")
        row = await here.ports.views.get(OUTGOING.name, found["registered"].id)
        assert row is not None and row.values is not None
        assert row.values["due"] == "2026-03-03T00:00:00.000000Z"
        here.clock.set(datetime(2026, 3, 3, 0, 0, tzinfo=UTC))
        await sent(here)
        assert (await messages(here, case))["registered"].state == "sent"


async def test_the_daily_cap_of_a_case_moves_what_can_wait_to_the_next_morning() -> None:
    async with office() as here:
        here.clock.set(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        case = await filed(here)
        await sent(here)
        one = next(iter((await messages(here, case)).values()))
        rules = MessageRules(quiet=QuietHours(begins=21, ends=8), daily_cap=3)
        others = [replace(one, sent_at=here.clock.now()) for _ in range(3)]
        now = here.clock.now()
        assert not_before(one, others[:2], rules, "Asia/Shanghai", now) == now
        assert not_before(one, others, rules, "Asia/Shanghai", now) == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
        assert not_before(replace(one, notice=True), others, rules, "Asia/Shanghai", now) == now


@pytest.mark.parametrize(
    ("phone", "reason"),
    [("0571-87654321", "landline"), ("87654321", "landline"), ("12", "address_wrong"), (None, None)],
)
async def test_where_nothing_can_be_sent_the_reason_stays_and_a_question_becomes_a_call(
    phone: str | None, reason: str | None
) -> None:
    async with office() as here:
        case = (await here.file("1", petitioner={"name": "张三", "phone": phone}, **PLACE)).case
        await here.act(case, "sign_off", ZJ)
        await here.act(case, "ask_petitioner", ZJ, questions=["何时发现？"])
        await sent(here)
        found = await messages(here, case)
        assert (found["registered"].state, found["asked"].state) == ("given_up", "call")
        assert found["asked"].reason == (reason or "no_address")
        assert gateway(here).calls == {}
        assert await sender(here).by_hand() == 1


async def test_a_petitioner_who_wants_no_messages_gets_none_and_a_notice_becomes_a_letter() -> None:
    async with office() as here:
        case = await filed(here)
        await here.act(case, "consent_to_messages", citizen(case), channel="sms", consent=False)
        await here.act(case, "sign_off", ZJ)
        await here.act(case, "ask_petitioner", ZJ, questions=["何时发现？"])
        await sent(here)
        assert gateway(here).taken == []
        found = await messages(here, case)
        assert (found["registered"].reason, found["asked"].reason) == ("no_consent", "no_consent")


async def test_the_language_and_channel_of_the_petitioner_are_used() -> None:
    async with office(sms=MemoryGateway(), email=MemoryGateway("mail")) as here:
        case = await filed(here)
        await here.act(case, "consent_to_messages", citizen(case), channel="sms", consent=False)
        await here.act(
            case,
            "consent_to_messages",
            citizen(case),
            channel="email",
            consent=True,
            address="zhang@example.org",
            language="en",
        )
        await sent(here)
        (mail,) = gateway(here, "email").taken
        assert (mail.address, mail.language) == ("zhang@example.org", "en")
        assert mail.text.startswith("Your filing is registered")
        assert gateway(here).taken == []


async def test_attempts_follow_the_schedule_and_then_it_is_given_up() -> None:
    async with office() as here:
        gateway(here).answers = lambda _message: GatewayResult("not_sent", "mailbox_full")
        case = await filed(here)
        await sent(here)
        for number in range(1, len(SCHEDULE) + 1):
            one = (await messages(here, case))["registered"]
            assert (one.attempt, one.state) == (number, "waiting")
            assert one.next_at is not None
            await sent(here, 1)
            assert gateway(here).calls[one.id] == number, "nothing before its time"
            here.clock.set(one.next_at)
            if here.clock.now().hour >= 13:  # quiet hours there: to the next morning
                here.clock.advance(timedelta(hours=12))
            await sent(here, 1)
        one = (await messages(here, case))["registered"]
        assert (one.state, one.reason, one.attempt) == ("given_up", "mailbox_full", len(SCHEDULE) + 1)
        assert len(gateway(here).calls) == 1


async def test_retry_after_is_honoured() -> None:
    async with office() as here:
        gateway(here).answers = lambda _message: GatewayResult("not_sent", "http_429", retry_after=900.0, down=True)
        case = await filed(here)
        await sent(here)
        one = (await messages(here, case))["registered"]
        assert one.next_at == here.clock.now() + timedelta(seconds=900)


async def test_unavailable_gateway_delays_no_other_and_loses_nothing() -> None:
    async with office(sms=MemoryGateway(), email=MemoryGateway("mail")) as here:
        hangs = asyncio.Event()

        async def never(_message: object) -> GatewayResult:
            await hangs.wait()
            return GatewayResult("unknown", "timeout", down=True)

        gateway(here).send = never  # type: ignore[method-assign]
        cases = [await filed(here, f"s{number}") for number in range(12)]
        mailing = await filed(here, "m")
        await here.act(
            mailing, "consent_to_messages", citizen(mailing), channel="email", consent=True, address="a@example.org"
        )
        await here.act(mailing, "consent_to_messages", citizen(mailing), channel="sms", consent=False)
        for _ in range(4):
            await here.settle()
            await sender(here).round()
            await asyncio.sleep(0.01)
        assert len(gateway(here, "email").taken) == 1
        assert len(sender(here)._lines["sms"].active) == 8
        hangs.set()
        await sender(here).idle()
        assert (await sender(here).figures())["sms"].closed
        del gateway(here).send  # type: ignore[method-assign]
        for _ in range(20):
            here.clock.advance(200)
            await sent(here, 1)
        assert len(gateway(here).taken) == len(cases)
        assert not (await sender(here).figures())["sms"].closed


@pytest.mark.parametrize(("deduplicates", "calls", "state"), [(True, 3, "sent"), (False, 2, "given_up")])
async def test_after_unknown_results_only_a_gateway_that_deduplicates_gets_it_a_third_time(
    deduplicates: bool, calls: int, state: str
) -> None:
    async with office(sms=MemoryGateway(deduplicates=deduplicates)) as here:
        answers = [GatewayResult("unknown", "timeout"), GatewayResult("unknown", "timeout")]
        gateway(here).answers = lambda _message: answers.pop() if answers else None
        case = await filed(here)
        for _ in range(4):
            await sent(here, 1)
            here.clock.advance(600)
            await sent(here, 1)
        one = (await messages(here, case))["registered"]
        assert (gateway(here).calls[one.id], one.state) == (calls, state)


async def test_the_rows_are_written_again_from_the_log_after_they_were_deleted() -> None:
    async with office() as here:
        gateway(here).answers = lambda _message: GatewayResult("not_sent", "later")
        case = await filed(here)
        await sent(here)
        await here.ports.views.clear(OUTGOING.name)
        gateway(here).answers = lambda _message: None
        here.clock.advance(120)
        await sent(here)
        assert (await messages(here, case))["registered"].state == "sent"


async def test_an_erased_party_gets_nothing() -> None:
    async with office() as here:
        case = await filed(here)
        await here.ports.keys.erase(case, "p1")
        await sent(here)
        assert gateway(here).taken == []
        assert (await messages(here, case))["registered"].reason == "no_address"


async def test_imported_and_anonymous_filings_cause_no_message() -> None:
    async with office() as here:
        case = (await here.file("1", anonymous=True, petitioner={"phone": PHONE}, **PLACE)).case
        await sent(here)
        assert await here.events(f"messages/{case}") == []
