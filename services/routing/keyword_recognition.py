"""Keyword recognition: the keyword rules that match the text of a filing. The text is decrypted in memory only.

No read is recorded, because no person reads the text. The case records which rule decided (PIPL Art. 24).
"""

from __future__ import annotations

from services.routing.commands.dispatch import RouteCase
from shared.commands.command_handler import CommandHandler
from shared.commands.later_texts import is_of_the_petitioner, said_in
from shared.consumers.reaction import Trigger
from shared.events.intake import CaseRegistered, WentLive
from shared.eventstore.field_encryption import open_sealed

WRITTEN = ("subject_text", "place_text", "level_text", "qr_text", "location", "text")
"""The texts of a filing besides its title, including what was written in place of a code."""


async def recognised(handling: CommandHandler, turn: Trigger) -> RouteCase:
    """The first rule of each kind that matches title and text. An erased text matches nothing. The log is read only if the event
    that triggers it is not the filing itself. An imported case is searched when it goes live, with all that was said in it, also
    where an organisation has it."""
    case, live = turn.case, isinstance(turn.event.body, WentLive)
    keywords = (await handling.policies.book(case.jurisdiction)).keywords
    waits = case.assignment.org is None and case.assignment.queue_reason is None
    if not keywords.rules or not (waits or live) or case.accusation.sealed:
        return RouteCase()
    filed, later = [turn.event], []
    if not isinstance(turn.event.body, CaseRegistered):
        events = [event for commit in await handling.log.load(case.stream) for event in commit.recorded]
        filed = [event for event in events if isinstance(event.body, CaseRegistered)]
        later = [event for event in events if live and is_of_the_petitioner(event.body)]
    found: dict[str, str] = {}
    for part in await open_sealed(handling.keys, filed, frozenset({"text"})):
        found.update({name: value for name, value in part.values.items() if isinstance(value, str)})
    title = found.get("title", "")
    text = "\n".join(found[name] for name in WRITTEN if name in found)
    matches = keywords.recognised(title, text)
    suspicion = matches.suspicion
    if suspicion is None and later:
        parts = await open_sealed(handling.keys, later, frozenset({"text"}))
        suspicion = keywords.recognised(
            "", "\n".join(line for part in parts for line in said_in(part.values))
        ).suspicion
    return RouteCase(
        suspicion=None if case.accusation.cleared else suspicion,
        subject=matches.subject if case.filing.subject is None else None,
        weak=matches.weak,
    )
