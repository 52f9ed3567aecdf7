"""HTTP of policies: reading, checking and activating them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.supervision.http.policy_responses import (
    PolicyActivatedAnswer,
    PolicyAnswer,
    PolicyChecked,
    PolicyFinding,
    PolicyList,
    PolicySection,
    PolicySummary,
    ProfileValue,
)
from services.supervision.policy_activation import ACTIVATE, activate, checked
from shared.commands.authorization import POLICY, Principal, authorize, unknown_jurisdiction, within
from shared.events.fields import Moment
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, WRITING, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.legal_time import given_time, start_of_day
from shared.kernel.refusals import Invalid, Refused
from shared.policy.book import PolicyBook
from shared.policy.documents import SLUG
from shared.policy.loading.loader import plain

Summary = TypeVar("Summary", bound=PolicySummary)
_CONFIDENTIAL = frozenset({"keywords"})
"""Sections that only the petition office, its supervisors and the operators read: the words by which an accusation is recognised
would tell how to write one that is not, and what to look for (Art. 30)."""
_KEYWORD_READERS = frozenset({"registrar", "supervisor", "operations"})
_LIMIT = 8 * 1024 * 1024
"""Maximum size of a policy in bytes: enough for the organisations and places of a province."""


class PolicyProposal(BaseModel):
    """Sections of a policy. Sections that are left out do not change."""

    model_config = ConfigDict(extra="forbid")

    jurisdiction: str = Field(pattern=f"^{SLUG.pattern}$", description="Code of the jurisdiction")
    sections: dict[str, Any] = Field(
        min_length=1, description="Section -> document, as GET /v1/policies/{code} shows it"
    )
    effective_at: Moment | None = Field(
        None,
        description="Start: a day (00:00 local time) or an instant, not in the past. Default: now; the first clocks start when"
        " their law came into force",
    )
    expected_version: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None, description="Refuse if the policy has been changed since this version"
    )


def _readable(caller: Principal) -> frozenset[str]:
    """The confidential sections that the caller may read."""
    return _CONFIDENTIAL if caller.role in _KEYWORD_READERS else frozenset()


def _about(where: str, sections: frozenset[str]) -> bool:
    """True if a finding is about one of these sections."""
    return where.partition(".")[0].partition("[")[0] in sections


def _summary(model: type[Summary], book: PolicyBook, **more: Any) -> Summary:
    editions = [(section, edition) for section, editions in sorted(book.editions.items()) for edition in editions]
    in_force = [(section, book.edition(section)) for section in sorted(book.editions)]
    return model.built_from(
        book,
        name=book.settings.name if book.settings else None,
        organisations=len(book.organisations),
        channels=len(book.channels),
        sections=[PolicySection.built_from(one, section=section) for section, one in in_force if one is not None],
        scheduled=[
            PolicySection.built_from(one, section=section)
            for section, one in editions
            if book.now is not None and one.start > book.now
        ],
        **more,
    )


def _moment(text: str, zone: str) -> datetime:
    """A day means its beginning in the zone of the jurisdiction."""
    try:
        found = given_time(text)
    except ValueError:
        raise Invalid(
            "not_a_time",
            "at must be a date, or an instant with offset.",
            detail_zh="at 应为日期，或带时区偏移的时刻。",
            field="at",
        ) from None
    return found if isinstance(found, datetime) else start_of_day(found, zone)


def router(runtime: Process) -> APIRouter:
    routes = api_router("policies")

    @routes.get("/v1/policies", **operation("policies_v1_policies_get", 401, 403, 422, 503))
    async def policies(caller: Caller) -> PolicyList:
        """The jurisdictions that the key gives access to."""
        authorize(caller, POLICY)
        books = await runtime.ports.policies.all()
        own = [book for code, book in sorted(books.items()) if caller.jurisdiction in (None, code)]
        return PolicyList(policies=[_summary(PolicySummary, book) for book in own])

    @routes.post(
        "/v1/policies:validate",
        **operation("validate_v1_policies_validate_post", 400, 401, 403, 404, 413, 415, 422, 503, body=PolicyProposal),
    )
    async def validate(request: Request, caller: Caller) -> PolicyChecked:
        """Check a policy. Nothing is changed."""
        authorize(caller, POLICY)
        proposal = await read_model(request, PolicyProposal, _LIMIT)
        within(caller, proposal.jurisdiction)
        found = await checked(
            runtime.handling("supervision"),
            proposal.jurisdiction,
            proposal.sections,
            proposal.effective_at,
            runtime.ports.views,
            caller,
        )
        hidden = _CONFIDENTIAL - proposal.sections.keys() - _readable(caller)
        return PolicyChecked(
            valid=not found.findings,
            findings=[PolicyFinding.built_from(one) for one in found.findings if not _about(one.where, hidden)],
            warnings=[PolicyFinding.built_from(one) for one in found.warnings if not _about(one.where, hidden)],
        )

    @routes.post(
        "/v1/policies:activate", **operation("put_into_force_v1_policies_activate_post", *WRITING, body=PolicyProposal)
    )
    async def put_into_force(request: Request, caller: Caller) -> PolicyActivatedAnswer:
        """Activate sections of a policy."""
        authorize(caller, ACTIVATE)
        proposal = await read_model(request, PolicyProposal, _LIMIT)
        done = await activate(
            runtime.handling("supervision"),
            caller,
            proposal.jurisdiction,
            proposal.sections,
            proposal.effective_at,
            expected_version=proposal.expected_version,
            views=runtime.ports.views,
        )
        book = await runtime.ports.policies.book(proposal.jurisdiction)
        return PolicyActivatedAnswer.built_from(book, activated=done.sections, warnings=done.warnings)

    @routes.get("/v1/policies/{jurisdiction}", **operation("policy_v1_policies__jurisdiction__get", *READING))
    async def policy(
        jurisdiction: str,
        caller: Caller,
        at: str | None = Query(
            None, max_length=40, description="Show the policy in force at that day or instant. Default: now"
        ),
    ) -> PolicyAnswer:
        """One jurisdiction with its documents in force."""
        authorize(caller, POLICY)
        within(caller, jurisdiction)
        try:
            within(caller, jurisdiction)
            book = await runtime.ports.policies.book(jurisdiction)
        except Refused:
            raise unknown_jurisdiction() from None
        if at is not None:
            book = book.as_of(_moment(at, book.zone))
        hidden = _CONFIDENTIAL - _readable(caller)
        documents = {section: plain(one) for section, one in book.documents.items() if section not in hidden}
        profile = [ProfileValue(name=name, value=value, source=source) for name, value, source in book.profile.values()]
        profile += [
            ProfileValue(name=f"files.{name}", value=value, source=source)
            for name, value, source in book.files.values()
        ]
        return _summary(PolicyAnswer, book, documents=documents, profile=profile)

    return routes
