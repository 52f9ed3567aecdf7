"""The file of a case (一案一档): registration, notices, course of handling, with cover and index."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from services.routing.notices.bound_pdf import BoundDocument, bound
from services.routing.notices.notice_content import date_text
from services.routing.notices.notice_document import plain
from services.routing.notices.notice_queries import BOTH, NoticeReader
from services.routing.notices.pdf_form import available, compiled, pdf_missing
from shared.application.ports import Ports
from shared.case import STREAM, Case
from shared.commands.authorization import Principal
from shared.events.files import FileAttached
from shared.events.intake import CaseRegistered, PartyCorrected, PartyRecorded
from shared.events.notices import Language, NoticeIssued
from shared.events.wording import decisive, details, event_words
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent
from shared.kernel.refusals import Refused
from shared.kernel.wording import state_words
from shared.policy.book import PolicyBook
from shared.policy.templates import kinds
from shared.queries.case_details import find
from shared.repositories.matter_cases import lead_of

_AGAIN = frozenset({"NoticeIssued", "FileAttached"})
"""Events that the course of handling leaves out, because their documents are in the file."""
_PARTY = {"name": ("姓名", "Name"), "phone": ("电话", "Telephone"), "address": ("住址", "Address")}
_TEXTS = {
    "title": ("标题", "Title"), "text": ("内容", "Text"), "location": ("地点", "Place"), "request": ("请求", "Request"),
    "facts": ("事实和理由", "Facts"), "basis": ("依据", "Basis"), "reason": ("理由", "Reason"), "remedy": ("救济途径", "Remedy"),
    "opinion": ("意见", "Opinion"),
}  # fmt: skip


async def dossier(
    reader: NoticeReader, ports: Ports, principal: Principal, reference: str, language: Language
) -> tuple[Case, bytes]:
    """The whole case as one PDF. The reading is recorded first.

    Raises:
        Unknown: the principal may not see the case.
        Denied: `notice_not_for_you`, it may not read the petitioner's identity.
        Refused: `pdf_not_installed`.
    """
    if not available():
        raise pdf_missing()
    case = await find(ports, principal, reference)
    lead = await lead_of(ports.cases, case)
    book = await ports.policies.book(case.jurisdiction)
    office = principal.org or ""
    await reader.reading(principal, case, lead, office)
    commits = await ports.log.load(STREAM + case.id)
    events = [event for commit in commits for event in commit.recorded if event.version <= case.version]
    opened: dict[int, dict[str, Any]] = {}
    for found in await open_sealed(ports.keys, [event for event in events if event.sealed], BOTH):
        if not found.erased:
            opened.setdefault(found.version, {}).update(found.values)
    zh = language == "zh"
    sheet = _registration(case, book, events, opened, language)
    parts = [
        BoundDocument(
            "登记表" if zh else "Registration", case.number, sheet[1], await asyncio.to_thread(_sheet, sheet[0])
        )
    ]
    for event in events:
        if isinstance(event.body, NoticeIssued):
            try:
                stored = await reader.stored(event.body, events, "pdf")
            except Refused:
                continue  # erased, or its document is missing: the course of handling names it
            title = kinds()[event.body.kind].title[language]
            parts.append(
                BoundDocument(
                    title, event.body.document_number, date_text(event.recorded_at, book.zone, language), stored
                )
            )
    course = _course(book, events, opened, language)
    parts.append(
        BoundDocument("办理经过" if zh else "Course of handling", "", "", await asyncio.to_thread(_sheet, course))
    )
    cover = {"title": case.number, "cover": _cover(case, book, parts, language)}
    return case, await asyncio.to_thread(bound, cover, parts, language)


def _sheet(values: dict[str, Any]) -> bytes:
    return compiled("record_sheet.typ", sheet=values)


def _cover(case: Case, book: PolicyBook, parts: Sequence[BoundDocument], language: Language) -> list[tuple[str, str]]:
    zh = language == "zh"
    org = case.assignment.org
    rows = [
        ("登记编号" if zh else "Number", case.number),
        ("办理单位" if zh else "Handled by", book.names.get(org, org) if org else ""),
        ("分类" if zh else "Subject", book.names.get(case.filing.subject or "", case.filing.subject or "")),
        ("收到日期" if zh else "Filed", _day(case.filing.filed_at, book, language)),
        ("状态" if zh else "State", state_words(case.state).zh if zh else state_words(case.state).en),
        ("办结日期" if zh else "Closed", _day(case.closure.closed_at, book, language)),
        ("文件件数" if zh else "Documents", str(len(parts))),
    ]
    return [(name, value) for name, value in rows if value]


def _registration(
    case: Case,
    book: PolicyBook,
    events: Sequence[RecordedEvent],
    opened: dict[int, dict[str, Any]],
    language: Language,
) -> tuple[dict[str, Any], str]:
    zh, place = language == "zh", 0 if language == "zh" else 1
    rows: list[tuple[str, str]] = [("登记编号" if zh else "Number", case.number)]
    parties: dict[str, dict[str, str]] = {}
    for event in events:
        values = opened.get(event.version, {})
        if isinstance(event.body, PartyRecorded | PartyCorrected):
            parties.setdefault(event.body.party, {}).update({key: str(value) for key, value in values.items() if value})
        elif isinstance(event.body, CaseRegistered):
            rows += [
                (_TEXTS[name][place], plain(str(values[name])))
                for name in ("title", "text", "location")
                if values.get(name)
            ]
    roles = dict(case.filing.parties)
    for party, known in parties.items():
        shown = "；".join(f"{_PARTY[name][place]}：{plain(known[name])}" for name in _PARTY if name in known)
        rows.append(
            (("信访人" if zh else "Party") if "petitioner" in roles.get(party, "") else roles.get(party, party), shown)
        )
    filed = _day(case.filing.filed_at, book, language)
    rows.append(("收到日期" if zh else "Filed", filed))
    return {"title": "信访事项登记表" if zh else "Registration", "rows": rows, "language": language}, filed


def _course(
    book: PolicyBook, events: Sequence[RecordedEvent], opened: dict[int, dict[str, Any]], language: Language
) -> dict[str, Any]:
    zh, place = language == "zh", 0 if language == "zh" else 1
    rows: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event.body, NewerEvent | PartyRecorded | PartyCorrected):
            continue
        if isinstance(event.body, FileAttached) and event.body.kind == "notice":
            continue  # said by the issue of the notice
        words = event_words(event.type)
        lines = [words.zh if zh else words.en, decisive(event.type, details(event.body))]
        org = event.actor.org
        if org:
            lines.append(f"（{book.names.get(org, org)}）")
        if event.type not in _AGAIN and not isinstance(event.body, CaseRegistered):
            for name, value in opened.get(event.version, {}).items():
                if name in _TEXTS:
                    text = value if isinstance(value, str) else "；".join(map(str, value))
                    lines.append(f"\n{_TEXTS[name][place]}：{plain(text)}")
        rows.append((date_text(event.effective_at, book.zone, language), " ".join(filter(None, lines))))
    return {"title": "办理经过" if zh else "Course of handling", "rows": rows, "language": language}


def _day(when: Any, book: PolicyBook, language: Language) -> str:
    return "" if when is None else date_text(when, book.zone, language)
