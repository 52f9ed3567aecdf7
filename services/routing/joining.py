"""Of filings that follow another: who handles the matter is told, as far as they may know of the filing."""

from __future__ import annotations

from collections.abc import Callable

from services.routing.outbox import Outboxes
from shared.access import Principal, visible
from shared.case import Case
from shared.events.intake import CaseLinked
from shared.events.routing import OutboxKind
from shared.handling import Handling
from shared.projecting import Reaction, Turn

Detail = Callable[[Turn], str | None]


def joined(handling: Handling, outboxes: Outboxes) -> Reaction:
    """The matter has one more filing; `detail` is that filing's number."""

    async def react(turn: Turn) -> None:
        body = turn.event.body
        if not isinstance(body, CaseLinked) or body.kind == "related" or turn.case.lead is None:
            return
        lead = await handling.cases.lead_of(turn.case)
        if lead is not None:
            for org in _handlers(turn.case, lead):
                await outboxes.tell(org, "joined", turn._replace(case=lead), turn.case.number)

    return react


def tell_matter(
    handling: Handling, outboxes: Outboxes, kind: OutboxKind, otherwise: Reaction, detail: Detail | None = None
) -> Reaction:
    """Of a filing that follows another, those who handle the matter are told; of any other, as `otherwise` does."""

    async def react(turn: Turn) -> None:
        lead = await handling.cases.lead_of(turn.case)
        if lead is None:
            await otherwise(turn)
            return
        for org in _handlers(turn.case, lead):
            await outboxes.tell(org, kind, turn, detail(turn) if detail else None)

    return react


def _handlers(follower: Case, lead: Case) -> list[str]:
    """Those who handle the lead and may know of this filing."""
    return [org for org in lead.handlers if visible(Principal("organisation", org, "routing"), follower, lead)]
