"""`huiyin case list | show | candidates | matter` and `huiyin explain`."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, ask_page, call, quoted, run
from deploy.cli.local_words import Wording, at, due, wording
from deploy.cli.options import DESK, SUPERVISOR, As, AsJson, CaseId, Cursor, Data, Most, given
from deploy.cli.output import named
from shared.kernel.wording import state_words

_TIMES = ("due", "old", "new")
"""Details of an event that may be instants."""
group = typer.Typer(help="Lists of cases, and one case with its history", no_args_is_help=True)


@group.command("list")
def list_cases(
    queue: Annotated[str | None, typer.Option(help="to_dispatch, to_sign, at_risk, overdue, to_close, …")] = None,
    org: Annotated[str | None, typer.Option(help="Responsible organisation")] = None,
    state: Annotated[str | None, typer.Option(help="State")] = None,
    place: Annotated[str | None, typer.Option(help="Place")] = None,
    subject: Annotated[str | None, typer.Option(help="Subject")] = None,
    due_before: Annotated[str | None, typer.Option(help="Date, or instant with offset")] = None,
    after: Cursor = None,
    limit: Most = 50,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """List cases, earliest due date first."""
    asked = given(queue=queue, org=org, state=state, place=place, subject=subject, due_before=due_before, after=after)
    columns = ("number 编号", "due 期限", "state 状态", "unit, subject, place 单位、事项、属地")
    options = [f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in asked.items() if name != "after"]
    ask_page(
        "/v1/cases", "cases", columns, _case_row, data, as_=as_ or SUPERVISOR, params={**asked, "limit": limit, "totals": True},
        following=" ".join(["huiyin case list", *options, ""]), whole=2, width=terminal.list_width(),
    )  # fmt: skip


def _case_row(one: dict[str, Any], words: Wording) -> tuple[str, ...]:
    """Names only: a line of names has room in 80 columns, and `huiyin case show` has the codes."""
    code, english = one["jurisdiction"], terminal.language() == "en"
    late = (" late" if english else " 超期") if one["overdue"] else ""
    until = f"{one['due_clock']} {due(one['due'], words.zone(code))[:10]}{late}" if one["due"] else ""
    what = _joined(*(words.name(one[name], code) for name in ("org", "subject", "place")))
    return one["number"], until, state_words(one["state"]).en if english else one["state_zh"], what


@group.command("show")
def show_case(
    id: CaseId,
    as_of: Annotated[str | None, typer.Option(help="State at that time: a date, or an instant with offset")] = None,
    known_at: Annotated[str | None, typer.Option(help="Only what had been recorded by then")] = None,
    content: Annotated[bool, typer.Option(help="Decrypt personal data and texts; the access is recorded")] = False,
    before: Annotated[int | None, typer.Option(help="The events before this version, at most 200", min=1)] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Show a case with deadlines and history, as it is or as of a day."""
    asked = given(as_of=as_of, known_at=known_at, before=before, content="true" if content else "false")

    async def work(client: httpx.AsyncClient) -> None:
        case = await call(client, "GET", f"/v1/cases/{quoted(id)}", params=asked)
        if terminal.wants_json():
            terminal.as_json(case)
        else:
            _show_case(case, (await wording(client, ())).zone(case["jurisdiction"]))

    run(work, data, as_=as_ or SUPERVISOR)


@group.command("candidates")
def show_candidates(id: CaseId, data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """List older cases that may be the same matter as a case that waits for dispatch. The access is recorded."""
    path = f"/v1/cases/{quoted(id)}/candidates"
    columns = ("number 编号", "similarity 相似度", "state 状态", "shared 相同", "org, filed 单位、提出")
    none = terminal.told("没有相近的件。", "There are none.")
    ask_page(path, "candidates", columns, _candidate_row, data, as_=as_ or DESK, empty=none)


def _candidate_row(one: dict[str, Any], words: Wording) -> tuple[str, ...]:
    shared = ", ".join(terminal.coded(name) for name in one["shared"])
    through = f"{terminal.heading('through 经由')} {one['through']}" if one["through"] else ""
    origin = _joined(named(one["org"]), at(one["filed_at"], words.zone()), through)
    return one["number"], f"{one['similarity']:.2f}", one["state_zh"], shared, origin


@group.command("matter")
def show_matter(
    id: CaseId, after: Cursor = None, limit: Most = 50, data: Data = None, as_: As = None, json: AsJson = False
) -> None:
    """List all filings of the matter that a case belongs to: the lead first, then the others."""
    path = f"/v1/matters/{quoted(id)}"
    columns = ("number 编号", "", "state 状态", "org, channel 单位、渠道", "registered 登记")
    asked = given(limit=limit, after=after or None)
    ask_page(path, "filings", columns, _filing_row, data, as_=as_ or SUPERVISOR, params=asked)


def _filing_row(one: dict[str, Any], words: Wording) -> tuple[str, ...]:
    role = terminal.heading("lead 主件") if one["leads"] else terminal.coded(one["kind"])
    origin = _joined(named(one["org"]), named(one["channel"]))
    return one["number"], role, one["state_zh"], origin, at(one["registered_at"], words.zone())


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _show_case(case: dict[str, Any], zone: str | None) -> None:
    terminal.fields(
        {
            "number 编号": case["number"],
            "id 标识": case["id"],
            "state 状态": terminal.stated(case["state"], case["state_zh"]),
            "as of 截至": at(case["as_of"], zone),
            "known at 知悉截至": at(case["known_at"], zone),
            "org 承办单位": named(case["org"]),
            "place 属地": named(case["place"]),
            "subject 事项": named(case["subject"]),
            "channel 渠道": named(case["channel"]),
            "class 类别": terminal.coded(case["class"]),
            "result 结论": terminal.coded(case["result"]),
            "closure 办结方式": terminal.coded(case["closure"]),
            "filed 提出": at(case["filed_at"], zone),
            "lead 主件": _lead(case["matter"]),
            "related 相关件": ", ".join(case["related"]),
        }
    )
    dues = [_deadline_row(one, zone) for one in case["deadlines"]]
    if dues:
        terminal.table(
            ("clock 时限", "due 期限", "status 状况", "", "org 单位"), dues, title="\ndeadlines 时限", whole=3
        )
    steps = [_step_row(one, zone) for one in case["timeline"]]
    terminal.table(("v", "effective 生效", "", "detail 要点", "by 由"), steps, title="\ntimeline 经过", whole=2)
    if case["timeline_before"] is not None:
        terminal.note(
            f"{terminal.heading('Earlier events 更早的经过')}: huiyin case show {case['number']} --before {case['timeline_before']}"
        )
    if case["corrections"]:
        by = {one["version"]: _by(one["by"]) for one in case["timeline"]}
        heads = ("v", "when 时间", "by 由", "field 事项", "old 原", "new 改为", "reason 原因")
        corrections = [_correction_row(one, by.get(one["version"], ""), zone) for one in case["corrections"]]
        terminal.table(heads, corrections, title="\ncorrections 更正", whole=2)
    if case["content"]:
        for party, values in case["content"]["parties"].items():
            terminal.line(f"{party}: " + ", ".join(f"{name} {value}" for name, value in values.items() if value))
        for text in case["content"]["texts"]:
            for name, value in text["fields"].items():
                terminal.line(f"[{text['version']}] {text['zh']} {name}: {value}")
    if case["allowed"]:
        terminal.line(f"\n{terminal.heading('possible now 现在可以')}: {', '.join(case['allowed'])}")


def _lead(lead: dict[str, Any] | None) -> str:
    """The lead of the matter with its state."""
    return (
        ""
        if lead is None
        else _joined(lead["number"], terminal.stated(lead["state"], lead["state_zh"]), named(lead["org"]))
    )


def _deadline_row(one: dict[str, Any], zone: str | None) -> tuple[str, ...]:
    clock = f"{one['clock']} #{one['episode']}"
    return (
        clock,
        due(one["due"], zone),
        terminal.coded(one["status"]),
        one["en" if terminal.language() == "en" else "zh"],
        named(one["org"]),
    )


def _step_row(one: dict[str, Any], zone: str | None) -> tuple[Any, ...]:
    from shared.events.wording import decisive  # loads all event models, which only this output needs

    details = {name: at(value, zone) if name in _TIMES else value for name, value in one["details"].items()}
    what = terminal.told(one["zh"], one["en"])
    return (
        one["version"],
        at(one["effective_at"], zone),
        what,
        decisive(one["type"], details, terminal.coded),
        _by(one["by"]),
    )


def _correction_row(one: dict[str, Any], by: str, zone: str | None) -> tuple[Any, ...]:
    values = (one["field"], at(one["old"], zone), at(one["new"], zone))
    return one["version"], at(one["recorded_at"], zone), by, *values, one["reason"]


def _by(actor: dict[str, Any]) -> str:
    """Who acted: the organisation if it has a name, otherwise the role."""
    org = actor["org"] or {}
    return named(org) if org.get("name") else terminal.coded(actor["role"])


def explain(
    id: CaseId,
    clock: Annotated[str, typer.Argument(help="Clock, for example C1")],
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Explain how the due date of a clock was derived, with every skipped day."""
    path = f"/v1/cases/{quoted(id)}/deadlines/{quoted(clock)}/explain"
    ask("GET", path, lambda found: _show_episodes(clock, found["episodes"]), data, as_=as_ or SUPERVISOR)


def _show_episodes(clock: str, episodes: list[dict[str, Any]]) -> None:
    for one in episodes:
        terminal.line(f"{clock} #{one['episode']} {terminal.told(one['zh'], one['en'])}", style="bold")
        terminal.line(
            f"{terminal.coded(one['status'])}, {terminal.heading('due 期限')} {one['due_local'].replace('T', ' ')}"
        )
        for language in (terminal.language(),) if terminal.language() else ("zh", "en"):
            for step in one["steps"]:
                terminal.line(f"  {step[language]}")
