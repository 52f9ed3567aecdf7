"""`huiyin case list | show` and `huiyin explain`."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, call, run
from shared.cli.filing import ONLOOKER
from shared.cli.options import As, AsJson, Data
from shared.cli.showing import named
from shared.cli.wording import Wording, at, due, wording
from shared.telling import with_words

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
    after: Annotated[str | None, typer.Option(help="Cursor from the page before")] = None,
    limit: Annotated[int, typer.Option(help="Most rows", min=1, max=200)] = 50,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Cases, earliest due first."""
    asked = {
        "queue": queue, "org": org, "state": state, "place": place, "subject": subject, "due_before": due_before,
        "after": after, "limit": str(limit),
    }  # fmt: skip

    async def work(client: httpx.AsyncClient) -> int:
        page = await call(
            client, "GET", "/v1/cases", params={name: value for name, value in asked.items() if value is not None}
        )
        if json:
            showing.as_json(page)
            return DONE
        cases: Any = page["cases"]
        words = await wording(client, {one["jurisdiction"] for one in cases})
        heads = ("number 编号", "state 状态", "due 期限", "who, what, where 单位、事项、属地")
        showing.table("", heads, [_row(one, words) for one in cases], whole=3)
        if page["after"]:
            showing.line(f"more: --after {page['after']}")
        return DONE

    run(work, data, as_=as_ or ONLOOKER)


@group.command("show")
def show_case(
    id: Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")],
    as_of: Annotated[str | None, typer.Option(help="What was true then: a date, or an instant with offset")] = None,
    known_at: Annotated[str | None, typer.Option(help="What was known then")] = None,
    content: Annotated[bool, typer.Option(help="Open what is sealed; that you read it is recorded")] = False,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """A case with deadlines and history, as it is or as of a day."""
    asked = {"as_of": as_of, "known_at": known_at, "content": "true" if content else "false"}

    async def work(client: httpx.AsyncClient) -> int:
        path = f"/v1/cases/{quote(id, safe='')}"
        case: Any = await call(
            client, "GET", path, params={name: value for name, value in asked.items() if value is not None}
        )
        if json:
            showing.as_json(case)
        else:
            _print(case, (await wording(client, ())).zone(case["jurisdiction"]))
        return DONE

    run(work, data, as_=as_ or ONLOOKER)


@group.command("candidates")
def show_candidates(
    id: Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")],
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Older cases that may be the same matter, while this one waits to be dispatched. The look is recorded."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "GET", f"/v1/cases/{quote(id, safe='')}/candidates")
        if json:
            showing.as_json(found)
            return DONE
        words = await wording(client)
        rows = [
            (
                one["number"],
                f"{one['similarity']:.2f}",
                one["state_zh"],
                ", ".join(with_words(name) for name in one["shared"]),
                ", ".join(filter(None, (named(one["org"]), at(one["filed_at"], words.zone()), _through(one)))),
            )
            for one in found["candidates"]
        ]
        if not rows:
            showing.line("none 没有相近的件")
            return DONE
        heads = ("number 编号", "alike 相似度", "state 状态", "shared 相同", "org, filed 单位、提出")
        showing.table("", heads, rows, whole=3)
        return DONE

    run(work, data, as_=as_ or "registrar:local")


@group.command("matter")
def show_matter(
    id: Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")],
    after: Annotated[str | None, typer.Option(help="Cursor from the page before")] = None,
    limit: Annotated[int, typer.Option(help="Most rows", min=1, max=200)] = 50,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """All filings of the matter that a case belongs to: the one that leads, then those that follow."""
    asked = {"limit": str(limit), **({"after": after} if after else {})}

    async def work(client: httpx.AsyncClient) -> int:
        page: Any = await call(client, "GET", f"/v1/matters/{quote(id, safe='')}", params=asked)
        if json:
            showing.as_json(page)
            return DONE
        words = await wording(client)
        rows = [
            (
                one["number"],
                "lead 主件" if one["leads"] else with_words(one["kind"]),
                one["state_zh"],
                ", ".join(filter(None, (named(one["org"]), named(one["channel"])))),
                at(one["registered_at"], words.zone()),
            )
            for one in page["filings"]
        ]
        heads = ("number 编号", "", "state 状态", "org, channel 单位、渠道", "registered 登记")
        showing.table("", heads, rows, whole=3)
        if page["after"]:
            showing.line(f"more: --after {page['after']}")
        return DONE

    run(work, data, as_=as_ or ONLOOKER)


def _through(one: dict[str, Any]) -> str:
    return f"through 经由 {one['through']}" if one["through"] else ""


def _row(one: dict[str, Any], words: Wording) -> tuple[str, ...]:
    code = one["jurisdiction"]
    late = " late 超期" if one["overdue"] else ""
    what = [words.named(one[name], code) for name in ("org", "subject", "place")]
    until = f"{one['due_clock']} {due(one['due'], words.zone(code))}{late}" if one["due"] else ""
    return one["number"], one["state_zh"], until, ", ".join(filter(None, what))


def _print(case: dict[str, Any], zone: str | None) -> None:
    from shared.events.wording import decisive  # with all event models, which only this output needs

    showing.fields(
        (
            ("number 编号", case["number"]),
            ("id", case["id"]),
            ("state 状态", f"{case['state_zh']} ({case['state']})"),
            ("as of 截至", at(case["as_of"], zone)),
            ("known at 知悉截至", at(case["known_at"], zone)),
            ("org 承办单位", named(case["org"])),
            ("place 属地", named(case["place"])),
            ("subject 事项", named(case["subject"])),
            ("channel 渠道", named(case["channel"])),
            ("class 类别", with_words(case["class"])),
            ("result 结论", with_words(case["result"])),
            ("closure 办结方式", with_words(case["closure"])),
            ("filed 提出", at(case["filed_at"], zone)),
            ("lead 主件", _lead(case["matter"])),
            ("related 相关件", ", ".join(case["related"])),
        )
    )
    dues = [
        (
            f"{one['clock']} #{one['episode']}",
            due(one["due"], zone),
            with_words(one["status"]),
            one["zh"],
            named(one["org"]),
        )
        for one in case["deadlines"]
    ]
    if dues:
        showing.table("\ndeadlines 时限", ("clock", "due 期限", "status 状况", "", "org 单位"), dues, whole=3)
    steps = [
        (
            one["version"],
            at(one["effective_at"], zone),
            f"{one['zh']} {one['en']}",
            decisive(
                one["type"],
                {name: at(value, zone) if name in _TIMES else value for name, value in one["details"].items()},
            ),
            _by(one["by"]),
        )
        for one in case["timeline"]
    ]
    showing.table("\ntimeline 经过", ("v", "effective 生效", "", "detail 要点", "by 由"), steps, whole=2)
    if case["corrections"]:
        by = {one["version"]: _by(one["by"]) for one in case["timeline"]}
        mended = [
            (
                one["version"],
                at(one["recorded_at"], zone),
                by.get(one["version"], ""),
                one["field"],
                at(one["old"], zone),
                at(one["new"], zone),
                one["reason"],
            )
            for one in case["corrections"]
        ]
        heads = ("v", "when 时间", "by 由", "field 事项", "old 原", "new 改为", "reason 原因")
        showing.table("\ncorrections 更正", heads, mended, whole=2)
    opened = case["content"]
    if opened:
        for party, values in opened["parties"].items():
            showing.line(f"{party}: " + ", ".join(f"{name} {value}" for name, value in values.items() if value))
        for text in opened["texts"]:
            for name, value in text["fields"].items():
                showing.line(f"[{text['version']}] {text['zh']} {name}: {value}")
    if case["allowed"]:
        showing.line(f"\npossible now 现在可以: {', '.join(case['allowed'])}")


def _lead(lead: dict[str, Any] | None) -> str:
    """The case that leads the matter, and how it stands."""
    if lead is None:
        return ""
    return ", ".join(filter(None, (lead["number"], f"{lead['state_zh']} ({lead['state']})", named(lead["org"]))))


def _by(actor: dict[str, Any]) -> str:
    """Who acted: the organisation where it has a name, else the role."""
    org = actor["org"] or {}
    return named(org) if org.get("name") else str(actor["role"])


def explain(
    id: Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")],
    clock: Annotated[str, typer.Argument(help="Clock, for example C1")],
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Why a clock ends when it ends, with every skipped day."""

    async def work(client: httpx.AsyncClient) -> int:
        path = f"/v1/cases/{quote(id, safe='')}/deadlines/{quote(clock, safe='')}/explain"
        found: Any = await call(client, "GET", path)
        if json:
            showing.as_json(found)
            return DONE
        for one in found["episodes"]:
            showing.line(f"{clock} #{one['episode']} {one['zh']} {one['en']}", style="bold")
            showing.line(f"{with_words(one['status'])}, due 期限 {one['due_local'].replace('T', ' ')}")
            for language in ("zh", "en"):
                for step in one["steps"]:
                    showing.line(f"  {step[language]}")
        return DONE

    run(work, data, as_=as_ or ONLOOKER)
