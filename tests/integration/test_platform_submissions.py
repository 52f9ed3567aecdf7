"""Submissions of a platform through its topic: each record is answered once, and no record blocks another."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy.modes.embedded import opened as embedded
from services.supervision.policy_activation import activate
from shared.adapters.memory import SetClock
from shared.commands.authorization import Principal
from shared.eventstore.errors import StoreUnavailable
from shared.eventstore.field_encryption import open_sealed
from shared.kernel.identifiers import query_code
from shared.kernel.refusals import Unavailable
from shared.kernel.settings import Settings
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage
from shared.messaging.platform_updates import REFUSED, STREAM, reconciled
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO, MORNING
from tests.support.findings import is_chinese
from tests.support.platform import OWNER, PLATFORM, Topic, filing
from tests.support.serving import OPERATOR, Served, served

ZONE = "Asia/Shanghai"


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return [one["kind"] for one in entries]


async def cases(here: Served) -> int:
    return len([one async for heads in here.runtime.ports.log.heads("case/") for one in heads])


async def test_filing_is_registered_and_platform_receives_number() -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        first, *later = await topic.sends(filing("P-1"))
        assert (first["kind"], first["item"], first["channel"], first["repeated"]) == (
            "registered",
            "P-1",
            PLATFORM,
            False,
        )
        assert first["record"] == {"partition": 0, "offset": 0} and first["number"] and first["problem"] is None
        assert kinds(later) == ["sent"] and (later[0]["org"], later[0]["detail"]) == ("zj", "transferred")
        assert later[0]["item"] == "P-1" and later[0]["record"] is None
        case = (await here.runtime.ports.cases.get(first["case"]))[0]
        assert (case.filing.platform, case.number) == (PLATFORM, first["number"])
        code = query_code(here.runtime.ports.keys.secret("query-code"), case.id)
        assert code not in str(await topic.told())


async def test_repeated_item_gets_same_answer_and_different_content_is_refused() -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        (first, _sent) = await topic.sends(filing("P-1"))
        (again,) = await topic.sends(filing("P-1"))
        assert (again["kind"], again["number"], again["repeated"]) == ("registered", first["number"], True)
        assert again["record"] == {"partition": 0, "offset": 1}
        (other,) = await topic.sends(filing("P-1", text="别的内容"))
        assert (other["kind"], other["problem"]["code"]) == ("refused", "same_id_other_content")
        assert other["item"] == "P-1" and await cases(here) == 1


async def test_redelivered_record_is_answered_once() -> None:
    """The offset was not committed: the whole batch comes again, in parts, and at once from two members."""
    async with served() as here:
        topic = Topic(here.runtime)
        values = [filing("P-1"), filing("P-2"), filing("P-2"), b"{", filing("P-3", channel="nowhere")]
        records = [topic.record(value) for value in values]
        await topic.delivers(*records)
        before = await topic.told()
        other = Topic(here.runtime)
        await topic.delivers(*records)
        await topic.delivers(*records[2:])
        await asyncio.gather(topic.intake(records), other.intake(records))
        assert await topic.told() == before
        answers = [one for one in before if one["record"] is not None]
        assert sorted(one["record"]["offset"] for one in answers) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        (b"", "empty_body", None),
        (None, "empty_body", None),
        (b"\xff\xfe\x00", "not_utf8", None),
        (b"not json", "not_json", None),
        (b'{"channel":"province","channel":"province"}', "duplicate_key", "channel"),
        (b'{"item": NaN}', "not_a_number", None),
        (b"[1, 2]", "not_an_object", "(body)"),
        (b'{"item": 1' + b"0" * 400 + b"}", "not_a_number", None),
        (b'{"item": 123456789012345678901234567890}', "not_a_number", None),
        (b"[" * 100_000, "too_deep", None),
        (b"x" * 2_000_000, "body_too_large", None),
        (filing("B-1", text=None), "invalid_request", "text"),
        (filing("B-2", platform="elsewhere"), "invalid_request", "platform"),
        (filing("B-3", channel="web"), "foreign_channel", "channel"),
        (filing("B-4", channel="nowhere"), "unknown_channel", "channel"),
        (filing("B-5", received_at="2026-03-02T10:00:00"), "wrong_time", "received_at"),
        ({"command": "nudge", "command_id": "c-1", "case": "province:NONE"}, "unknown_case", None),
        ({"command": "nudge", "command_id": "c-2"}, "case_missing", "case"),
        ({"command": "explode", "command_id": "c-3", "case": "province:NONE"}, "unknown_command", "command"),
        ({"command": "sign_off", "command_id": "c-4", "case": "province:NONE"}, "unknown_case", None),
        (b"eyJhbGciOiJkaXIifQ.e30.AAAA.AAAA.AAAA", "cannot_be_opened", "(body)"),
    ],
)
async def test_bad_records_are_refused_with_answer_to_sender(value: Any, code: str, field: str | None) -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        entries = await topic.sends(filing("P-1"), value, filing("P-2"))
        (refused,) = [one for one in entries if one["kind"] == "refused"]
        assert (refused["problem"]["code"], refused["problem"]["field"]) == (code, field)
        assert refused["record"] == {"partition": 0, "offset": 1}
        assert refused["problem"]["detail"] and refused["problem"]["detail_zh"]
        assert all(is_chinese(one["problem_zh"], one["problem"]) for one in refused["problem"]["errors"])
        assert Counter(kinds(entries)) == {"registered": 2, "refused": 1, "sent": 2}
        (again,) = await topic.sends(value)
        assert again["problem"] == refused["problem"] and again["repeated"]


async def test_only_unreadable_records_are_kept_and_sealed() -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        secret = "张三丰的身份证".encode()
        garbage = b'{"text": "' + secret
        await topic.sends(garbage, filing("X-1", text="不该留下", channel="nowhere"), filing("Q-7788"))
        log = here.runtime.ports.log
        commits = [commit async for part in log.scan() for commit in part]
        raw = b"".join(event for commit in commits for event in commit.events)
        assert secret not in raw and "不该留下".encode() not in raw and b"X-1" not in raw
        assert b"Q-7788" not in raw and b"registered" in raw
        kept = [commit.recorded[0] for commit in commits if commit.stream.startswith(REFUSED)]
        opened = [part.values for one in kept for part in await open_sealed(here.runtime.ports.keys, [one])]
        assert sorted("record" in one for one in opened) == [False, True]
        import zlib
        from base64 import b64decode

        (record,) = [one["record"] for one in opened if "record" in one]
        assert zlib.decompress(b64decode(record)) == garbage
        assert [one["item"] for one in opened if "item" in one] == ["X-1"]
        assert len({one.sealed[0]["kid"] for one in kept}) == 2


async def test_refusal_is_final_and_corrected_filing_is_accepted() -> None:
    """A refused record stays refused on redelivery, even if the reason no longer applies; the corrected filing is another
    item."""
    async with served() as here:
        topic = Topic(here.runtime)
        early = {"command": "nudge", "command_id": "n-1", "case": f"{PLATFORM}:P-1"}
        (refused,) = await topic.sends(early)
        await topic.sends(filing("P-1"))
        (again,) = await topic.sends(early)
        assert again["problem"]["code"] == "unknown_case" and again["repeated"]
        assert again["number"] is not None and refused["number"] is None
        (done,) = await topic.sends({**early, "command_id": "n-2"})
        assert (done["kind"], done["command"], done["command_id"], done["item"]) == ("done", "nudge", "n-2", "P-1")
        (wrong,) = await topic.sends(filing("P-2", channel="nowhere"))
        assert wrong["kind"] == "refused" and wrong["item"] == "P-2"
        mended = await topic.sends(filing("P-2"))
        assert kinds(mended) == ["registered", "sent"]


async def test_topic_commands_continue_case() -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        case = (await topic.sends(filing("P-1")))[0]["case"]
        orders = [
            {"command": "add_material", "command_id": "m-1", "case": f"{PLATFORM}:P-1", "text": "补充"},
            {"command": "nudge", "command_id": "m-2", "case": case},
            {"command": "nudge", "command_id": "m-2", "case": case},
            {"command": "nudge", "command_id": "m-2", "case": case, "text": "别的"},
            {"command": "evaluate", "command_id": "m-3", "case": case, "object": "organisation", "grade": "satisfied"},
            {"command": "sign_off", "command_id": "m-4", "case": case},
        ]
        entries = await topic.sends(*orders)
        told = [(one["kind"], one["command"], one["repeated"], (one["problem"] or {}).get("code")) for one in entries]
        assert told == [
            ("done", "add_material", False, None),
            ("done", "nudge", False, None),
            ("done", "nudge", True, None),
            ("refused", "nudge", False, "same_id_other_content"),
            ("refused", "evaluate", False, "not_invited"),
            ("refused", "sign_off", False, "role_not_allowed"),
        ]
        assert {one["case"] for one in entries} == {case} and {one["item"] for one in entries} == {"P-1"}
        found = (await here.runtime.ports.cases.load_confirmed(case)).case
        assert found.supervision.nudges == 1
        events = [
            event async for part in here.runtime.ports.log.scan("case/") for one in part for event in one.recorded
        ]
        actors = {(event.actor.role, event.actor.org) for event in events if event.type in ("Nudged", "MaterialAdded")}
        assert actors == {("platform", PLATFORM)}


async def test_foreign_case_is_refused_like_unknown_case() -> None:
    async with served() as here:
        foreign = await here.filed()
        topic = Topic(here.runtime)
        entries = await topic.sends(
            {"command": "nudge", "command_id": "f-1", "case": foreign["number"]},
            {"command": "nudge", "command_id": "f-2", "case": foreign["case"]},
            {"command": "nudge", "command_id": "f-3", "case": "0" * 32},
        )
        assert [one["problem"]["code"] for one in entries] == ["unknown_case"] * 3
        assert [(one["case"], one["number"]) for one in entries] == [(None, None)] * 3
        assert foreign["case"] not in {one["case"] for one in entries}
        assert len({orjson.dumps(one["problem"]) for one in entries}) == 1


async def test_topic_determines_platform() -> None:
    """An item of another platform in its own topic and channel is another case; other platforms' cases are inaccessible."""
    async with served() as here:
        ours, theirs = Topic(here.runtime), Topic(here.runtime, "h12345")
        await ours.sends(filing("P-1"))
        stolen = await theirs.sends(filing("P-1"), {"command": "nudge", "command_id": "x", "case": f"{PLATFORM}:P-1"})
        assert [one["problem"]["code"] for one in stolen] == ["foreign_channel", "unknown_case"]
        assert await ours.events() and all(event.body.platform == "h12345" for event in await _refusals(here))  # type: ignore[union-attr]


async def _refusals(here: Served) -> list[Any]:
    return [event async for part in here.runtime.ports.log.scan(REFUSED) for one in part for event in one.recorded]


class _Away:
    """A log that does not answer from its nth append on, once."""

    def __init__(self, log: Any, at: int) -> None:
        self._log = log
        self._left = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, commit: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            raise StoreUnavailable("away")
        return await self._log.append(commit)


@pytest.mark.parametrize("lost", range(1, 9))
async def test_unavailable_log_loses_no_answer(lost: int) -> None:
    """After any failed append the batch is redelivered; in the end each record has one answer."""
    async with served() as here:
        topic = Topic(here.runtime)
        records = [topic.record(value) for value in (filing("P-1"), b"{", filing("P-1"))]
        intake = here.runtime.handling("intake")
        object.__setattr__(intake, "log", _Away(intake.log, lost))
        for _ in range(3):
            try:
                await topic.intake(records)
            except StoreUnavailable:
                continue
        object.__setattr__(intake, "log", here.runtime.ports.log)
        await here.runtime.drain()
        answers = [one for one in await topic.told() if one["record"] is not None]
        told = sorted((one["record"]["offset"], one["kind"], one["repeated"]) for one in answers)
        assert told == [(0, "registered", False), (1, "refused", False), (2, "registered", True)]


async def test_submission_refused_as_unavailable_may_be_resent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        value = filing("P-1")

        async def newer(*_: Any, **__: Any) -> Any:
            raise Unavailable("newer_event", "A newer release wrote into this case; it is read-only here.")

        async def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("an error of ours with 张三 in it")

        for file, code in ((newer, "newer_event"), (broken, "not_handled")):
            with monkeypatch.context() as patched:
                patched.setattr("services.intake.registration.file_case", file)
                (refused,) = await topic.sends(value)
            assert refused["problem"]["code"] == code and refused["problem"]["status"] >= 500
            assert refused["item"] == "P-1" and "张三" not in str(refused)
        assert kinds(await topic.sends(value)) == ["registered", "sent"]


async def test_daily_report_adds_up() -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        yesterday = [
            topic.record(filing("Y-1"), MORNING - timedelta(days=1)),
            topic.record(b"?", MORNING - timedelta(days=1)),
        ]
        await topic.delivers(*yesterday)
        await here.filed(channel=PLATFORM, item="by-the-desk")  # notified, but not a record of this platform
        sent = [filing(f"P-{n}") for n in range(20)] + [filing("P-3")] * 3 + [b"{", b"{", filing("Q", channel="no")]
        sent += [{"command": "nudge", "command_id": f"n-{n}", "case": f"{PLATFORM}:P-{n}"} for n in range(4)]
        sent += [{"command": "nudge", "command_id": "n-0", "case": f"{PLATFORM}:P-0"}, filing("by-the-desk")]
        await topic.sends(*sent)
        today = MORNING.date()
        found = await reconciled(here.runtime.ports.log, OWNER, today, ZONE)
        assert (found.registered, found.done, found.refused, found.same_again) == (20, 4, 2, 6)
        assert found.sent == len(sent) == found.registered + found.done + found.refused + found.same_again
        assert found.codes == {"not_json": 1, "unknown_channel": 1}
        before = await reconciled(here.runtime.ports.log, OWNER, today - timedelta(days=1), ZONE)
        assert (before.sent, before.registered, before.refused) == (2, 1, 1)
        assert (await reconciled(here.runtime.ports.log, OWNER, today - timedelta(days=9), ZONE)).sent == 0
        assert (await reconciled(here.runtime.ports.log, Member("cn-demo", "nobody"), today, ZONE)).sent == 0
        async with here.client(key=await here.key_of("platform", PLATFORM)) as client:
            answer = await client.get(f"/v1/platforms/{PLATFORM}/days/{today}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["sent"] == len(sent) and answer.json()["refusals"]["not_json"] == 1


async def test_recreated_topic_loses_nothing() -> None:
    """Its offsets start at 0 again, so the same offset is another record."""
    async with served() as here:
        topic = Topic(here.runtime)
        await topic.sends(filing("P-1"))
        anew = InboundMessage(OWNER, 0, 0, here.clock.now(), orjson.dumps(filing("P-2")))
        assert kinds(await topic.delivers(anew)) == ["registered", "sent"]


async def test_record_with_impossible_time_counts_on_day_of_reading() -> None:
    async with served() as here:
        topic = Topic(here.runtime)
        for wrong in (datetime.fromtimestamp(0, UTC), MORNING - timedelta(days=400), MORNING + timedelta(days=400)):
            await topic.delivers(topic.record(filing(f"T-{wrong}"))._replace(sent_at=wrong))
        assert (await reconciled(here.runtime.ports.log, OWNER, MORNING.date(), ZONE)).sent == 3


async def test_case_without_platform_creates_no_update_stream() -> None:
    async with served() as here:
        await here.filed()
        streams = [one async for heads in here.runtime.ports.log.heads(STREAM) for one, _ in heads]
        assert streams == []


def test_topic_principal_is_platform() -> None:
    from shared.messaging.inbound_handler import topic_principal

    assert topic_principal("platform", OWNER) == Principal("platform", "province", "topic", jurisdiction="cn-demo")


async def test_records_are_not_answered_again_after_restart(tmp_path: Path) -> None:
    """On SQLite: the state of answers is not kept in memory."""
    values = [filing("P-1"), b"{", filing("P-1"), {"command": "nudge", "command_id": "n", "case": f"{PLATFORM}:P-1"}]
    told: list[list[dict[str, Any]]] = []
    letters: list[InboundMessage] = []
    for _ in range(2):
        async with embedded(tmp_path / "data", Settings(), clock=SetClock(MORNING)) as runtime:
            if not letters:
                sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
                await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
            topic = Topic(runtime)
            letters = letters or [topic.record(value) for value in values]
            await topic.delivers(*letters)
            told.append(await topic.told())
            assert await runtime.ports.views.parked() == []
    assert told[0] == told[1]
    answers = sorted((one["record"]["offset"], one["kind"], one["repeated"]) for one in told[0] if one["record"])
    assert answers == [(0, "registered", False), (1, "refused", False), (2, "registered", True), (3, "done", False)]
