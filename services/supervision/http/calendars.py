"""Publishing a calendar over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from services.supervision.calendar_publication import publish
from services.supervision.http.policy_responses import CalendarPublishedAnswer
from services.supervision.policy_activation import ACTIVATE
from shared.commands.authorization import authorize
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import WRITING, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.policy.documents import SLUG

_LIMIT = 1024 * 1024
_LISTED = 10_000


class CalendarProposal(BaseModel):
    """The published years. Years that are left out do not change."""

    model_config = ConfigDict(extra="forbid")

    jurisdiction: str = Field(pattern=f"^{SLUG.pattern}$", description="Code of the jurisdiction")
    calendar: dict[str, Any] = Field(min_length=1, description="years: {2027: {holidays: [...], workdays: [...]}}")


def router(runtime: Process) -> APIRouter:
    routes = api_router("policies")

    @routes.post(
        "/v1/calendars:publish",
        **operation("put_into_force_v1_calendars_publish_post", *WRITING, body=CalendarProposal),
    )
    async def put_into_force(request: Request, caller: Caller) -> CalendarPublishedAnswer:
        """Publish years of the working-day calendar. The answer lists the due dates that moved."""
        authorize(caller, ACTIVATE)
        proposal = await read_model(request, CalendarProposal, _LIMIT)
        book, done = await publish(runtime.handling("supervision"), caller, proposal.jurisdiction, proposal.calendar)
        return CalendarPublishedAnswer.built_from(
            done,
            jurisdiction=book.jurisdiction,
            version=book.version,
            reference=book.reference,
            moved_in_all=len(done.moved),
            moved=done.moved[:_LISTED],
        )

    return routes
