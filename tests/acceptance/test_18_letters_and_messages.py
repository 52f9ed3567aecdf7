"""What people send, and what reaches them: a scanned letter with a numbered notice, a message that bounces, a question that is
answered with a photograph, and an erasure."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.intake.messages.sender import MessageSender
from shared.messaging.webhooks.signatures import KeyPair, signed_v1
from tests.acceptance.vocabulary import Actor, Answered, County, Filing, story
from tests.support import sample_files as files

SECRET = KeyPair.made(b"0" * 32, b"1" * 32).secret
_uploads = count(1)
EMAIL = {"electronic": True, "kind": "email", "address": "zhang@example.com"}


async def scans(actor: Actor, content: bytes, *, kind: str) -> str:
    """Upload a scan; its id."""
    upload = f"scan-{next(_uploads)}"
    await actor.asks("POST", f"/v1/files?kind={kind}", content=content, headers={"Upload-Id": upload})
    return upload


async def clock_of(actor: Actor, case: Filing, clock: str) -> dict[str, Any]:
    found: dict[str, Any] = [one for one in (await actor.reads(case))["deadlines"] if one["clock"] == clock][-1]
    return found


async def own_files(county: County, case: Filing) -> set[str]:
    """Kinds of the files that the petitioner may read with number and code."""
    async with county.here.client() as home:
        answer = await home.get("/v1/files/own", headers={"Case-Number": case.number, "Query-Code": case.code})
    assert answer.status_code == 200, answer.text
    return {one["kind"] for one in answer.json()["files"]}


async def messages_go(county: County) -> None:
    (sender,) = next(part for part in county.here.runtime.parts if part.name == "intake").senders
    assert isinstance(sender, MessageSender)
    for _ in range(2):
        await county.here.runtime.drain()
        await sender.round()
        await sender.idle()


async def test_scanned_letter_gets_a_numbered_notice_and_the_duty_ends_on_the_day_of_the_return_slip() -> None:
    async with story("2026-03-02") as county:
        letter = await scans(county.desk, files.jpeg(), kind="letter")
        case = await county.desk.files(
            "屋面渗漏，见来信。", on="2026-03-02", petitioner={"name": "李明"}, title="屋面渗漏", files=[letter]
        )
        await county.housing.signs_off(case, on="2026-03-03")
        await county.housing.accepts(case, on="2026-03-04")
        body = {"case": case.id, "kind": "acceptance", "command_id": "n-1"}
        issued = await county.housing.asks("POST", "/v1/notices", json=body)
        assert issued["document_number"].endswith("〔2026〕1号")
        assert (await county.housing.asks("GET", f"/v1/notices/{issued['id']}"))["status"] == "issued"
        async with county.here.client(key=county.housing.key) as client:
            page = await client.get(f"/v1/notices/{issued['id']}/document", params={"format": "html"})
        assert issued["document_number"] in page.text and "李明" in page.text
        assert (await clock_of(county.housing, case, "C3"))["status"] == "running", "issued is not served"
        assert await own_files(county, case) == {"letter"}, "nor shown"
        await county.day("2026-03-12")
        slip = await scans(county.housing, files.jpeg(), kind="proof")
        refused = county.housing.serves_the_notice(case, on="2026-03-12", mode="post", files=[slip])
        await county.refused("proof_date_needed", refused)
        served = await county.housing.serves_the_notice(
            case, on="2026-03-12", mode="post", files=[slip], effective_at="2026-03-09"
        )
        assert [one["type"] for one in served["events"]] == ["NoticeServed", "FileAttached", "FileAttached"]
        ended = await clock_of(county.housing, case, "C3")
        assert (ended["status"], ended["ended_at"][:10]) == ("met", "2026-03-09"), (
            "the day on the slip, not of filing it"
        )
        assert await own_files(county, case) == {"letter", "notice"}, "the proof of service is the office's own"
        minutes = await scans(county.housing, files.jpeg(), kind="minutes")
        await county.housing.does(
            "decide",
            case,
            on="2026-03-12 12:00",
            result="explained",
            basis=["第三十二条"],
            text="已查。",
            files=[minutes],
        )
        assert await own_files(county, case) == {"letter", "notice"}, "not before the reply"
        await county.housing.replies(case, on="2026-03-13")
        assert await own_files(county, case) == {"letter", "notice", "minutes"}


@pytest.mark.parametrize("ending", ["report", "dead"])
async def test_electronic_notice_that_bounces_leaves_the_clock_running(tmp_path: Path, ending: str) -> None:
    async with story("2026-03-02", gateway_email=f"spool:{tmp_path}", gateway_secret=SECRET) as county:
        case = await county.desk.files("屋面渗漏。", on="2026-03-02", petitioner={"name": "李明"})
        await county.citizen_does("confirm_delivery_address", case, on="2026-03-02", **EMAIL)
        await county.housing.signs_off(case, on="2026-03-03")
        await county.housing.accepts(case, on="2026-03-04")
        due = await county.due(case, "C3")
        await county.housing.serves_the_notice(case, on="2026-03-05", mode="electronic")
        assert (await clock_of(county.housing, case, "C3"))["status"] == "met"
        if ending == "dead":
            (sender,) = next(part for part in county.here.runtime.parts if part.name == "intake").senders
            assert isinstance(sender, MessageSender)
            sender._lines["email"].gateway = Refusing()
        await messages_go(county)
        listed = (await county.desk.asks("GET", f"/v1/messages/of/{case.id}"))["messages"]
        (notice,) = [one for one in listed if one["kind"] == "notice"]
        if ending == "report":
            data = orjson.dumps({"effect_id": notice["id"], "status": "failed", "code": "mailbox_full"})
            for _ in range(2):
                headers = signed_v1(SECRET, "r-1", int(county.here.clock.now().timestamp()), data)
                async with county.here.client() as gateway:
                    answer = await gateway.post("/v1/gateways/reports", content=data, headers=headers)
                assert answer.status_code == 204, answer.text
        await county.day("2026-03-06")
        (failed,) = await county.events(case, "ServiceFailed")
        assert (failed.body.mode, failed.body.document) == ("electronic", "notice")
        running = await clock_of(county.housing, case, "C3")
        assert running["status"] == "running" and await county.due(case, "C3") == due, (
            "the clock runs on, from where it began"
        )
        page = await county.desk.asks("GET", "/v1/cases?queue=to_serve_on_paper")
        assert [one["id"] for one in page["cases"]] == [case.id]
        tasks = (await county.desk.asks("GET", "/v1/messages"))["messages"]
        assert ("notice", "letter") in [(one["kind"], one["state"]) for one in tasks]
        await county.housing.serves_the_notice(
            case, on="2026-03-11", mode="post", reference="回执0311", effective_at="2026-03-10"
        )
        assert (await clock_of(county.housing, case, "C3"))["ended_at"][:10] == "2026-03-10"


class Refusing:
    """A mail server that knows no such mailbox."""

    name, deduplicates = "refusing", True

    async def send(self, _message: Any) -> Any:
        from shared.messaging.gateway import GatewayResult

        return GatewayResult("refused", "mailbox_unknown")


async def test_reply_that_was_read_is_not_undone_by_a_late_report(tmp_path: Path) -> None:
    async with story("2026-03-02", gateway_email=f"spool:{tmp_path}", gateway_secret=SECRET) as county:
        case = await county.platform.files("屋面渗漏。", on="2026-03-02", channel="province")
        await county.citizen_does("confirm_delivery_address", case, on="2026-03-02", **EMAIL)
        await county.housing.signs_off(case, on="2026-03-03")
        await county.housing.accepts(case, on="2026-03-04")
        await county.housing.decides(case, "explained", on="2026-03-05")
        await county.housing.does("deliver_reply", case, on="2026-03-05", mode="electronic")
        await messages_go(county)
        async with county.here.client() as home:
            read = await home.post("/v1/status/documents", json={"number": case.number, "code": case.code})
            assert read.status_code == 200, read.text
        await county.here.runtime.drain()
        listed = (await county.desk.asks("GET", f"/v1/messages/of/{case.id}"))["messages"]
        (reply,) = [one for one in listed if one["kind"] == "reply"]
        data = orjson.dumps({"effect_id": reply["id"], "status": "failed"})
        headers = signed_v1(SECRET, "r-1", int(county.here.clock.now().timestamp()), data)
        async with county.here.client() as gateway:
            assert (await gateway.post("/v1/gateways/reports", content=data, headers=headers)).status_code == 204
        assert await county.events(case, "ServiceFailed") == [] and await county.state(case) == "replied"


async def test_department_asks_for_more_and_the_citizen_answers_with_a_photograph() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("屋面渗漏。", on="2026-03-02", petitioner={"name": "李明"})
        await county.housing.signs_off(case, on="2026-03-03")
        await county.housing.accepts(case, on="2026-03-04")
        due = await county.due(case, "C5")
        asked = await county.housing.does(
            "ask_petitioner", case, on="2026-03-05", questions=["渗漏何时开始？", "能否提供照片？"]
        )
        body = {"case": case.id, "kind": "request_for_more", "command_id": "n-1"}
        issued = await county.housing.asks("POST", "/v1/notices", json=body)
        async with county.here.client(key=county.housing.key) as client:
            page = await client.get(f"/v1/notices/{issued['id']}/document", params={"format": "html"})
        assert "能否提供照片？" in page.text, "the notice asks what was asked"
        told = await county.citizen_asks(case)
        assert told["questions"][0]["questions"] == ["渗漏何时开始？", "能否提供照片？"]
        own = {"Case-Number": case.number, "Query-Code": case.code}
        await county.day("2026-03-10")
        async with county.here.client() as home:
            sent = await home.post(
                "/v1/files?kind=photo", content=files.jpeg(), headers={**own, "Upload-Id": "from-home"}
            )
            assert sent.status_code == 201, sent.text
        version = asked["events"][-1]["version"]
        await county.citizen_does(
            "add_material", case, on="2026-03-10", asked=version, answers=["三月一日", "见照片"], files=["from-home"]
        )
        assert (await county.citizen_asks(case))["questions"] == []
        assert await county.due(case, "C5") == due, "no clock stopped"
        seen = await county.housing.asks("GET", f"/v1/files/{case.id}")
        (photo,) = [one for one in seen["files"] if one["kind"] == "photo" and one["form"] is None]
        async with county.here.client(key=county.housing.key) as client:
            opened = await client.get(f"/v1/files/{case.id}/{photo['version']}")
        assert opened.status_code == 200 and opened.content[:3] == b"\xff\xd8\xff"
        assert files.CANARY.encode() not in opened.content


async def test_supervisor_erases_a_party_after_the_case_has_ended() -> None:
    async with story("2026-03-02") as county:
        letter = await scans(county.desk, files.jpeg(), kind="letter")
        case = await county.desk.files("屋面渗漏。", on="2026-03-02", petitioner={"name": "李明"}, files=[letter])
        wish = {"ground": "requested", "number": case.number}
        await county.refused("case_open", county.supervisor.does("erase_party", case, on="2026-03-03", **wish))
        await county.refused("role_not_allowed", county.desk.does("erase_party", case, on="2026-03-03", **wish))
        await county.desk.notes_the_withdrawal(case, on="2026-03-03")
        await county.follow_up_centre.confirms_the_withdrawal(case, on="2026-03-20")
        wrong = {**wish, "number": "2026-1"}
        await county.refused("wrong_number", county.supervisor.does("erase_party", case, on="2026-03-21", **wrong))
        other = {**wish, "party": "p9"}
        await county.refused("unknown_party", county.supervisor.does("erase_party", case, on="2026-03-21", **other))
        (scan, _small) = (await county.desk.asks("GET", f"/v1/files/{case.id}"))["files"]
        for _ in range(2):
            await county.supervisor.does("erase_party", case, on="2026-03-21", **wish)
        assert len(await county.events(case, "PartyErased")) == 1
        shown = await county.desk.reads(case)
        assert shown["content"]["erased"] == ["p1"] and "李明" not in str(shown) and "渗漏" not in str(shown)
        with pytest.raises(Answered) as gone:
            await county.desk.asks("GET", f"/v1/files/{case.id}/{scan['version']}")
        assert gone.value.problem["code"] == "unknown_file"
        listed = (await county.desk.asks("GET", f"/v1/files/{case.id}"))["files"]
        assert {(one["name"], one["erased"]) for one in listed} == {(None, True)}
