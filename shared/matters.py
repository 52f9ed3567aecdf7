"""The matter of a case: the filing that leads it, and those that follow. Found by an index of the view `matters`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.access import LIST, Principal, authorize, visible
from shared.case import Case
from shared.consumers.followers import followers
from shared.part import Ports
from shared.policy.book import PolicyBook
from shared.reading import find, named
from shared.telling import state_words
from shared.times import to_text


async def matter(ports: Ports, principal: Principal, reference: str, after: str | None, limit: int) -> dict[str, Any]:
    """One page of the filings of the matter that a case belongs to, as far as the principal may see them: the lead first,
    then the others from the oldest to the youngest. Raises Unknown for a case that the principal may not see."""
    authorize(principal, LIST)
    case = await find(ports, principal, reference)
    lead = await ports.cases.lead_of(case) or case
    book = await ports.policies.book(case.jurisdiction)
    members = await _members(ports, lead)
    begun = after is None
    shown: list[dict[str, Any]] = []
    for member in members:
        if not begun:
            begun = member.id == after
            continue
        if visible(principal, member, None if member is lead else lead):
            if len(shown) == limit:
                return {"filings": shown, "after": shown[-1]["id"]}
            shown.append(_filing(member, lead, book))
    return {"filings": shown, "after": None}


async def _members(ports: Ports, lead: Case) -> Sequence[Case]:
    """The lead and all that follow it, directly or through another follower."""
    found, waiting = {lead.id: lead}, [lead.id]
    order: list[tuple[str, str]] = []
    while waiting:
        for row in await followers(ports.views, waiting.pop()):
            case, _head = await ports.cases.get(row.key, at_least=row.applied)
            if case.id not in found and case.lead is not None:  # the row may be older than the case
                found[case.id] = case
                waiting.append(case.id)
                order.append((str((row.values or {}).get("filed_at")), case.id))
    return [lead, *(found[case_id] for _filed, case_id in sorted(order))]


def _filing(case: Case, lead: Case, book: PolicyBook) -> dict[str, Any]:
    words = state_words(case.state)
    return {
        "id": case.id,
        "number": case.number,
        "leads": case.id == lead.id,
        "kind": case.lead_kind,
        "state": case.state,
        "state_zh": words.zh,
        "state_en": words.en,
        "org": named(book, case.org),
        "channel": named(book, case.channel),
        "filed_at": None if case.filed_at is None else to_text(case.filed_at),
        "registered_at": None if case.registered_at is None else to_text(case.registered_at),
        "closure": case.closure,
    }
