"""The display words of event types, declared with the class of the event."""

from __future__ import annotations

from typing import ClassVar


class EventWords:
    """Base of Event: the words of an event type, given as class keywords."""

    zh: ClassVar[str]
    """What happened, in Chinese, for timelines, the status page and notices. The words are class keywords:
    `class Accepted(_Department, zh="受理", en="The organisation accepted it.", shows=("path",))`."""
    en: ClassVar[str]
    """The same as an English sentence."""
    shows: ClassVar[tuple[str, ...]]
    """Details that a line of a timeline shows besides the sentence, named as in `details` of the API (`class`, not `class_`)."""
    for_petitioner: ClassVar[bool]
    """True if the citizen's status shows the event in exactly these words. `heard` in that module words other events."""
    petitioner_reads: ClassVar[tuple[str, ...]]
    """Text fields that the petitioner may read."""
    petitioner_reads_after_reply: ClassVar[tuple[str, ...]]
    """Text fields that the petitioner may read once the reply has been delivered (送达)."""

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
