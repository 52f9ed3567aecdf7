"""Events of the members of staff. Stream `person/<staff code>`. Name and credentials are sealed under the person's own key."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Identity, Moment, Secret, Service

CredentialKind = Literal["password", "totp", "passkey", "oidc"]


class _Persons(Event):
    owner: ClassVar[Service] = "intake"
    author: ClassVar[str | None] = "person"


class PersonInvited(_Persons, zh="邀请人员", en="A member of staff was invited."):
    """A member of staff got an invitation, which sets the credentials once. Only the hash of its text is stored.

    A later invitation replaces an earlier one that was not used.
    """

    digest: str
    expires: Moment
    name: Identity = None


class CredentialAdded(_Persons, zh="设置登录方式", en="A way to sign in was added."):
    """The person set a password, a shared secret for one-time passwords, a passkey or an account of the identity provider.

    `lookup`: keyed digest of the account, by which it is found. `invitation`: the digest of the invitation that this used up.
    """

    credential: str
    kind: CredentialKind
    lookup: str | None = None
    invitation: str | None = None
    secret: Secret = None


class CredentialRevoked(_Persons, zh="撤销登录方式", en="A way to sign in was revoked."):
    """A credential opens nothing any more."""

    credential: str


class PostGiven(_Persons, zh="任职", en="The person was given a post."):
    """The person acts in this role for this organisation. `head`: as its head (负责人), who approves extensions (Art. 34).
    `skills`: codes of the policy. The same post again has the skills of the later event."""

    post: str
    role: str
    org: str | None = None
    jurisdiction: str
    head: bool = False
    skills: tuple[str, ...] | None = None


class PostEnded(_Persons, zh="离任", en="A post of the person ended."):
    """The person does not hold the post any more."""

    post: str


class AbsenceDeclared(_Persons, zh="请假委托", en="The person is absent and named a deputy."):
    """From `begins` until `ends` the deputy may act in this post. A later declaration for the post replaces an earlier one; without
    a deputy it takes that back."""

    post: str
    begins: Moment
    ends: Moment
    deputy: str | None = None


class SessionsRevoked(_Persons, zh="结束会话", en="Sessions of the person were ended."):
    """The session, or all sessions that began before, open nothing any more."""

    session: str | None = None


class OneTimePasswordUsed(_Persons, zh="使用动态口令", en="A one-time password was used."):
    """The one-time password of this time step was accepted, so that no process accepts it again. Stream `one-time/<staff code>`."""

    step: int
