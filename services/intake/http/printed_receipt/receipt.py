"""The receipt as a page to print: number, date, channel, place and subject, query code, how to ask, rights and periods.

It contains no free text and no name, because receipts lie open at service counters. The query code is in the page and never
in an address: the link in the QR code carries it behind the `#`, which browsers do not send.
"""

from __future__ import annotations

from urllib.parse import urlencode

import segno
from starlette.responses import HTMLResponse

from services.intake.http.printed_receipt.layout import Html, both, heading, joined, markup, page, spans
from services.intake.receipt_facts import filed_under, received_on, rights, still_looked_at
from shared.case import Case
from shared.kernel.legal_time import day_of
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook
from shared.queries.citizen_status import called
from shared.queries.office_contact import contact_of


def receipt(case: Case, book: PolicyBook, code: str, pin: str, public_url: str | None) -> HTMLResponse:
    """The page of a registered case.

    Args:
        pin: six digits for a question by telephone.
        public_url: address of this server for citizens; without it the QR code is plain text.
    """
    assert case.filing.filed_at is not None
    office = called(book, book.petition_office) if book.petition_office else Words("信访部门", "Petition Office")
    rows = [
        _row("编号", "Number", case.number, code=True),
        _row("查询码", "Query code", code, code=True),
        _row("电话查询码", "By telephone", _calling(book, pin), code=True),
        _row("收到日期", "Received", received_on(case, book)),
        _row("登记日期", "Registered", day_of(case.registered_at, book.zone).isoformat() if case.registered_at else ""),
        *(_row(zh, en, f"{words.zh} {words.en}") for zh, en, words in filed_under(case, book)),
    ]
    rows += [_row(zh, en, f"{words.zh} {words.en}") for zh, en, words in still_looked_at(case)]
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
            "The query code proves that the case is yours. Keep it, and do not show it to anyone else.",
        ),
        heading("h2", "您的权利和期限", "Your rights and the periods"),
        markup("<ul>{rights}</ul>", rights=joined([both(right.zh, right.en, "li") for right in rights(case, book)])),
    ]
    return page("信访登记回执", "Receipt", joined(body))


def link(number: str, code: str, public_url: str | None) -> str:
    """Content of the QR code: the address of the page that follows a case with number and code behind the `#`, or both as text."""
    if public_url is None:
        return f"{number}\n{code}"
    return f"{public_url.rstrip('/')}/track#{urlencode({'n': number, 'c': code})}"


def _row(zh: str, en: str, value: str, *, code: bool = False) -> Html:
    return markup(
        '<tr><th scope="row">{name}</th><td{kind}>{value}</td></tr>',
        name=spans(zh, en),
        value=value,
        kind=Html(' class="code"') if code else Html(""),
    )


def _calling(book: PolicyBook, pin: str) -> str:
    """The six digits, and the number to call, if the policy has one."""
    office = contact_of(book, None)
    return f"{pin} ☎ {office.telephone}" if office is not None and office.telephone is not None else pin


def _asking(public_url: str | None) -> Html:
    """How to ask for the status."""
    if public_url is None:
        return both(
            "在查询页面或服务窗口提供编号和查询码。", "Give number and query code on the status page or at a counter."
        )
    where = f"{public_url.rstrip('/')}/track"
    return both(f"访问 {where}，输入编号和查询码。", f"Open {where} and enter number and query code.")
