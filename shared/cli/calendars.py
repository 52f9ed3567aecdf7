"""`huiyin calendar publish`: the year's holidays become known; which due dates moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, REFUSED, WRONG_USE, call, run
from shared.cli.options import AsJson, Data
from shared.cli.wording import at

if TYPE_CHECKING:
    from shared.policy.finding import Finding

group = typer.Typer(help="The calendar of working days", no_args_is_help=True)


@group.callback()
def calendar() -> None:
    """The calendar of working days."""


@group.command("publish")
def publish(
    source: Annotated[Path, typer.Argument(help="YAML file with the years that were published")],
    jurisdiction: Annotated[str | None, typer.Option(help="Code; may be left out while there is one")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put the published days of a year into force. Provisional due dates are computed again; those that moved are listed."""
    from shared.policy.documents import CalendarDocument
    from shared.policy.load import read_calendar
    from shared.publishing import merged

    async def work(client: httpx.AsyncClient) -> int:
        listed: Any = await call(client, "GET", "/v1/policies")
        codes = [one["jurisdiction"] for one in listed["policies"]]
        code = jurisdiction or (codes[0] if len(codes) == 1 else None)
        if code is None:
            showing.complain("Say whose calendar this is: --jurisdiction CODE.", "请用 --jurisdiction 指明辖区。")
            return WRONG_USE
        found: Any = await call(client, "GET", f"/v1/policies/{quote(code, safe='')}")
        known = found["documents"].get("calendar")
        present = CalendarDocument.model_validate(known) if known else None
        try:
            given, findings = read_calendar(source, lambda new: merged(present, new))
        except OSError as error:
            showing.complain(f"{source} cannot be read: {error.strerror}.", "无法读取该文件。")
            return WRONG_USE
        if findings or given is None:
            return _wrong(findings)
        body = {"jurisdiction": code, "calendar": given}
        done: Any = await call(client, "POST", "/v1/calendars:publish", json=body)
        if json:
            showing.as_json(done)
        else:
            _show(done, found["zone"])
        return DONE

    run(work, data)


def _wrong(findings: list[Finding]) -> int:
    if showing.wants_json():
        showing.as_json({"code": "calendar_invalid", "findings": [one.shown() for one in findings]})
    else:
        for one in findings:
            showing.err.print(f"calendar_invalid: {one}", markup=False)
    return REFUSED


def _show(done: dict[str, Any], zone: str) -> None:
    if not done["changed"]:
        showing.line(f"{done['jurisdiction']} {done['reference']}: nothing changed 无变化")
        return
    rows = [
        (
            one["number"],
            f"{one['clock']} #{one['episode']}",
            one["org"],
            at(one["old_due"], zone),
            at(one["new_due"], zone),
        )
        for one in done["moved"]
    ]
    if rows:
        showing.table("", ("number 编号", "clock", "org 单位", "old due 原期限", "new due 新期限"), rows, whole=1)
    showing.line(
        f"{done['jurisdiction']} {done['reference']}: published until 已公布至 {done['published_until']};"
        f" moved 变动 {done['moved_in_all']}, confirmed 确认不变 {done['confirmed']}"
    )
