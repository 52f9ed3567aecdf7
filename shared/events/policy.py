"""Events of the policy (law as data). Stream `policy/<jurisdiction>`: each activation holds one complete document."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Service

Section = Literal[
    "jurisdiction",
    "organisations",
    "places",
    "subjects",
    "channels",
    "routing",
    "clocks",
    "files",
    "calendar",
    "keywords",
    "mappings",
    "templates",
]


class PolicyActivated(Event, zh="规则生效", en="A section of the policy came into force."):
    """`section` of the policy is `document` from `effective_at` on.

    `hash` is the SHA-256 of its canonical JSON.
    """

    owner: ClassVar[Service] = "supervision"
    section: Section
    hash: str
    document: dict[str, Any]


class OrganisationAdded(Event, zh="新增单位", en="An organisation was added to the policy."):
    """An organisation was added to the policy, for example because an import names an unknown one."""

    owner: ClassVar[Service] = "supervision"
    code: str
    name: str
    kind: str = "handling"
    parent: str | None = None


class EntryAdded(Event, zh="新增目录条目", en="An entry was added to a list of the policy."):
    """A place or a subject was added to the policy, because an import names one that is not listed and its mapping says so."""

    owner: ClassVar[Service] = "supervision"
    section: Literal["places", "subjects"]
    code: str
    name: str
