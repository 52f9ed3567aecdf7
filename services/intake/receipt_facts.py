"""What a receipt says: where and how the filing was registered, what is still being checked, and the rights with their
periods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from shared.case import Case
from shared.kernel.legal_time import day_of, instant_of, is_instant, zone
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import ClockRule


class Right(NamedTuple):
    """A right of the petitioner, with its article."""

    zh: str
    en: str


_LOOKED_AT = {
    "qr": (
        "二维码",
        "QR code",
        Words("未登记的二维码，由工作人员核实地点", "not registered; the office checks the place"),
    ),
    "received_at": ("收到日期", "Date of receipt", Words("由另一名工作人员确认", "to be confirmed by a second person")),
}
"""What is unclear about a filing, beside its place and subject -> its label and what is done about it."""


def still_looked_at(case: Case) -> Iterator[tuple[str, str, Words]]:
    return (_LOOKED_AT[field] for field in case.filing.unclear if field in _LOOKED_AT)


_RIGHTS: tuple[tuple[str, str, str], ...] = (
    (
        "ReplyDelivered",
        "适用信访程序的，自受理之日起作出处理并书面答复",
        "if no other procedure applies: a decision and a written reply, counted from acceptance",
    ),
    (
        "ReviewRequested",
        "对处理意见不服的，自收到书面答复之日起可向上一级申请复查",
        "if you do not agree: from the written reply, you may ask the next level for a review",
    ),
    (
        "ReReviewRequested",
        "对复查意见不服的，自收到复查意见之日起可申请复核",
        "if you still do not agree: from the receipt of the review opinion, you may ask for a re-review",
    ),
)
"""Event that meets the clock of a right, and the right in both languages."""
_EVALUATION = Right(
    "答复送达后，您可以评价信访部门和承办单位（《信访工作条例》第二十一条第二款）。",
    "After the reply you may evaluate the petition office and the organisation (Regulation Art. 21 ¶2).",
)


def rights(case: Case, book: PolicyBook) -> Iterator[Right]:
    """The rights by the policy in force at the filing: notice, reply, evaluation, review, re-review, each with its article."""
    assert case.filing.filed_at is not None
    clocks = book.clocks_at(case.filing.filed_at)
    rules = clocks.rules if clocks else ()
    direct = case.filing.received_by is not None
    sent, sent_en = ("或转送何处", " or where it was sent") if direct else ("", "")
    notice = f"书面告知您是否受理{sent}", f"you are told in writing whether it is accepted{sent_en}"
    for event, zh, en in (("NoticeServed", *notice), *_RIGHTS):
        rule = _met_by(event, rules, direct=direct)
        if rule is not None:
            yield _right(rule, zh, en)
        if event == "ReplyDelivered":
            yield _EVALUATION


def _met_by(event: str, rules: tuple[ClockRule, ...], *, direct: bool) -> ClockRule | None:
    """The clock that this event meets. Of several notices, the one for a filing that an organisation received itself, or not."""
    found = [rule for rule in rules if any(end.event == event for end in rule.end) and rule.period.days is not None]
    fitting = [rule for rule in found if event != "NoticeServed" or bool(rule.applies.direct) == direct]
    return next(iter(fitting or found), None)


def _right(rule: ClockRule, zh: str, en: str) -> Right:
    unit_zh, unit_en = ("个工作日", "working days") if rule.period.unit == "working" else ("日", "days")
    days = rule.period.days
    return Right(
        f"{days}{unit_zh}内：{zh}（{rule.article_zh}）。", f"Within {days} {unit_en}: {en} ({rule.article_en})."
    )


def filed_under(case: Case, book: PolicyBook) -> Iterator[tuple[str, str, Words]]:
    for zh, en, code, known in (
        ("渠道", "Channel", case.filing.channel, book.channels),
        ("问题属地", "Place", case.filing.place, book.places),
        ("事项类别", "Subject", case.filing.subject, book.subjects),
    ):
        entry = known.get(code) if code is not None else None
        if entry is not None:
            yield zh, en, Words(entry.name, entry.name_en or "")
        elif code is not None:
            yield zh, en, Words(code, "")
        else:
            yield zh, en, Words("待核定", "to be determined")


def received_on(case: Case, book: PolicyBook) -> str:
    filed = case.filing.filed_at
    assert filed is not None
    day = day_of(filed, book.zone)
    if not is_instant(filed):
        return day.isoformat()
    return f"{day.isoformat()} {instant_of(filed, book.zone).astimezone(zone(book.zone)):%H:%M}"
