"""The receipt as a page to print: number, date, channel, place and subject, query code, how to ask, rights and periods.

It contains no free text and no name, because receipts lie open at service counters. The query code is in the page and never
in an address: the link in the QR code carries it behind the `#`, which browsers do not send.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

import segno
from starlette.responses import HTMLResponse

from services.intake.http.pages.layout import Html, both, heading, joined, markup, page, spans
from shared.case import Case
from shared.kernel.legal_time import day_of, instant_of, is_instant, zone
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import ClockRule
from shared.queries.citizen_status import called


class Right(NamedTuple):
    """A right of the petitioner, with its article."""

    zh: str
    en: str


def receipt(case: Case, book: PolicyBook, code: str, public_url: str | None) -> HTMLResponse:
    """The page of a registered case. `public_url`: address of this server for citizens; without it the QR code is plain text."""
    assert case.filing.filed_at is not None
    office = called(book, book.petition_office) if book.petition_office else Words("信访部门", "Petition Office")
    rows = [
        _row("编号", "Number", case.number, code=True),
        _row("查询码", "Query code", code, code=True),
        _row("收到日期", "Received", _day(case, book)),
        _row("登记日期", "Registered", day_of(case.registered_at, book.zone).isoformat() if case.registered_at else ""),
        *(_row(zh, en, f"{words.zh} {words.en}") for zh, en, words in _filed_under(case, book)),
    ]
    rows += [_row(zh, en, f"{words.zh} {words.en}") for zh, en, words in _still_looked_at(case)]
    body = [
        heading("h1", "信访登记回执", "Receipt"),
        both(f"{office.zh}已登记您提交的事项。", f"{office.en} has registered what you filed."),
        markup(
            '<div class="receipt"><div><table>{rows}</table></div><div class="qr">{qr}{hint}</div></div>',
            rows=joined(rows),
            qr=Html(segno.make(link(case.number, code, public_url), error="m", micro=False).svg_inline(omitsize=True)),
            hint=both("扫码查询办理情况", "Scan to see the status of your case")
            if public_url
            else both("编号和查询码", "Number and query code"),
        ),
        heading("h2", "如何查询", "How to ask"),
        _asking(public_url),
        both(
            "查询码是您本人的凭证，请妥善保管，不要告诉他人。",
            "The query code is your proof: keep it, and do not show it to anyone else.",
        ),
        heading("h2", "您的权利和期限", "Your rights and the periods"),
        markup("<ul>{rights}</ul>", rights=joined([both(right.zh, right.en, "li") for right in rights(case, book)])),
        Html(
            '<p class="screen"><button type="button" data-print hidden><span lang="zh-CN">打印</span>'
            ' <span lang="en">Print</span></button></p>'
        ),
    ]
    return page("信访登记回执", "Receipt", joined(body), script=True)


_LOOKED_AT = {
    "qr": (
        "二维码",
        "QR code",
        Words("未登记的二维码，由工作人员核实地点", "not registered; the office checks the place"),
    ),
    "received_at": ("收到日期", "Date of receipt", Words("由另一名工作人员确认", "to be confirmed by a second person")),
}
"""What is unclear about a filing, beside its place and subject -> its label and what is done about it."""


def _still_looked_at(case: Case) -> Iterator[tuple[str, str, Words]]:
    return (_LOOKED_AT[field] for field in case.filing.unclear if field in _LOOKED_AT)


def link(number: str, code: str, public_url: str | None) -> str:
    """Content of the QR code: the address of the status page with number and code behind the `#`, or both as text."""
    if public_url is None:
        return f"{number}\n{code}"
    return f"{public_url.rstrip('/')}/status#{urlencode({'n': number, 'c': code})}"


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


def _filed_under(case: Case, book: PolicyBook) -> Iterator[tuple[str, str, Words]]:
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


def _day(case: Case, book: PolicyBook) -> str:
    filed = case.filing.filed_at
    assert filed is not None
    day = day_of(filed, book.zone)
    if not is_instant(filed):
        return day.isoformat()
    return f"{day.isoformat()} {instant_of(filed, book.zone).astimezone(zone(book.zone)):%H:%M}"


def _row(zh: str, en: str, value: str, *, code: bool = False) -> Html:
    return markup(
        '<tr><th scope="row">{name}</th><td{kind}>{value}</td></tr>',
        name=spans(zh, en),
        value=value,
        kind=Html(' class="code"') if code else Html(""),
    )


def _asking(public_url: str | None) -> Html:
    """How to ask for the status."""
    if public_url is None:
        return both(
            "在查询页面或服务窗口提供编号和查询码。", "Give number and query code on the status page or at a counter."
        )
    where = f"{public_url.rstrip('/')}/status"
    return both(f"访问 {where}，输入编号和查询码。", f"Open {where} and enter number and query code.")
