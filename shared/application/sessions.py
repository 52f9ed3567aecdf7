"""Sessions of persons: a token that this deployment seals. Nothing of a session is stored; only its end before time is an event.

A session ends eight hours after the sign-in, after half an hour without a renewal, with the post, and when it is revoked.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from shared.application.persons import Person, Persons, Post, principal_of
from shared.application.sealed_tokens import open_token, seal_token
from shared.commands.authorization import Principal
from shared.eventstore.key_store import KeyStore
from shared.kernel.clock import Clock

LIFE = timedelta(hours=8)
"""From the sign-in to the end of a session: a working day (own choice)."""
IDLE = timedelta(minutes=30)
"""From the last renewal to the end of a session (own choice)."""
SESSION = "hys_"
"""Prefix of the token of a session."""


class Session(NamedTuple):
    """The content of a token. Times in seconds since 1970, the beginning in milliseconds."""

    person: str
    holder: str
    """Staff code of the holder of the post: another one for a deputy."""
    post: str
    id: str
    began_ms: int
    until: int
    idle_until: int

    @property
    def began(self) -> datetime:
        return datetime.fromtimestamp(self.began_ms / 1000, UTC)

    @property
    def expires(self) -> datetime:
        return datetime.fromtimestamp(self.until, UTC)

    @property
    def idle_expires(self) -> datetime:
        return datetime.fromtimestamp(min(self.until, self.idle_until), UTC)


class Sessions:
    """Makes the tokens of sessions and finds their principals."""

    def __init__(self, keys: KeyStore, clock: Clock, persons: Persons) -> None:
        self._keys = keys
        self._clock = clock
        self.persons = persons

    def begin(self, person: Person, holder: str, post: Post) -> Session:
        """A new session."""
        now = self._clock.now()
        return Session(
            person.code,
            holder,
            post.id,
            secrets.token_hex(8),
            int(now.timestamp() * 1000),
            int((now + LIFE).timestamp()),
            int((now + IDLE).timestamp()),
        )

    def renewed(self, session: Session) -> Session:
        """The same session, used now."""
        return session._replace(idle_until=int((self._clock.now() + IDLE).timestamp()))

    def token(self, session: Session) -> str:
        return seal_token(self._keys.secret("session"), SESSION, orjson.dumps(list(session)))

    def read(self, token: str) -> Session | None:
        """The session of a token of this deployment; it may have ended."""
        content = open_token(self._keys.secret("session"), SESSION, token)
        return None if content is None else Session(*orjson.loads(content))

    async def principal(self, session: Session) -> Principal | None:
        """The principal that acts in this session; None if it has ended."""
        now = self._clock.now()
        if now.timestamp() >= min(session.until, session.idle_until) or now < session.began - timedelta(minutes=5):
            return None
        person = await self.persons.get(session.person)
        if session.id in person.ended or (person.ended_before is not None and session.began <= person.ended_before):
            return None
        post = await self._post(session)
        return None if post is None else principal_of(session.person, post)

    async def _post(self, session: Session) -> Post | None:
        """The post, while the person holds it or is the deputy of its holder."""
        holder = await self.persons.get(session.holder)
        post = holder.posts.get(session.post)
        if post is None or post.ended_at is not None:
            return None
        if session.holder == session.person:
            return post
        absence = holder.absences.get(session.post)
        deputy = absence is not None and absence.deputy == session.person and absence.at(self._clock.now())
        return post if deputy else None
