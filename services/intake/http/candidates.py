"""HTTP of intake: older cases that may be the same matter, of a filing or of a text that is being registered. No logic."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from services.intake.duplicate_candidates import CANDIDATES, CandidateList, candidates, candidates_of_text
from shared.application.problem import TooMany
from shared.commands.authorization import authorize
from shared.commands.command_fields import Code, FreeText, Short
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.refusals import Invalid
from shared.queries.query_code_access import RateLimiter

QUESTIONS = 120
"""Texts that one key may ask about in a minute (own choice)."""


class CandidateQuestion(BaseModel):
    """A filing that is being registered. Nothing of it is kept."""

    model_config = ConfigDict(extra="forbid")

    text: FreeText = Field(description="What is registered, as far as it is typed")
    place: Code | None = Field(None, description="Place of the problem")
    subject: Code | None = Field(None, description="Subject")
    names: tuple[Short, ...] = Field(
        (), max_length=20, description="Names and addresses in the text, which are removed before it is compared"
    )
    jurisdiction: Code | None = Field(None, description="Jurisdiction; needed with a key that belongs to none")


def router(runtime: Process) -> APIRouter:
    """The routes of intake."""
    routes = api_router("cases")
    ports, settings = runtime.ports, runtime.settings
    reader = ports.handling("routing")
    asked = RateLimiter(ports.clock, QUESTIONS)

    @routes.post(
        "/v1/candidates",
        **operation(
            "same_matter_of_text_v1_candidates_post", 400, 401, 403, 413, 415, 422, 429, 503, body=CandidateQuestion
        ),
    )
    async def of_text(request: Request, caller: Caller) -> CandidateList:
        """Older cases whose text is like one that is being registered. No text is decrypted; accusations and confidential filings
        are never offered. There is no search by person."""
        authorize(caller, CANDIDATES)
        body = await read_model(request, CandidateQuestion, settings.body_limit)
        jurisdiction = caller.jurisdiction or body.jurisdiction
        if jurisdiction is None or body.jurisdiction not in (None, jurisdiction):
            raise Invalid(
                "jurisdiction_needed",
                "Name the jurisdiction of your access key.",
                detail_zh="请注明访问密钥所属的辖区。",
                field="jurisdiction",
            )
        if wait := asked.take(caller.ref):
            raise TooMany(
                "too_many_questions",
                f"This key sends too many requests for candidates. Try again in {wait} seconds; the filing can"
                " be registered without them.",
                detail_zh=f"查询过于频繁，请{wait}秒后再试；不影响登记。",
                retry_after=wait,
            )
        features = {"place": body.place, "subject": body.subject}
        days, names = settings.candidate_days, frozenset(body.names)
        return await candidates_of_text(ports, caller, jurisdiction, body.text, features, names, days)

    @routes.get(
        "/v1/cases/{reference:path}/candidates",
        **operation("same_matter_v1_cases__reference__candidates_get", 401, 403, 404, 409, 422, 503, 507),
    )
    async def same_matter(reference: str, caller: Caller) -> CandidateList:
        """Older cases that may be the same matter, for a filing that waits for dispatch. The read is recorded."""
        return await candidates(ports, reader, caller, reference, settings.candidate_days)

    return routes
