"""Codes that two jurisdictions of one deployment share.

A case is identified by its channel and item, and an inbox by the code of its organisation: jurisdictions that share such a
code share these, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from shared.events.policy import Section
from shared.policy.book import PolicyBook
from shared.policy.documents import Channel, Channels, Document, Organisation, Organisations
from shared.policy.validation.finding import Finding
from shared.policy.validation.messages import finding

_NAMED = 5
"""Codes that one finding names."""


def overlaps(
    documents: Mapping[Section, Document], jurisdiction: str, books: Mapping[str, PolicyBook]
) -> list[Finding]:
    """The findings on channels and organisations of `jurisdiction` whose codes are in force elsewhere, too."""
    return list(_overlaps(documents, [(other, book) for other, book in sorted(books.items()) if other != jurisdiction]))


def _overlaps(documents: Mapping[Section, Document], others: list[tuple[str, PolicyBook]]) -> Iterator[Finding]:
    channels, organisations = documents.get("channels"), documents.get("organisations")
    for other, book in others:
        if isinstance(channels, Channels) and (codes := _common(book.channels, channels.channels)):
            yield finding("channels", "shared_channels", codes=codes, other=other)
        if isinstance(organisations, Organisations) and (
            codes := _common(book.organisations, organisations.organisations)
        ):
            yield finding("organisations", "shared_organisations", codes=codes, other=other)


def _common(known: Collection[str], entries: Sequence[Channel] | Sequence[Organisation]) -> str:
    shared = [entry.code for entry in entries if entry.code in known]
    return ", ".join(shared[:_NAMED]) + (", …" if len(shared) > _NAMED else "")
