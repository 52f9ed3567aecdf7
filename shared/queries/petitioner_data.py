"""What is kept of the petitioner who shows number and query code: who they are, and what they wrote (PIPL Art. 44, 45)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from shared.application.response import Answer
from shared.case import Case
from shared.events.intake import PartyCorrected, PartyRecorded
from shared.events.wording import event_words
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent
from shared.kernel.legal_time import day_of

PETITIONER = "p1"
_NOT_THEIRS = frozenset({"reference"})
"""Fields that an office wrote about what it has in hand."""


class OwnText(Answer):
    """Something that the petitioner wrote."""

    version: int = Field(description="Version of the case")
    day: str = Field(description="Day")
    zh: str = Field(description="What it was, in Chinese")
    en: str = Field(description="What it was, in English")
    fields: dict[str, Any] = Field(description="Field -> text")


class PetitionerData(Answer):
    """A copy of the personal data of the petitioner of one case."""

    number: str = Field(description="Number of the case")
    person: dict[str, Any] = Field(description="Name, telephone number, address, …, as corrected last")
    texts: list[OwnText] = Field(description="What the petitioner wrote, oldest first")
    files: int = Field(description="Number of files; see GET /v1/files/own")
    erased: bool = Field(description="The data were erased")


async def petitioner_data(keys: KeyStore, case: Case, events: Sequence[RecordedEvent], zone: str) -> PetitionerData:
    """The copy. Nothing of another party, of an office, or of a member of staff is in it."""
    own = {event.version: event for event in events if event.sealed and _theirs(event)}
    person: dict[str, Any] = {}
    texts: list[OwnText] = []
    erased = False
    for part in await open_sealed(keys, list(own.values()), frozenset({"identity", "text"})) if own else ():
        if part.party != PETITIONER:
            continue
        if part.erased:
            erased = True
            continue
        event = own[part.version]
        values = {name: value for name, value in part.values.items() if value and name not in _NOT_THEIRS}
        if isinstance(event.body, PartyRecorded | PartyCorrected):
            person |= values
        elif values:
            words, day = event_words(event.type), day_of(event.effective_at, zone).isoformat()
            texts.append(OwnText(version=event.version, day=day, zh=words.zh, en=words.en, fields=values))
    files = sum(one.party == PETITIONER for one in case.files)
    return PetitionerData(number=case.number, person=person, texts=texts, files=files, erased=erased)


def _theirs(event: RecordedEvent) -> bool:
    """True for an event that names the petitioner, or that holds the petitioner's own words."""
    body = event.body
    if isinstance(body, NewerEvent):
        return False
    return isinstance(body, PartyRecorded | PartyCorrected) or body.author == PETITIONER
