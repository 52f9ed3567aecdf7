"""`huiyin demo`: ninety days of an invented county on a set clock, told day by day, and what came of them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from deploy.folder import FolderBusy, FolderProblem
from shared.cli import showing
from shared.cli.options import AsJson
from shared.cli.showing import DONE, REFUSED, WRONG_USE
from shared.cli.wording import at
from shared.telling import with_words

if TYPE_CHECKING:
    from deploy.demo.simulation import Day, Report

_WEEKDAYS = "一二三四五六日"
_OFF = {"holiday": "节假日 holiday", "weekend": "休息日 weekend", "statutory": "法定节日 statutory"}
_SHOWN = (
    ("filed 登记", ("CaseRegistered",)),
    ("sent 派转", ("CaseTransferred", "CaseAssigned", "CaseRoutedToSealedChannel", "JurisdictionRuled")),
    ("returned 退回", ("ReturnVerified",)),
    ("reminded 提醒", ("Reminded",)),
    ("urged 催办", ("Urged",)),
    ("late 超期", ("DeadlineBreached",)),
    ("supervised 督办", ("SupervisionOpened",)),
    ("answered 答复", ("ReplyDelivered", "AnsweredAtOnce")),
    ("redo 重办", ("RedoOrdered",)),
    ("closed 办结", ("CaseClosed",)),
)
_WHY = {
    "not_dispatched_in_time": "未及时转送 not dispatched in time",
    "waited_for_an_objection": "等待异议核实 waited for an objection to be verified",
    "never_signed_in_time": "期内未签收未受理 neither signed for nor accepted in time",
    "nothing_done_yet": "至今未履行 nothing done yet",
    "ended_otherwise_after_it_was_due": "期满后以其他方式终了 ended otherwise, after it was due",
    "done_late": "履行但逾期 done, but late",
}
_BREACHES_SHOWN = 30
ZONE = "Asia/Shanghai"
"""Of the demo county."""


def demo(
    days: Annotated[int, typer.Option(help="Days to play", min=1, max=140)] = 90,
    cases: Annotated[int, typer.Option(help="Complaints that are filed", min=1, max=20_000)] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed plays the same")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the data folder there, to look around in; it must be new or empty")
    ] = None,
    json: AsJson = False,
) -> None:
    """Play ninety days of an invented county: who is late, what is reminded, and why."""
    from shared.logs import configure

    configure("error")
    began = time.monotonic()
    try:
        if keep is not None:
            played = _played(keep, days, cases, seed, quiet=json)
        else:
            with tempfile.TemporaryDirectory(prefix="huiyin-demo-") as folder:
                played = _played(Path(folder) / "data", days, cases, seed, quiet=json)
    except FolderBusy as error:
        showing.complain(str(error), "该数据文件夹正被另一进程使用。")
        raise typer.Exit(REFUSED) from None
    except FolderProblem as error:
        showing.complain(str(error))
        raise typer.Exit(WRONG_USE) from None
    if json:
        told = played._asdict()
        told["breaches"] = [one._asdict() for one in played.breaches]
        showing.as_json(told)
    else:
        _summary(played, time.monotonic() - began, keep)
    raise typer.Exit(DONE)


def _played(folder: Path, days: int, cases: int, seed: int, *, quiet: bool) -> Report:
    from deploy.demo.simulation import Parameters, simulate

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderProblem(f"{folder} is not empty: the play needs a folder of its own.")
    with Progress(TextColumn("{task.description}"), BarColumn(), console=showing.err, transient=True) as bar:
        task = bar.add_task("playing 演示", total=days)

        def tell(day: Day) -> None:
            bar.advance(task)
            if not quiet:
                showing.line(_day(day), style="dim" if day.off else "")

        return asyncio.run(simulate(folder, Parameters(days, cases, seed), tell))


def _day(day: Day) -> str:
    """`2026-08-10 一  filed 登记 12 · …`: only what happened."""
    counted = [(name, sum(day.events[kind] for kind in kinds)) for name, kinds in _SHOWN]
    told = " · ".join(f"{name} {number}" for name, number in counted if number)
    off = f"[{_OFF[day.off]}] " if day.off else ""
    return f"{day.day} {_WEEKDAYS[day.day.weekday()]}  {off}{told}"


def _summary(played: Report, seconds: float, keep: Path | None) -> None:
    events = played.events
    showing.line("")
    showing.fields(
        (
            ("registered 登记", events.get("CaseRegistered")),
            ("by channel 渠道", _list(played.channels)),
            ("routed by rule 自动派转", played.routed),
            ("dispatched by hand 人工派转", played.by_hand),
            ("returned 退回", played.returned),
            ("reminders sent 已发提醒", played.reminders),
            ("passed, not sent 未发提醒", played.passed),
            ("urged by itself 自动催办", played.urged_by_itself),
            ("urged by hand 人工催办", played.urged_by_hand),
            ("supervised 督办", events.get("SupervisionOpened")),
            ("extensions 延期", events.get("ExtensionGranted")),
            ("handled again 重办", events.get("RedoOrdered")),
            ("closed 办结", events.get("CaseClosed")),
            ("states now 当前状态", _list({with_words(state): number for state, number in played.states.items()})),
            ("refused commands 被拒绝的操作", _list(played.refused)),
            ("organisations 单位", ", ".join(f"{org} {temper}" for org, temper in sorted(played.tempers.items()))),
            ("late 超期", len(played.breaches)),
        )
    )
    _breaches(played)
    showing.table(
        "figures 统计 (huiyin stats)",
        ("figure", "of", "value", "numerator", "denominator"),
        (
            (one["measure"], one["of"], _value(one), one["numerator"], one["denominator"])
            for one in played.figures
            if one["denominator"] and one["shape"] != "count"
        ),
    )
    showing.line(f"\noutcome 结果摘要: {played.digest}")
    showing.line(f"{events.get('CaseRegistered', 0)} cases, {sum(events.values())} events, {seconds:.0f} s")
    if keep is not None:
        showing.line(f"The folder is kept 数据文件夹已保留: huiyin case list --queue overdue --data {keep}")


def _breaches(played: Report) -> None:
    by = Counter((one.clock, one.org or "", one.why, one.fact or "") for one in played.breaches)
    showing.table(
        "\nwhy they are late 超期原因",
        ("clock", "org 单位", "why 原因", "ended by 终了事实", "cases 件"),
        ((clock, org, _WHY[why], fact, number) for (clock, org, why, fact), number in sorted(by.items())),
    )
    shown = played.breaches[:_BREACHES_SHOWN]
    showing.table(
        f"\nbreaches 超期明细, {len(shown)} of {len(played.breaches)} (all with --json)",
        ("number 编号", "clock", "org", "due 期限", "days late 逾期天数", "explained by 说明事实"),
        (
            (
                one.number,
                f"{one.clock} #{one.episode}",
                one.org,
                at(one.due, ZONE),
                one.days_late,
                _fact(one.fact, one.day, one.why),
            )
            for one in shown
        ),
        whole=1,
    )


def _fact(fact: str | None, day: str | None, why: str) -> str:
    return _WHY[why] if fact is None else f"{fact} {day}: {_WHY[why]}"


def _list(counts: object) -> str:
    found = dict(counts) if isinstance(counts, dict | Counter) else {}
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _value(figure: object) -> str:
    one = dict(figure) if isinstance(figure, dict) else {}
    value = one.get("value")
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if one.get("shape") == "rate" else f"{value:.1f} {one.get('unit') or ''}"
