"""`huiyin demo`: ninety days of a fictional county on a simulated clock, day by day, and a summary."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from deploy.cli import output as terminal
from deploy.cli.client import stopping_for_folder
from deploy.cli.local_words import at
from deploy.cli.options import AsJson
from deploy.demo.simulation import Breach, Day, Parameters, Report, simulate
from deploy.storage.data_folder import FolderProblem
from shared.hosting.log_format import configure
from shared.kernel.wording import with_words

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
    "nothing_done_yet": "至今未履行 not done yet",
    "ended_otherwise_after_it_was_due": "期满后以其他方式终了 ended otherwise, after it was due",
    "done_late": "履行但逾期 done, but late",
}
_BREACHES_SHOWN = 30
ZONE = "Asia/Shanghai"
"""Time zone of the demo county."""


def demo(
    days: Annotated[int, typer.Option(help="Days to simulate", min=1, max=140)] = 90,
    cases: Annotated[int, typer.Option(help="Number of complaints", min=1, max=20_000)] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Keep the data in this folder, which must be new or empty")] = None,
    json: AsJson = False,
) -> None:
    """Simulate ninety days of a fictional county: late cases, reminders, and the reasons."""
    configure("error")
    began = time.monotonic()
    with stopping_for_folder():
        if keep is not None:
            report = _simulate(keep, days, cases, seed)
        else:
            with tempfile.TemporaryDirectory(prefix="huiyin-demo-") as folder:
                report = _simulate(Path(folder) / "data", days, cases, seed)
    if json:
        terminal.as_json({**report._asdict(), "breaches": [one._asdict() for one in report.breaches]})
    else:
        _show(report, time.monotonic() - began, keep)


def _simulate(folder: Path, days: int, cases: int, seed: int) -> Report:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderProblem(
            f"{folder} is not empty: the demo needs a new or empty folder.",
            f"{folder} 不是空文件夹：演示需要新文件夹或空文件夹。",
        )
    with Progress(TextColumn("{task.description}"), BarColumn(), console=terminal.err, transient=True) as bar:
        task = bar.add_task("playing 演示", total=days)

        def show_day(day: Day) -> None:
            bar.advance(task)
            if not terminal.wants_json():
                terminal.line(_day(day), style="dim" if day.off else "")

        return asyncio.run(simulate(folder, Parameters(days, cases, seed), show_day))


def _day(day: Day) -> str:
    """`2026-08-10 一  filed 登记 12 · …`, without figures that are zero."""
    counted = [(name, sum(day.events[kind] for kind in kinds)) for name, kinds in _SHOWN]
    counts = " · ".join(f"{name} {number}" for name, number in counted if number)
    off = f"[{_OFF[day.off]}] " if day.off else ""
    return f"{day.day} {_WEEKDAYS[day.day.weekday()]}  {off}{counts}"


def _show(report: Report, seconds: float, keep: Path | None) -> None:
    events = report.events
    terminal.line("")
    terminal.fields(
        {
            "registered 登记": events.get("CaseRegistered"),
            "by channel 渠道": _counts(report.channels),
            "routed by rule 自动派转": report.routed,
            "dispatched by hand 人工派转": report.by_hand,
            "returned 退回": report.returned,
            "reminders sent 已发提醒": report.reminders,
            "passed, not sent 未发提醒": report.passed,
            "urged by the system 自动催办": report.urged_by_itself,
            "urged by hand 人工催办": report.urged_by_hand,
            "supervised 督办": events.get("SupervisionOpened"),
            "extensions 延期": events.get("ExtensionGranted"),
            "handled again 重办": events.get("RedoOrdered"),
            "closed 办结": events.get("CaseClosed"),
            "states now 当前状态": _counts({with_words(state): number for state, number in report.states.items()}),
            "refused commands 被拒绝的操作": _counts(report.refused),
            "organisations 单位": ", ".join(f"{org} {temper}" for org, temper in sorted(report.tempers.items())),
            "late 超期": len(report.breaches),
        }
    )
    _show_breaches(report.breaches)
    terminal.table(
        ("figure", "of", "value", "numerator", "denominator"),
        (
            (one["measure"], one["of"], _value(one), one["numerator"], one["denominator"])
            for one in report.figures
            if one["denominator"] and one["shape"] != "count"
        ),
        title="figures 统计 (huiyin stats)",
    )
    terminal.line(f"\noutcome 结果摘要: {report.digest}")
    terminal.line(f"{events.get('CaseRegistered', 0)} cases, {sum(events.values())} events, {seconds:.0f} s")
    if keep is not None:
        terminal.line(f"The data folder was kept 数据文件夹已保留: huiyin case list --queue overdue --data {keep}")


def _show_breaches(breaches: Sequence[Breach]) -> None:
    by = Counter((one.clock, one.org or "", one.why, one.fact or "") for one in breaches)
    terminal.table(
        ("clock", "org 单位", "why 原因", "ended by 终了事实", "cases 件"),
        ((clock, org, _WHY[why], fact, number) for (clock, org, why, fact), number in sorted(by.items())),
        title="\nwhy they are late 超期原因",
    )
    shown = breaches[:_BREACHES_SHOWN]
    terminal.table(
        ("number 编号", "clock", "org", "due 期限", "days late 逾期天数", "explained by 说明事实"),
        map(_breach_row, shown),
        title=f"\nbreaches 超期明细, {len(shown)} of {len(breaches)} (all with --json)",
        whole=1,
    )


def _breach_row(one: Breach) -> tuple[Any, ...]:
    why = _WHY[one.why] if one.fact is None else f"{one.fact} {one.day}: {_WHY[one.why]}"
    return one.number, f"{one.clock} #{one.episode}", one.org, at(one.due, ZONE), one.days_late, why


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _value(figure: Mapping[str, Any]) -> str:
    value = figure["value"]
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if figure["shape"] == "rate" else f"{value:.1f} {figure['unit'] or ''}"
