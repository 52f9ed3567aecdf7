"""The knowledge of a jurisdiction: answers and templates of replies by subject, each with an owner, a validity and a day of review.

Everybody of the desk reads it. An entry is saved by its owner, or by the petition office for anybody. Its text is of the language
of templates, may show only what is known of every case, and holds no personal data: it is stored in clear.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from services.routing import desk
from services.routing.notices.notice_content import content as notice_content
from shared.application.knowledge import Entry, entry_of, stream_of, today
from shared.application.ports import Ports
from shared.case import STREAM, Case
from shared.commands.authorization import Action, Principal, Role, authorize
from shared.commands.command import DecisionContext, NewEvent
from shared.commands.event_writer import EventMetadata
from shared.commands.knowledge_text import IMPERSONAL, impersonal
from shared.events.knowledge import KnowledgeSaved, KnowledgeWithdrawn
from shared.events.notices import Language
from shared.eventstore.commit import StreamHead
from shared.kernel.identifiers import request_digest
from shared.kernel.legal_time import day_of
from shared.kernel.plain_text import personal_number
from shared.kernel.refusals import Denied, Invalid, Refused, Unknown
from shared.policy.template_language import faults, filled
from shared.policy.validation.messages import MESSAGES
from shared.queries.case_content import purposes, record_reading
from shared.repositories.matter_cases import lead_of

_STAFF: tuple[Role, ...] = ("clerk", "registrar", "supervisor")
READ = Action("knowledge", (*_STAFF, "operator"))
_WRITERS: tuple[Role, ...] = ("clerk", "registrar")
WRITE = Action("save_knowledge", _WRITERS)
PERSONAL = ("addressee", "matter", "request", "contact", "accepted_on", "due_on", "days")
"""Fields of a draft besides those without personal data."""
FIELDS = frozenset((*IMPERSONAL, *PERSONAL))


class Text(NamedTuple):
    """What an entry is saved with."""

    subject: str | None
    office: str
    title: str
    text: str
    basis: tuple[str, ...]
    valid_from: Any
    valid_until: Any
    review_on: Any


def jurisdiction_of(principal: Principal, named: str | None) -> str:
    """The jurisdiction whose knowledge the caller uses. Raises Invalid for a caller of none that names none."""
    found = principal.jurisdiction or named
    if found is None:
        raise Invalid(
            "jurisdiction_needed",
            "Name the jurisdiction, or use an access key of one.",
            detail_zh="请注明辖区，或使用某一辖区的访问密钥。",
            field="jurisdiction",
        )
    if named is not None and named != found:
        raise Unknown("unknown_jurisdiction", "There is no such jurisdiction.", detail_zh="没有该辖区，请核对代码。")
    return found


async def save(
    ports: Ports, principal: Principal, jurisdiction: str, entry: str, given: Text, command_id: str, after: int | None
) -> int:
    """Save an entry; returns its version.

    Raises:
        Denied: another office is the owner. Refused `entry_changed`. Invalid: an unknown subject or office, a wrong period, a text
            that is no template or holds a personal number.
    """
    authorize(principal, WRITE)
    book = await ports.policies.book(jurisdiction)
    await _own(ports, principal, jurisdiction, entry, given.office)
    if given.subject is not None and given.subject not in book.subjects:
        raise _wrong(
            "unknown_subject", "The policy has no such subject.", "规则中没有该分类，请使用规则中的代码。", "subject"
        )
    if book.organisation(given.office) is None:
        raise _wrong(
            "unknown_organisation",
            "The policy has no such organisation.",
            "规则中没有该单位，请使用规则中的代码。",
            "office",
        )
    zone = book.zone
    days = [day_of(one, zone) for one in (given.valid_from, given.valid_until) if one is not None]
    if len(days) == 2 and days[1] < days[0]:
        raise _wrong(
            "wrong_period", "valid_until is before valid_from.", "有效期截止日早于起始日，请更正。", "valid_until"
        )
    if day_of(given.review_on, zone) <= today(ports.clock.now(), zone):
        raise _wrong(
            "review_in_the_past",
            "The day of the next review is in the future.",
            "下次复核日期应晚于今天。",
            "review_on",
        )
    for field in ("title", "text", "basis"):
        value = getattr(given, field)
        if any(map(personal_number, value if isinstance(value, tuple) else (value,))):
            raise _wrong(
                "personal_number",
                "It contains what looks like a mobile telephone or identity number. Entries hold no personal data; name the"
                " number of an office.",
                "疑似含有手机号码或证件号码。知识条目不含个人信息，请填写办公电话。",
                field,
            )
    for fault in faults(given.text, FIELDS):
        text, text_zh = MESSAGES.filled(fault.message, fault.values)
        raise _wrong(fault.message, text, text_zh, "text")
    body = KnowledgeSaved(entry=entry, **given._asdict())

    def decide(head: StreamHead) -> list[NewEvent]:
        if after is not None and head.version != after:
            raise Refused(
                "entry_changed",
                "A colleague has changed this entry in the meantime. Read it again, then save your text.",
                detail_zh="同事已更新该条目，请重新读取后再保存。",
                field="after",
            )
        return [NewEvent(body)]

    return await _append(ports, principal, jurisdiction, entry, decide, command_id, body.model_dump(mode="json"))


async def withdraw(ports: Ports, principal: Principal, jurisdiction: str, entry: str, command_id: str) -> int:
    """Withdraw an entry; returns its version. Repeating it has no effect. Raises Unknown, and Denied for another owner."""
    authorize(principal, WRITE)
    found = await entry_of(ports, jurisdiction, entry)
    await _own(ports, principal, jurisdiction, entry, found.saved.office)
    if found.withdrawn:
        return found.version
    body = KnowledgeWithdrawn(entry=entry)
    return await _append(
        ports, principal, jurisdiction, entry, lambda _head: [NewEvent(body)], command_id, ["withdrawn"]
    )


async def fill_draft(
    ports: Ports,
    principal: Principal,
    case: Case,
    kind: str,
    reference: str,
    command_id: str,
    after: int | None,
    language: Language,
) -> int:
    """Fill a draft of the principal's unit from an entry and the case; returns its version. The reading is recorded. The draft is
    not handed over to be checked: its writer reads it first.

    Raises:
        Unknown, Refused: the entry is not there or not valid today. Refused `draft_changed`.
    """
    unit = desk.unit_of(principal)
    found = await entry_of(ports, case.jurisdiction, reference)
    book = await ports.policies.book(case.jurisdiction)
    refusal = found.refusal(today(ports.clock.now(), book.zone), book.zone)
    if refusal is not None:
        raise refusal
    lead = await lead_of(ports.cases, case)
    allowed = purposes(principal, case, lead)
    await record_reading(ports.handling("routing"), principal, case, "fill_draft", sorted(allowed) or ("draft",))
    events = [event for commit in await ports.log.load(STREAM + case.id) for event in commit.recorded]
    known = await notice_content(ports.keys, events, book, "acceptance", unit, language, lead, allowed)
    now = ports.clock.now()
    values = {**known, **impersonal(case, DecisionContext(principal, now, now, book))}
    content: dict[str, Any] = {"text": filled(found.saved.text, values)}
    if found.saved.basis:
        content["basis"] = list(found.saved.basis)
    return await desk.save_draft(
        ports, principal, case, kind, content, command_id, after, (found.saved.entry, found.version), ready=False
    )


async def _own(ports: Ports, principal: Principal, jurisdiction: str, entry: str, office: str) -> None:
    """Raises Denied unless the caller's office is the present and the coming owner, or the petition office."""
    if principal.role == "registrar":
        return
    try:
        before = (await entry_of(ports, jurisdiction, entry)).saved.office
    except Unknown:
        before = office
    if {before, office} != {principal.org}:
        raise Denied(
            "not_your_entry",
            "Only the office that owns an entry, or the petition office, may change it.",
            detail_zh="知识条目由其责任单位或信访部门维护。",
        )


async def _append(
    ports: Ports, principal: Principal, jurisdiction: str, entry: str, decide: Any, command_id: str, content: Any
) -> int:
    handling, stream = ports.handling("routing"), stream_of(jurisdiction, entry)
    digest = request_digest(ports.keys.secret("request"), stream, orjson.dumps(content))
    stamp = EventMetadata(principal, f"{principal.name}:{command_id}", request=digest, jurisdiction=jurisdiction)
    commit, _repeated = await handling.append(stream, stamp, decide)
    return commit.last


def shown_of(entry: Entry) -> dict[str, Any]:
    """The fields of an entry, as everybody of the desk reads them."""
    actor = entry.event.actor
    return {**entry.saved.model_dump(), "version": entry.version, "withdrawn": entry.withdrawn, "person": actor.person}


def _wrong(code: str, detail: str, detail_zh: str, field: str) -> Invalid:
    return Invalid(code, detail, detail_zh=detail_zh, field=field)
