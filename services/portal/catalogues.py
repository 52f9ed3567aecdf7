"""The texts of the pages in both languages. The catalogues are Babel's .po files, read once.

A text without a translation is a mistake, which a test finds; a page shows it in the language of the catalogue's ids.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
"""Language -> its tag (RFC 5646)."""


@cache
def catalogue(language: Language) -> Catalog:
    """The catalogue of a language."""
    path = files("services.portal") / "locale" / language / "portal.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


@cache
def texts(language: Language) -> dict[str, str]:
    """Text in the templates -> text in that language."""
    return {
        message.id: message.string
        for message in catalogue(language)
        if isinstance(message.id, str) and isinstance(message.string, str) and message.id and message.string
    }


def told(language: Language, text: str, **values: object) -> str:
    """`text` in that language, with its `{name}` replaced.

    >>> told("zh", "Step {at} of {all}", at=1, all=3)
    '第1步，共3步'
    """
    found = texts(language).get(text, text)
    return found.format(**values) if values else found


def best(accepted: str) -> Language:
    """The first known language of an Accept-Language header; Chinese where there is none.

    >>> best("en-GB,en;q=0.8,zh;q=0.5"), best("de, zh-CN;q=0.9"), best(""), best("*")
    ('en', 'zh', 'zh', 'zh')
    """
    wanted: list[tuple[float, Language]] = []
    for part in accepted[:200].split(","):
        tag, _, weight = part.strip().partition(";q=")
        for language in LANGUAGES:
            if tag.lower().partition("-")[0] == language:
                try:
                    wanted.append((float(weight or "1"), language))
                except ValueError:
                    continue
    return max(wanted, key=lambda one: one[0])[1] if wanted else "zh"
