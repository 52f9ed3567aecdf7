"""The members of staff: their posts, credentials and absences, read from the streams `person/<staff code>`.

A person is known by the staff code that access keys name as `person`, so that a key and a session of the same person are the same
person wherever two different ones are needed. What proves who somebody is stays sealed until a sign-in needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.application.access_keys import PEOPLE
from shared.commands.authorization import Principal, Role
from shared.events.fields import Moment
from shared.events.persons import (
    AbsenceDeclared,
    CredentialAdded,
    CredentialKind,
    CredentialRevoked,
    PersonInvited,
    PostEnded,
    PostGiven,
    SessionsRevoked,
)
from shared.eventstore.event_store import EventStore
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.clock import Clock
from shared.kernel.legal_time import instant_of

STREAM = "person/"
FRESH_SECONDS = 1.0
"""Maximum time until this process knows what another process recorded of a person who is signed in here."""
LIST_SECONDS = 5.0
"""The same for the list of all persons."""
POSTS: tuple[Role, ...] = tuple(role for role in PEOPLE if role not in ("platform", "organisation", "portal"))
"""Roles that a person may have. The others are of systems, which have access keys."""


@dataclass(frozen=True)
class Post:
    """A role of a person for an organisation."""

    id: str
    role: Role
    org: str | None
    jurisdiction: str
    head: bool
    given_at: datetime
    ended_at: datetime | None = None
    skills: tuple[str, ...] = ()
    """Codes of the policy: what this person can do in the post, such as a dialect."""


@dataclass(frozen=True)
class Absence:
    """Somebody else may act in a post for some time."""

    post: str
    begins: datetime
    ends: datetime
    deputy: str

    def at(self, now: datetime) -> bool:
        return self.begins <= now < self.ends


@dataclass(frozen=True)
class Credential:
    """A way to sign in. `event` holds what proves it, sealed."""

    id: str
    kind: CredentialKind
    lookup: str | None
    event: RecordedEvent


@dataclass(frozen=True)
class Person:
    """The present state of a person."""

    code: str
    version: int = 0
    invited: RecordedEvent | None = None
    invitation: str | None = None
    """Digest of the invitation that is not used yet."""
    invitation_expires: datetime | None = None
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    posts: Mapping[str, Post] = field(default_factory=dict)
    absences: Mapping[str, Absence] = field(default_factory=dict)
    """By post."""
    ended: frozenset[str] = frozenset()
    """Sessions that were ended."""
    ended_before: datetime | None = None
    """Sessions that began until then were ended."""

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def held(self) -> list[Post]:
        """The posts that the person holds, in the order in which they were given."""
        return [post for post in self.posts.values() if post.ended_at is None]

    def skills_for(self, org: str | None, jurisdiction: str | None) -> tuple[str, ...]:
        """Skills in the posts for this organisation and jurisdiction."""
        own = [post for post in self.held if post.org == org and jurisdiction in (None, post.jurisdiction)]
        return tuple(dict.fromkeys(skill for post in own for skill in post.skills))

    def of(self, kind: CredentialKind) -> list[Credential]:
        return [one for one in self.credentials.values() if one.kind == kind]


def evolve(person: Person, event: RecordedEvent) -> Person:
    """The person after one more event. Pure."""
    body = event.body
    person = replace(person, version=event.version)
    if isinstance(body, PersonInvited):
        return replace(person, invited=event, invitation=body.digest, invitation_expires=_instant(body.expires))
    if isinstance(body, CredentialAdded):
        added = Credential(body.credential, body.kind, body.lookup, event)
        used = body.invitation is not None and body.invitation == person.invitation
        return replace(
            person,
            credentials={**person.credentials, added.id: added},
            invitation=None if used else person.invitation,
        )
    if isinstance(body, CredentialRevoked):
        left = {key: one for key, one in person.credentials.items() if key != body.credential}
        return replace(person, credentials=left)
    if isinstance(body, PostGiven) and body.role in POSTS:
        known = person.posts.get(body.post)
        since = known.given_at if known is not None else event.recorded_at
        post = Post(body.post, body.role, body.org, body.jurisdiction, body.head, since, skills=body.skills or ())
        return replace(person, posts={**person.posts, post.id: post})
    if isinstance(body, PostEnded) and body.post in person.posts:
        ended = replace(person.posts[body.post], ended_at=event.recorded_at)
        return replace(person, posts={**person.posts, body.post: ended})
    if isinstance(body, AbsenceDeclared):
        others = {post: one for post, one in person.absences.items() if post != body.post}
        if body.deputy is not None:
            others[body.post] = Absence(body.post, _instant(body.begins), _instant(body.ends), body.deputy)
        return replace(person, absences=others)
    if isinstance(body, SessionsRevoked):
        if body.session is None:
            return replace(person, ended_before=event.recorded_at, ended=frozenset())
        return replace(person, ended=person.ended | {body.session})
    return person


def _instant(when: Moment) -> datetime:
    return instant_of(when, "UTC")


class Persons:
    """The persons of this deployment, held in memory and updated from the log."""

    def __init__(self, log: EventStore, keys: KeyStore, clock: Clock) -> None:
        self._log = log
        self._keys = keys
        self._clock = clock
        self._known: dict[str, Person] = {}
        self._looked: dict[str, float] = {}
        self._listed: float | None = None
        self._listing = asyncio.Lock()
        self._names: dict[str, tuple[int, str | None]] = {}

    async def get(self, code: str, *, at_once: bool = False) -> Person:
        """The person of this staff code, at most FRESH_SECONDS old. One that does not exist has version 0."""
        now = self._clock.monotonic()
        if not at_once and code in self._known and now - self._looked.get(code, -FRESH_SECONDS) < FRESH_SECONDS:
            return self._known[code]
        person = self._known.get(code) or Person(code)
        for commit in await self._log.load(STREAM + code, after=person.version):
            for event in commit.recorded:
                person = evolve(person, event)
        known = self._known.get(code)
        if known is not None and known.version > person.version:  # another request has read more meanwhile
            return known
        if person.exists:  # whoever guesses codes fills no memory
            self._known[code], self._looked[code] = person, now
        return person

    async def all(self, *, at_once: bool = False) -> list[Person]:
        """All persons in the order of their codes, at most LIST_SECONDS old."""
        async with self._listing:
            now = self._clock.monotonic()
            if at_once or self._listed is None or now - self._listed >= LIST_SECONDS:
                async for heads in self._log.heads(STREAM):
                    for stream, head in heads:
                        code = stream.removeprefix(STREAM)
                        known = self._known.get(code)
                        if known is None or known.version < head.version:
                            await self.get(code, at_once=True)
                self._listed = now
        return [self._known[code] for code in sorted(self._known)]

    async def secret(self, credential: Credential) -> str | None:
        """What proves the credential; None where the person's key was erased."""
        opened = await open_sealed(self._keys, [credential.event])
        return next((one.values.get("secret") for one in opened), None)

    async def name(self, person: Person) -> str | None:
        """The name, for colleagues and pages; None where none was given or the person's key was erased."""
        if person.invited is None:
            return None
        known = self._names.get(person.code)
        if known is None or known[0] != person.invited.version:
            opened = await open_sealed(self._keys, [person.invited])
            known = (person.invited.version, next((one.values.get("name") for one in opened), None))
            self._names[person.code] = known
        return known[1]

    def forget_name(self, code: str) -> None:
        """After the person's key was erased."""
        self._names.pop(code, None)

    async def posts_of(self, person: Person) -> list[tuple[Post, str]]:
        """The posts in which the person may act now, each with the staff code of its holder: the own ones, and those whose
        holder is absent and named this person as deputy."""
        now = self._clock.now()
        found = [(post, person.code) for post in person.held]
        for other in await self.all():
            for absence in other.absences.values():
                post = other.posts.get(absence.post)
                deputy = absence.deputy == person.code and absence.at(now)
                if deputy and post is not None and post.ended_at is None and other.code != person.code:
                    found.append((post, other.code))
        return found

    async def skilled(self, skill: str, org: str | None, jurisdiction: str | None) -> list[Person]:
        """The colleagues with this skill who are not absent."""
        now = self._clock.now()
        return [
            person
            for person in await self.colleagues(org, jurisdiction)
            if skill in person.skills_for(org, jurisdiction)
            and not any(one.at(now) for one in person.absences.values())
        ]

    async def colleagues(self, org: str | None, jurisdiction: str | None) -> list[Person]:
        """The persons who hold a post for this organisation and jurisdiction."""
        return [
            person
            for person in await self.all()
            if any(post.org == org and jurisdiction in (None, post.jurisdiction) for post in person.held)
        ]


def principal_of(person: str, post: Post) -> Principal:
    """The principal of a person who acts in a post. Its `ref` is the post, so that a command that is sent again after a new
    sign-in is the same command; a deputy's commands are the deputy's own."""
    return Principal(
        post.role, post.org, f"{post.id}.{person}", jurisdiction=post.jurisdiction, person=person, head=post.head
    )
