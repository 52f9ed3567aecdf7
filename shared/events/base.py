"""The base of every event model. The field names of the models in this folder are THE storage format.

An event is a frozen pydantic model. Fields with personal data are marked with `Personal(purpose)`; exactly those are moved into
the sealed parts of the recorded event, so that a stored body never holds personal data. Inside a major version only optional
fields are added; readers ignore unknown ones.

>>> from shared.events.department import SignedFor
>>> SignedFor(org="zj").owner
'routing'
>>> SignedFor.trusted({"org": "zj"}) == SignedFor.model_validate({"org": "zj"})
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from shared.events.event_words import EventWords
from shared.events.fields import Personal, Purpose, Service
from shared.events.trusted_build import trusted_build

REGISTRY: dict[str, type[Event]] = {}
"""Stored type name -> model."""


class Event(EventWords, BaseModel):
    """Base of all events. The class name is the stored type name."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    """`defer_build`: a validator is built by its first use, because a process that only reads never validates."""

    owner: ClassVar[Service]
    """The one service that may append this type."""
    also: ClassVar[tuple[Service, ...]] = ()
    """Services that may append it inside a decision of their own, where one commit has to say both."""
    schema_version: ClassVar[int] = 1
    author: ClassVar[str | None] = None
    """The party whose personal data the marked fields are (`p1` is the petitioner), None for the acting organisation. An event
    with a field `party` names it there."""

    personal: ClassVar[dict[str, Purpose]] = {}
    """Marked field -> purpose."""
    trusted: ClassVar[Callable[[dict[str, Any]], Event]]
    """Builds the event from a body whose hash was checked, without validating it again."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.__name__.startswith("_"):  # the base of one file, which names the owner
            return
        if not (hasattr(cls, "owner") and cls.zh and cls.en):
            raise TypeError(f"{cls.__name__} needs an owner, and words: zh, en")
        REGISTRY[cls.__name__] = cls
        cls.personal = {
            name: mark.purpose
            for name, field in cls.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, Personal)
        }
        cls.trusted = staticmethod(trusted_build(cls))
