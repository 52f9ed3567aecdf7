"""Notifications about filings that follow another: the handlers of the matter are notified, as far as they may see the filing."""

from __future__ import annotations

from services.routing.organisation_notifications import OrganisationNotifications
from shared.case import Case
from shared.commands.authorization import Principal, visible
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import Trigger
from shared.events.intake import CaseLinked
from shared.events.routing import OutboxKind
from shared.repositories.matter_cases import lead_of


async def tell_joined(
    handling: CommandHandler, outboxes: OrganisationNotifications, turn: Trigger, body: CaseLinked
) -> None:
    """Notify the handlers of the lead that the matter has one more filing; the detail is that filing's number."""
    lead = await lead_of(handling.cases, turn.case) if body.kind != "related" else None
    if lead is not None:
        for org in _handlers(turn.case, lead):
            await outboxes.tell(org, "joined", turn._replace(case=lead), turn.case.number)


async def tell_matter(
    handling: CommandHandler,
    outboxes: OrganisationNotifications,
    kind: OutboxKind,
    turn: Trigger,
    detail: str | None = None,
) -> bool:
    """Notify the handlers of the matter of an event of a follower. Returns False, and does nothing, for any other case."""
    lead = await lead_of(handling.cases, turn.case)
    if lead is None:
        return False
    for org in _handlers(turn.case, lead):
        await outboxes.tell(org, kind, turn, detail)
    return True


def _handlers(follower: Case, lead: Case) -> list[str]:
    """The handlers of the lead that may see this filing."""
    readers = {org: Principal("organisation", org, "routing", jurisdiction=lead.jurisdiction) for org in lead.handlers}
    return [org for org, reader in readers.items() if visible(reader, follower, lead)]
