"""The words of `public_offices.yaml`: organs, posts, and what says that a post is a private one; and what is said of an office."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from shared.kernel import data_file
from shared.kernel.text_normalization import search_form

NEAR = 30
"""Letters after a post in which something is said of its holder, up to the next private company or person (own choice)."""
NEAR_ORGAN = 14
"""The same after an organ, of which much is said in ordinary complaints (own choice)."""
AFTER = 8
"""Letters that may stand between what is said of somebody and their office, which follows 的 (own choice)."""
_LONGEST = 40
"""Letters that the words themselves may take at the end of those."""
_OBJECT = 5
"""Letters between a word such as 跟 and its object."""


@cache
def office_words() -> dict[str, tuple[str, ...]]:
    """Kind of word -> the words in their search form."""
    raw: dict[str, list[str]] = data_file.load(Path(__file__).with_name("public_offices.yaml"))
    return {kind: tuple(search_form(word) for word in words) for kind, words in raw.items()}


def _one_of(words: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, words))


@cache
def office_pattern() -> str:
    """A public office or organ, unless a letter or a request is addressed to it, as in 尊敬的书记 and 书记您好."""
    known = office_words()
    named = _one_of((*known["certain"], *known["possible"], *known["village"]))
    organs = f"(?:{_one_of(known['stems'])})(?:{_one_of(known['suffixes'])})"
    before = "".join(f"(?<!{re.escape(word)})" for word in known["addressed"])
    return f"{before}(?:{named}|{organs})(?!{_one_of(known['greetings'])})"


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """An office; an organ as a whole; and a private company or person, who becomes the subject."""
    known = office_words()
    organs = f"(?:{_one_of(known['organs_in_text'])}|(?:{_one_of(known['suffixes'])})$)"
    return (
        re.compile(office_pattern()),
        re.compile(organs),
        re.compile(_one_of((*known["private"], *known["others"]))),
    )


@cache
def _said(words: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of `words`, and of these before an office, as in 收了钱的局长."""
    return re.compile(words), re.compile(f"{words}.{{0,{AFTER}}}的.{{0,2}}{office_pattern()}")


@cache
def _objects() -> frozenset[str]:
    return frozenset(office_words()["takes_object"])


class _Clause(NamedTuple):
    """What stands behind an office."""

    text: str
    near: int
    """Letters in which what is said of the office begins."""


@lru_cache(maxsize=4)
def _clauses(text: str) -> tuple[_Clause, ...]:
    office, organ, private = _patterns()
    found: list[_Clause] = []
    for one in office.finditer(text):
        start = one.end()
        near = NEAR_ORGAN if organ.search(one[0]) else NEAR
        end = start + near + _LONGEST
        for other in private.finditer(text, start, start + near):
            if _objects().isdisjoint(text[max(start, other.start() - _OBJECT) : other.start()]):
                end = other.start()
                break
        found.append(_Clause(text[start - 1 : end], near))
    return tuple(found)


def said_of_an_office(words: str, text: str) -> bool:
    """True if a public office stands near what the pattern `words` finds in the text, which is a search form."""
    said, before = _said(words)
    for clause in _clauses(text):
        found = said.search(clause.text, 1)
        if found is not None and found.start() <= clause.near + 1:
            return True
    return before.search(text) is not None
