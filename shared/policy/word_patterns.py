"""How a word of a keyword rule is looked for: letters, `*` for up to ten letters, `{…}` for one of a class of words, and `+`
between what stands near each other in any order, as in {公物}+{侵吞}.

The classes are data (`word_classes.yaml`): what is entrusted to an office, what it decides, what is given for that, and so on;
{公职} is a public office or organ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import NamedTuple, TypeAlias

from shared.kernel import data_file
from shared.kernel.text_normalization import search_form
from shared.policy.public_office_words import office_pattern

CLASSES = Path(__file__).with_name("word_classes.yaml")
GAP = ".{0,10}"
NEAR = ".{0,20}"
"""Between what stands near each other (own choice)."""
_TOGETHER = re.compile("[+＋]")
_PIECE = re.compile(r"[*＊~]|[{｛][^{}｛｝*＊]+[}｝]")
"""`~` is NEAR, in words that were taken apart at their `+`."""
_DIGIT = "[0-9一二两三四五六七八九十百千万几数多半]"
_AMOUNT = f"(?:{_DIGIT}{{1,9}}(?:来|多|余)?个?(?:万元|元钱|块钱|元|块|万|千|百|毛)|[百千万]元)"
_OFFICE = "公职"


class WordPattern(NamedTuple):
    parts: tuple[str, ...]
    """The letters of the word between stars and classes, in their search form."""
    source: str
    """A regular expression."""
    compiled: re.Pattern[str] | None
    """None: the only part says it all."""


class _Classes(NamedTuple):
    words: dict[str, tuple[str, ...]]
    amounts: frozenset[str]
    """Classes that contain any amount of money."""
    not_after: dict[str, str]
    """Class -> a pattern of what does not stand before it."""
    fees: tuple[str, ...]
    """What an amount is that an office may take."""
    longer: dict[str, str]
    """First letter of a word -> the letters with which it would be part of another word: 没收, 征收."""


_Pieces: TypeAlias = tuple[str, ...]
"""A word in pieces, each a pattern: letters one by one, gaps, classes."""


@cache
def _classes() -> _Classes:
    raw = data_file.load(CLASSES)
    words = {name: tuple(map(search_form, one["words"])) for name, one in raw["classes"].items()}
    amounts = frozenset(name for name, one in raw["classes"].items() if one.get("amounts"))
    not_after = {
        name: "".join(f"(?<!{re.escape(search_form(word))})" for word in one.get("not_after", ()))
        for name, one in raw["classes"].items()
    }
    longer = {search_form(letter): search_form(others) for letter, others in raw["part_of_another_word"].items()}
    return _Classes(words, amounts, not_after, tuple(map(search_form, raw["fees"])), longer)


def class_names() -> tuple[str, ...]:
    """The classes that a word may name."""
    return (*_classes().words, _OFFICE)


def together(word: str) -> tuple[str, ...]:
    """What a word consists of whose `+` joins a class to something; any other word as a whole."""
    return tuple(part.strip() for part in _TOGETHER.split(word)) if re.search("[{｛]", word) else (word,)


def unknown_classes(word: str) -> list[str]:
    """The names in braces for which there is no class, and braces without their other half."""
    named = [piece[1:-1].strip() for piece in _PIECE.findall(word) if piece[0] in "{｛"]
    loose = re.findall("[{}｛｝]", _PIECE.sub("", word))
    return [*(name for name in named if name not in class_names()), *loose]


@cache
def word_pattern(word: str) -> WordPattern:
    """The pattern of a word as a policy writes it."""
    parts = tuple(filter(None, map(search_form, _PIECE.split("~".join(together(word))))))
    source = one_of([word])
    plain = len(parts) == 1 and source == re.escape(parts[0])
    return WordPattern(parts, source, None if plain else re.compile(source))


@cache
def _pieces(word: str) -> _Pieces:
    found: list[str] = []
    place = 0
    for piece in [*_PIECE.finditer(word), None]:
        found.extend(map(re.escape, search_form(word[place : piece.start() if piece else len(word)])))
        if piece is not None:
            kind = piece[0]
            found.append(GAP if kind in "*＊" else NEAR if kind == "~" else _class(kind[1:-1].strip()))
            place = piece.end()
    while found and found[-1] == GAP:
        found.pop()
    while found and found[0] == GAP:
        found.pop(0)
    if found and (others := _classes().longer.get(found[0], "")):
        found[0] = f"(?<![{re.escape(others)}]){found[0]}"
    return tuple(found)


def one_of(words: Sequence[str]) -> str:
    """A pattern of all of these words. What they have in common at their beginning is looked for once."""
    orders = (
        "~".join(order) for word in words for order in permutations(together(word))
    )  # as written, where it has no +
    return _joined([_pieces(word) for word in dict.fromkeys(orders)])


def _joined(words: Sequence[_Pieces]) -> str:
    heads: dict[str, list[_Pieces]] = {}
    for pieces in words:
        if not pieces:  # a shorter word ends here
            return ""
        heads.setdefault(pieces[0], []).append(pieces[1:])
    found = [head + _joined(tails) for head, tails in heads.items()]
    return found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"


def _class(name: str) -> str:
    if name == _OFFICE:
        return office_pattern()
    known = _classes()
    words = _joined([tuple(map(re.escape, word)) for word in known.words[name]])
    if name not in known.amounts:
        return f"{known.not_after[name]}(?:{words})"
    return f"{known.not_after[name]}(?:{words}|{_AMOUNT})(?!.{{0,5}}(?:{'|'.join(map(re.escape, known.fees))}))"
