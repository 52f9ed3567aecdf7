"""Authentication: an access key or the session of a person in `Authorization: Bearer …`; on the socket in the data folder, the
role its owner chooses."""

from __future__ import annotations

from typing import Annotated, cast, get_args

from fastapi import Depends, Request

from shared.application.problem import NotAuthenticated
from shared.application.sessions import SESSION, Session
from shared.commands.authorization import NEEDS_ORG, Principal, Role
from shared.commands.reading_meter import reason_of
from shared.hosting.process import Process
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Invalid

AS_HEADER = "x-huiyin-as"
_ACTING: tuple[str, ...] = tuple(role for role in get_args(Role) if role not in ("citizen", "service"))


def acting_as(text: str) -> Principal:
    """The principal of `ROLE[:ORG][@JURISDICTION]`, chosen by the owner of the folder. `head:ORG` is the head of the organisation.
    Without a jurisdiction: of all of them."""
    named, _, jurisdiction = text.partition("@")
    role, _, org = named.partition(":")
    if head := role == "head":
        role = "clerk"
    if role not in _ACTING:
        raise Invalid(
            "unknown_role",
            f"Act as one of: {', '.join(_ACTING)}.",
            detail_zh="没有这一角色，请从所列角色中选择。",
            field="as",
        )
    if role in NEEDS_ORG and not org:
        raise Invalid(
            "org_missing",
            f"Write {role}:ORG with the code of the organisation.",
            detail_zh="缺少单位代码，请填写。",
            field="as",
        )
    person = "local-head" if head else "local"
    return Principal(cast(Role, role), org or None, person, jurisdiction=jurisdiction or None, person=person, head=head)


def key_required() -> NotAuthenticated:
    return NotAuthenticated(
        "key_required",
        "Send a valid access key: Authorization: Bearer hy_… (made with: huiyin keys add ROLE [ORG]).",
        detail_zh="需要有效的访问密钥，请在 Authorization 请求头中填写。",
    )


def session_ended() -> NotAuthenticated:
    return NotAuthenticated(
        "session_ended",
        "Your session has ended. Sign in again; your input was not recorded.",
        detail_zh="会话已结束，请重新登录；尚未提交的内容没有保存。",
    )


async def signed_in(request: Request) -> Session:
    """The session of this request. Raises NotAuthenticated where there is none or it has ended."""
    runtime: Process = request.app.state.runtime
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    session = runtime.sessions.read(token.strip()) if scheme.lower() == "bearer" else None
    principal = await runtime.sessions.principal(session) if session is not None else None
    if session is None or principal is None:
        raise session_ended()
    request.state.session_principal, request.state.role = principal, principal.role
    return session


async def who(request: Request) -> Principal:
    """The principal of this request. Raises NotAuthenticated."""
    runtime: Process = request.app.state.runtime
    local: bool = request.app.state.local
    shown = request.headers.get("authorization")
    if shown is None and local:
        principal = acting_as(request.headers.get(AS_HEADER, "operations"))
    else:
        scheme, _, key = (shown or "").partition(" ")
        shown = key.strip() if scheme.lower() == "bearer" else ""
        if shown.startswith(SESSION):
            session = await signed_in(request)
            principal = request.state.session_principal
            request.state.session = session
        else:
            record = await runtime.principals.authenticate(shown) if shown else None
            if record is None:
                raise key_required()
            principal = record.principal
            if record.expires is not None and record.expires_soon(runtime.ports.clock.now()):
                request.state.key_expires = to_text(record.expires)
    if (reason := request.headers.get("reason")) is not None:
        principal = principal._replace(reason=reason_of(reason))
    request.state.role = principal.role
    return principal


Caller = Annotated[Principal, Depends(who)]
SignedIn = Annotated[Session, Depends(signed_in)]
"""For routes that only a person who signed in may use."""
