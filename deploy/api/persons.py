"""Members of staff, for the owner of the data folder: invitations, posts, and taking the access away."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from services.intake import person_records as records
from shared.application.persons import Person
from shared.commands.authorization import OPERATE, authorize
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import answers, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Refused

_LIMIT = 16 * 1024


class PostWanted(BaseModel):
    """The post to give."""

    model_config = ConfigDict(extra="forbid")
    role: str = Field(max_length=40, description="Role: clerk, registrar, supervisor, analyst, operations")
    org: str | None = Field(None, max_length=80, description="Organisation, where the role needs one")
    jurisdiction: str | None = Field(
        None, max_length=80, description="Jurisdiction. Optional while exactly one is active"
    )
    head: bool = Field(False, description="Head (负责人) of the organisation, who approves extensions (Art. 34)")
    skills: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] | None = Field(
        None, max_length=20, description="Codes of the policy; null: those of a post that is held already stay"
    )


class PersonWanted(BaseModel):
    """The person to invite; a person who is known already gets a new invitation."""

    model_config = ConfigDict(extra="forbid")
    person: str = Field(max_length=80, description="Staff code; never a name")
    name: str | None = Field(None, max_length=100, description="Name, sealed. Left out for a known person: it stays")
    post: PostWanted | None = Field(None, description="A first post")


class RevocationWanted(BaseModel):
    """What is revoked."""

    model_config = ConfigDict(extra="forbid")
    credential: str | None = Field(None, max_length=40, description="Id of a credential; null: all of them")


def site_of(runtime: Process) -> str:
    """The address of the pages, for a link. Raises Refused where this process does not know it."""
    port = runtime.pages_port or runtime.settings.port
    if runtime.settings.public_url is None and not port:
        raise Refused(
            "no_public_url",
            "The address of the pages is not known, so the link would open nothing. Set HUIYIN_PUBLIC_URL, or start with a port.",
            detail_zh="无法确定页面地址，邀请链接将无法打开。请设置 HUIYIN_PUBLIC_URL，或指定端口启动。",
        )
    return runtime.settings.public_url or f"http://localhost:{port}"


async def _operator(caller: Caller) -> None:
    authorize(caller, OPERATE)


def router(runtime: Process) -> APIRouter:
    routes = api_router(
        "operator", prefix="/local/persons", dependencies=[Depends(_operator)], responses=answers(401, 403, 422)
    )
    handling = runtime.ports.handling("intake")

    async def shown(person: Person) -> dict[str, Any]:
        return {
            "person": person.code,
            "name": await runtime.persons.name(person),
            "invited_until": to_text(person.invitation_expires)
            if person.invitation is not None and person.invitation_expires is not None
            else None,
            "credentials": [{"id": one.id, "kind": one.kind} for one in person.credentials.values()],
            "posts": [
                {
                    "id": post.id,
                    "role": post.role,
                    "org": post.org,
                    "jurisdiction": post.jurisdiction,
                    "head": post.head,
                    "skills": list(post.skills),
                    "given_at": to_text(post.given_at),
                    "ended_at": to_text(post.ended_at) if post.ended_at is not None else None,
                }
                for post in person.posts.values()
            ],
        }

    @routes.get("", operation_id="persons_local_persons_get")
    async def persons() -> dict[str, Any]:
        """All persons, without anything secret."""
        return {"persons": [await shown(person) for person in await runtime.persons.all(at_once=True)]}

    @routes.post("", status_code=201, **operation("invite_local_persons_post", 400, 409, 415, 507, body=PersonWanted))
    async def invite(request: Request, caller: Caller) -> dict[str, Any]:
        """Invite a person. The invitation is shown only once, and can be used once."""
        site = site_of(runtime)
        wanted = await read_model(request, PersonWanted, _LIMIT)
        person, text = await records.invite(handling, runtime.persons, caller, wanted.person, wanted.name)
        if wanted.post is not None:
            person = await given(caller, wanted.person, wanted.post)
        link = f"{site.rstrip('/')}/join#{quote(text, safe='~')}"  # behind the #: in no log and no Referer
        return {**await shown(person), "invitation": text, "link": link}

    async def given(caller: Caller, person: str, wanted: PostWanted) -> Person:
        return await records.give_post(
            handling, runtime.persons, caller, person, wanted.role, wanted.org, wanted.jurisdiction, wanted.head,
            tuple(dict.fromkeys(wanted.skills)) if wanted.skills is not None else None,
        )  # fmt: skip

    @routes.post(
        "/{person}/posts", **operation("post_local_persons__person__posts_post", 400, 404, 415, 507, body=PostWanted)
    )
    async def give_post(request: Request, person: str, caller: Caller) -> dict[str, Any]:
        """Give a person a post. A post that the person holds already changes nothing but its skills."""
        return await shown(await given(caller, person, await read_model(request, PostWanted, _LIMIT)))

    @routes.post(
        "/{person}/posts/{post}:end", **operation("end_local_persons__person__posts__post__end_post", 404, 507)
    )
    async def end_post(person: str, post: str, caller: Caller) -> dict[str, Any]:
        """End a post."""
        return await shown(await records.end_post(handling, runtime.persons, caller, person, post))

    @routes.post(
        "/{person}:revoke",
        **operation("revoke_local_persons__person__revoke_post", 400, 404, 415, 507, body=RevocationWanted),
    )
    async def revoke(request: Request, person: str, caller: Caller) -> dict[str, Any]:
        """Revoke credentials of a person, the open invitation and all sessions. The posts stay."""
        wanted = await read_model(request, RevocationWanted, _LIMIT)
        return await shown(await records.revoke(handling, runtime.persons, caller, person, wanted.credential))

    return routes
