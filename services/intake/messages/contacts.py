"""How the petitioner of a case may be reached: consent, channels, language and addresses, from the events of the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.events import intake as e
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.policy.message_rules import MessageRules

PARTY = "p1"


class Contact(NamedTuple):
    """A channel by which messages may be sent, and the versions of the events that may hold the address, the newest first."""

    channel: str
    versions: tuple[int, ...]


class Contacts(NamedTuple):
    """The channels in the order in which they are tried, and the language."""

    channels: tuple[Contact, ...]
    language: str


def contacts(events: Sequence[RecordedEvent], rules: MessageRules) -> Contacts:
    """Whom to reach how. The petitioner's own decisions go before what the policy implies. Nothing is decrypted."""
    confirmed: Contact | None = None
    given: dict[str, tuple[bool, int | None]] = {}
    phones: list[int] = []
    language: str = rules.language
    for event in events:
        body = event.body
        if isinstance(body, e.DeliveryAddressConfirmed):
            confirmed = Contact(body.kind, (event.version,)) if body.electronic and body.kind is not None else None
        elif isinstance(body, e.MessageConsentGiven):
            given[body.channel] = body.consent, event.version if any(event.sealed) and body.consent else None
            language = body.language or language
        elif isinstance(body, e.PartyRecorded | e.PartyCorrected) and body.party == PARTY and event.sealed:
            phones.insert(0, event.version)
    found: dict[str, Contact] = {}
    if confirmed is not None and given.get(confirmed.channel, (True, None))[0]:
        found[confirmed.channel] = confirmed
    for channel, (consents, version) in given.items():
        if consents and channel not in found:
            known = tuple(phones) if channel == "sms" else ()
            found[channel] = Contact(channel, (version, *known) if version is not None else known)
    for channel in rules.implied:
        if channel == "sms" and channel not in given and channel not in found and phones:
            found[channel] = Contact(channel, tuple(phones))
    return Contacts(tuple(found.values()), language)


async def address_of(keys: KeyStore, events: Sequence[RecordedEvent], contact: Contact) -> str | None:
    """The address, decrypted; None if there is none, or its key was erased. The caller has recorded the read."""
    by_version = {event.version: event for event in events}
    wanted = [by_version[version] for version in contact.versions]
    opened = {part.version: part.values for part in await open_sealed(keys, wanted, frozenset({"identity"}))}
    for event in wanted:
        values = opened.get(event.version, {})
        field = "phone" if isinstance(event.body, e.PartyRecorded | e.PartyCorrected) else "address"
        if found := values.get(field):
            return str(found)
    return None
