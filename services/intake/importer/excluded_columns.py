"""Columns that classify persons (data/excluded_columns.yaml). They are never read, even if a mapping names them: the product
does not watch or score people who complain."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from shared.kernel import data_file
from shared.kernel.text_normalization import identifier_form, name_form, search_form


class _Excluded(NamedTuple):
    """The content of the data file, ready for comparing."""

    anywhere: list[str]
    whole: re.Pattern[str]
    abbreviations: frozenset[str]
    words: list[list[str]]
    persons: re.Pattern[str]
    is_: re.Pattern[str]
    abbreviated: re.Pattern[str]
    english: re.Pattern[str]


@cache
def _excluded() -> _Excluded:
    raw = data_file.load(Path(__file__).parent / "data" / "excluded_columns.yaml")
    words = [words.split() for words in raw["words"]]
    return _Excluded(
        [search_form(word) for word in raw["anywhere"]],
        re.compile(raw["whole"]),
        frozenset(raw["abbreviations"]),
        words,
        _in_search_form(raw["persons"]),
        _in_search_form(raw["is"]),
        re.compile(rf"(?:sf)?(?:{'|'.join(raw['roots'])})(?:{'|'.join(raw['endings'])})?\d*"),
        re.compile(
            rf"(?:.* )?(?:{_either(raw['marks'])}) ?(?:{_either(raw['persons_en'])})s?(?:flag|type|id)?(?: .*)?"
        ),
    )


def _in_search_form(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub("[\u4e00-\u9fff]", lambda found: search_form(found[0]), pattern))


def _either(words: list[str]) -> str:
    return "|".join(word.replace(" ", " ?") for word in words)


@lru_cache(maxsize=4096)
def classifies_persons(column: str) -> bool:
    """True if a column of this name classifies persons, in whatever characters it is written. An ambiguous abbreviation counts
    as one that does."""
    excluded = _excluded()
    letters = search_form(column)
    if any(word in letters for word in excluded.anywhere):
        return True
    for name in (re.sub(r"[\W_]+", "", identifier_form(column)), letters):
        bare = name.removeprefix("是否")
        if excluded.whole.fullmatch(bare) or excluded.whole.fullmatch(re.sub(r"[a-zA-Z0-9]+$", "", bare)):
            return True
    bare = letters.removeprefix("是否").removeprefix("是")
    if excluded.persons.fullmatch(letters) or excluded.is_.fullmatch(bare):
        return True
    words = re.findall(r"[a-z0-9]+", name_form(in_words(identifier_form(column))))
    if excluded.abbreviations.intersection((*words, letters)):
        return True
    if any(map(excluded.abbreviated.fullmatch, (*words, letters))) or excluded.english.fullmatch(" ".join(words)):
        return True
    return any(
        words[start : start + len(wanted)] == wanted
        for wanted in excluded.words
        for start in range(len(words) - len(wanted) + 1)
    )


def in_words(name: str) -> str:
    """A name in camel case as separate words: `dueDate` is `due Date`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
