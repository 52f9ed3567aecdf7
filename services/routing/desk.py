"""The daily work of a unit on a case: who handles it, internal notes, drafts.

A unit is an organisation, or the petition office. Notes and drafts are its own: no other unit, no petitioner and no list
shows them. They are sealed, and each reading of their text is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

import orjson

from shared.application.ports import Ports
from shared.case import Case
from shared.commands.authorization import Action, Principal, Role
from shared.commands.command import DecisionContext, NewEvent
from shared.commands.command_handler import CommandHandler, CommandResult
from shared.commands.event_writer import EventMetadata
from shared.events.base import Event
from shared.events.desk import DraftChecked, DraftDiscarded, DraftKind, DraftSaved, DraftSigned, NoteAdded
from shared.events.routing import ClerkAssigned
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel import data_file
from shared.kernel.identifiers import request_digest
from shared.kernel.refusals import Denied, Invalid, Refused, Unknown
from shared.kernel.text_normalization import search_form
from shared.queries.case_content import record_reading
from shared.queries.case_details import find

_STAFF: tuple[Role, ...] = ("clerk", "registrar", "supervisor")
DESK = Action("desk", _STAFF)
NOTES, DRAFTS = "notes/", "drafts/"
DRAFT_KINDS: tuple[str, ...] = get_args(DraftKind)
DRAFT_LIMIT = 200_000
"""Characters of the fields of one draft as JSON."""
E = TypeVar("E", bound=Event)


Step = Literal["writing", "check", "returned", "sign", "deliver"]


class Draft(NamedTuple):
    """The present draft of one kind of a unit."""

    org: str
    kind: str
    version: int
    """Version of its stream: what is checked, and what a later saving replaces."""
    saved: RecordedEvent
    checked: RecordedEvent | None
    signed: RecordedEvent | None

    @property
    def step(self) -> Step:
        """What the draft waits for."""
        body = self.saved.body
        for found, then in ((self.signed, "deliver"), (self.checked, "sign")):
            if found is not None:
                return cast(Step, then) if _agreed(found) else "returned"
        return "check" if isinstance(body, DraftSaved) and body.ready else "writing"

    @property
    def decided(self) -> RecordedEvent | None:
        """The last decision of another person on it: signature or check."""
        return self.signed or self.checked


def _agreed(event: RecordedEvent) -> bool:
    return isinstance(event.body, DraftChecked | DraftSigned) and event.body.agreed


def present_drafts(events: Sequence[RecordedEvent]) -> dict[tuple[str, str], Draft]:
    """(unit, kind) -> its present draft, from the events of one stream of drafts. Pure."""
    found: dict[tuple[str, str], Draft] = {}
    for event in events:
        body = event.body
        if isinstance(body, DraftSaved):
            found[body.org, body.kind] = Draft(body.org, body.kind, event.version, event, None, None)
        elif isinstance(body, DraftDiscarded):
            found.pop((body.org, body.kind), None)
        elif isinstance(body, DraftChecked | DraftSigned):
            known = found.get((body.org, body.kind))
            if known is not None and body.of == known.version:
                checked = isinstance(body, DraftChecked)
                changed = known._replace(checked=event) if checked else known._replace(signed=event)
                found[body.org, body.kind] = changed
    return found


def unit_of(principal: Principal) -> str:
    """The unit of a member of staff. Raises Denied for another role."""
    if principal.role not in _STAFF or principal.org is None:
        raise Denied(
            "role_not_allowed",
            f"The role {principal.role} may not do this (desk). It is open to: {', '.join(_STAFF)}.",
            detail_zh=f"角色 {principal.role} 不能执行该操作。",
        )
    return principal.org


async def own_case(ports: Ports, principal: Principal, reference: str) -> tuple[Case, str]:
    """A case that the principal may see, and its unit. Raises Unknown, and Denied for other roles."""
    case = await find(ports, principal, reference)
    return case, unit_of(principal)


# -------------------------------------------------------------------- who handles it


async def assign(
    ports: Ports, principal: Principal, case: Case, clerk: str | None, reason: str | None, command_id: str
) -> CommandResult:
    """Name the clerk of the principal's unit: oneself (taking), a colleague (handing on), or nobody (giving back).

    Raises Refused `not_a_colleague` for a person without a post in the unit."""
    unit = unit_of(principal)
    if clerk is not None and clerk != principal.person:
        await _check_colleague(ports, principal, clerk)

    def decide(found: Case, _given: DecisionContext) -> list[NewEvent]:
        if found.assignment.clerk_of(unit) == clerk:
            return []
        if found.state == "voided":
            raise Refused(
                "voided", "The case was voided, so nobody handles it.", detail_zh="该件已作废，无需确定经办人。"
            )
        return [NewEvent(ClerkAssigned(org=unit, clerk=clerk, reason=reason))]

    content = orjson.dumps([clerk, reason])
    digest = request_digest(ports.keys.secret("request"), case.id, content)
    stamp = EventMetadata(principal, f"{principal.name}:{command_id}", request=digest, jurisdiction=case.jurisdiction)
    return await ports.handling("routing").handle(case.id, DESK, stamp, decide)


async def with_skill(ports: Ports, principal: Principal, case: Case, clerk: str | None, skill: str) -> str:
    """The colleague with this skill for a case. The id of the case decides among several: each has the same share, and an act that
    is sent again names the same one.

    Raises Invalid `unknown_skill` and `clerk_and_skill`, Refused `nobody_with_skill`."""
    if clerk is not None:
        raise Invalid(
            "clerk_and_skill",
            "Name the clerk or a skill, not both.",
            detail_zh="经办人与专长只能指定一项。",
            field="skill",
        )
    known = (await ports.policies.book(case.jurisdiction)).skills
    if skill not in known:
        raise Invalid(
            "unknown_skill",
            f"The policy does not list this skill. It lists: {', '.join(known) or 'none'}.",
            detail_zh=f"规则中没有该专长，可选：{'、'.join(known) or '无'}。",
            field="skill",
        )
    found = await ports.persons.skilled(skill, unit_of(principal), principal.jurisdiction)
    if not found:
        raise Refused(
            "nobody_with_skill",
            "Nobody of your unit who is present has this skill. Name a clerk, or ask the operators to give the skill to a post.",
            detail_zh="本单位目前没有具备该专长的在岗人员，请直接指定经办人，或请管理员为有关岗位登记该专长。",
            field="skill",
        )
    return min(found, key=lambda one: sha256(f"{case.id} {one.code}".encode()).digest()).code


async def _check_colleague(ports: Ports, principal: Principal, clerk: str) -> None:
    person = await ports.persons.get(clerk)
    jurisdictions = (None, *(post.jurisdiction for post in person.held if post.org == principal.org))
    if len(jurisdictions) == 1 or principal.jurisdiction not in jurisdictions:
        raise Refused(
            "not_a_colleague",
            "There is no person with this staff code in your unit. Choose a colleague of GET /v1/me.",
            detail_zh="本单位没有该人员，请选择本单位同事。",
            field="clerk",
        )


# -------------------------------------------------------------------- notes


@cache
def labels() -> tuple[str, ...]:
    """Words that label persons, in the form in which texts are compared."""
    found = data_file.load(files("services.routing") / "data" / "labels_on_persons.yaml")["words"]
    return tuple(search_form(word) for entry in found for word in (entry["zh"], entry["en"]))


def labelled(text: str) -> bool:
    """True if the text contains a word that labels a person."""
    compared = search_form(text)
    return any(word in compared for word in labels())


async def add_note(
    ports: Ports, principal: Principal, case: Case, text: str, command_id: str, *, confirmed: bool
) -> int:
    """Add an internal note; returns its version. Raises Refused `label_on_person` for a text that labels somebody, unless this was
    confirmed."""
    unit = unit_of(principal)
    if not confirmed and labelled(text):
        raise Refused(
            "label_on_person",
            "The note seems to label a person. Notes are about the matter. Change it, or confirm it with confirmed: true.",
            detail_zh="备注中疑似含有对人的标签。备注只记录事项，请修改；确需保留的，请确认（confirmed: true）。",
            field="text",
        )
    return await _append(ports, NOTES, principal, case, NoteAdded(org=unit, text=text), command_id, [text])


async def notes(ports: Ports, principal: Principal, case: Case) -> list[tuple[RecordedEvent, str | None]]:
    """The notes of the principal's unit, oldest first. The reading is recorded before anything is decrypted."""
    unit = unit_of(principal)
    events = [event for event in await _events(ports, NOTES, case) if _of(event, NoteAdded, unit)]
    if not events:
        return []
    await record_reading(ports.handling("routing"), principal, case, "notes", ("notes",))
    texts = {one.version: one.values.get("text") for one in await open_sealed(ports.keys, events)}
    return [(event, texts.get(event.version)) for event in events]


# -------------------------------------------------------------------- drafts


async def save_draft(
    ports: Ports,
    principal: Principal,
    case: Case,
    kind: str,
    content: dict[str, Any],
    command_id: str,
    after: int | None,
    source: tuple[str, int] | None = None,
    ready: bool = True,
) -> int:
    """Save a draft; returns its version. `source`: the entry of the knowledge that it was filled from, and its version.

    Raises Refused `draft_changed` if `after` is not the version that it replaces."""
    unit = unit_of(principal)
    text = orjson.dumps(content).decode()
    if len(text) > DRAFT_LIMIT:
        raise Invalid(
            "draft_too_large",
            f"The draft is longer than {DRAFT_LIMIT} characters.",
            detail_zh=f"拟稿超过{DRAFT_LIMIT}个字符，请缩短。",
            field="content",
        )
    if after is not None:
        found = await draft(ports, principal, case, kind)
        await _is_new(ports, principal, case, found, after, command_id, _saved_meanwhile)
    entry, entry_version = source or (None, None)
    body = DraftSaved(org=unit, kind=_kind(kind), content=text, entry=entry, entry_version=entry_version, ready=ready)
    return await _append(ports, DRAFTS, principal, case, body, command_id, [kind, text, ready])


async def draft(ports: Ports, principal: Principal, case: Case, kind: str) -> Draft | None:
    """The present draft of this kind of the principal's unit, still sealed."""
    return next((one for one in await drafts(ports, principal, case) if one.kind == _kind(kind)), None)


async def drafts(ports: Ports, principal: Principal, case: Case) -> list[Draft]:
    """The present drafts of the principal's unit, still sealed."""
    unit = unit_of(principal)
    found = present_drafts(await _events(ports, DRAFTS, case))
    return [one for (org, _kind), one in found.items() if org == unit]


async def opened(
    ports: Ports, principal: Principal, case: Case, found: Draft
) -> tuple[dict[str, Any] | None, str | None]:
    """The content of a draft and the last remark on it. The reading is recorded before anything is decrypted."""
    await record_reading(ports.handling("routing"), principal, case, "draft", ("draft",))
    events = [one for one in (found.saved, found.decided) if one is not None]
    values = {one.version: one.values for one in await open_sealed(ports.keys, events)}
    text = values.get(found.saved.version, {}).get("content")
    remark = values.get(found.decided.version, {}).get("remark") if found.decided is not None else None
    return (orjson.loads(text) if text is not None else None), remark


async def check_draft(
    ports: Ports,
    principal: Principal,
    case: Case,
    kind: str,
    of: int,
    agreed: bool,
    remark: str | None,
    command_id: str,
) -> Draft:
    """Check a draft that a colleague saved. Raises Refused for one's own and for a changed one, Unknown if there is none."""
    body = DraftChecked(org=unit_of(principal), kind=_kind(kind), of=of, agreed=agreed, remark=remark)
    return await _judge(ports, principal, case, body, command_id, ("check", "returned", "sign"))


async def sign_draft(
    ports: Ports,
    principal: Principal,
    case: Case,
    kind: str,
    of: int,
    agreed: bool,
    remark: str | None,
    command_id: str,
) -> Draft:
    """Sign a draft that was checked, or send it back. Raises Refused for one's own, a changed or an unchecked one, Unknown if there
    is none."""
    body = DraftSigned(org=unit_of(principal), kind=_kind(kind), of=of, agreed=agreed, remark=remark)
    return await _judge(ports, principal, case, body, command_id, ("sign", "deliver"))


def _saved_meanwhile() -> Refused:
    return Refused(
        "draft_changed",
        "A colleague has changed this draft in the meantime. Read it again; your changes were not saved.",
        detail_zh="同事已保存该拟稿的新版本，请重新读取；您本次的内容未保存。",
        field="after",
    )


def _changed_since() -> Refused:
    return Refused(
        "draft_changed",
        "The draft has changed since you read it. Read it again, then check it.",
        detail_zh="拟稿已有新版本，请重新阅看后再审核。",
        field="of",
    )


async def _is_new(
    ports: Ports,
    principal: Principal,
    case: Case,
    found: Draft | None,
    version: int,
    command_id: str,
    changed: Callable[[], Refused],
) -> bool:
    """False for an act that was sent before: its first answer is given again.

    Raises `changed` unless the present draft, `found`, has the version that was read (0: there was none)."""
    if await ports.log.by_cause(DRAFTS + case.id, f"{principal.name}:{command_id}") is not None:
        return False
    if version != (found.version if found is not None else 0):
        raise changed()
    return True


async def _judge(
    ports: Ports,
    principal: Principal,
    case: Case,
    body: DraftChecked | DraftSigned,
    command_id: str,
    steps: tuple[Step, ...],
) -> Draft:
    """Record the decision of a person other than the writer on a draft that waits in one of `steps`."""
    found = await present(ports, principal, case, body.kind)
    content = [body.kind, body.of, body.agreed, body.remark, *(["sign"] if isinstance(body, DraftSigned) else [])]
    if await _is_new(ports, principal, case, found, body.of, command_id, _changed_since):
        if wrote(principal, found):
            raise Refused(
                "own_draft",
                "The writer of a draft may neither check nor sign it. Ask a colleague.",
                detail_zh="拟稿人不能审核、签发本人的拟稿，请由其他同事办理。",
            )
        if found.step not in steps:
            raise Refused(
                "draft_not_ready",
                "The draft is not at this step. Its writer submits it, then a colleague checks it, then it is signed.",
                detail_zh="拟稿尚未到这一环节：先由拟稿人提交，再审核，然后签发。",
            )
    await _append(ports, DRAFTS, principal, case, body, command_id, content)
    return await present(ports, principal, case, body.kind)


def wrote(principal: Principal, found: Draft) -> bool:
    """True if the principal is the writer of the draft."""
    writer = found.saved.actor
    return writer.person == principal.person if writer.person is not None else writer.ref == principal.ref


async def discard_draft(ports: Ports, principal: Principal, case: Case, kind: str, command_id: str) -> None:
    """Discard a draft. One that is not there is no error."""
    if await draft(ports, principal, case, kind) is not None:
        body = DraftDiscarded(org=unit_of(principal), kind=_kind(kind))
        await _append(ports, DRAFTS, principal, case, body, command_id, [kind])


async def present(ports: Ports, principal: Principal, case: Case, kind: str) -> Draft:
    found = await draft(ports, principal, case, kind)
    if found is None:
        raise Unknown(
            "no_draft", "Your unit has no draft of this kind.", detail_zh="本单位没有这一类型的拟稿，请先起草。"
        )
    return found


def _kind(kind: str) -> Any:
    if kind not in DRAFT_KINDS:
        raise Invalid(
            "unknown_kind",
            f"kind is one of: {', '.join(DRAFT_KINDS)}.",
            detail_zh=f"kind 应为以下之一：{'、'.join(DRAFT_KINDS)}。",
            field="kind",
        )
    return kind


def _of(event: RecordedEvent, kind: type[NoteAdded], unit: str) -> bool:
    return isinstance(event.body, kind) and event.body.org == unit


async def _events(ports: Ports, prefix: str, case: Case) -> Sequence[RecordedEvent]:
    return [event for commit in await ports.log.load(prefix + case.id) for event in commit.recorded]


async def _append(
    ports: Ports, prefix: str, principal: Principal, case: Case, body: Event, command_id: str, content: list[Any]
) -> int:
    """Append one event; returns its version. The same command id returns the first one."""
    handling: CommandHandler = ports.handling("routing")
    digest = request_digest(ports.keys.secret("request"), case.id, orjson.dumps(content))
    stamp = EventMetadata(principal, f"{principal.name}:{command_id}", request=digest, jurisdiction=case.jurisdiction)
    commit, _repeated = await handling.append(prefix + case.id, stamp, lambda _head: [NewEvent(body)])
    return commit.last
