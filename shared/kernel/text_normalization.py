"""The form of a text in which it is compared. What was written stays stored as it was.

People paste invisible characters, break lines inside words, and write full-width digits and traditional characters. Every
comparison of texts uses one of three forms, each of which is a function of single characters and therefore the same for any
cutting of a text:

- `search_form`: letters and digits only, for keywords, likeness of texts, numbers and codes that a person typed from paper.
- `name_form`: the same with punctuation and single blanks, for names of columns, organisations, places.
- `identifier_form`: only width and invisible characters are removed, for ids and codes that a machine assigned. Two ids that
  a platform means as different, such as `a-1` and `A-1`, stay different.

>>> search_form("受\\u200b贿") == search_form("受\\n賄") == search_form("【受】、贿") == "受贿"
True
>>> identifier_form(" Ａ－１\\u200b"), name_form("重點　人員"), is_empty("\\u200b\\ufeff")
('A-1', '重点 人员', True)
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from pathlib import Path
from urllib.parse import unquote

VARIANTS = Path(__file__).parent / "data" / "character_variants.txt"
"""Traditional, variant and radical forms of Chinese characters, one class per line."""

OTHER_SPELLINGS = Path(__file__).parent / "data" / "other_spellings.txt"
"""How words are written by sound, in dialect or with their characters taken apart."""

_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point of Unicode 15, as the inside of a character class: nothing is displayed for them."""
_BLANK = "\u2800"
"""A braille pattern without dots looks like a blank."""
_UNSEEN = re.compile(f"[{_IGNORABLE}\ufff9-\ufffb\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Characters that are displayed as nothing, other than white space."""
_ZERO_WIDTH = re.compile(f"[{_IGNORABLE}]")
_WIDE = {0x3000: " ", **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}}
_DASH = re.compile("[-\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63]")
_LOOKALIKES = dict(
    zip(
        "авеѕіјкмнорстухһԁɡԛԝɑαβεικνορτυχγΖΗΜΝΥ",
        "abesijkmhopctyxhdgqwaabeikvoptuxyzhmny",
        strict=True,
    )
)
"""Cyrillic and Greek letters that look like Latin ones, by sight. Capitals only where the small letter looks different."""
_TAG = re.compile(
    r"</?(?:a|b|br|div|em|font|h[1-6]|i|img|li|ol|p|span|strong|table|tbody|td|th|tr|u|ul)(?:[\s/][\s!-;=?-~]{0,200})?>",
    re.IGNORECASE,
)
"""Tags of HTML that systems leave in texts. Only ASCII is removed with them."""
_ESCAPE = re.compile(r"\\(?:([nrt])|u([0-9a-fA-F]{4}))")
"""Escapes of JSON that were escaped twice."""
_ANY_TAG = re.compile(r"<!--.{0,2000}?-->|<[!?/]?[a-z][^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)
"""Tags and comments of any markup, with what stands in them."""
_QUOTED = re.compile("%[0-9a-f]{2}", re.IGNORECASE)
_NOT_HAN = re.compile("[^\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]+")
_MOST_ESCAPES = 5
_MOST_FORMS = 100_000


@cache
def _variants() -> dict[str, str]:
    lines = VARIANTS.read_text(encoding="utf-8").splitlines()
    return {one: line[0] for line in lines if not line.startswith("#") for one in line[1:]}


class _Forms(dict[int, str]):
    """Code point -> its form, computed when it is first met. `marks`: punctuation and blanks remain."""

    def __init__(self, *, marks: bool) -> None:
        super().__init__()
        self._marks = marks

    def __missing__(self, code: int) -> str:
        character = chr(code)
        found = _LOOKALIKES.get(character, "")
        if not found and not unicodedata.category(character).startswith(
            "M"
        ):  # a mark, which may have a letter as its small form
            found = "".join(map(self._form, _decomposed(character)))
        if len(self) < _MOST_FORMS:
            self[code] = found
        return found

    def _form(self, one: str) -> str:
        if _UNSEEN.match(one):
            return ""
        plain = _variants().get(one) or _LOOKALIKES.get(one, one)
        if plain.isalnum():
            digit = unicodedata.decimal(plain, None)
            return plain if digit is None else str(digit)
        if not self._marks or unicodedata.category(plain).startswith("M"):
            return ""
        return " " if plain.isspace() or plain == _BLANK else "-" if _DASH.match(plain) else plain


def _decomposed(one: str) -> str:
    """The compatibility decomposition in small letters: full width, circled and compatibility characters become plain ones."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", one).casefold())


class _Signs(dict[int, str]):
    """Code point -> nothing for a sign such as ㊤ or ①, which may stand for what it shows or only between letters."""

    def __missing__(self, code: int) -> str:
        found = "" if unicodedata.category(chr(code)) in ("So", "No", "Sk", "Sm") else chr(code)
        if len(self) < _MOST_FORMS:
            self[code] = found
        return found


_SIGNS = _Signs()
_SEARCH = _Forms(marks=False)
_NAME = _Forms(marks=True)


def search_form(text: str) -> str:
    """Letters and digits only, in one width, case and set of characters."""
    for _ in range(_MOST_ESCAPES):  # &amp;nbsp; was escaped twice
        if "&" not in text or (plain := html.unescape(text)) == text:
            break
        text = plain
    if "<" in text:
        text = _TAG.sub("", text)
    if "\\" in text:
        text = _ESCAPE.sub(lambda found: chr(int(found[2], 16)) if found[2] else "", text)
    return text.translate(_SEARCH)


def search_forms(text: str) -> list[str]:
    """All search forms in which a word may stand that its writer, or a system on the way, has broken up: the plain one, that of
    search_form(), that without any markup, each of them without what is no Chinese character, the last of these also without
    what signs such as ㊤ show; and that one with other spellings replaced by what is meant.

    >>> search_forms('受<font face="宋体">贿</font>')[1], search_forms("受(shòu)贿(huì)")[3], search_forms("受 贿")
    ('受贿', '受贿', ['受贿', '受贿', '受贿', '受贿', '受贿'])
    >>> search_forms("所长收咗洪包，受贝有")[-1]
    '所长收了红包受贿'
    """
    plain = search_form(text)
    bare = text
    for _ in range(_MOST_ESCAPES):
        if "&" not in bare or (found := html.unescape(bare)) == bare:
            break
        bare = found
    if _QUOTED.search(bare):
        bare = unquote(bare)
    if "<" in bare:
        bare = _ANY_TAG.sub("", bare)
    form = plain if bare is text else search_form(bare)
    without_signs = bare if bare.isascii() else bare.translate(_SIGNS)
    letters = _NOT_HAN.sub("", search_form(without_signs))
    return [plain, form, _NOT_HAN.sub("", plain), letters, _as_meant(letters)]


@cache
def _other_spellings() -> tuple[re.Pattern[str], dict[str, str]]:
    lines = OTHER_SPELLINGS.read_text(encoding="utf-8").splitlines()
    meant: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith("#"):
            word, *spellings = map(search_form, line.split(" "))
            meant.update(dict.fromkeys(spellings, word))
    longest = sorted((spelling for spelling in meant if spelling != meant[spelling]), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest))), meant


def _as_meant(form: str) -> str:
    """A search form with other spellings replaced by what is meant."""
    pattern, meant = _other_spellings()
    return pattern.sub(lambda found: meant[found[0]], form)


def name_form(text: str) -> str:
    """As search_form(), with punctuation and single blanks between words."""
    return " ".join(text.translate(_NAME).split())


def identifier_form(text: str) -> str:
    """Half-width, without invisible characters and outer blanks. Case, inner blanks and punctuation stay.

    The result decides which case an item is, so it depends on no version of Unicode: only on the tables of this module and on
    canonical composition, which never changes for an assigned character."""
    if text.isascii() and text.isprintable():
        return text.strip()
    plain = _UNSEEN.sub("", text).replace(_BLANK, " ").translate(_WIDE)
    return unicodedata.normalize("NFC", plain).replace("\u00a0", " ").strip()


def without_zero_width(text: str) -> str:
    """The text without characters that are displayed as nothing and leave the reading of the rest as it is. Controls, and the
    characters that turn the direction of a line, stay: whoever keeps the text in clear has to refuse them.

    >>> without_zero_width("甲局\u200b") == "甲局", without_zero_width("局\u202e") == "局\u202e"
    (True, True)
    """
    return text if text.isascii() else _ZERO_WIDTH.sub(_unless_turning, text)


def _unless_turning(found: re.Match[str]) -> str:
    return "" if unicodedata.bidirectional(found[0]) in ("BN", "NSM") else found[0]


def is_empty(text: str) -> bool:
    """True if nothing of the text is visible: blanks, invisible characters, marks without a letter."""
    return not any(_visible(one) for one in text)


@cache
def _visible(one: str) -> bool:
    """Characters of private use are visible: systems define them, for example for names that GBK lacks."""
    category = unicodedata.category(one)
    return not (_UNSEEN.match(one) or category[0] in "MZ" or category in ("Cc", "Cf", "Cn", "Cs") or one == _BLANK)
