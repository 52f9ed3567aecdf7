"""Who asks: the role, the person, the post and its unit."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from services.intake.http.sessions import PostAnswer, post_answers
from services.intake.public_form import Choice
from shared.application.response import Answer, TimeText
from shared.application.sessions import Session
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import operation
from shared.http.router import api_router
from shared.policy.book import PolicyBook


class Colleague(Answer):
    """A person with a post in your unit."""

    person: str = Field(description="Staff code")
    name: str | None = Field(description="Name")
    absent: bool = Field(description="True while absent with a deputy")
    skills: list[str] = Field(description="Codes of their skills in your unit")


class SkillChoice(Choice):
    """A skill of the policy."""

    own: bool = Field(description="True if you have it in this post")
    present: bool = Field(description="True if you or a colleague who is not absent have it")


class MeAnswer(Answer):
    """Who you are here."""

    role: str = Field(description="Your role")
    org: str | None = Field(description="Code of your organisation")
    org_name: str | None = Field(description="Its name")
    jurisdiction: str | None = Field(description="Jurisdiction; null: all")
    jurisdiction_name: str | None = Field(description="Its name")
    petition_office: str | None = Field(description="Code of the petition office of the jurisdiction")
    person: str | None = Field(description="Staff code")
    name: str | None = Field(description="Name")
    head: bool = Field(description="Head (负责人) of the organisation")
    post: str | None = Field(description="Id of the post that acts; null for an access key")
    posts: list[PostAnswer] = Field(description="All posts in which you may act")
    colleagues: list[Colleague] = Field(description="Persons of your unit, to whom cases can be handed on")
    skills: list[SkillChoice] = Field(description="The skills of the policy, for calls and cases that need one")
    expires_at: TimeText | None = Field(description="End of the session; null for an access key")
    idle_expires_at: TimeText | None = Field(description="End of the session unless it is renewed before")


_DESK = ("clerk", "registrar", "supervisor", "operator")
"""Roles that hand calls and cases on to colleagues."""


def skill_choices(book: PolicyBook | None, person: str | None, unit: list[Colleague]) -> list[SkillChoice]:
    """The skills of the policy, and who of the unit has them."""
    if book is None or not unit:
        return []
    own = {skill for one in unit if one.person == person for skill in one.skills}
    present = {skill for one in unit if not one.absent for skill in one.skills}
    return [
        SkillChoice(code=code, name=one.name, name_en=one.name_en, own=code in own, present=code in present)
        for code, one in book.skills.items()
    ]


def router(runtime: Process) -> APIRouter:
    routes = api_router("sessions")
    ports = runtime.ports

    async def colleagues(caller: Caller) -> list[Colleague]:
        now = ports.clock.now()
        return [
            Colleague(
                person=person.code,
                name=await ports.persons.name(person),
                absent=any(one.at(now) for one in person.absences.values()),
                skills=list(person.skills_for(caller.org, caller.jurisdiction)),
            )
            for person in await ports.persons.colleagues(caller.org, caller.jurisdiction)
        ]

    @routes.get("/v1/me", **operation("me_v1_me_get", 401, 503))
    async def me(request: Request, caller: Caller) -> MeAnswer:
        """Your role, person, post and unit."""
        session: Session | None = getattr(request.state, "session", None)
        person = await ports.persons.get(caller.person) if caller.person is not None else None
        book = (await ports.policies.all()).get(caller.jurisdiction or "")
        of_unit = await colleagues(caller) if caller.role in _DESK else []
        return MeAnswer(
            role=caller.role,
            org=caller.org,
            org_name=book.names.get(caller.org) if book is not None and caller.org is not None else None,
            jurisdiction=caller.jurisdiction,
            jurisdiction_name=book.settings.name if book is not None and book.settings is not None else None,
            petition_office=book.petition_office if book is not None else None,
            person=caller.person,
            name=await ports.persons.name(person) if person is not None else None,
            head=caller.head,
            post=session.post if session is not None else None,
            posts=await post_answers(runtime, person) if person is not None and session is not None else [],
            colleagues=of_unit,
            skills=skill_choices(book, caller.person, of_unit),
            expires_at=session.expires if session is not None else None,
            idle_expires_at=session.idle_expires if session is not None else None,
        )

    return routes
