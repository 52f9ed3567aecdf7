"""The words of the stories: who does what with which case on which day.

    async with story("2026-03-02") as county:
        case = await county.desk.files("楼道漏水", on="2026-03-02")
        await county.housing.signs_off(case, on="2026-03-03")
        await county.refused("unknown_case", county.transport.signs_off(case, on="2026-03-03"))

Every line goes through HTTP with the key of that actor, on a set clock that moves to the named day ("2026-03-03" is 09:30 in
the county, "2026-03-03 17:20" that minute). While it moves, the ticker looks every hour, as in a running county.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from shared.eventstore.recorded_event import RecordedEvent
from shared.operations.digests import log_digest
from tests.support.serving import Served, served

ZONE = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
PROOF = {"evidence": "signed_form", "reference": "2026-017"}
"""What an office has when it records the word of the petitioner."""
MINUTE = timedelta(minutes=1)
_numbers = count(1)


class Answered(Exception):
    """The HTTP response was a refusal, with its problem details."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(answer.text)
        self.status = answer.status_code
        self.problem: dict[str, Any] = answer.json()


@dataclass
class Filing:
    """The receipt data that the petitioner keeps."""

    id: str
    number: str
    code: str


@dataclass
class Actor:
    """A client with the access key of one role in one organisation."""

    county: County
    role: str
    org: str | None
    key: str

    async def asks(self, method: str, path: str, **parts: Any) -> Any:
        async with self.county.here.client(key=self.key) as client:
            answer = await client.request(method, path, **parts)
        await self.county.here.runtime.drain()
        if answer.is_error:
            raise Answered(answer)
        return answer.json()

    async def does(self, command: str, case: Filing, *, on: str, **fields: Any) -> dict[str, Any]:
        """Give a command on that day."""
        await self.county.day(on)
        body = {"command": command, "command_id": f"s-{next(_numbers)}", **fields}
        answer: dict[str, Any] = await self.asks("POST", f"/v1/cases/{case.id}/commands", json=body)
        return answer

    async def reads(self, case: Filing) -> dict[str, Any]:
        """The whole case, as this actor may see it."""
        answer: dict[str, Any] = await self.asks("GET", f"/v1/cases/{case.id}")
        return answer

    async def is_notified(self) -> list[tuple[str, str]]:
        """(case, kind) of every entry in the organisation's inbox."""
        page = await self.asks("GET", f"/v1/organisations/{self.org}/assignments?limit=200")
        return [(one["case"], one["kind"]) for one in page["entries"]]

    async def files(self, text: str, *, on: str, channel: str = "web", **fields: Any) -> Filing:
        """File a complaint; without more words it is a claim of housing quality in Willow Subdistrict."""
        await self.county.day(on)
        body = {
            "channel": channel, "item": f"story-{next(_numbers)}", "text": text, "place": "dh-yl", "subject": "0102",
            **fields,
        }  # fmt: skip
        receipt = await self.asks("POST", "/v1/submissions", json=body)
        return Filing(receipt["case"], receipt["number"], receipt["code"])

    # the petition office

    async def dispatches(self, case: Filing, *, to: str, on: str, **fields: Any) -> Any:
        return await self.does("dispatch", case, on=on, org=to, **fields)

    async def recalls(self, case: Filing, *, on: str) -> Any:
        return await self.does("recall", case, on=on)

    async def agrees_to_the_return(self, case: Filing, *, on: str) -> Any:
        return await self.does("verify_return", case, on=on, agreed=True)

    async def refuses_the_return(self, case: Filing, *, on: str) -> Any:
        return await self.does("verify_return", case, on=on, agreed=False, reason="属于你单位职责")

    async def notes_the_petitioners_grade(self, case: Filing, grade: str, *, on: str) -> Any:
        return await self.does("evaluate", case, on=on, object="organisation", grade=grade, **PROOF)

    async def notes_the_withdrawal(self, case: Filing, *, on: str, party: str = "p1") -> Any:
        return await self.does("withdraw", case, on=on, party=party, present="本人和女儿", **PROOF)

    async def confirms_the_withdrawal(self, case: Filing, *, on: str, party: str = "p1") -> Any:
        return await self.does("confirm_withdrawal", case, on=on, party=party)

    async def confirms_the_date(self, case: Filing, *, of: int, on: str) -> Any:
        return await self.does("confirm_date", case, on=on, of=of, **PROOF)

    async def calls_back(self, case: Filing, *, satisfied: bool, on: str) -> Any:
        return await self.does("follow_up", case, on=on, reached=True, satisfied=satisfied)

    async def orders_redo(self, case: Filing, *, on: str) -> Any:
        return await self.does("order_redo", case, on=on, ground="dissatisfied")

    async def closes(self, case: Filing, kind: str, *, on: str) -> Any:
        return await self.does("close", case, on=on, kind=kind)

    async def rules(self, case: Filing, *, responsible: str, on: str) -> Any:
        return await self.does("rule_jurisdiction", case, on=on, org=responsible)

    # the organisation

    async def signs_off(self, case: Filing, *, on: str) -> Any:
        return await self.does("sign_off", case, on=on)

    async def returns(self, case: Filing, *, on: str) -> Any:
        return await self.does("request_return", case, on=on, reason_code="not_our_mandate", reason="不属于我单位职责")

    async def accepts(self, case: Filing, *, on: str) -> Any:
        return await self.does("accept", case, on=on, path=6)

    async def serves_the_notice(self, case: Filing, *, on: str, kind: str = "acceptance", **fields: Any) -> Any:
        return await self.does("serve_notice", case, on=on, kind=kind, **fields)

    async def visits_the_site(self, case: Filing, *, on: str) -> Any:
        return await self.does("record_step", case, on=on, step="site_visit")

    async def decides(self, case: Filing, result: str, *, on: str, text: str = "处理意见") -> Any:
        return await self.does("decide", case, on=on, result=result, basis=["《条例》第三十二条"], text=text)

    async def replies(self, case: Filing, *, on: str, text: str | None = None) -> Any:
        return await self.does("deliver_reply", case, on=on, mode="in_person", text=text)

    async def confirms_execution(self, case: Filing, *, on: str) -> Any:
        return await self.does("confirm_execution", case, on=on)

    async def files_the_report(self, case: Filing, *, on: str) -> Any:
        return await self.does("file_report", case, on=on, text="办结报告")


class County:
    """The demo county with its people."""

    def __init__(self, here: Served) -> None:
        self.here = here
        self._before = ""
        """Digest of the log when the day began to be lived: what the ticker wrote on the way is in it."""

    async def hire(self) -> None:
        self.desk = await self.actor("registrar", "xfj")
        self.second_desk = await self.actor("registrar", "xfj")
        self.supervisor = await self.actor("supervisor", "xfj")
        self.analyst = await self.actor("analyst", None)
        self.platform = await self.actor("platform", "province")
        self.follow_up_centre = await self.actor("registrar", "hfzx")
        self.province = await self.actor("supervisor", "sxfj")
        self.housing = await self.actor("clerk", "zj")
        self.transport = await self.actor("clerk", "jt")

    async def actor(self, role: str, org: str | None) -> Actor:
        return Actor(self, role, org, await self.here.key_of(role, org))

    async def day(self, text: str) -> None:
        """Time passes until then; the ticker looks every hour."""
        wanted = datetime.fromisoformat(text if " " in text else f"{text} 09:30").replace(tzinfo=ZONE)
        clock = self.here.clock
        while clock.now() + HOUR < wanted:
            clock.advance(HOUR)
            await self._look()
        clock.advance(wanted - clock.now() if wanted > clock.now() else MINUTE)
        await self._look()
        self._before = await log_digest(self.here.runtime.ports.log)

    async def _look(self) -> None:
        (ticker,) = (part.ticker for part in self.here.runtime.parts if part.ticker is not None)
        while await ticker.look():
            await self.here.runtime.drain()
        await self.here.runtime.drain()

    async def refused(self, code: str, attempt: Coroutine[Any, Any, Any]) -> dict[str, Any]:
        """Assert that the command is refused with this code and a sentence in both languages, and that the log is unchanged."""
        self._before = await log_digest(self.here.runtime.ports.log)
        problem = await self._attempted(attempt)
        assert problem["code"] == code, problem
        assert problem["detail"].rstrip().endswith("."), problem
        assert problem["detail_zh"], problem
        assert await log_digest(self.here.runtime.ports.log) == self._before, "a refusal leaves the log as it was"
        return problem

    @staticmethod
    async def _attempted(attempt: Coroutine[Any, Any, Any]) -> dict[str, Any]:
        try:
            done = await attempt
        except Answered as answered:
            return answered.problem
        raise AssertionError(f"this was accepted: {done}")

    async def citizen_asks(self, case: Filing) -> dict[str, Any]:
        """The status that case number and query code give access to."""
        async with self.here.client() as anyone:
            answer = await anyone.post("/v1/status", json={"number": case.number, "code": case.code})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def citizen_does(self, command: str, case: Filing, *, on: str, **fields: Any) -> dict[str, Any]:
        """Give a command with number and query code."""
        await self.day(on)
        body = {
            "command": command,
            "command_id": f"s-{next(_numbers)}",
            "number": case.number,
            "code": case.code,
            **fields,
        }
        async with self.here.client() as anyone:
            answer = await anyone.post("/v1/citizens/commands", json=body)
        await self.here.runtime.drain()
        if answer.is_error:
            raise Answered(answer)
        told: dict[str, Any] = answer.json()
        return told

    async def events(self, case: Filing, *types: str) -> list[RecordedEvent]:
        """The events of this case in the log, of these types or all."""
        commits = await self.here.runtime.ports.log.load(f"case/{case.id}")
        return [event for commit in commits for event in commit.recorded if not types or event.type in types]

    async def state(self, case: Filing) -> str:
        return (await self.here.runtime.ports.cases.load_confirmed(case.id)).case.state

    async def due(self, case: Filing, clock: str) -> str:
        """The last day of that clock's last episode."""
        shown = await self.desk.asks("GET", f"/v1/cases/{case.id}/deadlines/{clock}/explain")
        day: str = shown["episodes"][-1]["due_day"]
        return day


@asynccontextmanager
async def story(first_day: str, **settings: Any) -> AsyncIterator[County]:
    """A county that opens at 09:00 on that day."""
    start = datetime.fromisoformat(f"{first_day} 09:00").replace(tzinfo=ZONE)
    async with served(start=start, **settings) as here:
        county = County(here)
        await county.hire()
        yield county
