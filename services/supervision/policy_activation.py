"""Putting a policy into force: check all of it together, then append the sections that changed.

An edition begins at an instant or with a day, 00:00 in the zone of the jurisdiction, now or later. It never begins in a
past during which another edition was in force, because decisions were based on that one (ADR 16).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.application.case_reference import WORKLIST
from shared.case import OPEN_STATES
from shared.commands.authorization import OPERATE, SEES_ALL, Action, Principal, authorize, within
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.events.policy import Section
from shared.eventstore.commit import StreamHead
from shared.eventstore.read_models import Condition, ReadModelStore
from shared.kernel.legal_time import LegalTime, day_of
from shared.kernel.refusals import Invalid, Refused, Unavailable
from shared.policy.book import MODELS, STREAM, PolicyBook
from shared.policy.deadline_rules import Clocks
from shared.policy.documents import Document, Jurisdiction, Organisations
from shared.policy.edition import begins
from shared.policy.loading.files import SECTIONS
from shared.policy.loading.loader import LoadedSection, hash_of, plain
from shared.policy.validation.checks import check
from shared.policy.validation.finding import Finding, of_error
from shared.policy.validation.messages import finding

ACTIVATE = Action("activate_policy", ("operations", "registrar"))
ATTEMPTS = 8
NOBODY = Principal("analyst", None, "nobody")
"""A principal that sees no case."""
_STEP = 500
_ALONE = ("jurisdiction.code", "jurisdiction.zone")
"""Errors without whose correction nothing else can be checked."""
MOST_FINDINGS = 500
"""Maximum number of findings in one answer."""


class Checked(NamedTuple):
    """The given sections as documents, with the errors and the warnings about them."""

    documents: dict[Section, Document]
    findings: list[Finding]
    warnings: list[Finding]
    book: PolicyBook | None
    """The policy that they were checked against."""


class Activated(NamedTuple):
    """The changed sections; empty if all were in force already."""

    sections: list[Section]
    warnings: list[Finding]


class _Moved(Exception):
    """Another activation happened after the check."""


async def checked(
    handling: CommandHandler,
    jurisdiction: str,
    raw: Mapping[str, Any],
    effective_at: LegalTime | None = None,
    views: ReadModelStore | None = None,
    principal: Principal = NOBODY,
) -> Checked:
    """Check the given sections together with everything that is or will be in force.

    Args:
        views: To find organisations that still hold cases.
        principal: Who is told the findings; they contain only what that principal may know.
    """
    documents: dict[Section, Document] = {}
    findings: list[Finding] = []
    warnings: list[Finding] = []
    if not raw.keys() <= set(SECTIONS):
        findings.append(finding("sections", "unknown_section", sections=SECTIONS))
    for section in SECTIONS:
        if section not in raw:
            continue
        try:
            documents[section] = MODELS[section].model_validate(raw[section])
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                where = ".".join((section, *(str(part) for part in one["loc"])))
                findings.append(of_error(where, one))
    book = await known(handling, jurisdiction)
    stated = documents.get("jurisdiction")
    if isinstance(stated, Jurisdiction) and not findings:
        findings += [one for one in check({"jurisdiction": stated}) if one.where in _ALONE]
    if findings:
        return Checked(documents, findings, warnings, book)
    now = handling.clock.now()
    named = documents.get("jurisdiction") or (book.settings if book else None)
    if isinstance(named, Jurisdiction) and named.code != jurisdiction:
        findings.append(finding("jurisdiction.code", "another_jurisdiction"))
    findings += _together(documents, book or PolicyBook(jurisdiction), effective_at, now)
    if findings:
        return Checked(documents, findings, warnings, book)
    if book is not None and effective_at is not None:
        findings += _past(documents, book, effective_at, now)
    listed = documents.get("organisations")
    if book is not None and views is not None and isinstance(listed, Organisations):
        at_once = effective_at is None or begins(effective_at, book.zone) <= now
        (findings if at_once else warnings).extend(await _left_behind(listed, book, views, principal))
    return Checked(documents, findings, warnings, book)


def _together(
    documents: Mapping[Section, Document], book: PolicyBook, effective_at: LegalTime | None, now: datetime
) -> list[Finding]:
    """Check the policy at each instant at which an edition begins, starting with the first new one."""
    after = book
    for section in SECTIONS:
        if section in documents:
            after = after.with_document(
                section, _begins(section, documents, book, effective_at) or now, "", documents[section]
            )
    first = max(now, begins(effective_at, after.zone)) if effective_at is not None else now
    moments = {
        first,
        *(edition.start for known in after.editions.values() for edition in known if edition.start > first),
    }
    found: dict[tuple[str, str], Finding] = {}
    for moment in sorted(moments):
        for one in check(after.as_of(moment).documents):
            found.setdefault((one.where, one.what), one if moment == first else _then(one, moment, after))
    return list(found.values())


def _then(finding: Finding, moment: datetime, book: PolicyBook) -> Finding:
    """The finding with the day on which its edition begins."""
    day = day_of(moment, book.zone)
    return finding._replace(
        what=f"{finding.what} (from {day} on, together with what is activated for that day)",
        zh=f"自 {day} 起，与届时生效的内容合并来看：{finding.zh}",
    )


def _begins(
    section: Section, documents: Mapping[Section, Document], book: PolicyBook | None, effective_at: LegalTime | None
) -> LegalTime | None:
    """When the edition takes effect; None: now. The first clocks take effect with their law, so that they apply to older cases."""
    document = documents[section]
    if effective_at is None and isinstance(document, Clocks) and (book is None or not book.editions.get("clocks")):
        return document.in_force
    return effective_at


def _past(documents: Mapping[Section, Document], book: PolicyBook, at: LegalTime, now: datetime) -> list[Finding]:
    """The findings about editions that begin in the past. Allowed are clocks before the first known ones, sections that did
    not exist then, and calendars, of which always the latest one applies."""
    start = begins(at, book.zone)
    if start >= now:
        return []
    tomorrow = day_of(now, book.zone) + timedelta(days=1)
    return [
        finding(section, "begins_in_the_past", at=at.isoformat(), tomorrow=tomorrow)
        for section in documents
        if section != "calendar"
        and any(section != "clocks" or edition.start <= start for edition in book.editions.get(section, ()))
    ]


async def _left_behind(
    document: Organisations, book: PolicyBook, views: ReadModelStore, principal: Principal
) -> list[Finding]:
    """The findings about removed organisations that may still hold open cases (Art. 24 ¶2: a successor takes them over).

    Only the petition office and its supervisors learn how many. Nobody learns of a sealed case: an organ for accusations is never
    removed at once, whether or not it holds one."""
    listed = {organisation.code for organisation in document.organisations}
    found = []
    for code, organisation in book.organisations.items():
        if code in listed or code in book.added:
            continue
        where = f"organisations[{code}]"
        if organisation.kind == "sealed":
            found.append(finding(where, "removed_sealed_organ"))
        elif principal.role not in (*SEES_ALL, *OPERATE.roles):
            found.append(finding(where, "removed"))
        elif held := await _held(code, book.jurisdiction, views):
            told = principal.role in SEES_ALL
            number = f"{held} open {'cases' if held > 1 else 'case'}" if told else "open cases"
            number_zh = f" {held} 件未办结件" if told else "未办结件"
            found.append(finding(where, "removed_with_cases", number=number, number_zh=number_zh))
    return found


async def _held(org: str, jurisdiction: str, views: ReadModelStore) -> int:
    """Number of the open cases of an organisation, without those that are hidden from somebody (Art. 30)."""
    held, after = 0, None
    where = [
        Condition("org", "=", org),
        Condition("jurisdiction", "=", jurisdiction),
        Condition("state", "in", OPEN_STATES),
    ]
    while rows := await views.find(WORKLIST, where, order=["state"], after=after, limit=_STEP):
        values = [row.values or {} for row in rows]
        held += sum(not one["sealed"] and one["accused"] is None for one in values)
        after = [values[-1]["state"], rows[-1].key]
    return held


async def known(handling: CommandHandler, jurisdiction: str) -> PolicyBook | None:
    try:
        return await handling.policies.reload(jurisdiction)
    except Refused:
        return None


async def activate(
    handling: CommandHandler,
    principal: Principal,
    jurisdiction: str,
    raw: Mapping[str, Any],
    effective_at: LegalTime | None = None,
    *,
    expected_version: int | None = None,
    views: ReadModelStore | None = None,
) -> Activated:
    """Append every section that differs from the edition in force at that time.

    Raises Invalid `policy_invalid` with all findings, Refused `stale_policy` when the policy has moved on since
    `expected_version`. Of two concurrent activations the second is checked against the first."""
    authorize(principal, ACTIVATE)
    within(principal, jurisdiction)
    for _attempt in range(ATTEMPTS):
        found = await checked(handling, jurisdiction, raw, effective_at, views, principal)
        if found.findings or not found.documents:
            raise _invalid(found.findings)
        book = found.book
        version = book.version if book else 0
        if expected_version is not None and version != expected_version:
            raise Refused(
                "stale_policy",
                f"The policy has changed to version {version} since you read it. Compare again, then activate.",
                detail_zh="规则在您查看之后已有变化，请重新比较后再启用。",
                field="expected_version",
            )
        if expected_version is None and book is not None:
            _check_name(found.documents.get("jurisdiction"), book)
        changes = _changes(found.documents, book, effective_at, handling.clock.now())
        if not changes:
            return Activated([], found.warnings)
        content = "\n".join(f"{section} {item.at} {one.hash}" for section, one, item in changes)
        cause = f"activate:{version}:{sha256(content.encode()).hexdigest()[:24]}"
        stamp = EventMetadata(principal, cause=cause, jurisdiction=jurisdiction)
        events = [item for _section, _loaded, item in changes]
        try:
            await handling.append(STREAM + jurisdiction, stamp, partial(_unmoved, version, events))
        except _Moved:
            continue
        await handling.policies.reload(jurisdiction)
        return Activated([section for section, _loaded, _item in changes], found.warnings)
    raise Unavailable(
        "busy",
        "There are many concurrent changes of this policy. Try again in a moment.",
        detail_zh="此处正有多项写入，请稍后重试。",
    )


def _check_name(stated: Document | None, book: PolicyBook) -> None:
    """Two counties that begin with the same example must not overwrite each other: a code belongs to the jurisdiction that has it.

    Raises Refused `jurisdiction_taken` where the document gives the code to a jurisdiction of another name."""
    known = book.settings
    if isinstance(stated, Jurisdiction) and known is not None and stated.name != known.name:
        raise Refused(
            "jurisdiction_taken",
            f"The code {stated.code} belongs to another jurisdiction of this deployment. Use another code; to rename that"
            f" jurisdiction, give expected_version {book.version}.",
            detail_zh=f"代码 {stated.code} 已由本系统的另一辖区使用，请另选代码；"
            f"如为该辖区更名，请注明 expected_version {book.version}。",
            field="jurisdiction.code",
        )


def _unmoved(version: int, events: list[NewEvent], head: StreamHead) -> list[NewEvent]:
    if head.version != version:
        raise _Moved
    return events


def _changes(
    documents: Mapping[Section, Document], book: PolicyBook | None, effective_at: LegalTime | None, now: datetime
) -> list[tuple[Section, LoadedSection, NewEvent]]:
    changes = []
    for section, document in documents.items():
        content = plain(document)
        loaded = LoadedSection(section, content, hash_of(content))
        begins = _begins(section, documents, book, effective_at)
        then = book.edition(section, begins or now) if book is not None else None
        if then is not None and then.hash == loaded.hash:
            continue
        changes.append((section, loaded, NewEvent(loaded.activation(), begins)))
    return changes


def _invalid(findings: list[Finding]) -> Invalid:
    first, first_zh = "It contains no section.", "其中没有规则的任何部分。"
    if findings:
        first, first_zh = f"{findings[0].where}: {findings[0].what}", f"{findings[0].where}：{findings[0].zh}"
    past = any("begins in the past" in one.what for one in findings)
    return Invalid(
        "policy_in_the_past" if past else "policy_invalid",
        f"The policy was not activated. {first}",
        detail_zh=f"规则未启用。{first_zh}",
        errors=[one.problem() for one in findings[:MOST_FINDINGS]],
    )
