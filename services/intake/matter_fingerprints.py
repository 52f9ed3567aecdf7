"""Fingerprints of texts, for the index of candidates: keyed hashes of character n-grams. Pure.

Names and addresses of the parties, other addresses, mailboxes and digits are removed before anything is hashed. docs/adr/0063
gives the reasons and the measurement.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from math import log
from typing import NamedTuple

from services.intake.text_similarity import LONGEST, TITLE
from shared.eventstore.candidates import Frequencies
from shared.kernel.text_normalization import name_form, search_form

SIZES = (2, 3)
"""Characters of the n-grams."""
KEPT = 32
"""The rarest n-grams of a text, by which it is found."""
ASKED = 128
"""The rarest n-grams of a text, by which others are looked for (own choice, measured)."""
_SHORTEST = 4
"""Characters that a text needs for the fingerprint of the whole text."""
_BREAK = "\n"
_NUMBER = "(?:[a-z]?[0-9]+(?:[-~][0-9]+)*|[零〇一二三四五六七八九十百两]+)"
_ADDRESS = re.compile(
    rf"(?:[\u4e00-\u9fff]{{1,4}}(?:路|街|巷|道|弄|胡同))?(?:第?{_NUMBER}(?:号楼|号院|号|栋|幢|座|单元|室|楼|层|弄|户)(?:之{_NUMBER})?)+"
)
"""A street with a number, and the numbers of buildings, floors and flats."""
_MAILBOX = re.compile(r"[\w.+-]+@[\w.-]+")
_CALLED = re.compile(
    r"(?:我叫|我名叫|本人姓名|姓名|联系人|申请人|投诉人|反映人)\W{0,2}(?:是|为|叫)?\W{0,2}"
    r"[\u4e00-\u9fff](?:[ ·]?[\u4e00-\u9fff]){1,2}"
)
"""What follows the words by which people introduce themselves: a name."""
_DIGITS = re.compile("[0-9]+")


class Fingerprint(NamedTuple):
    """The hashes of one text."""

    grams: Mapping[int, int]
    """Hash of an n-gram -> how often it occurs; those of the title count TITLE times."""
    whole: int | None
    """Hash of the whole text; None for a text that is too short."""


def without_persons(text: str, names: Collection[str] = ()) -> list[str]:
    """The parts of a text that remain, in their search form, without names, addresses, mailboxes and digits.

    >>> without_persons("我叫王小明，住人民路12号3栋，电话13900000000。路灯坏了", ["李四"])
    ['住', '电话', '路灯坏了']
    >>> without_persons("李 四家门口的路灯坏了", ["李四"])
    ['家门口的路灯坏了']
    """
    form = name_form(text[:LONGEST])
    for name in sorted({name_form(name) for name in names}, key=len, reverse=True):
        letters = [letter for letter in name if letter.isalnum()]
        if len(letters) > 1:
            form = re.sub(r"\W{0,2}".join(map(re.escape, letters)), _BREAK, form)
    form = _CALLED.sub(_BREAK, form)
    for pattern in (_MAILBOX, _ADDRESS, _DIGITS):
        form = pattern.sub(_BREAK, form)
    return [part for part in map(search_form, form.split(_BREAK)) if part]


def fingerprint(key: bytes, title: str, text: str, names: Collection[str] = ()) -> Fingerprint:
    """The fingerprint of title and text. `names`: names and addresses of the parties."""
    body = without_persons(text, names)
    grams = Counter(_grams(body))
    for gram in _grams(without_persons(title, names)):
        grams[gram] += TITLE
    hashed: dict[int, int] = {}
    for gram, count in grams.items():
        hashed[_hash(key, gram)] = count
    whole = "".join(body)
    return Fingerprint(hashed, _hash(key, f"whole:{whole}") if len(whole) >= _SHORTEST else None)


def _grams(parts: Iterable[str]) -> list[str]:
    return [part[at : at + size] for part in parts for size in SIZES for at in range(len(part) - size + 1)]


def _hash(key: bytes, text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big", signed=True)


def within(key: bytes, jurisdiction: str, hashes: Iterable[int]) -> list[int]:
    """These hashes as the index keeps them, of one jurisdiction: two jurisdictions share none."""
    own = hmac.digest(key, jurisdiction.encode(), "sha256")
    return [
        int.from_bytes(
            blake2b(one.to_bytes(8, "big", signed=True), digest_size=8, key=own).digest(), "big", signed=True
        )
        for one in hashes
    ]


def rarest(grams: Mapping[int, int], known: Frequencies, most: int) -> list[tuple[int, float]]:
    """The `most` n-grams with the largest weight, and their weights: (1 + ln count) · ln(1 + texts ÷ texts with it).

    A plain order by rarity would choose accidents: n-grams that no other text has."""
    texts = known.texts + 1
    weighed = [(one, (1 + log(count)) * log(1 + texts / (known.of.get(one, 0) + 1))) for one, count in grams.items()]
    return sorted(weighed, key=lambda found: (-found[1], found[0]))[:most]


def added(known: Frequencies, texts: Sequence[Fingerprint]) -> Frequencies:
    """The frequencies with these texts, so that a first batch finds some."""
    counts = Counter(known.of)
    for one in texts:
        counts.update(one.grams.keys())
    return Frequencies(known.texts + len(texts), counts)
