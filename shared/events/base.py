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

from shared.events.fields import Personal, Purpose, Service
from shared.events.trusted_build import trusted_build

REGISTRY: dict[str, type[Event]] = {}
"""Stored type name -> model."""


class Event(BaseModel):
    """One thing that happened. The class name is the stored type name."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    """`defer_build`: a validator is built by its first use, because a process that only reads never validates."""

    owner: ClassVar[Service]
    """The one service that may append this type."""
    also: ClassVar[tuple[Service, ...]] = ()
    """Services that may append it inside a decision of their own, where one commit has to say both."""
    schema_version: ClassVar[int] = 1
    zh: ClassVar[str]
    """What happened, in Chinese, for timelines, the status page and notices. The words are class keywords:
    `class Accepted(_Department, zh="受理", en="The organisation accepted it.", shows=("path",))`."""
    en: ClassVar[str]
    """The same as an English sentence."""
    shows: ClassVar[tuple[str, ...]]
    """Details that a line of a timeline shows besides the sentence, named as in `details` of the API (`class`, not `class_`)."""
    for_petitioner: ClassVar[bool]
    """True where the petitioner is told of the event in exactly these words; `heard` in the citizen's status words some others."""
    petitioner_reads: ClassVar[tuple[str, ...]]
    """Text fields that the petitioner may read."""
    petitioner_reads_after_reply: ClassVar[tuple[str, ...]]
    """Text fields that the petitioner may read once the reply has been delivered (送达)."""
    author: ClassVar[str | None] = None
    """The party whose personal data the marked fields are (`p1` is the petitioner), None for the acting organisation. An event
    with a field `party` names it there."""

    personal: ClassVar[dict[str, Purpose]] = {}
    """Marked field -> purpose."""
    trusted: ClassVar[Callable[[dict[str, Any]], Event]]
    """Builds the event from a body whose hash was checked, without validating it again."""

    def __init_subclass__(
        cls,
        *,
        zh: str = "",
        en: str = "",
        shows: tuple[str, ...] = (),
        for_petitioner: bool = False,
        petitioner_reads: tuple[str, ...] = (),
        petitioner_reads_after_reply: tuple[str, ...] = (),
    ) -> None:
        cls.zh, cls.en, cls.shows, cls.for_petitioner = zh, en, shows, for_petitioner
        cls.petitioner_reads, cls.petitioner_reads_after_reply = petitioner_reads, petitioner_reads_after_reply

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.__name__.startswith("_"):  # the base of one file, which names the owner
            return
        if not hasattr(cls, "owner"):
            raise TypeError(f"{cls.__name__} needs an owner")
        if not cls.zh or not cls.en:
            raise TypeError(f"{cls.__name__} needs words: zh, en")
        REGISTRY[cls.__name__] = cls
        cls.personal = {
            name: mark.purpose
            for name, field in cls.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, Personal)
        }
        cls.trusted = staticmethod(trusted_build(cls))

    def party_of(self, org: str | None) -> str:
        """The party whose keys seal this event's personal fields; `org`: the acting organisation."""
        named: str | None = self.__dict__.get("party") or self.author
        return named or f"org:{org or 'office'}"
