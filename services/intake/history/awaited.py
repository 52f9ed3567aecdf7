"""Originals that come after their duplicates: the link that a source stated is made when the original is recorded.

The row of a duplicate is written before its reaction looks for the original, and who records an original searches the rows
afterwards: one of them sees the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.history.links import not_linked
from shared.application.ports import Ports
from shared.case import Case
from shared.commands.authorization import Action, Role
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.consumers.reaction import Trigger, stamp_for
from shared.events.intake import CaseLinked, LinkKind, OriginalNamed
from shared.eventstore.read_models import Condition, Row
from shared.repositories.matter_cases import lines_of

VIEW = "matters"
"""Read model of intake: `awaits` is the case that a filing names as its original and that is unknown."""
_ROLES: tuple[Role, ...] = ("service",)
LINK = Action("link_original", _ROLES)
MOST = 1000
"""Filings that are linked when one original comes; those beyond are linked at their next import."""


async def waiting_for(ports: Ports, originals: Sequence[str]) -> list[Row]:
    """The rows of the filings that wait for one of these cases."""
    if not originals:
        return []
    return await ports.views.find(
        VIEW, [Condition("awaits", "in", tuple(originals))], order=["filed_at"], after=None, limit=MOST
    )


async def link_original(ports: Ports, case: Case, original: str, kind: LinkKind, metadata: EventMetadata) -> bool:
    """Link an imported case to the original that its source names. False if the original is still unknown, if the link does not
    fit, or if somebody works on the case here: then a person links it."""
    intake = ports.handling("intake")
    lead = (await intake.cases.load_confirmed(original)).case
    if not lead.exists or lead.jurisdiction != case.jurisdiction:
        return False
    book = await ports.policies.book(case.jurisdiction)
    lines = await lines_of(intake.cases, [original])

    def decide(found: Case, _given: object) -> list[NewEvent]:
        moved = found.live or original in (found.matter.lead, *found.matter.related)
        if moved or not_linked(found, lead, lines, kind, book.zone) is not None:
            return []
        return [NewEvent(CaseLinked(lead=original, kind=kind), found.filing.filed_at)]

    done = await intake.handle(case.id, LINK, metadata, decide)
    return done.commit is not None and not done.repeated


async def look_for_original(ports: Ports, turn: Trigger, body: OriginalNamed) -> None:
    """The reaction of a filing whose original was unknown: it may have come meanwhile."""
    await link_original(ports, turn.case, body.original, body.kind, stamp_for("intake", "original", turn))
