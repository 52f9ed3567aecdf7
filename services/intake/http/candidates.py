"""HTTP of intake: GET /v1/cases/{case}/candidates. No logic."""

from __future__ import annotations

from fastapi import APIRouter

from services.intake.duplicate_candidates import CandidateList, candidates
from shared.application.ports import Ports
from shared.http.authentication import Caller
from shared.http.openapi import operation


def router(ports: Ports, days: int) -> APIRouter:
    """The routes of intake."""
    routes = APIRouter(tags=["cases"])
    reader = ports.handling("routing")

    @routes.get(
        "/v1/cases/{reference:path}/candidates",
        **operation("same_matter_v1_cases__reference__candidates_get", 401, 403, 404, 409, 422, 503, 507),
    )
    async def same_matter(reference: str, caller: Caller) -> CandidateList:
        """Older cases that may be the same matter, for a filing that waits for dispatch. The read is recorded."""
        return await candidates(ports, reader, caller, reference, days)

    return routes
