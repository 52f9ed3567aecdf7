"""Keyword recognition: the keyword rules that match the text of a filing. The text is decrypted in memory only.

No read is recorded, because no person reads the text. The case records which rule decided (PIPL Art. 24).
"""

from __future__ import annotations

from services.routing.commands.dispatch import RouteCase
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import Trigger
from shared.events.intake import CaseRegistered
from shared.eventstore.field_encryption import open_sealed


async def recognised(handling: CommandHandler, turn: Trigger) -> RouteCase:
    """The first rule of each kind that matches title and text. An erased text matches nothing. The log is read only if the event
    that triggers it is not the filing itself."""
    case = turn.case
    keywords = (await handling.policies.book(case.jurisdiction)).keywords
    if (
        not keywords.rules
        or case.assignment.org is not None
        or case.assignment.queue_reason is not None
        or case.accusation.sealed
    ):
        return RouteCase()
    filed = [turn.event]
    if not isinstance(turn.event.body, CaseRegistered):
        commits = await handling.log.load(case.stream)
        filed = [event for commit in commits for event in commit.recorded if isinstance(event.body, CaseRegistered)]
    found: dict[str, str] = {}
    for part in await open_sealed(handling.keys, filed, frozenset({"text"})):
        found.update({name: value for name, value in part.values.items() if isinstance(value, str)})
    title = found.get("title", "")
    text = "\n".join(found[name] for name in ("subject_text", "place_text", "location", "text") if name in found)
    matches = keywords.recognised(title, text)
    return RouteCase(
        suspicion=None if case.accusation.cleared else matches.suspicion,
        subject=matches.subject if case.filing.subject is None else None,
        weak=matches.weak,
    )
