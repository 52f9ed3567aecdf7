"""The topics as data (topics.yaml), and their differences from those of the brokers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.kafka.topics import FOREVER, ExistingTopic, WantedTopic
from shared.kernel import data_file
from shared.messaging.member import CODE, Member
from shared.policy.book import PolicyBook

FILE = Path(__file__).with_name("topics.yaml")
DAY_MS = 86_400_000
EVENTS = "case-events"
"""The topic of all events."""
MEMBER = re.compile(r"\{jurisdiction\}\.\{(organisation|platform)\}$")
"""The end of a name that describes one topic, or one user, for each member."""
_USER = r"^[a-z0-9_-]{1,100}(\{jurisdiction\}\.\{(organisation|platform)\})?$"
User = Annotated[str, Field(pattern=_USER)]
"""A Kafka user. The names of its groups are its name, or begin with its name and a dot. So no name of a user is the beginning of
another one up to a dot: ours contain no dot, and those of members exactly one, between jurisdiction and code."""


class Topic(BaseModel):
    """One topic as described in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9._-]{1,200}(\{jurisdiction\}\.\{(organisation|platform)\})?$")
    """A name that ends with `{jurisdiction}.{organisation}` or `{jurisdiction}.{platform}` describes one topic for each of them."""
    holds: str
    key: str
    partitions: int = Field(ge=1, le=1000)
    fixed: bool = False
    retention: Literal["forever"] | int
    """Days."""
    largest: int = Field(1_048_576, ge=1024)
    """Bytes of the largest record."""
    read: tuple[User, ...]
    write: tuple[User, ...]

    @property
    def retention_ms(self) -> int:
        return FOREVER if self.retention == "forever" else self.retention * DAY_MS


class Topics(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    topics: tuple[Topic, ...]


class Difference(NamedTuple):
    """One difference from the file. `change` None: it must be made by hand; `why` gives the reason."""

    topic: str
    what: Literal["missing", "partitions", "retention", "largest"]
    wanted: str
    have: str
    change: WantedTopic | None
    why: str = ""


Members = Mapping[str, Collection[Member]]
"""`organisation` and `platform` -> those that have topics."""


def load(path: Path = FILE, prefix: str = "") -> tuple[Topic, ...]:
    """The topics of the file, their names with `prefix`. Raises OSError, ValueError."""
    found = Topics.model_validate(data_file.load(path)).topics
    return tuple(topic.model_copy(update={"name": prefix + topic.name}) for topic in found)


def spread(topics: Iterable[Topic], members: Members) -> tuple[Topic, ...]:
    """The topics with one for each member in place of the one that describes them. Raises ValueError for a code that cannot
    be part of a name."""
    made: list[Topic] = []
    for topic in topics:
        many = MEMBER.search(topic.name)
        if many is None:
            made.append(topic)
            continue
        having = members.get(many[1], ())
        check_codes(many[1], having)
        made += [topic.model_copy(update={"name": topic.name[: many.start()] + one.dotted}) for one in sorted(having)]
    return tuple(made)


def check_codes(kind: str, members: Iterable[Member]) -> None:
    """Raises ValueError for a code of `organisation` or `platform` that cannot be part of a name."""
    for member in members:
        if not CODE.fullmatch(member.code):
            raise ValueError(
                f"{kind} {member.code} cannot be part of the name of a topic: only letters, digits, - and _ are allowed. Use"
                " another code."
            )


def members_of(books: Iterable[PolicyBook]) -> Members:
    """The members that have topics by the policies in force: organisations with `delivery` kafka, and the platforms of
    channels whose names are valid in the name of a topic. All others use HTTP."""
    organisations: set[Member] = set()
    platforms: set[Member] = set()
    for book in books:
        kafka = (one.code for one in book.organisations.values() if one.delivery == "kafka")
        organisations |= {Member(book.jurisdiction, code) for code in kafka}
        named = (one.platform for one in book.channels.values() if one.platform is not None)
        platforms |= {Member(book.jurisdiction, name) for name in named if CODE.fullmatch(name)}
    return {"organisation": organisations, "platform": platforms}


def differences(topics: tuple[Topic, ...], existing: dict[str, ExistingTopic], brokers: int) -> list[Difference]:
    """The differences, with the changes that `apply` would make. It deletes and reduces nothing."""
    found: list[Difference] = []
    for topic in topics:
        have = existing.get(topic.name)
        if have is None:
            wanted = WantedTopic(topic.partitions, min(3, brokers), topic.retention_ms, topic.largest)
            found.append(Difference(topic.name, "missing", f"{topic.partitions} partitions", "", wanted))
            continue
        found += _partitions(topic, have)
        if topic.retention_ms != have.retention_ms:
            longer = topic.retention_ms == FOREVER or FOREVER != have.retention_ms < topic.retention_ms
            change = WantedTopic(retention_ms=topic.retention_ms) if longer else None
            texts = (_days(topic.retention_ms), _days(have.retention_ms))
            why = "" if longer else "a shorter retention deletes records; change it by hand"
            found.append(Difference(topic.name, "retention", *texts, change, why))
        if topic.largest != have.largest:
            larger = topic.largest > have.largest
            why = "" if larger else "there may be records of that size"
            change = WantedTopic(largest=topic.largest) if larger else None
            found.append(Difference(topic.name, "largest", str(topic.largest), str(have.largest), change, why))
    return found


def _partitions(topic: Topic, have: ExistingTopic) -> list[Difference]:
    if topic.partitions == have.partitions:
        return []
    if topic.fixed:
        why = "another number would send later events of a case to another partition"
    elif topic.partitions < have.partitions:
        why = "partitions cannot be removed"
    else:
        why = ""
    change = None if why else WantedTopic(partitions=topic.partitions)
    return [Difference(topic.name, "partitions", str(topic.partitions), str(have.partitions), change, why)]


def _days(milliseconds: int) -> str:
    return "forever" if milliseconds == FOREVER else f"{milliseconds / DAY_MS:g} days"
