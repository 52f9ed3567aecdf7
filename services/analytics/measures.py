"""The measures as data: what is counted, over what, in which cohort, and from which events.

Each measure is one row of this file, of `docs/metrics.md`, and of the answer. The SQL conditions are over the views of
facts.py. A condition of NULL is not met. Voided cases are in no figure but `voided`.

Cohort: the day by which a row belongs to a period. On-time figures are by *due cohort*: deadlines that fell in the
period, so that an undecided one counts as a miss once its due instant has passed. Figures of outcomes go by the day of
the outcome; history whose outcome nobody knows has no such day and is counted as unknown in the period of its filing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["rate", "quantile", "count"]
Source = Literal["clocks", "cases", "asked"]
VERSION = 2
"""Raised whenever a formula changes: a published figure names it."""


@dataclass(frozen=True)
class Measure:
    """One figure. Rate: rows with `counts` and `over` ÷ rows with `over`. Quantile: nearest rank of `amount` among the
    rows with `over`. Count: rows with `over`."""

    name: str
    zh: str
    en: str
    shape: Shape
    source: Source
    day: str
    """SQL: the day of the cohort."""
    cohort: str
    over: str
    formula: str
    excluded: str
    events: tuple[str, ...]
    counts: str = "true"
    unknown: str = "false"
    bound: bool = False
    """The unknown stand in the denominator too: the value is a lower bound, and none where nothing is known."""
    label: str | None = None
    """SQL: the measure is a family, one figure per value: `on_time[C5]`."""
    amount: str = ""
    percent: int = 0
    """Of a quantile: 50 is the median."""
    unit: Literal["", "days"] = ""
    org: str = "org"
    """SQL: the organisation that the row is counted under."""
    keep: str = "NOT voided"


_FELL = 'due <= $now AND NOT "window"'
_DUE = f"{_FELL} AND status IN ('met', 'late', 'open')"
_DUE_UNKNOWN = f"{_FELL} AND status = 'unknown'"
_DUE_TEXT = "deadlines that fell in the period"
_DUE_EXCLUDED = "deadlines not yet due; cancelled before they were due; windows (rights of the citizen); voided cases"
_REPLY = ("CaseRegistered", "ReplyDelivered", "AnsweredAtOnce")
_ENDS = ("CaseRegistered", "CaseClosed", "Concluded", "CaseWithdrawn", "ReRegistrationBarred")
_REPLY_DAY = "coalesce(replied_day, filed_day)"
_CLOSE_DAY = "coalesce(closed_day, filed_day)"
_NO_REPLY = "replied_day IS NULL AND NOT live"
_NO_CLOSE = "closed_day IS NULL AND NOT live"
_REPLY_TEXT = "first replies given in the period; unknown by day of filing"
_CLOSE_TEXT = "cases closed in the period; unknown by day of filing"
_MERGED = "coalesce(closure, '') = 'merged'"
_REPLY_EXCLUDED = "cases not yet answered; voided cases"
_CLOSE_EXCLUDED = "open cases; voided cases"
_ASKED_DAY = "coalesce(invited_day, evaluated_day)"
_ASKED_TEXT = "invitations sent in the period (without a known invitation: evaluations given in it)"
_REPLY_ORG = "coalesce(reply_org, org)"


def _due(name: str, zh: str, en: str, duty: str, events: tuple[str, ...], label: str | None = None) -> Measure:
    return Measure(
        name,
        zh,
        en,
        "rate",
        "clocks",
        "due_day",
        _DUE_TEXT,
        f"{_DUE} AND {duty}",
        "met by due ÷ all that fell due; late and undecided count as misses",
        _DUE_EXCLUDED,
        events,
        counts="status = 'met'",
        unknown=f"{_DUE_UNKNOWN} AND {duty}",
        label=label,
    )


def _elapsed(name: str, zh: str, en: str, days: int) -> Measure:
    return Measure(
        name,
        zh,
        en,
        "rate",
        "cases",
        _REPLY_DAY,
        _REPLY_TEXT,
        f"(reply_seconds IS NOT NULL OR ({_NO_REPLY}))",
        f"first reply at most {days} × 24 h after filing ÷ all first replies and the unknown ones"
        " (a lower bound); elapsed time, not the law's period",
        _REPLY_EXCLUDED,
        _REPLY,
        counts=f"coalesce(reply_seconds <= {days * 86400}, false)",
        unknown=_NO_REPLY,
        bound=True,
        org=_REPLY_ORG,
    )


def _quantile(name: str, zh: str, en: str, percent: int, what: Literal["reply", "close"]) -> Measure:
    reply = what == "reply"
    noun = "first reply" if reply else "closing"
    return Measure(
        name,
        zh,
        en,
        "quantile",
        "cases",
        _REPLY_DAY if reply else _CLOSE_DAY,
        _REPLY_TEXT if reply else _CLOSE_TEXT,
        f"{what}_seconds IS NOT NULL",
        f"nearest rank {percent} % of the time from filing to {noun}, in days of 24 h: value number ceil(n·{percent}/100)",
        _REPLY_EXCLUDED if reply else _CLOSE_EXCLUDED,
        _REPLY if reply else _ENDS,
        unknown=_NO_REPLY if reply else _NO_CLOSE,
        amount=f"{what}_seconds",
        percent=percent,
        unit="days",
        org=_REPLY_ORG if reply else "org",
    )


def _resolution(name: str, zh: str, en: str, kinds: str, formula: str) -> Measure:
    return Measure(
        name,
        zh,
        en,
        "rate",
        "cases",
        _CLOSE_DAY,
        _CLOSE_TEXT,
        f"closed_day IS NOT NULL AND state = 'closed' AND NOT {_MERGED}",
        formula,
        "filings that were merged (the lead case has the outcome); concluded, barred and withdrawn cases"
        " (all counted under closed[kind]); " + _CLOSE_EXCLUDED,
        ("CaseClosed",),
        counts=f"closure IN ({kinds})",
        unknown=_NO_CLOSE,
    )


def _count(name: str, zh: str, en: str, over: str, formula: str, events: tuple[str, ...], *,
    day: str = "filed_day", cohort: str = "cases filed in the period", excluded: str = "voided cases",
    unknown: str = "false", label: str | None = None, keep: str = "NOT voided",
) -> Measure:  # fmt: skip
    return Measure(
        name,
        zh,
        en,
        "count",
        "cases",
        day,
        cohort,
        over,
        formula,
        excluded,
        events,
        unknown=unknown,
        label=label,
        keep=keep,
    )


MEASURES: tuple[Measure, ...] = (
    _count("registered", "登记件数", "registered", "true", "cases filed in the period", ("CaseRegistered",)),
    _count(
        "voided",
        "登记错误作废件数",
        "voided",
        "voided",
        "cases registered by mistake, filed in the period; counted in no other measure",
        ("CaseRegistered", "CaseVoided"),
        keep="true",
        excluded="none",
    ),
    _count(
        "joined",
        "并案件数",
        "joined",
        f"lead IS NOT NULL OR {_MERGED}",
        "cases filed in the period that follow an older one of the same matter; counted in registered as well",
        ("CaseRegistered", "CaseLinked", "CaseUnlinked", "CaseClosed"),
    ),
    _count(
        "open",
        "未办结件数(按状态)",
        "open, by state",
        "closed_day IS NULL AND live",
        "cases filed in the period that are open at the time of the answer; cases that follow another case are counted"
        " separately; history that was not taken over is unknown",
        ("CaseRegistered", "CaseLinked", "every event that changes the state"),
        label="CASE WHEN lead IS NOT NULL THEN 'following' ELSE state END",
        unknown=_NO_CLOSE,
        excluded="closed, concluded, barred, withdrawn and voided cases",
    ),
    _count(
        "closed",
        "办结件数(按方式)",
        "closed, by kind",
        "closed_day IS NOT NULL",
        "cases that ended in the period and did not open again, by kind of closure",
        _ENDS[1:],
        label="coalesce(closure, state)",
        day="closed_day",
        cohort="cases closed in the period",
        excluded=_CLOSE_EXCLUDED,
    ),
    _due(
        "on_time_acceptance",
        "按期受理告知率",
        "on-time acceptance",
        "duty = 'notice'",
        ("CaseRegistered", "AssignmentDelivered", "NoticeServed", "AnsweredAtOnce"),
    ),
    _due(
        "on_time_reply",
        "按期答复率",
        "on-time reply",
        "duty = 'reply'",
        ("Accepted", "AcceptanceOrdered", "RedoOrdered", "ExtensionGranted", "ReplyDelivered"),
    ),
    _due("on_time_closing", "按期办结率", "on-time closing", "duty = 'closing'", ("CaseRegistered", "CaseClosed")),
    _due("on_time", "各时限按期率", "on time, by clock", "true", ("the events that the policy names",), label="clock"),
    Measure(
        "closed_late",
        "超期办结率",
        "closed late",
        "rate",
        "clocks",
        "due_day",
        _DUE_TEXT,
        f"{_DUE} AND duty = 'closing' AND end_day IS NOT NULL",
        "closed after due ÷ closed, among deadlines whose duty is the closing",
        "not closed; " + _DUE_EXCLUDED,
        ("CaseRegistered", "CaseClosed"),
        counts="status = 'late'",
        unknown=f"{_DUE_UNKNOWN} AND duty = 'closing'",
    ),
    _elapsed("elapsed_reply_15d", "15×24小时内答复占比", "replied within 15 × 24 h", 15),
    _elapsed("elapsed_reply_60d", "60×24小时内答复占比", "replied within 60 × 24 h", 60),
    _quantile("elapsed_reply_median", "答复用时中位数", "median time to the first reply", 50, "reply"),
    _quantile("elapsed_reply_p90", "答复用时九成位数", "p90 of the time to the first reply", 90, "reply"),
    _quantile("elapsed_closing_median", "办结用时中位数", "median time to closing", 50, "close"),
    _quantile("elapsed_closing_p90", "办结用时九成位数", "p90 of the time to closing", 90, "close"),
    Measure(
        "participation",
        "群众参评率",
        "participation",
        "rate",
        "asked",
        _ASKED_DAY,
        _ASKED_TEXT,
        "invited_day IS NOT NULL",
        "evaluated ÷ invited, per object of evaluation",
        "cases without an invitation; voided cases",
        ("EvaluationInvited", "EvaluationSubmitted"),
        counts="evaluated_day IS NOT NULL",
        unknown="invited_day IS NULL",
        label="object",
    ),
    Measure(
        "satisfaction",
        "满意率",
        "satisfaction",
        "rate",
        "asked",
        _ASKED_DAY,
        _ASKED_TEXT,
        "grade IS NOT NULL",
        "(satisfied + basically satisfied) ÷ evaluated, per object; read it together with participation and its lower bound",
        "not evaluated; voided cases",
        ("EvaluationSubmitted",),
        counts="grade IN ('satisfied', 'basically_satisfied')",
        label="object",
    ),
    _resolution(
        "resolution",
        "化解率",
        "resolution",
        "'resolved_confirmed', 'settled'",
        "(resolved_confirmed + settled) ÷ closed by CaseClosed; as confirmed by the petitioner",
    ),
    _resolution(
        "resolved_unconfirmed",
        "未经确认的化解占比",
        "resolved, not confirmed",
        "'resolved_unconfirmed'",
        "resolved_unconfirmed ÷ closed by CaseClosed; shown next to the resolution rate, never added to it",
    ),
    _resolution(
        "closed_unresolved",
        "未解决而办结占比",
        "closed unresolved",
        "'closed_unresolved'",
        "closed_unresolved ÷ closed by CaseClosed",
    ),
)
"""In the order of printing."""

BY_NAME = {measure.name: measure for measure in MEASURES}
BESIDE = {"satisfaction": "participation", "resolution": "resolved_unconfirmed"}
"""A figure that is never shown without the other."""
