"""Columns that mark persons: never taken over, even if somebody maps them. The product watches and scores nobody who complains."""

from __future__ import annotations

import re
from functools import lru_cache

_ANYWHERE = [
    "扬言",
    "特殊人员",
    "特殊人群",
    "重点人员",
    "重点人群",
    "重点关注",
    "重点对象",
    "政治面貌",
    "稳控",
    "维稳",
    "老户",
    "缠访",
    "闹访",
    "非访",
    "非正常上访",
    "越级访",
    "风险人员",
    "危险人员",
    "涉稳",
    "前科",
    "黑名单",
    "宗教信仰",
    "精神病",
    "精神状况",
    "一人一档",
    "婚姻状况",
    "文化程度",
    "敏感人员",
    "进京",
]
_WHOLE = re.compile(
    r"(?:.*(?:人|者|的|方|本人|是否|所属))?(?:民族|职业|户口|户籍|宗教|党派|国籍|籍贯)"
    r"(?:代码|编码|名称|类型|类别|性质|标志|所在地|地址|地|情况)?"
)
_NAMES = frozenset(
    [
        "yybz",
        "tsry",
        "tsrybz",
        "zdry",
        "zdrybz",
        "zdrybs",
        "zdrylx",
        "zzmm",
        "zzmmdm",
        "mz",
        "mzdm",
        "hkxz",
        "hkszd",
        "hjdz",
        "hjszd",
        "zylb",
        "xjbs",
        "wkbz",
    ]
)
"""Abbreviations in pinyin that such exports use."""
_WORDS = frozenset(
    [
        "ethnic",
        "ethnicity",
        "race",
        "nationality",
        "religion",
        "religious",
        "occupation",
        "profession",
        "hukou",
        "blacklist",
        "blacklisted",
        "watchlist",
        "watchlisted",
        "agitator",
    ]
)
_PAIRS = (
    ("political", "status"),
    ("political", "affiliation"),
    ("political", "party"),
    ("party", "member"),
    ("party", "membership"),
    ("household", "registration"),
    ("special", "person"),
    ("special", "personnel"),
    ("special", "population"),
    ("key", "person"),
    ("key", "personnel"),
    ("key", "individual"),
    ("threat", "flag"),
    ("threatens",),
    ("made", "threat"),
    ("made", "threats"),
    ("verbal", "threat"),
    ("verbal", "threats"),
    ("risk", "person"),
    ("person", "risk"),
    ("petitioner", "risk"),
    ("repeat", "petitioner"),
    ("vexatious",),
    ("marital", "status"),
    ("mental", "health"),
    ("mental", "state"),
    ("stability", "control"),
)


@lru_cache(maxsize=4096)
def marks_a_person(column: str) -> bool:
    """Does a column of this name say what kind of person somebody is? In doubt for an abbreviation: yes."""
    clean = re.sub(r"\s+", "", column)
    if any(word in clean for word in _ANYWHERE):
        return True
    bare = re.sub(r"[\W_]+", "", clean).removeprefix("是否")
    if _WHOLE.fullmatch(bare) or _WHOLE.fullmatch(re.sub(r"[a-zA-Z0-9]+$", "", bare)):
        return True
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    words = [word.lower() for word in re.findall(r"[A-Za-z0-9]+", spaced)]
    if _NAMES.intersection(words) or _NAMES.intersection([re.sub(r"[\W_]+", "", column).lower()]):
        return True
    if _WORDS.intersection(words):
        return True
    return any(
        tuple(words[start : start + len(pair)]) == pair
        for pair in _PAIRS
        for start in range(len(words) - len(pair) + 1)
    )
