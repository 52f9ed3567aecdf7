"""Webhooks against real servers: entries, ids and order of the inbox, failures, rotation, replay, a dead endpoint among others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events import webhooks as w
from shared.events.routing import OutboxEntry
from shared.kernel.refusals import Denied, Invalid, Refused, Unknown
from shared.kernel.settings import Settings
from shared.messaging.member import Member
from shared.messaging.organisation_inbox import entry
from shared.messaging.webhooks.deliveries import SCHEDULE, last_commit, standing
from shared.messaging.webhooks.endpoints import BOTH_FOR, MOST, Endpoint
from shared.messaging.webhooks.sender import WebhookSender, replay, resume, send_test
from shared.messaging.webhooks.signatures import KeyPair, verified_v1a
from tests.support.county import DEMO, County, county
from tests.support.receiver import Receiver, Request, answer, receiving

ZJ = Principal("organisation", "zj", "k-zj", jurisdiction=DEMO)
OPERATIONS = Principal("operations", None, "k-ops", jurisdiction=DEMO)
PLACE = {"place": "dh-yl", "subject": "0102"}
LOCAL = Settings(outbound_networks="127.0.0.0/8")


@pytest.fixture
async def here() -> AsyncIterator[County]:
    async with county(start=datetime.now(UTC), settings=LOCAL) as found:
        yield found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def sender(here: County, service: str = "routing") -> WebhookSender:
    made = here.parts[service].webhooks
    assert made is not None
    made._chance = lambda: 0.0
    return made


async def sent(here: County, service: str = "routing") -> None:
    """Let the sender look once, and wait until nothing is under way."""
    await sender(here, service).look()
    await sender(here, service).round()
    await sender(here, service).idle()


async def added(
    here: County, url: str, *, who: Principal = ZJ, kinds: tuple[str, ...] = (), after: int = 0, cause: str = "1"
) -> tuple[Endpoint, KeyPair]:
    return await here.webhooks.add(who, Member(DEMO, who.org or ""), url, kinds, after, cause)


async def filed(here: County, count: int, begin: int = 0) -> list[str]:
    return [(await here.file(item=f"w{number}", **PLACE)).case for number in range(begin, begin + count)]


async def inbox(here: County, org: str = "zj") -> list[Any]:
    return [event for event in await here.events(f"inbox/{DEMO}/{org}") if isinstance(event.body, OutboxEntry)]


async def last_delivery(here: County, webhook: str) -> Any:
    commit = await last_commit(here.ports.log, f"deliveries/{webhook}")
    assert commit is not None
    return commit.recorded[-1].body


async def test_entries_arrive_in_order_with_the_ids_and_content_of_the_inbox(here: County, receiver: Receiver) -> None:
    _endpoint, pair = await added(here, receiver.url)
    await filed(here, 3)
    await sent(here)
    entries = await inbox(here)
    assert len(entries) >= 3
    assert receiver.ids == [f"inbox/{DEMO}/zj/{event.version}" for event in entries]
    for request, event in zip(receiver.got, entries, strict=True):
        assert Webhook(pair.secret).verify(request.body, request.headers)
        assert verified_v1a(pair.public, request.headers, request.body)
        body = orjson.loads(request.body)
        assert body["type"] == f"huiyin.assignments.{event.body.kind}"
        assert body["data"] == orjson.loads(entry(event).model_dump_json())
        assert len(request.body) < 20_000
    await sent(here)
    assert len(receiver.got) == len(entries)


async def test_only_new_entries_and_wanted_kinds_are_sent(here: County, receiver: Receiver) -> None:
    await filed(here, 2)
    begin = (await inbox(here))[-1].version
    endpoint, _pair = await added(here, receiver.url, kinds=("withdrawn",), after=begin)
    await filed(here, 2, begin=2)
    await sent(here)
    assert receiver.got == []
    assert (await standing(here.ports.log, endpoint.id, 0)).after == (await inbox(here))[-1].version


async def test_a_platform_gets_its_updates_without_its_item_ids(here: County, receiver: Receiver) -> None:
    book = await here.ports.policies.book(DEMO)
    channel = next(one for one in book.channels.values() if one.platform is not None)
    platform = Principal("platform", channel.platform, "k-p", jurisdiction=DEMO)
    _endpoint, pair = await added(here, receiver.url, who=platform)
    code = next(code for code, one in book.channels.items() if one is channel)
    command = FileCase.model_validate({"channel": code, "item": "SECRET-ITEM", "text": "路灯不亮", **PLACE})
    await file_case(here.ports.handling("intake"), platform, command, DEMO)
    await here.settle()
    await sent(here, "intake")
    updates = await here.events(f"updates/{DEMO}/{channel.platform}")
    assert receiver.ids == [f"updates/{DEMO}/{channel.platform}/{event.version}" for event in updates]
    assert (
        Webhook(pair.secret).verify(receiver.got[0].body, receiver.got[0].headers)["type"]
        == "huiyin.updates.registered"
    )
    assert b"SECRET-ITEM" not in b"".join(request.body for request in receiver.got)


async def test_failures_follow_the_schedule_of_the_standard_then_the_endpoint_is_disabled_with_notices(
    here: County, receiver: Receiver
) -> None:
    receiver.answers = lambda _request: answer(500, body="出错".encode())
    endpoint, _pair = await added(here, receiver.url)
    await filed(here, 1)
    begun = here.clock.now()
    waits = []
    for number in range(len(SCHEDULE) + 1):
        await sent(here)
        assert len(receiver.got) == number + 1
        failed = await last_delivery(here, endpoint.id)
        assert (failed.status, failed.attempt) == (500, number + 1)
        if failed.next_at is None:
            break
        waits.append((failed.next_at - here.clock.now()).total_seconds())
        await sent(here)
        assert len(receiver.got) == number + 1, "nothing is sent before its time"
        here.clock.set(failed.next_at)
    assert waits == [30.0 if one < timedelta(seconds=5) else one.total_seconds() for one in SCHEDULE]
    assert timedelta(hours=72) < here.clock.now() - begun < timedelta(hours=80)
    assert len(set(receiver.ids)) == 1, "the id is the same for all attempts"
    assert len({request.headers["webhook-signature"] for request in receiver.got}) > 1
    (told,) = [event.body for event in await inbox(here) if event.body.kind == "webhook_disabled"]
    assert (told.about, told.detail) == (endpoint.id, "exhausted")
    assert (await sender(here).figures()).disabled == 1
    here.clock.advance(timedelta(days=2))
    await sent(here)
    assert len(receiver.got) == len(SCHEDULE) + 1

    receiver.answers = lambda _request: answer()
    await resume(here.ports, endpoint, ZJ)
    await here.webhooks.enable(ZJ, endpoint.id)
    await sent(here)
    assert (await standing(here.ports.log, endpoint.id, 0)).after == (await inbox(here))[-1].version
    assert (await sender(here).figures()).disabled == 0


async def test_jitter_adds_at_most_a_tenth(here: County, receiver: Receiver) -> None:
    receiver.answers = lambda _request: answer(404)
    endpoint, _pair = await added(here, receiver.url)
    sender(here)._chance = lambda: 1.0
    await filed(here, 1)
    sending = here.parts["routing"].webhooks
    assert sending is not None
    sending._chance = lambda: 1.0
    await sending.round()
    await sending.idle()
    failed = await last_delivery(here, endpoint.id)
    assert failed.next_at - here.clock.now() == timedelta(seconds=5.5)


async def test_gone_disables_at_once_and_retry_after_is_honoured(here: County, receiver: Receiver) -> None:
    receiver.answers = lambda _request: answer(429, "Retry-After: 900\r\n")
    endpoint, _pair = await added(here, receiver.url)
    await filed(here, 1)
    await sent(here)
    assert (await last_delivery(here, endpoint.id)).next_at - here.clock.now() == timedelta(seconds=900)
    here.clock.advance(900)
    receiver.answers = lambda _request: answer(410)
    await sent(here)
    found = await here.webhooks.find(ZJ, endpoint.id)
    assert found.disabled == "gone"


@pytest.mark.parametrize("status", [301, 302, 307, 400, 500])
async def test_everything_but_success_is_a_failure_and_keeps_the_order(
    here: County, receiver: Receiver, status: int
) -> None:
    refused = {"first": True}

    def answering(_request: Request) -> bytes:
        return answer(status if refused.pop("first", False) else 200)

    receiver.answers = answering
    await added(here, receiver.url)
    await filed(here, 3)
    await sent(here)
    assert len(receiver.got) == 1
    here.clock.advance(31)
    await sent(here)
    entries = [f"inbox/{DEMO}/zj/{event.version}" for event in await inbox(here)]
    assert receiver.ids == [entries[0], *entries]


async def test_a_dead_endpoint_of_fifty_delays_no_other(here: County) -> None:
    hung = asyncio.Event()

    async def never(_request: Request) -> bytes:
        hung.set()
        await asyncio.sleep(60)
        return b""

    book = await here.ports.policies.book(DEMO)
    orgs = sorted(book.organisations)[: 50 // MOST + 1]
    async with AsyncExitStack() as stack:
        dead = await stack.enter_async_context(receiving(never))
        alive = await stack.enter_async_context(receiving())
        await added(here, dead.url)
        count = 0
        for org in orgs:
            who = Principal("organisation", org, f"k-{org}", jurisdiction=DEMO)
            for number in range(MOST if org != "zj" else MOST - 1):
                if count < 49:
                    await added(here, alive.url, who=who, cause=f"{org}-{number}")
                    count += 1
        assert count == 49
        case = (await filed(here, 1))[0]
        handling = here.ports.handling("routing")
        for org in orgs:
            if org != "zj":
                body = OutboxEntry(kind="urged", case=case, number="x", version=1)
                stamp = EventMetadata(Principal("service", None, "routing"), f"test:{org}", jurisdiction=DEMO)
                await handling.append(f"inbox/{DEMO}/{org}", stamp, lambda _head, body=body: [NewEvent(body)])  # type: ignore[misc]
        await sender(here).look()
        await sender(here).round()
        await asyncio.wait_for(hung.wait(), 10)
        async with asyncio.timeout(10):
            while len(sender(here)._active) > 1:  # noqa: ASYNC110 - what is under way signals no end
                await asyncio.sleep(0.01)
        assert len(alive.got) >= 49
        await sender(here).stop()


async def test_what_was_not_recorded_is_sent_again_with_the_same_id(here: County, receiver: Receiver) -> None:
    await added(here, receiver.url)
    await filed(here, 1)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def answering(_request: Request) -> bytes:
        began.set()
        await go_on.wait()
        return answer()

    receiver.answers = answering
    await sender(here).look()
    await sender(here).round()
    await asyncio.wait_for(began.wait(), 10)
    await sender(here).stop()  # the receiver has the entry, and we have no result
    go_on.set()
    sender(here)._moved.add(f"inbox/{DEMO}/zj")
    sender(here)._known.clear()
    await sent(here)
    assert len(receiver.got) >= 2
    assert receiver.ids[0] == receiver.ids[1]


async def test_rotation_signs_with_both_keys_for_seven_days(here: County, receiver: Receiver) -> None:
    endpoint, old = await added(here, receiver.url)
    _renewed, new = await here.webhooks.rotate(ZJ, endpoint.id)
    assert old.secret != new.secret
    await filed(here, 1)
    await sent(here)
    (first, *_) = receiver.got
    for pair in (old, new):
        assert Webhook(pair.secret).verify(first.body, first.headers)
        assert verified_v1a(pair.public, first.headers, first.body)
    here.clock.advance(BOTH_FOR)
    receiver.got.clear()
    await filed(here, 1, begin=1)
    await sent(here)
    (later, *_) = receiver.got
    assert verified_v1a(new.public, later.headers, later.body)
    assert not verified_v1a(old.public, later.headers, later.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(old.secret).verify(later.body, later.headers)


async def test_rotation_under_load_fails_no_delivery(here: County, receiver: Receiver) -> None:
    """The receiver knows one secret, and changes to the new one some time after each rotation, while entries arrive."""
    endpoint, pair = await added(here, receiver.url)
    held = [pair]
    checked = 0

    def checking(request: Request) -> bytes:
        nonlocal checked
        try:
            Webhook(held[-1].secret).verify(request.body, request.headers)
        except WebhookVerificationError:
            return answer(401)
        checked += verified_v1a(held[-1].public, request.headers, request.body)
        return answer()

    receiver.answers = checking
    running = asyncio.create_task(sender(here).run())
    try:
        async with asyncio.timeout(60):
            for number in range(6):
                await filed(here, 3, begin=10 * number)
                (_renewed, new), *_ = await asyncio.gather(
                    here.webhooks.rotate(ZJ, endpoint.id), filed(here, 3, begin=10 * number + 5)
                )
                if number % 2:
                    await asyncio.sleep(0.05)
                held.append(new)
                here.clock.advance(60)
            entries = [f"inbox/{DEMO}/zj/{event.version}" for event in await inbox(here)]
            assert len(entries) >= 36
            while len(receiver.got) < len(entries):  # noqa: ASYNC110 - the receiver signals nothing
                await asyncio.sleep(0.01)
            await sender(here).idle()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert receiver.ids == entries
    assert checked == len(entries)
    assert (await sender(here).figures()).attempts == {"delivered": len(entries)}


async def test_replay_sends_a_range_again_before_what_is_new(here: County, receiver: Receiver) -> None:
    endpoint, _pair = await added(here, receiver.url)
    await filed(here, 4)
    await sent(here)
    before = list(receiver.ids)
    receiver.got.clear()
    await replay(here.ports, endpoint, 2, 3, ZJ)
    await filed(here, 1, begin=4)
    await sent(here)
    entries = [f"inbox/{DEMO}/zj/{event.version}" for event in await inbox(here)]
    assert receiver.ids == [before[1], before[2], *entries[len(before) :]]


async def test_a_test_message_is_sent_and_recorded(here: County, receiver: Receiver) -> None:
    endpoint, pair = await added(here, receiver.url)
    result = await send_test(here.ports, here.webhooks, endpoint, ZJ)
    assert result.status == 204
    (request,) = receiver.got
    assert Webhook(pair.secret).verify(request.body, request.headers)["type"] == "webhook.test"
    body = await last_delivery(here, endpoint.id)
    assert isinstance(body, w.WebhookTested)
    assert body.status == 204


async def test_addresses_and_keys_are_sealed_in_the_log(here: County, receiver: Receiver) -> None:
    receiver.answers = lambda _request: answer(500, body=b"ANSWER-CANARY")
    url = receiver.url + "?token=URL-CANARY"
    endpoint, pair = await added(here, url)
    await filed(here, 1)
    await sent(here)
    async for commits in here.ports.log.scan():
        for commit in commits:
            text = b"".join(commit.events)
            for secret in ("URL-CANARY", "ANSWER-CANARY", pair.secret[6:], pair.private[5:]):
                assert secret.encode() not in text
    opened = await here.webhooks.opened(endpoint, here.clock.now())
    assert opened is not None
    assert opened.url == url


async def test_an_owner_sees_only_its_own_and_operations_see_all_without_secrets(
    here: County, receiver: Receiver
) -> None:
    endpoint, _pair = await added(here, receiver.url)
    other = Principal("organisation", "gaj", "k-2", jurisdiction=DEMO)
    elsewhere = Principal("organisation", "zj", "k-3", jurisdiction="other")
    platform = Principal("platform", "zj", "k-4", jurisdiction=DEMO)
    for stranger in (other, elsewhere, platform):
        with pytest.raises(Unknown):
            await here.webhooks.find(stranger, endpoint.id)
        assert await here.webhooks.seen_by(stranger) == []
    assert [one.id for one in await here.webhooks.seen_by(OPERATIONS)] == [endpoint.id]
    with pytest.raises(Refused):
        await here.webhooks.rotate(OPERATIONS, endpoint.id)
    await here.webhooks.disable(OPERATIONS, endpoint.id, "operations")
    await filed(here, 1)
    await sent(here)
    assert receiver.got == []


@pytest.mark.parametrize("owner_first", [False, True])
async def test_what_operations_disabled_its_owner_does_not_enable(
    here: County, receiver: Receiver, owner_first: bool
) -> None:
    endpoint, _pair = await added(here, receiver.url)
    if owner_first:
        await here.webhooks.disable(ZJ, endpoint.id, "owner")
    await here.webhooks.disable(OPERATIONS, endpoint.id, "operations")
    await here.webhooks.disable(ZJ, endpoint.id, "owner")  # which does not make it the owner's
    with pytest.raises(Denied) as refused:
        await here.webhooks.enable(ZJ, endpoint.id)
    assert refused.value.code == "disabled_by_operations"
    await filed(here, 1)
    await sent(here)
    assert receiver.got == []
    assert (await here.webhooks.enable(OPERATIONS, endpoint.id)).disabled is None
    await here.webhooks.disable(ZJ, endpoint.id, "owner")
    assert (await here.webhooks.enable(ZJ, endpoint.id)).disabled is None


@pytest.mark.parametrize(
    "url", ["https://10.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/", "http://8.8.8.8/"]
)
async def test_an_address_that_is_not_permitted_cannot_be_added(here: County, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        await added(here, url)
    assert refused.value.code == "webhook_address_refused"
    assert await here.webhooks.seen_by(ZJ) == []
