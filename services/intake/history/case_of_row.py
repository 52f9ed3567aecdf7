"""The case of a row: its registration, its takeover, and whether it is the case of an earlier import."""

from __future__ import annotations

import hashlib
import re

import orjson

from services.intake.history.items import Filing, HistoryItem
from services.intake.listed_codes import listed_code
from shared.case import Case
from shared.commands.command import DecisionContext, NewEvent
from shared.events import Event
from shared.events import intake as e
from shared.kernel.identifiers import number, request_digest
from shared.kernel.legal_time import day_of
from shared.kernel.refusals import Invalid, Refused
from shared.kernel.text_normalization import name_form
from shared.policy.book import PolicyBook

CAUSE = "file"
"""Cause of the filing commit: one filing per case stream."""
GO_LIVE = "go-live"


def digest(key: bytes, case_id: str, item: HistoryItem) -> str:
    """The keyed digest of the filing of an item, which is compared with that of an earlier import."""
    content = orjson.dumps(
        item.filing.model_dump(mode="json", exclude_none=True, exclude_defaults=True), option=orjson.OPT_SORT_KEYS
    )
    return request_digest(key, case_id, b"history:" + content)


def content_digest(key: bytes, case_id: str, item: HistoryItem) -> str:
    """The keyed digest of the whole content of an item, which names the commit of the corrections that it brings."""
    content = item.model_dump(mode="json", include={"filing", "org", "steps"}, exclude_none=True)
    return request_digest(key, case_id, b"content:" + orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


def organisation_code(name: str, prefix: str = "ORG") -> str:
    """A code for an organisation, a place or a subject of which the source states only the name; the same name always gives the
    same code."""
    form = name_form(name)
    plain = re.sub(r"[^A-Z0-9]+", "-", form.upper()).strip("-") if form.isascii() else ""
    if plain and len(plain) <= 60:
        return plain
    return f"{prefix}-" + hashlib.sha256(form.encode()).hexdigest()[:10].upper()


def register(item: HistoryItem, case: Case, given: DecisionContext, case_id: str) -> list[NewEvent]:
    """Register the filing, unless the case exists. Raises Invalid `unknown_channel`."""
    if case.exists:
        return []
    book, filing = given.book, item.filing
    channel = book.channels.get(item.channel)
    channel_class = channel.class_ if channel is not None else item.channel_class
    if channel_class is None:
        raise Invalid(
            "unknown_channel",
            "This channel is not in the policy of the jurisdiction: add it there, or give its class in the mapping.",
            detail_zh="该渠道不在本辖区的渠道目录中：请先添加，或在映射文件中写明渠道类别。",
            field="channel",
        )
    place, subject = in_policy(filing, book)
    known_place = not book.places or place in book.places
    known_subject = not book.subjects or subject in book.subjects
    known_level = filing.level is None or filing.level in book.levels
    at = filing.received_at
    events: list[Event] = [
        e.CaseRegistered(
            number=number(case_id, day_of(at, book.zone).year),
            channel=item.channel,
            channel_class=channel_class,
            place=place if known_place else None,
            subject=subject if known_subject else None,
            level=filing.level if known_level else None,
            class_=filing.class_,
            received_by=filing.received_by or (channel.received_by if channel is not None else None),
            org=item.org,
            anonymous=filing.anonymous,
            confidential=filing.confidential,
            item=item.item,
            title=filing.title,
            text=filing.text,
            location=filing.location,
            place_text=None if known_place else filing.place,
            subject_text=None if known_subject else filing.subject,
            level_text=None if known_level else filing.level,
        )
    ]
    if any((filing.name, filing.phone, filing.id_number, filing.address)):
        events.append(
            e.PartyRecorded(
                party="p1",
                role="petitioner",
                name=filing.name,
                phone=filing.phone,
                id_number=filing.id_number,
                address=filing.address,
            )
        )
    return [NewEvent(event, at) for event in events]


def in_policy(filing: Filing, book: PolicyBook) -> tuple[str | None, str | None]:
    """(place, subject) of a filing as codes of the policy, where it names them by code or name; else as they were given. The place
    of a filing that names none is the smallest one around its position."""
    place = listed_code(book.places, filing.place) or filing.place if filing.place else None
    if place is None and filing.position is not None:
        latitude, longitude = map(float, filing.position.split(", "))
        place = book.place_at(latitude, longitude)
    subject = listed_code(book.subjects, filing.subject) or filing.subject if filing.subject else None
    return place, subject


def go_live(case: Case) -> list[NewEvent]:
    """Continue an open imported case as a live case, once."""
    if not case.exists or not case.open or case.live:
        return []
    return [NewEvent(e.WentLive())]


def check_case(item: HistoryItem, case: Case) -> None:
    """Raises Refused if no history can be added to the case: it was filed here."""
    if not case.exists:
        return
    if case.origin != "history":
        raise Refused(
            "filed_live",
            "This item was filed in this system and is not history. Record its steps with commands.",
            detail_zh="该件是在本系统登记的，不是历史件，请用命令登记其步骤。",
            field="item",
        )


def other_organisation() -> Refused:
    """The refusal of an export that names another responsible organisation."""
    return Refused(
        "history_differs",
        "The source now names another organisation than the one imported. Nothing is overwritten: map the step "
        "that changed it (CaseTransferred with its date), or correct the export.",
        detail_zh="来源现在给出的责任单位与此前导入的不同。原有记录不会被覆盖，请映射带日期的转送步骤，或修正导出文件。",
        field="organisation",
    )
