"""The matter of a case: its lead and the followers. Found by an index of the view `matters`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from shared.application.ports import Ports
from shared.application.response import Answer, LeadAnswer, PolicyCode, TimeText
from shared.case import Case
from shared.commands.authorization import LIST, Principal, authorize, visible
from shared.consumers.followers import followers
from shared.queries.case_details import find
from shared.repositories.matter_cases import lead_of


class FilingAnswer(LeadAnswer):
    """One filing of a matter."""

    leads: bool = Field(description="True for the oldest one, which is handled")
    kind: str | None = Field(validation_alias="matter.lead_kind", description="same_matter or duplicate for a follower")
    channel: PolicyCode | None = Field(validation_alias="filing.channel", description="Channel of the filing")
    filed_at: TimeText | None = Field(validation_alias="filing.filed_at", description="Legal filing time")
    registered_at: TimeText | None = Field(description="When the filing was recorded here")
    closure: str | None = Field(validation_alias="closure.kind", description="Kind of closing")


class MatterPage(Answer):
    """One page of the filings of a matter, the lead first, then the others from the oldest on."""

    filings: list[FilingAnswer] = Field(description="As far as you may see them")
    after: str | None = Field(description="Cursor of the next page; null at the end")


async def matter(ports: Ports, principal: Principal, reference: str, after: str | None, limit: int) -> MatterPage:
    """One page of the filings of the matter that a case belongs to, as far as the principal may see them: the lead first,
    then the others from the oldest to the newest. Raises Unknown for a case that the principal may not see."""
    authorize(principal, LIST)
    case = await find(ports, principal, reference)
    lead = await lead_of(ports.cases, case) or case
    book = await ports.policies.book(case.jurisdiction)
    members = await _members(ports, lead)
    told = [member for member in members if visible(principal, member, None if member is lead else lead)]
    begin = next((place for place, member in enumerate(told, start=1) if member.id == after), len(told) if after else 0)
    shown = [FilingAnswer.built_from(one, book, leads=one.id == lead.id) for one in told[begin : begin + limit]]
    return MatterPage(filings=shown, after=shown[-1].id if len(told) > begin + limit else None)


async def _members(ports: Ports, lead: Case) -> Sequence[Case]:
    """The lead and all that follow it, directly or through another follower."""
    found, waiting = {lead.id: lead}, [lead.id]
    order: list[tuple[str, str]] = []
    while waiting:
        for row in await followers(ports.views, waiting.pop()):
            case, _head = await ports.cases.get(row.key, at_least=row.applied)
            if case.id not in found and case.matter.lead is not None:  # the row may be older than the case
                found[case.id] = case
                waiting.append(case.id)
                order.append((str((row.values or {}).get("filed_at")), case.id))
    return [lead, *(found[case_id] for _filed, case_id in sorted(order))]
