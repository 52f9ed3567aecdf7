"""The table of cases from the law: classes × paths × who. Each row names the outcome that Art. 22 and 29 to 36 give the matter."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.acceptance.vocabulary import Actor, Answered, County, Filing, story
from tests.support.deciding import GUIDANCE


class Row(NamedTuple):
    class_: str
    path: int | None
    ends_in: str
    """The command that ends it."""
    by: str
    """Who gives it."""
    state: str
    review: bool
    article: str
    channel: str = "web"


LAW = (
    Row("claim", 1, "guide", "organisation", "guided", False, "Art. 31(1)"),
    Row("claim", 2, "guide", "organisation", "guided", False, "Art. 31(2)"),
    Row("claim", 3, "guide", "desk", "guided", False, "Art. 31(3)"),
    Row("claim", 4, "lead_into", "organisation", "led_into", False, "Art. 31(4)"),
    Row("claim", 5, "perform_duty", "organisation", "decided", False, "Art. 31(5)"),
    Row("claim", 6, "decide", "organisation", "decided", True, "Art. 31(6), 32, 35"),
    Row("suggestion", None, "answer_suggestion", "organisation", "decided", False, "Art. 29"),
    Row("consultation", None, "answer_consultation", "organisation", "decided", False, "直接答复"),
    Row("accusation", None, "finish_accusation", "discipline organ", "decided", False, "Art. 30"),
    Row("litigation", 1, "guide", "organisation", "guided", False, "Art. 22 ¶2, by letter: 转送"),
    Row("litigation", 1, "guide", "desk", "guided", False, "Art. 22 ¶2, on a visit: 释法明理", channel="hall"),
)
BODIES: dict[str, dict[str, Any]] = {
    "guide": GUIDANCE,
    "lead_into": {"procedure": "行政裁决", "reference": "裁1号", "opened_on": "2026-03-05", "reason": "属于裁决事项"},
    "perform_duty": {"result": "performed", "text": "已查处"},
    "decide": {"result": "explained", "basis": ["条例第三十二条"], "text": "说明"},
    "answer_suggestion": {"result": "adopted", "text": "采纳"},
    "answer_consultation": {"text": "答复"},
    "finish_accusation": {"text": "结果"},
}


async def attempt(actor: Actor, command: str, case: Filing, path: int | None, on: str) -> str:
    """`done`, or the code of the refusal."""
    fields = {
        **BODIES[command],
        **({"path": path if path in (1, 2, 3, 4) else 2} if command in ("guide", "lead_into") else {}),
    }
    try:
        await actor.does(command, case, on=on, **fields)
    except Answered as refused:
        return str(refused.problem["code"])
    return "done"


async def sent(county: County, row: Row) -> tuple[Filing, Actor]:
    """The case with the organisation that handles it, accepted where the law has it accepted. A visitor with a matter of
    litigation is not sent away: the petition office itself explains and guides."""
    fields = {"place": "sl", "subject": "0102", "channel": row.channel, "class": row.class_}
    case = await county.desk.files("反映问题", on="2026-03-02", **fields)
    if row.channel == "hall":
        return case, county.desk
    org = {"accusation": "jjw", "litigation": "zfw"}.get(row.class_, "zj")
    if await county.state(case) == "registered":
        await county.desk.dispatches(case, to=org, on="2026-03-03")
    handler = await county.actor("clerk", org)
    await handler.does("accept", case, on="2026-03-04", **({"path": row.path} if row.class_ == "claim" else {}))
    await handler.does("record_step", case, on="2026-03-04 15:00", step="inquiry")
    return case, handler


@pytest.mark.parametrize("row", LAW, ids=lambda row: f"{row.class_}-{row.path}-{row.channel}-{row.by}")
async def test_matter_ends_as_law_says_and_not_otherwise(row: Row) -> None:
    async with story("2026-03-02") as county:
        case, handler = await sent(county, row)
        also = {"guide", "lead_into"} if row.ends_in in ("guide", "lead_into") else {row.ends_in}
        for command in BODIES.keys() - also:
            code = await attempt(handler, command, case, row.path, "2026-03-05")
            assert code == ("role_not_allowed" if handler is county.desk else "other_outcome"), command
        who = county.desk if row.by == "desk" else handler
        others = [county.transport, county.supervisor, *([] if row.ends_in == "guide" else [county.desk])]
        for other in others:
            code = await attempt(other, row.ends_in, case, row.path, "2026-03-06")
            assert code in ("unknown_case", "role_not_allowed", "not_your_case"), (other.role, code)
        assert await attempt(who, row.ends_in, case, row.path, "2026-03-06") == "done"
        assert await county.state(case) == row.state
        if row.state == "decided":
            await handler.replies(case, on="2026-03-09")
        try:
            await county.citizen_does("request_review", case, on="2026-03-10")
            asked = True
        except Answered as refused:
            assert refused.problem["code"] in ("nothing_to_review", "not_in_this_state"), refused.problem
            asked = False
        assert asked is row.review, row.article


async def test_organ_that_is_not_competent_gives_case_its_first_date_back() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("拖欠工程款", on="2026-03-02")
        await county.housing.does("accept", case, on="2026-03-03", path=6)
        due = await county.due(case, "C5")
        await county.housing.does("guide", case, on="2026-03-12", path=2, **GUIDANCE)
        await county.housing.serves_the_notice(case, on="2026-03-16", kind="guidance")
        await county.desk.closes(case, "guided", on="2026-03-24")
        declared = {"organ": "劳动人事争议仲裁委员会", "reference": "不予受理通知书8号"}
        await county.refused(
            "role_not_allowed", county.housing.does("record_not_competent", case, on="2026-05-20", **declared)
        )
        await county.desk.does("record_not_competent", case, on="2026-05-20", **declared)
        assert await county.state(case) == "accepted"
        assert await county.due(case, "C5") == due
        await county.day("2026-05-21")
        assert [event.body.clock for event in await county.events(case, "DeadlineBreached")] == ["C5"], (
            "as if never gone"
        )
        assert (case.id, "guidance_void") in await county.housing.is_notified()
        figures = await county.supervisor.asks("GET", "/v1/stats?measures=guided,guided_back&by=organisation")
        found = {
            (one["measure"], one["group"]["organisation"]): one["value"]
            for one in figures["figures"]
            if one["denominator"]
        }
        assert found == {("guided", "zj"): 1, ("guided_back", "zj"): 1.0}
