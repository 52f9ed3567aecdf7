"""Two registrars dispatch one case at once: one organisation becomes responsible, the other registrar is refused (Art. 22)."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.acceptance.vocabulary import Actor, Answered, Filing, story


async def test_one_of_two_concurrent_dispatches_is_refused() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("难以归类", on="2026-03-02", place="sl", subject="1502")
        await county.refused("role_not_allowed", county.supervisor.dispatches(case, to="zj", on="2026-03-02"))
        await county.day("2026-03-03")

        answers = await asyncio.gather(send(county.desk, case, "zj"), send(county.second_desk, case, "jt"))
        problems = [answer for answer in answers if isinstance(answer, Answered)]
        assert [(one.status, one.problem["code"]) for one in problems] == [(409, "has_an_organisation")]
        assert "Recall the case first" in problems[0].problem["detail"]

        (sent,) = await county.events(case, "CaseTransferred")
        told = {"zj": await county.housing.is_notified(), "jt": await county.transport.is_notified()}
        assert told.pop(sent.body.org) == [(case.id, "assigned")]
        assert list(told.values()) == [[]], "the other organisation never heard of it"


async def send(desk: Actor, case: Filing, org: str) -> Any:
    body = {"command": "dispatch", "command_id": f"to-{org}", "org": org}
    try:
        return await desk.asks("POST", f"/v1/cases/{case.id}/commands", json=body)
    except Answered as answered:
        return answered
