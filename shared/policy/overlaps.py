"""Codes that two jurisdictions of one deployment share. A case is known by its channel and item, an inbox by the code of its
organisation: whoever shares the code shares these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from shared.events.policy import Section
from shared.policy.book import PolicyBook
from shared.policy.documents import Channels, Document, Organisations
from shared.policy.finding import Finding

_NAMED = 5
"""Codes that one finding names."""


def overlaps(
    documents: Mapping[Section, Document], jurisdiction: str, books: Mapping[str, PolicyBook]
) -> list[Finding]:
    """What is to be known of the channels and organisations of `jurisdiction`, beside those in force elsewhere."""
    channels, organisations = documents.get("channels"), documents.get("organisations")
    found = []
    for other, book in sorted(books.items()):
        if other == jurisdiction:
            continue
        if isinstance(channels, Channels) and (
            codes := _common(book.channels, (one.code for one in channels.channels))
        ):
            found.append(
                Finding(
                    "channels",
                    f"{codes}: {other} has channels of that name, too, and the same item id there and here is taken for one"
                    " filing; give them codes of their own",
                    f"{codes}：{other} 也有同一代码的渠道，两处编号相同的件会被当作同一件，请使用各自的渠道代码。",
                )
            )
        if isinstance(organisations, Organisations) and (
            codes := _common(book.organisations, (one.code for one in organisations.organisations))
        ):
            found.append(
                Finding(
                    "organisations",
                    f"{codes}: {other} has organisations of that code, too, and what both send lies in one inbox and one topic;"
                    " unless it is the same organisation, give it a code of its own",
                    f"{codes}：{other} 也有同一代码的单位，两处交办的件进入同一收件箱和主题；如非同一单位，请使用不同的代码。",
                )
            )
    return found


def _common(known: Collection[str], codes: Iterable[str]) -> str:
    shared = [code for code in codes if code in known]
    return ", ".join(shared[:_NAMED]) + (", …" if len(shared) > _NAMED else "")
