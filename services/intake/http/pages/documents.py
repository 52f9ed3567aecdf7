"""The page with the words of the reply, the opinions and the notices."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse

from services.intake.http.pages.layout import Html, both, heading, joined, markup, page, spans
from shared.kernel.legal_time import from_text, to_text
from shared.kernel.wording import code_words
from shared.queries.citizen_documents import CitizenDocument, CitizenDocuments

_TITLE = ("答复和告知书", "Reply and notices")
_FIELDS = {
    "text": ("内容", "Text"),
    "basis": ("依据", "Legal basis"),
    "reason": ("理由", "Reasons"),
    "remedy": ("救济途径", "Your remedies"),
    "organ": ("受理机关", "Competent organ"),
    "address": ("地址", "Address"),
    "time_limit": ("提出期限", "Time limit there"),
    "how_to": ("如何提出", "How to use this path"),
    "procedure": ("法定程序", "Procedure"),
    "reference": ("程序编号", "Number of the procedure"),
}
"""Field -> its heading in both languages, in the order of reading."""


def documents_page(told: CitizenDocuments) -> HTMLResponse:
    """The documents, oldest first."""
    body = [heading("h1", *_TITLE), markup('<p class="code">{number}</p>', number=told.number)]
    if not told.documents:
        body.append(both("目前没有可以查阅的文书。", "There is no document to read yet."))
    for one in told.documents:
        body += _document(one)
    if told.erased:
        body.append(both("部分内容已依法删除。", "Part of the content was erased by law."))
    body.append(
        Html('<p class="screen"><a href="/status">返回查询 <span lang="en">Back to the status page</span></a></p>')
    )
    return page(*_TITLE, joined(body))


def _document(one: CitizenDocument) -> list[Html]:
    kind = code_words(one.document)
    parts = [
        heading("h2", f"{kind.zh}：{one.zh}", one.en),
        markup("<p>{day}</p>", day=to_text(from_text(one.at))[:10]),
    ]
    rows = [
        markup(
            '<tr><th scope="row">{name}</th><td class="words">{value}</td></tr>',
            name=spans(*_FIELDS.get(name, (name, name))),
            value=_plain(one.fields[name]),
        )
        for name in sorted(one.fields, key=lambda name: list(_FIELDS).index(name) if name in _FIELDS else len(_FIELDS))
    ]
    parts.append(markup("<table>{rows}</table>", rows=joined(rows)))
    if one.right is not None:
        parts.append(both(one.right.zh, one.right.en))
    return parts


def _plain(value: Any) -> str:
    return "；".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
