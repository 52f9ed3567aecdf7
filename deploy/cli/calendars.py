"""`huiyin calendar publish`: put the published holidays of a year into force and list the due dates that moved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import call, only_jurisdiction, quoted, run
from deploy.cli.local_words import at
from deploy.cli.options import AsJson, Data
from deploy.cli.output import REFUSED
from deploy.cli.text_files import stopping_for_file

group = typer.Typer(help="The calendar of working days", no_args_is_help=True)


@group.callback()
def calendar() -> None:
    """The calendar of working days."""


@group.command("publish")
def publish(
    source: Annotated[Path, typer.Argument(help="YAML file with the published years")],
    jurisdiction: Annotated[str | None, typer.Option(help="Code; needed if there are several jurisdictions")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put the published days of a year into force. Recalculates provisional due dates and lists those that moved."""
    from services.supervision.calendar_publication import merged
    from shared.policy.documents import CalendarDocument
    from shared.policy.loading.loader import read_calendar

    async def work(client: httpx.AsyncClient) -> None:
        code = jurisdiction or await only_jurisdiction(client)
        if code is None:
            terminal.stop("Name the jurisdiction: --jurisdiction CODE.", "请用 --jurisdiction 指明辖区。")
        found = await call(client, "GET", f"/v1/policies/{quoted(code)}")
        known = found["documents"].get("calendar")
        present = CalendarDocument.model_validate(known) if known else None
        with stopping_for_file(source, "read"):
            days, findings = read_calendar(source, lambda new: merged(present, new))
        if findings or days is None:
            terminal.findings(findings, "calendar_invalid: ", code="calendar_invalid")
            raise typer.Exit(REFUSED)
        done = await call(client, "POST", "/v1/calendars:publish", json={"jurisdiction": code, "calendar": days})
        terminal.answer(done, lambda done: _show(done, found["zone"]))

    run(work, data)


def _show(done: dict[str, Any], zone: str) -> None:
    published = f"{done['jurisdiction']} {done['reference']}"
    if not done["changed"]:
        terminal.line(f"{published}: nothing changed 无变化")
        return
    rows = [_moved_row(one, zone) for one in done["moved"]]
    if rows:
        terminal.table(("number 编号", "clock", "org 单位", "old due 原期限", "new due 新期限"), rows, whole=1)
    terminal.line(
        f"{published}: published until 已公布至 {done['published_until']};"
        f" moved 变动 {done['moved_in_all']}, confirmed 确认不变 {done['confirmed']}"
    )


def _moved_row(one: dict[str, Any], zone: str) -> tuple[Any, ...]:
    clock = f"{one['clock']} #{one['episode']}"
    return one["number"], clock, one["org"], at(one["old_due"], zone), at(one["new_due"], zone)
