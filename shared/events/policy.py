"""Law as data. Stream `policy/<jurisdiction>`: each event holds one whole document, addressed by its hash."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from shared.events.base import Event, Service

Section = Literal[
    "jurisdiction",
    "organisations",
    "places",
    "subjects",
    "channels",
    "routing",
    "clocks",
    "calendar",
    "keywords",
    "mappings",
]


class PolicyActivated(Event):
    """`section` of the policy is `document` from `effective_at` on. `hash` is sha256 over its canonical JSON."""

    owner: ClassVar[Service] = "supervision"
    section: Section
    hash: str
    document: dict[str, Any]


class OrganisationAdded(Event):
    """One organisation joined the list, as when an import names one that was not there."""

    owner: ClassVar[Service] = "supervision"
    code: str
    name: str
    kind: str = "handling"
    parent: str | None = None
