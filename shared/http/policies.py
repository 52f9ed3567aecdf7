"""Policies: what is in force, what is wrong with a new one, putting it into force."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.access import POLICY, authorize
from shared.activating import ACTIVATE, activate, checked
from shared.events.base import Moment
from shared.http.answers import PolicyActivatedAnswer, PolicyAnswer, PolicyChecked, PolicyList
from shared.http.bodies import read_model
from shared.http.describing import READING, WRITING, answers, takes
from shared.http.who import Caller
from shared.policy.book import PolicyBook
from shared.policy.load import plain
from shared.refusals import Refused, Unknown
from shared.runtime import Runtime
from shared.times import to_text

_LIMIT = 8 * 1024 * 1024
"""Bytes of one policy: organisations and places of a whole province fit."""


class PolicyProposal(BaseModel):
    """Sections of a policy. Sections that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid")

    jurisdiction: str = Field(
        min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]+$", description="Code of the jurisdiction"
    )
    sections: dict[str, Any] = Field(
        min_length=1, description="Section -> document, as GET /v1/policies/{code} shows it"
    )
    effective_at: Moment | None = Field(
        None, description="From when it is in force. Default: clocks since their law is in force, the rest from now"
    )


def summary(book: PolicyBook) -> dict[str, Any]:
    return {
        "jurisdiction": book.jurisdiction,
        "name": book.settings.name if book.settings else None,
        "zone": book.zone,
        "version": book.version,
        "reference": book.reference,
        "organisations": len(book.organisations),
        "channels": len(book.channels),
        "sections": [
            {"section": section, "hash": editions[-1].hash, "since": to_text(editions[-1].start)}
            for section, editions in sorted(book.editions.items())
            if editions
        ],
    }


def router(runtime: Runtime) -> APIRouter:
    routes = APIRouter(tags=["policies"])

    @routes.get(
        "/v1/policies", response_model=PolicyList, responses=answers(401, 403, 422, 503), summary="All jurisdictions"
    )
    async def policies(caller: Caller) -> dict[str, Any]:
        authorize(caller, POLICY)
        books = await runtime.ports.policies.all()
        return {"policies": [summary(book) for _code, book in sorted(books.items())]}

    @routes.post(
        "/v1/policies:validate",
        response_model=PolicyChecked,
        responses=answers(400, 401, 403, 413, 415, 422, 503),
        openapi_extra=takes(PolicyProposal),
        summary="What is wrong with a policy; nothing is changed",
    )
    async def validate(request: Request, caller: Caller) -> dict[str, Any]:
        authorize(caller, POLICY)
        proposal = await read_model(request, PolicyProposal, _LIMIT)
        _documents, findings = await checked(runtime.handling("supervision"), proposal.jurisdiction, proposal.sections)
        return {"valid": not findings, "findings": [{"where": one.where, "what": one.what} for one in findings]}

    @routes.post(
        "/v1/policies:activate",
        response_model=PolicyActivatedAnswer,
        responses=answers(*WRITING),
        openapi_extra=takes(PolicyProposal),
        summary="Put sections of a policy into force",
    )
    async def put_into_force(request: Request, caller: Caller) -> dict[str, Any]:
        authorize(caller, ACTIVATE)
        proposal = await read_model(request, PolicyProposal, _LIMIT)
        changed = await activate(
            runtime.handling("supervision"), caller, proposal.jurisdiction, proposal.sections, proposal.effective_at
        )
        book = await runtime.ports.policies.book(proposal.jurisdiction)
        return {
            "jurisdiction": book.jurisdiction,
            "version": book.version,
            "reference": book.reference,
            "activated": changed,
        }

    @routes.get(
        "/v1/policies/{jurisdiction}",
        response_model=PolicyAnswer,
        responses=answers(*READING),
        summary="One jurisdiction with its documents in force",
    )
    async def policy(jurisdiction: str, caller: Caller) -> dict[str, Any]:
        authorize(caller, POLICY)
        try:
            book = await runtime.ports.policies.book(jurisdiction)
        except Refused:
            raise Unknown(
                "unknown_jurisdiction", "No policy is active under this code.", why_zh="没有这一辖区。"
            ) from None
        documents = {section: plain(editions[-1].document) for section, editions in book.editions.items() if editions}
        return {**summary(book), "documents": documents, "names": book.names}

    return routes
