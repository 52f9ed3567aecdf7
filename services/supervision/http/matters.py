"""HTTP of matters: all linked filings."""

from __future__ import annotations

from fastapi import APIRouter, Query

from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, operation
from shared.http.router import api_router
from shared.queries.matter import MatterPage, matter


def router(runtime: Process) -> APIRouter:
    routes = api_router("cases")
    most = runtime.settings.page_limit

    @routes.get("/v1/matters/{reference:path}", **operation("filings_v1_matters__reference__get", *READING))
    async def filings(
        reference: str,
        caller: Caller,
        after: str | None = Query(None, description="Cursor of the previous page", max_length=100),
        limit: int = Query(50, ge=1, le=most, description="Most rows"),
    ) -> MatterPage:
        """All filings of the matter of a case: the lead, then the followers."""
        return await matter(runtime.ports, caller, reference, after, limit)

    return routes
