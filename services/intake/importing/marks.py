"""Columns that describe a person: they are never imported, even if a mapping names them.

The names are data: `importer/excluded_columns.toml`. The system does not watch or rate people who complain.
"""

from __future__ import annotations

import re
from functools import lru_cache

from shared.kernel import data_file

_DATA = data_file.load("services.intake", "importer/excluded_columns.toml")
_WHOLE = re.compile(
    r"(?:.*(?:人|者|的|方|本人|是否|所属))?(?:民族|职业|户口|户籍|宗教|党派|国籍|籍贯)"
    r"(?:代码|编码|名称|类型|类别|性质|标志|所在地|地址|地|情况)?"
)
_ABBREVIATIONS = frozenset(_DATA["abbreviations"])
_WORDS = frozenset(_DATA["words"])
_PHRASES = tuple(phrase.split() for phrase in _DATA["phrases"])


@lru_cache(maxsize=4096)
def marks_a_person(column: str) -> bool:
    """True if the name of the column says that it describes a person. An ambiguous abbreviation counts as such."""
    clean = re.sub(r"\s+", "", column)
    if any(word in clean for word in _DATA["parts"]):
        return True
    bare = re.sub(r"[\W_]+", "", clean).removeprefix("是否")
    if _WHOLE.fullmatch(bare) or _WHOLE.fullmatch(re.sub(r"[a-zA-Z0-9]+$", "", bare)):
        return True
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    words = [word.lower() for word in re.findall(r"[A-Za-z0-9]+", spaced)]
    joined = re.sub(r"[\W_]+", "", column).lower()
    if _ABBREVIATIONS.intersection((*words, joined)) or _WORDS.intersection(words):
        return True
    return any(
        words[start : start + len(phrase)] == phrase
        for phrase in _PHRASES
        for start in range(len(words) - len(phrase) + 1)
    )
