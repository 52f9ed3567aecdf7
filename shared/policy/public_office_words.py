"""The words of `public_offices.yaml`: organs, posts, and what says that a post is a private one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from shared.kernel import data_file
from shared.kernel.text_normalization import search_form

BEFORE = 12
"""Letters that may stand between an office and what is said of it (own choice)."""
AFTER = 6
"""Letters that may stand between what is said of somebody and their office, which follows 的 (own choice)."""


@cache
def office_words() -> dict[str, tuple[str, ...]]:
    """Kind of word -> the words in their search form."""
    raw: dict[str, list[str]] = data_file.load(Path(__file__).with_name("public_offices.yaml"))
    return {kind: tuple(search_form(word) for word in words) for kind, words in raw.items()}


@cache
def said_of_an_office(words: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds one of `words`, which are patterns themselves, near a public office."""
    known = office_words()
    offices = "|".join(map(re.escape, (*known["certain"], *known["possible"], *known["village"])))
    said = "|".join(words)
    addressed = "(?<![尊敬][敬爱]的)"  # 尊敬的书记 is to whom the letter is written
    return re.compile(
        f"{addressed}(?:{offices}).{{0,{BEFORE}}}(?:{said})|(?:{said}).{{0,{AFTER}}}的{addressed}.{{0,2}}(?:{offices})"
    )
