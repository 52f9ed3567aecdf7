"""Events of the knowledge of a jurisdiction: answers and templates of replies. Stream `knowledge/<jurisdiction>/<entry>`; the
version of the stream is the version of the entry. The texts are the office's own and hold no personal data."""

from __future__ import annotations

from typing import ClassVar

from shared.events.base import Event
from shared.events.fields import Moment, Service


class _Knowledge(Event):
    owner: ClassVar[Service] = "routing"
    entry: str
    """Code of the entry."""


class KnowledgeSaved(_Knowledge, zh="保存知识条目", en="An entry of the knowledge was saved."):
    """The entry has this text from now on. Texts that were filled from an earlier version are not changed."""

    subject: str | None = None
    """Subject of the policy; None: for every subject."""
    office: str
    """The organisation that answers for the entry."""
    title: str
    text: str
    """The text, in the language of templates."""
    basis: tuple[str, ...] = ()
    """Legal basis."""
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    """The last day."""
    review_on: Moment
    """The day on which its owner looks at it again."""


class KnowledgeWithdrawn(_Knowledge, zh="停用知识条目", en="An entry of the knowledge was withdrawn."):
    """The entry is not used any more, until it is saved again."""
