"""Sessions of members of staff: invitations, sign-in, the post that acts, sign-out, absences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.intake.person_records import declare_absence, end_sessions
from services.intake.sign_in.id_tokens import LONGEST, IdTokens
from services.intake.sign_in.sign_in import SignIn, acting
from shared.adapters.identity_provider import ProviderKeys
from shared.application.persons import Person, Post
from shared.application.request_validation import validated
from shared.application.response import Answer, TimeText
from shared.application.sessions import Session
from shared.events.fields import WHEN
from shared.hosting.process import Process
from shared.http.authentication import SignedIn
from shared.http.client_network import client_network
from shared.http.openapi import operation
from shared.http.request_bodies import read_json, read_model
from shared.http.router import api_router
from shared.kernel.refusals import Invalid

_LIMIT = 64 * 1024
_SIGNING_IN = (400, 401, 403, 409, 413, 415, 422, 429, 503)
_OWN = (400, 401, 404, 409, 413, 415, 422, 503, 507)
Instant = Annotated[AwareDatetime, WHEN]
PostId = Annotated[str, Field(max_length=40)]
StaffCode = Annotated[str, Field(min_length=1, max_length=40, description="Staff code")]
_INVITATION = Field(min_length=1, max_length=200, description="The invitation")
_CHALLENGE = Field(max_length=1000, description="`challenge` of the options")
_POST = Field(None, description="Id of the post that acts; by default the first one")
_CREDENTIAL = Field(description="What the browser returned (PublicKeyCredential.toJSON())")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ByPassword(_Body):
    """Sign in with password and one-time password."""

    method: Literal["password"]
    person: StaffCode
    password: str = Field(max_length=400, description="Password")
    totp: str = Field(max_length=20, description="One-time password of the authenticator app")
    post: PostId | None = _POST


class ByPasskey(_Body):
    """Sign in with a passkey."""

    method: Literal["passkey"]
    challenge: str = _CHALLENGE
    credential: dict[str, Any] = _CREDENTIAL
    post: PostId | None = _POST


class ByIdToken(_Body):
    """Sign in with an ID token of the identity provider."""

    method: Literal["oidc"]
    id_token: str = Field(max_length=LONGEST, description="The ID token")
    nonce: str = Field(min_length=1, max_length=200, description="The nonce of this sign-in")
    post: PostId | None = _POST


class AcceptPassword(_Body):
    """Use an invitation to set password and one-time password."""

    method: Literal["password"]
    invitation: str = _INVITATION
    setup: str = Field(max_length=400, description="`setup` of the offer")
    password: str = Field(max_length=400, description="The new password")
    totp: str = Field(max_length=20, description="One-time password that the app shows for the new secret")


class AcceptPasskey(_Body):
    """Use an invitation to set a passkey."""

    method: Literal["passkey"]
    invitation: str = _INVITATION
    challenge: str = _CHALLENGE
    credential: dict[str, Any] = _CREDENTIAL


class AcceptAccount(_Body):
    """Use an invitation to link an account of the identity provider."""

    method: Literal["oidc"]
    invitation: str = _INVITATION
    id_token: str = Field(max_length=LONGEST, description="The ID token")
    nonce: str = Field(min_length=1, max_length=200, description="The nonce of this sign-in")


class InvitationQuestion(_Body):
    """An invitation, as in the link."""

    invitation: str = _INVITATION


class PostChoice(_Body):
    """The post that acts from now on."""

    post: PostId = Field(description="Id of the post")


class AbsenceBody(_Body):
    """An absence in one of your posts."""

    post: PostId = Field(description="Id of the post")
    begins: Instant = Field(description="First instant, with offset")
    ends: Instant = Field(description="Last instant, with offset")
    deputy: str | None = Field(None, max_length=40, description="Staff code of the deputy; null takes it back")


class PasskeyOptions(Answer):
    """Options for the browser, and the challenge that is sent back with its answer."""

    challenge: str = Field(description="Send it back as `challenge`. It is valid for 5 minutes, once")
    options: dict[str, Any] = Field(description="PublicKeyCredentialRequestOptions or …CreationOptions, as JSON")


class InvitationOffer(Answer):
    """What an invitation offers. Nothing is set before it is accepted."""

    person: str = Field(description="Staff code")
    name: str | None = Field(description="Name")
    expires_at: TimeText = Field(description="When the invitation expires")
    totp_secret: str = Field(description="New shared secret in base 32, to type")
    totp_address: str = Field(description="The same as otpauth: address, for a QR code")
    setup: str = Field(description="Send it back as `setup` with password and one-time password")
    passkey: PasskeyOptions | None = Field(description="Options for a passkey; null where passkeys are not set up")
    oidc: bool = Field(description="True if an account of the identity provider can be linked")


class PostAnswer(Answer):
    """A post in which you may act."""

    id: str = Field(description="Id of the post")
    role: str = Field(description="Role")
    org: str | None = Field(description="Code of the organisation")
    org_name: str | None = Field(description="Its name")
    jurisdiction: str = Field(description="Jurisdiction")
    head: bool = Field(description="Head (负责人) of the organisation")
    holder: str | None = Field(description="Staff code of the absent holder, if you are the deputy")
    deputy: str | None = Field(description="Staff code of your deputy while you are absent")


class SessionAnswer(Answer):
    """A session. Send the token as `Authorization: Bearer …`."""

    token: str = Field(description="Token of the session; each answer replaces the one before")
    expires_at: TimeText = Field(description="End of the session")
    idle_expires_at: TimeText = Field(description="End of the session unless it is renewed before")
    person: str = Field(description="Staff code")
    name: str | None = Field(description="Name")
    post: PostAnswer = Field(description="The post that acts")
    posts: list[PostAnswer] = Field(description="All posts in which you may act")


class Ended(Answer):
    """The session has ended."""

    ended: bool = Field(description="True")


class SignInMethods(Answer):
    """The ways to sign in that are set up."""

    password: bool = Field(description="Password and one-time password")
    passkey: bool = Field(description="Passkeys")
    oidc_issuer: str | None = Field(description="Issuer of the identity provider")
    oidc_client: str | None = Field(description="Client id at the identity provider")


_SIGN_IN = (ByPassword, ByPasskey, ByIdToken)
_ACCEPT = (AcceptPassword, AcceptPasskey, AcceptAccount)


def _chosen(models: tuple[type[BaseModel], ...], value: Any) -> Any:
    """The body as the model of its `method`. Raises Invalid."""
    by = {model.model_fields["method"].annotation.__args__[0]: model for model in models}  # type: ignore[union-attr]
    method = value.get("method") if isinstance(value, dict) else None
    model = by.get(method) if isinstance(method, str) else None
    if model is None:
        raise Invalid(
            "unknown_method",
            f"method is one of: {', '.join(by)}.",
            detail_zh=f"method 应为以下之一：{'、'.join(by)}。",
            field="method",
        )
    return validated(model, value)


async def post_answers(runtime: Process, person: Person) -> list[PostAnswer]:
    """The posts in which the person may act."""
    return [await _post(runtime, person, post, holder) for post, holder in await runtime.persons.posts_of(person)]


async def _post(runtime: Process, person: Person, post: Post, holder: str) -> PostAnswer:
    books = await runtime.ports.policies.all()
    book = books.get(post.jurisdiction)
    absence = person.absences.get(post.id) if holder == person.code else None
    away = absence is not None and absence.at(runtime.ports.clock.now())
    return PostAnswer(
        id=post.id,
        role=post.role,
        org=post.org,
        org_name=book.names.get(post.org) if book is not None and post.org is not None else None,
        jurisdiction=post.jurisdiction,
        head=post.head,
        holder=holder if holder != person.code else None,
        deputy=absence.deputy if absence is not None and away else None,
    )


def router(runtime: Process) -> APIRouter:
    routes = api_router("sessions")
    settings, ports = runtime.settings, runtime.ports
    handling = ports.handling("intake")
    id_tokens = None
    if settings.oidc_issuer is not None and settings.oidc_client is not None:
        keys = ProviderKeys(settings.oidc_issuer, settings.oidc_keys_url, ports.clock)
        id_tokens = IdTokens(settings.oidc_issuer, settings.oidc_client, keys, ports.clock)
    sign_in = SignIn(runtime, id_tokens)

    async def answered(session: Session, person: Person) -> SessionAnswer:
        holder = await runtime.persons.get(session.holder)
        return SessionAnswer(
            token=runtime.sessions.token(session),
            expires_at=session.expires,
            idle_expires_at=session.idle_expires,
            person=person.code,
            name=await runtime.persons.name(person),
            post=await _post(runtime, person, holder.posts[session.post], session.holder),
            posts=await post_answers(runtime, person),
        )

    async def begun(person: Person, wanted: str | None) -> SessionAnswer:
        post, holder = await sign_in.post(person, wanted)
        return await answered(runtime.sessions.begin(person, holder, post), person)

    @routes.get("/v1/sessions/methods", **operation("methods_v1_sessions_methods_get", 503))
    async def methods() -> SignInMethods:
        """The ways to sign in that are set up here."""
        return SignInMethods(
            password=True,
            passkey=sign_in.passkeys.available,
            oidc_issuer=settings.oidc_issuer if id_tokens is not None else None,
            oidc_client=settings.oidc_client if id_tokens is not None else None,
        )

    @routes.post(
        "/v1/sessions",
        **operation(
            "sign_in_v1_sessions_post",
            *_SIGNING_IN,
            body=_SIGN_IN,
            tag="method",
            security=(),
        ),
    )
    async def create(request: Request) -> SessionAnswer:
        """Sign in with password and one-time password, with a passkey, or with an ID token."""
        body = _chosen(_SIGN_IN, await read_json(request, _LIMIT))
        network = await client_network(request)
        if isinstance(body, ByPassword):
            person = await sign_in.by_password(network, body.person, body.password, body.totp)
        elif isinstance(body, ByPasskey):
            person = await sign_in.by_passkey(network, body.challenge, body.credential)
        else:
            person = await sign_in.by_id_token(network, body.id_token, body.nonce)
        return await begun(person, body.post)

    @routes.post("/v1/sessions/passkey", **operation("passkey_v1_sessions_passkey_post", 409, 503))
    async def passkey_options() -> PasskeyOptions:
        """Options with which the browser asks for a passkey. They are the same for every person."""
        challenge, options = sign_in.passkeys.assertion()
        return PasskeyOptions(challenge=challenge, options=options)

    @routes.post("/v1/sessions/renew", **operation("renew_v1_sessions_renew_post", 401, 503, security=("session",)))
    async def renew(current: SignedIn) -> SessionAnswer:
        """Renew a session that is in use, so that it does not end as idle. The end after eight hours stays."""
        return await answered(runtime.sessions.renewed(current), await runtime.persons.get(current.person))

    @routes.post(
        "/v1/sessions/post",
        **operation(
            "change_post_v1_sessions_post_post",
            400,
            401,
            403,
            413,
            415,
            422,
            503,
            body=PostChoice,
            security=("session",),
        ),
    )
    async def change_post(request: Request, current: SignedIn) -> SessionAnswer:
        """Act in another one of your posts."""
        wanted = await read_model(request, PostChoice, _LIMIT)
        person = await runtime.persons.get(current.person)
        post, holder = await sign_in.post(person, wanted.post)
        session = runtime.sessions.renewed(current)._replace(post=post.id, holder=holder)
        return await answered(session, person)

    @routes.post("/v1/sessions/end", **operation("end_v1_sessions_end_post", 401, 503, 507, security=("session",)))
    async def end(current: SignedIn) -> Ended:
        """Sign out: end this session."""
        person = await runtime.persons.get(current.person)
        await end_sessions(handling, runtime.persons, acting(person), person.code, current.id)
        return Ended(ended=True)

    @routes.post(
        "/v1/sessions/end-all", **operation("end_all_v1_sessions_end_all_post", 401, 503, 507, security=("session",))
    )
    async def end_all(current: SignedIn) -> Ended:
        """End all your sessions, also those on other machines."""
        person = await runtime.persons.get(current.person)
        await end_sessions(handling, runtime.persons, acting(person), person.code, None)
        return Ended(ended=True)

    @routes.post(
        "/v1/sessions/absence",
        **operation(
            "absence_v1_sessions_absence_post",
            *_OWN,
            401,
            404,
            409,
            413,
            415,
            422,
            503,
            507,
            body=AbsenceBody,
            security=("session",),
        ),
    )
    async def absence(request: Request, current: SignedIn) -> list[PostAnswer]:
        """Declare an absence in one of your posts and name a deputy, who may then act in it."""
        body = await read_model(request, AbsenceBody, _LIMIT)
        person = await runtime.persons.get(current.person)
        person = await declare_absence(
            handling, runtime.persons, acting(person), person.code, body.post, body.begins, body.ends, body.deputy
        )
        return await post_answers(runtime, person)

    @routes.post(
        "/v1/invitations",
        **operation("offer_v1_invitations_post", 400, 404, 413, 415, 422, 429, 503, body=InvitationQuestion),
    )
    async def offer(request: Request) -> InvitationOffer:
        """What an invitation offers. It is used up only when it is accepted."""
        question = await read_model(request, InvitationQuestion, _LIMIT)
        found = await sign_in.offered(await client_network(request), question.invitation)
        expires: datetime | None = found.person.invitation_expires
        return InvitationOffer(
            person=found.person.code,
            name=found.name,
            expires_at=expires,
            totp_secret=found.secret,
            totp_address=found.address,
            setup=found.setup,
            passkey=PasskeyOptions(challenge=found.passkey[0], options=found.passkey[1]) if found.passkey else None,
            oidc=id_tokens is not None,
        )

    @routes.post(
        "/v1/invitations/accept",
        **operation(
            "accept_v1_invitations_accept_post",
            *_SIGNING_IN,
            404,
            507,
            body=_ACCEPT,
            tag="method",
            security=(),
        ),
    )
    async def accept(request: Request) -> SessionAnswer:
        """Use an invitation: set password and one-time password, a passkey, or link an account. You are signed in afterwards."""
        body = _chosen(_ACCEPT, await read_json(request, _LIMIT))
        network = await client_network(request)
        if isinstance(body, AcceptPassword):
            person = await sign_in.accept_password(network, body.invitation, body.setup, body.password, body.totp)
        elif isinstance(body, AcceptPasskey):
            person = await sign_in.accept_passkey(network, body.invitation, body.challenge, body.credential)
        else:
            person = await sign_in.accept_account(network, body.invitation, body.id_token, body.nonce)
        return await begun(person, None)

    return routes
