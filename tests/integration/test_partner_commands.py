"""Commands that an organisation sends to its topic: each record gets one answer in its outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.routing.organisation_notifications import OrganisationNotifications
from services.routing.topics.commands import PartnerCommands
from shared.eventstore.errors import StoreUnavailable
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage
from tests.support.findings import is_chinese
from tests.support.serving import Served, served

SENT = datetime(2026, 3, 2, 1, tzinfo=UTC)


class Desk:
    """Organisations that send commands and read their answers."""

    def __init__(self, here: Served) -> None:
        self.here = here
        self.actions = PartnerCommands(
            here.runtime.ports,
            here.runtime.settings.body_limit,
            OrganisationNotifications(here.runtime.handling("routing")),
        )
        self.offset = 0

    def letter(self, value: Any, org: str = "zj") -> InboundMessage:
        self.offset += 1
        data = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
        return InboundMessage(Member("cn-demo", org), 0, self.offset, SENT, data)

    async def sends(self, *values: Any, org: str = "zj") -> list[InboundMessage]:
        letters = [self.letter(value, org) for value in values]
        await self.actions(letters)
        await self.here.runtime.drain()
        return letters

    async def outcomes(self, org: str = "zj") -> list[dict[str, Any]]:
        async with self.here.client(key=await self.here.key_of("organisation", org)) as client:
            page = (await client.get(f"/v1/organisations/{org}/assignments?limit=200")).json()
        return [one for one in page["entries"] if one["kind"] == "outcome"]

    async def state(self, case: str) -> str:
        return (await self.here.runtime.ports.cases.get(case))[0].state


def command(case: str, name: str = "sign_off", **more: Any) -> dict[str, Any]:
    return {"case": case, "command": name, "command_id": f"{name}-1", **more}


async def test_command_is_executed_and_outcome_is_written_to_outbox() -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        (letter,) = await desk.sends(command(case))
        (outcome,) = await desk.outcomes()
        assert await desk.state(case) == "signed"
        assert (outcome["case"], outcome["command"], outcome["command_id"]) == (case, "sign_off", "sign_off-1")
        assert outcome["detail"] == "done" and outcome["problem"] is None
        assert outcome["record"] == {"partition": 0, "offset": letter.offset}
        (event,) = [
            one
            for commit in await here.runtime.ports.log.load(f"case/{case}")
            for one in commit.recorded
            if one.type == "SignedFor"
        ]
        assert (outcome["version"], outcome["about"]) == (event.version, event.event_id)
        assert (event.actor.org, event.actor.role) == ("zj", "organisation")


async def test_repeated_record_and_command_are_answered_once() -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        letters = await desk.sends(command(case))
        await desk.actions(letters)  # delivered again
        await desk.sends(command(case))  # sent again
        assert len(await desk.outcomes()) == 1
        await desk.sends(command(case, path=3))
        first, second = await desk.outcomes()
        assert second["problem"]["code"] == "same_id_other_content"
        assert first["problem"] is None


async def test_refused_command_is_not_accepted_on_redelivery() -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        letters = await desk.sends(command(case, "accept", path=6), command(case, "confirm_execution"))
        assert [one["problem"] and one["problem"]["code"] for one in await desk.outcomes()] == [
            None,
            "nothing_to_execute",
        ]
        decided = command(case, "decide", result="supported", basis=["条例第三十二条"], text="予以支持。")
        await desk.sends(decided)
        assert await desk.state(case) == "decided"
        await desk.actions(letters)
        await desk.sends(command(case, "confirm_execution"))  # by a producer that missed its acknowledgement
        assert len(await desk.outcomes()) == 3
        assert not (await here.runtime.ports.cases.get(case))[0].handling.executed


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "empty_body"),
        (b"", "empty_body"),
        (b"\xff\x00", "not_utf8"),
        (b"{", "not_json"),
        (b"[1]", "not_an_object"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":NaN}', "not_a_number"),
        (b"x" * 300_000, "body_too_large"),
        ({"command": "sign_off", "command_id": "a"}, "case_missing"),
        ({"case": "web:none", "command": "sign_off", "command_id": "a"}, "unknown_case"),
        ({"case": "web:none", "command": "burn", "command_id": "a"}, "unknown_command"),
        ({"case": "web:none", "command": "accept", "command_id": "a", "path": 9}, "invalid_request"),
        ({"case": "web:none", "command": "accept", "command_id": "a", "org": "jy"}, "invalid_request"),
    ],
)
async def test_impossible_command_is_refused_in_outbox(value: Any, code: str) -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        await desk.sends(value, command(case))
        refused, done = await desk.outcomes()
        assert refused["problem"]["code"] == refused["detail"] == code
        assert refused["problem"]["detail"] and refused["problem"]["detail_zh"]
        assert all(is_chinese(one["problem_zh"], one["problem"]) for one in refused["problem"]["errors"])
        assert refused["case"] == ""
        assert done["problem"] is None, "what comes behind it is not held up"


async def test_foreign_case_is_unknown_and_topic_determines_actor() -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        await desk.sends({**command(case), "actor": "zj"}, command(case, command_id="b"), org="jy")
        outcomes = await desk.outcomes("jy")
        assert [one["problem"]["code"] for one in outcomes] == ["invalid_request", "unknown_case"]
        assert await desk.outcomes() == []
        assert await desk.state(case) == "dispatched"


async def test_store_fault_causes_redelivery(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        log = here.runtime.ports.log
        append = log.append
        left = [1]

        async def failing(commit: Any) -> Any:
            """The command is carried out, its answer is not written."""
            if commit.stream.startswith("inbox/") and left[0]:
                left[0] -= 1
                raise StoreUnavailable("away")
            return await append(commit)

        monkeypatch.setattr(log, "append", failing)
        letter = desk.letter(command(case))
        with pytest.raises(StoreUnavailable):
            await desk.actions([letter])
        await desk.actions([letter])
        await here.runtime.drain()
        (outcome,) = await desk.outcomes()
        assert outcome["detail"] == "done"
        types = [one.type for commit in await log.load(f"case/{case}") for one in commit.recorded]
        assert types.count("SignedFor") == 1


async def test_every_refused_outcome_names_its_visible_case() -> None:
    async with served() as here:
        desk = Desk(here)
        case = (await here.filed())["case"]
        await desk.sends(command(case))
        refused: list[dict[str, Any]] = [
            command(case, path=3),  # the id was used before
            command(case, "burn"),
            command(case, "accept", path=9),
            command(case, "dispatch", org="jy"),
            command(case, "deliver_reply"),
            command(case, "sign_off", command_id="second"),
        ]
        await desk.sends(*refused)
        outcomes = [one for one in await desk.outcomes() if one["problem"] is not None]
        assert outcomes and {one["problem"]["code"] for one in outcomes} > {"same_id_other_content", "unknown_command"}
        assert {one["case"] for one in outcomes} == {case} and all(one["number"] for one in outcomes)
        await desk.sends(*refused, org="jy")
        assert {one["case"] for one in await desk.outcomes("jy")} == {""}, "who may not see the case is not told its id"
