"""What a holder of number and query code sees of a sealed case: the same as of an ordinary case that still waits for dispatch.

Neither the class, nor an organisation, nor a step of the sealed track, nor a clock of it, nor a gap in the numbers of the events
can be seen, because the holder of the code may be the respondent (Art. 30). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.application.ports import Ports
from shared.case import EMPTY, STREAM, Case, fold
from shared.events.intake import CaseRegistered
from shared.eventstore.recorded_event import RecordedEvent

TOLD = frozenset(
    {
        "CaseRegistered", "PartyRecorded", "RepresentativesNamed", "ConfidentialityRequested", "MaterialAdded", "Nudged",
        "NudgedAgain", "ErasureRequested",
        "QueryCodeRenewed", "WithdrawalRequested", "CaseWithdrawn", "CaseVoided", "CaseUnlinked", "AssignmentWithdrawn",
    }
)  # fmt: skip
"""Events of a sealed case that are told: the petitioner's own acts, and what every ordinary case may have."""


def told_of_sealed(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The events that are shown, numbered without gaps, as if the case had no class. Events before the sealing are shown as
    usual."""
    found: list[RecordedEvent] = []
    case = EMPTY
    for event in events:
        before, case = case.accusation.sealed, fold([event], case)
        if (before or case.accusation.sealed) and event.type not in TOLD:
            continue
        body = event.body
        if isinstance(body, CaseRegistered) and body.class_ == "accusation":
            body = body.model_copy(update={"class_": None})
        found.append(event._replace(version=len(found) + 1, body=body))
    return found


async def told_case(ports: Ports, case: Case) -> Case:
    """The case as it is shown to its petitioner: the case itself, or the visible part of a sealed one."""
    if not case.accusation.sealed:
        return case
    return fold(
        told_of_sealed([event for commit in await ports.log.load(STREAM + case.id) for event in commit.recorded])
    )
