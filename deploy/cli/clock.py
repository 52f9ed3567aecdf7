"""`huiyin clock status | accept | misdated | void`: whether the running server trusts the system clock, confirming the clock, and
putting right what a wrong clock recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import call, quoted, run
from deploy.cli.local_words import at, wording
from deploy.cli.options import SUPERVISOR, As, AsJson, Data
from deploy.cli.output import DONE, REFUSED

_TOGETHER = 200
"""Maximum number of rungs that one command voids."""
Since = Annotated[
    datetime | None, typer.Option("--since", help="First instant of the period in which a clock was wrong")
]
Until = Annotated[datetime | None, typer.Option("--until", help="Last instant of that period")]
group = typer.Typer(help="The clock that deadlines depend on", no_args_is_help=True)


@group.command("status")
def status(data: Data = None, json: AsJson = False) -> None:
    """Show the time of the server, and whether deadlines fire. Exits with 1 while they do not."""
    _clock("GET", "/local/clock", data)


@group.command("accept")
def accept(data: Data = None, json: AsJson = False) -> None:
    """Confirm that the system clock is right. Deadlines fire again, including those that became due in the meantime. Check the
    time first. Exits with 1 if it differs from the time of MongoDB, which cannot be overruled."""
    _clock("POST", "/local/clock:accept", data)


@group.command("misdated")
def misdated(since: Since = None, until: Until = None, data: Data = None, json: AsJson = False) -> None:
    """List what a machine with a wrong clock recorded: later than now, or in the period that you name. Exits with 1 if there is
    anything."""

    async def work(client: httpx.AsyncClient) -> int:
        found = await _misdated(client, since, until)
        terminal.answer(found, _show_misdated)
        return REFUSED if found else DONE

    run(work, data)


@group.command("void")
def void(
    reason: Annotated[str, typer.Option(help="What happened, and your name; stored encrypted")],
    since: Since = None,
    until: Until = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Void the reminders and breaches that a wrong clock recorded, case by case, with your reason. They stay in the log. Steps
    that are due by the correct time are recorded again immediately. Run it again after an interruption: nothing is voided
    twice."""

    async def work(client: httpx.AsyncClient) -> int:
        wanted = [one for one in await _misdated(client, since, until) if one["rungs"]]
        headers = {"x-huiyin-as": as_ or SUPERVISOR}
        for one in wanted:
            case = quoted(one["stream"].removeprefix("case/"))
            for start in range(0, len(one["rungs"]), _TOGETHER):
                rungs = one["rungs"][start : start + _TOGETHER]
                body = {
                    "command": "void_rungs",
                    "command_id": _id_of(one["last"], rungs),
                    "rungs": rungs,
                    "text": reason,
                }
                await call(client, "POST", f"/v1/cases/{case}/commands", json=body, headers=headers)
        left = await _misdated(client, since, until)
        done = {"cases": len(wanted), "rungs": sum(len(one["rungs"]) for one in wanted), "left": left}
        terminal.answer(done, _show_voided)
        return REFUSED if left else DONE

    run(work, data)


async def _misdated(client: httpx.AsyncClient, since: datetime | None, until: datetime | None) -> list[dict[str, Any]]:
    wanted = {name: at.astimezone().isoformat() for name, at in (("since", since), ("until", until)) if at is not None}
    answer = await client.get("/local/clock/misdated", params=wanted)
    answer.raise_for_status()
    return [loads(line) for line in answer.text.splitlines()]


def _id_of(last: int, rungs: Sequence[Mapping[str, Any]]) -> str:
    """The same for the same rungs, so that a repeated command has no second effect."""
    return "clock-" + sha256(dumps([last, rungs]).encode()).hexdigest()[:24]


def _show_misdated(found: list[dict[str, Any]]) -> None:
    if not found:
        terminal.line("No event has a date from a wrong clock. 没有因时钟错误而误记日期的内容。")
        return
    rows = [
        (one["stream"], len(one["rungs"]), ", ".join(f"{step['version']} {step['type']}" for step in one["steps"]))
        for one in found
    ]
    terminal.table(("stream", "rungs 提醒与超期", "steps to check 待核步骤"), rows, whole=1)


def _show_voided(done: dict[str, Any]) -> None:
    terminal.line(
        f"{done['rungs']} rungs of {done['cases']} cases voided. 已撤销 {done['cases']} 件的 {done['rungs']} 条。"
    )
    if done["left"]:
        _show_misdated(done["left"])


def _clock(method: str, path: str, data: Path | None) -> None:
    async def work(client: httpx.AsyncClient) -> int:
        found = await call(client, method, path)
        paused = found["paused"]
        if terminal.wants_json():
            terminal.as_json(found)
        else:
            now = at(found["now"], (await wording(client, ())).zone())
            deadlines = f"paused 暂停: {paused}" if paused else "fire 正常计时"
            terminal.fields({"now 现在": now, "deadlines 时限": deadlines, "jumps 跳变次数": found["jumps"]})
        return REFUSED if paused else DONE

    run(work, data)
