"""Types of the fields of events: the closed vocabularies, moments, and personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer

from shared.kernel.legal_time import LegalTime, given_time, not_a_time, to_text

Service = Literal["intake", "routing", "supervision", "analytics"]
Purpose = Literal["identity", "text", "file", "credential"]
"""file: the keys of files, which no reader of texts ever gets."""
Class = Literal["claim", "accusation", "suggestion", "litigation", "consultation"]
Urgency = Literal["ordinary", "urgent"]
AgentRelation = Literal["guardian", "authorised"]
"""guardian: parent or guardian of a person under 14, who consents to the processing of that person's data (PIPL Art. 31);
authorised: the petitioner asked them to file."""
"""urgent: 重大、紧急信访事项 (Art. 22, 25)."""

Word = Literal["own_hand", "keyed", "platform"]
"""Whose word a fact of the petitioner is: the petitioner's own (query code), recorded by an office, or sent by a platform."""
Evidence = Literal["signed_form", "recording", "letter", "witnessed_visit"]
"""What an office has as proof of a word that it recorded for the petitioner."""


@dataclass(frozen=True)
class Personal:
    """Marks a field as personal data of one party. `purpose` chooses the key: the party's identity, or what it wrote."""

    purpose: Purpose


def _moment(value: object) -> object:
    """A time as text in the documented forms; pydantic alone would take a number as seconds since 1970."""
    if isinstance(value, str):
        return given_time(value)
    if isinstance(value, date):  # built in Python, not read from outside
        return value
    raise not_a_time()


WHEN = BeforeValidator(_moment)
"""Marks a field as a moment: a text in the documented forms, nothing else."""
# An instant or a date, its precision kept. Stored as text.
Moment = Annotated[LegalTime, WHEN, PlainSerializer(to_text, return_type=str)]

# Personal data. Always optional: a reader without the key, or after erasure, sees None.
Identity = Annotated[str | None, Personal("identity")]
Text = Annotated[str | None, Personal("text")]
FileSecret = Annotated[str | None, Personal("file")]
Secret = Annotated[str | None, Personal("credential")]
"""What proves who somebody is: the hash of a password, a shared secret, a public key."""
Texts = Annotated[tuple[str, ...], Personal("text")]
"""Several pieces of free text; () where the key is gone."""
