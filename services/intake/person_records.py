"""Recording what concerns members of staff: invitations, credentials, posts, absences, the end of sessions."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from shared.application.access_keys import ALL, check_role, one_jurisdiction
from shared.application.persons import POSTS, STREAM, Person, Persons
from shared.commands.authorization import OPERATE, Principal, authorize
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.events.base import Event
from shared.events.persons import (
    AbsenceDeclared,
    CredentialAdded,
    CredentialRevoked,
    PersonInvited,
    PostEnded,
    PostGiven,
    SessionsRevoked,
)
from shared.eventstore.commit import StreamHead
from shared.kernel.refusals import Invalid, Refused, Unavailable, Unknown

INVITATION_LIFE = timedelta(days=7)
"""Validity of an invitation (own choice): a week, so that it survives a weekend."""
INVITATION = "hyi_"
"""Prefix of an invitation: 256 random bits, of which only the hash is stored. The staff code is in front of them."""
LONGEST_ABSENCE = timedelta(days=366)
_CODE = re.compile(r"[A-Za-z0-9._-]{1,40}")
_ATTEMPTS = 12


class _Moved(Exception):
    """Another writer was first."""


async def record(
    handling: CommandHandler,
    persons: Persons,
    code: str,
    principal: Principal,
    decide: Callable[[Person], Sequence[Event]],
) -> Person:
    """Append what `decide` returns on the present state of the person; nothing if it returns nothing. Raises what it raises."""
    for _attempt in range(_ATTEMPTS):
        person = await persons.get(code, at_once=True)
        fresh = list(decide(person))
        if not fresh:
            return person
        expected = person.version

        def on_head(head: StreamHead, expected: int = expected, fresh: list[Event] = fresh) -> list[NewEvent]:
            if head.version != expected:
                raise _Moved
            return [NewEvent(body) for body in fresh]

        stamp = EventMetadata(principal, cause=f"{principal.name}:person:{handling.clock.new_id()}")
        try:
            await handling.append(STREAM + code, stamp, on_head)
        except _Moved:
            continue
        return await persons.get(code, at_once=True)
    raise Unavailable(
        "busy", "This person is being changed by others. Try again.", detail_zh="该人员正被他人修改，请重试。"
    )


def unknown_person() -> Unknown:
    return Unknown(
        "unknown_person",
        "There is no person of this staff code; see: huiyin person list",
        detail_zh="没有该人员代码，可用 huiyin person list 查看。",
    )


def digest_of(invitation: str) -> str:
    return sha256(invitation.encode()).hexdigest()


def person_of(invitation: str) -> str | None:
    """The staff code in an invitation; None for another text."""
    code, dot, secret = invitation.removeprefix(INVITATION).rpartition("~")
    return code if dot and secret and invitation.startswith(INVITATION) and _CODE.fullmatch(code) else None


async def invite(
    handling: CommandHandler, persons: Persons, principal: Principal, code: str, name: str | None
) -> tuple[Person, str]:
    """Invite a person: a new one, or one who lost what the sign-in needs. Returns the invitation, which is not stored.

    Raises Invalid for a staff code that cannot be one."""
    authorize(principal, OPERATE)
    if not _CODE.fullmatch(code):
        raise Invalid(
            "wrong_staff_code",
            "A staff code has 1 to 40 letters, digits, dots, dashes or underscores. It is never a name.",
            detail_zh="人员代码由1至40个字母、数字、点、横线或下划线组成，不得使用姓名。",
            field="person",
        )
    text = f"{INVITATION}{code}~{secrets.token_urlsafe(32)}"
    expires = handling.clock.now() + INVITATION_LIFE
    known = await persons.name(await persons.get(code, at_once=True)) if name is None else name
    body = PersonInvited(digest=digest_of(text), expires=expires, name=known)
    person = await record(handling, persons, code, principal, lambda _person: [body])
    return person, text


async def give_post(
    handling: CommandHandler,
    persons: Persons,
    principal: Principal,
    code: str,
    role: str,
    org: str | None,
    jurisdiction: str | None,
    head: bool,
    skills: tuple[str, ...] | None = None,
) -> Person:
    """Give a person a post. One that the person holds already changes nothing but its skills; None leaves them. Raises Invalid, and
    Unknown for a person who was never invited."""
    authorize(principal, OPERATE)
    if role not in POSTS:
        raise Invalid(
            "unknown_role",
            f"Choose one of: {', '.join(POSTS)}.",
            detail_zh="人员不能担任这一角色，请从所列角色中选择。",
            field="role",
        )
    check_role(role, org, head, code)
    where = await one_jurisdiction(handling, role, jurisdiction)
    if where == ALL:
        raise Invalid(
            "jurisdiction_not_all",
            "A post belongs to one jurisdiction. Name it.",
            detail_zh="职务须属于一个辖区，请指明。",
            field="jurisdiction",
        )

    if skills:
        await check_skills(handling, where, skills)

    def decide(person: Person) -> list[Event]:
        if not person.exists:
            raise unknown_person()
        same = (role, org, where, head)
        held = next((post for post in person.held if (post.role, post.org, post.jurisdiction, post.head) == same), None)
        if held is not None and skills in (None, held.skills):
            return []
        post = held.id if held is not None else secrets.token_hex(6)
        return [PostGiven(post=post, role=role, org=org, jurisdiction=where, head=head, skills=skills or None)]

    return await record(handling, persons, code, principal, decide)


async def check_skills(handling: CommandHandler, jurisdiction: str, skills: Sequence[str]) -> None:
    """Raises Invalid `unknown_skill` for a code that the policy of the jurisdiction does not list."""
    known = (await handling.policies.book(jurisdiction)).skills
    unknown = [skill for skill in skills if skill not in known]
    if unknown:
        listed = ", ".join(known) or "none"
        raise Invalid(
            "unknown_skill",
            f"The policy lists these skills: {listed}. Choose one, or add the skill to `jurisdiction.skills` of the policy.",
            detail_zh=f"规则中的专长：{'、'.join(known) or '无'}。请从中选择，或先在规则的 jurisdiction.skills 中添加。",
            field="skills",
        )


async def end_post(handling: CommandHandler, persons: Persons, principal: Principal, code: str, post: str) -> Person:
    """End a post. Ending it twice has no effect. Raises Unknown."""
    authorize(principal, OPERATE)

    def decide(person: Person) -> list[Event]:
        if post not in person.posts:
            raise Unknown(
                "unknown_post", "The person has no post of this id.", detail_zh="该人员没有这一职务，请核对职务编号。"
            )
        return [PostEnded(post=post)] if person.posts[post].ended_at is None else []

    return await record(handling, persons, code, principal, decide)


async def revoke(
    handling: CommandHandler, persons: Persons, principal: Principal, code: str, credential: str | None = None
) -> Person:
    """Revoke a credential, or all of them with an open invitation, and end all sessions. The posts stay. Raises Unknown."""
    authorize(principal, OPERATE)
    name = await persons.name(await persons.get(code, at_once=True))

    def decide(person: Person) -> list[Event]:
        if not person.exists:
            raise unknown_person()
        if credential is not None and credential not in person.credentials:
            raise Unknown(
                "unknown_credential",
                "The person has no such credential.",
                detail_zh="该人员没有这一登录方式，请核对编号。",
            )
        chosen = [credential] if credential is not None else list(person.credentials)
        if credential is None and person.invitation is not None:
            ended = PersonInvited(digest="", expires=handling.clock.now(), name=name)
            return [ended, *(CredentialRevoked(credential=one) for one in chosen), SessionsRevoked()]
        return [*(CredentialRevoked(credential=one) for one in chosen), SessionsRevoked()]

    return await record(handling, persons, code, principal, decide)


async def end_sessions(
    handling: CommandHandler, persons: Persons, principal: Principal, code: str, session: str | None
) -> Person:
    """End one session of the person, or all of them."""

    def decide(person: Person) -> list[Event]:
        return [] if session is not None and session in person.ended else [SessionsRevoked(session=session)]

    return await record(handling, persons, code, principal, decide)


async def declare_absence(
    handling: CommandHandler,
    persons: Persons,
    principal: Principal,
    code: str,
    post: str,
    begins: datetime,
    ends: datetime,
    deputy: str | None,
) -> Person:
    """Declare an absence in a post, with a deputy of the same unit; without one, take it back. Raises Invalid and Unknown."""
    if ends <= begins or ends - begins > LONGEST_ABSENCE:
        raise Invalid(
            "wrong_period",
            "The absence must end after it begins, within a year.",
            detail_zh="结束时间须晚于开始时间，且不超过一年。",
            field="ends",
        )
    other = await persons.get(deputy, at_once=True) if deputy is not None else None

    def decide(person: Person) -> list[Event]:
        own = person.posts.get(post)
        if own is None or own.ended_at is not None:
            raise Unknown(
                "unknown_post",
                "You do not hold a post of this id.",
                detail_zh="您没有这一职务，请核对职务编号。",
                field="post",
            )
        if other is not None:
            fitting = any((one.org, one.jurisdiction) == (own.org, own.jurisdiction) for one in other.held)
            if other.code == code or not fitting:
                raise Refused(
                    "deputy_of_another_unit",
                    "A deputy is another person with a post in the same unit. Choose a colleague.",
                    detail_zh="代理人须为同一单位的其他人员，请选择同事。",
                    field="deputy",
                )
        if other is None and post not in person.absences:
            return []
        return [AbsenceDeclared(post=post, begins=begins, ends=ends, deputy=deputy)]

    return await record(handling, persons, code, principal, decide)


def added(person: Person, invitation: str | None, credentials: Sequence[CredentialAdded], now: datetime) -> list[Event]:
    """The events of new credentials, which replace older ones of their kind. Passkeys and accounts are added to others.

    Args:
        invitation: The text of an invitation; None if the person is signed in.
    Raises:
        Unknown: `invitation_used`, for one that is not (or no longer) the person's, or has expired.
    """
    if invitation is not None:
        open_until = person.invitation_expires
        mine = person.invitation is not None and secrets.compare_digest(person.invitation, digest_of(invitation))
        if not mine or open_until is None or now >= open_until:
            raise invitation_used()
    replaced = [one.id for new in credentials if new.kind in ("password", "totp") for one in person.of(new.kind)]
    own = [
        one.model_copy(update={"invitation": digest_of(invitation) if invitation is not None else None})
        for one in credentials
    ]
    ended: list[Event] = [SessionsRevoked()] if replaced else []
    return [*(CredentialRevoked(credential=one) for one in replaced), *ended, *own]


def invitation_used() -> Unknown:
    return Unknown(
        "invitation_used",
        "This invitation was used, replaced or has expired. Ask for a new one: huiyin person invite CODE.",
        detail_zh="该邀请已使用、已被替换或已过期，请联系管理员重新邀请。",
        field="token",
    )
