"""The receipt as a page to print: number, date, what it was filed under, the query code, how to ask, rights and periods.

It holds no free text and no name, so that it may lie on a counter. The query code is in the page and never in an address:
the QR code's link carries it behind the `#`, which browsers do not send.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

import segno
from starlette.responses import HTMLResponse

from services.intake.http.pages.layout import Html, both, joined, markup, page
from shared.case import Case
from shared.kernel.legal_time import day_of, instant_of, is_instant, zone
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import ClockRule
from shared.queries.citizen_status import called


class Right(NamedTuple):
    """What the petitioner may expect or ask for, and where it stands."""

    zh: str
    en: str


def receipt(case: Case, book: PolicyBook, code: str, public_url: str | None) -> HTMLResponse:
    """The page of a registered case. `public_url`: where citizens reach this server; without it the QR code is text."""
    assert case.filing.filed_at is not None
    office = called(book, book.petition_office) if book.petition_office else Words("信访部门", "Petition Office")
    rows = [
        _row("编号", "Number", case.number, code=True),
        _row("查询码", "Query code", code, code=True),
        _row("收到日期", "Received", _day(case, book)),
        _row("登记日期", "Registered", _registered(case, book)),
        *(_row(zh, en, f"{words.zh} {words.en}") for zh, en, words in _filed_under(case, book)),
    ]
    body = [
        markup('<h1><span lang="zh-CN">{zh}</span> <span lang="en">{en}</span></h1>', zh="信访登记回执", en="Receipt"),
        both(f"{office.zh}已登记您提交的事项。", f"{office.en} has registered what you filed."),
        markup(
            '<div class="receipt"><div><table>{rows}</table></div><div class="qr">{qr}{hint}</div></div>',
            rows=joined(rows),
            qr=Html(segno.make(link(case.number, code, public_url), error="m", micro=False).svg_inline(omitsize=True)),
            hint=_qr_hint(public_url),
        ),
        _heading("如何查询", "How to ask"),
        *_how(public_url),
        _heading("您的权利和期限", "Your rights and the periods"),
        markup("<ul>{rights}</ul>", rights=joined([both(right.zh, right.en, "li") for right in rights(case, book)])),
        Html(
            '<p class="screen"><button type="button" data-print hidden><span lang="zh-CN">打印</span>'
            ' <span lang="en">Print</span></button></p>'
        ),
    ]
    return page("信访登记回执", "Receipt", joined(body), script=True)


def link(number: str, code: str, public_url: str | None) -> str:
    """What the QR code says: the status page with both behind the `#`, or both as text."""
    if public_url is None:
        return f"{number}\n{code}"
    return f"{public_url.rstrip('/')}/status#{urlencode({'n': number, 'c': code})}"


def rights(case: Case, book: PolicyBook) -> Iterator[Right]:
    """As the policy in force at the filing has them: notice, reply, evaluation, review, re-review, each with its article."""
    assert case.filing.filed_at is not None
    clocks = book.clocks_at(case.filing.filed_at)
    rules = clocks.rules if clocks else ()
    direct = case.filing.received_by is not None
    notice = _meeting(rules, "NoticeServed", direct=direct)
    if notice is not None:
        sent, sent_en = ("或转送何处", " or where it was sent") if direct else ("", "")
        yield _right(notice, f"书面告知您是否受理{sent}", f"you are told in writing whether it is accepted{sent_en}")
    reply = _meeting(rules, "ReplyDelivered")
    if reply is not None:
        yield _right(
            reply,
            "适用信访程序的，自受理之日起作出处理并书面答复",
            "where no other procedure applies: from acceptance, a decision and a written reply",
        )
    yield Right(
        "答复送达后，您可以评价信访部门和承办单位（《信访工作条例》第二十一条第二款）。",
        "After the reply you may evaluate the petition office and the organisation (Regulation Art. 21 ¶2).",
    )
    review = _meeting(rules, "ReviewRequested")
    if review is not None:
        yield _right(
            review,
            "对处理意见不服的，自收到书面答复之日起可向上一级申请复查",
            "if you do not agree: from the written reply, you may ask the next level for a review",
        )
    again = _meeting(rules, "ReReviewRequested")
    if again is not None:
        yield _right(
            again,
            "对复查意见不服的，自收到复查意见之日起可申请复核",
            "if you still do not agree: from the receipt of the review opinion, you may ask for a re-review",
        )


def _meeting(rules: tuple[ClockRule, ...], event: str, *, direct: bool | None = None) -> ClockRule | None:
    """The clock that this event meets; of several the one for who received it."""
    found = [rule for rule in rules if any(end.event == event for end in rule.end) and rule.period.days is not None]
    fitting = [rule for rule in found if direct is None or bool(rule.applies.direct) == direct]
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


def _registered(case: Case, book: PolicyBook) -> str:
    return day_of(case.registered_at, book.zone).isoformat() if case.registered_at is not None else ""


def _row(zh: str, en: str, value: str, *, code: bool = False) -> Html:
    return markup(
        '<tr><th scope="row"><span lang="zh-CN">{zh}</span> <span lang="en">{en}</span></th><td{kind}>{value}</td></tr>',
        zh=zh,
        en=en,
        value=value,
        kind=Html(' class="code"') if code else Html(""),
    )


def _heading(zh: str, en: str) -> Html:
    return markup('<h2><span lang="zh-CN">{zh}</span> <span lang="en">{en}</span></h2>', zh=zh, en=en)


def _qr_hint(public_url: str | None) -> Html:
    if public_url is None:
        return both("编号和查询码", "Number and query code", "p")
    return both("扫码查询办理情况", "Scan to see how it stands", "p")


def _how(public_url: str | None) -> list[Html]:
    where = f"{public_url.rstrip('/')}/status" if public_url else None
    asking = (
        both(f"访问 {where}，输入编号和查询码。", f"Open {where} and enter number and query code.")
        if where
        else both(
            "在查询页面或服务窗口提供编号和查询码。", "Give number and query code on the status page or at a counter."
        )
    )
    secret = both(
        "查询码是您本人的凭证，请妥善保管，不要告诉他人。",
        "The query code is your proof: keep it, and show it to nobody else.",
    )
    return [asking, secret]
