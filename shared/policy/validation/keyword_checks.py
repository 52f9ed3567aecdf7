"""Keyword rules that can never match, or not as they are meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.kernel.text_normalization import search_form
from shared.policy.keyword_rules import KeywordRule, Keywords
from shared.policy.validation.finding import Finding
from shared.policy.validation.messages import finding
from shared.policy.word_patterns import together

_SEPARATOR = re.compile(
    "[、，,;；|｜/／\n\t。．·•・＋+&＆~～\u3000\ufe50\ufe51\uff61\uff64…—]|(?<=[\u3400-\u9fff])[\\s:：\\\\]+(?=[\u3400-\u9fff])"
    "|(?<=[\u3400-\u9fff]{2})(?:或者|或是|以及|或)(?=[\u3400-\u9fff]{2})|(?<=[a-z])\\s+or\\s+(?=[a-z])"
)
"""Signs and conjunctions between words that somebody wrote as one word; a blank only between Chinese characters."""


def unmatchable(document: Keywords) -> Iterator[Finding]:
    """Findings on rules of which a word holds several words, that exclude themselves, or that an earlier rule precedes always."""
    for place, rule in enumerate(document.rules):
        where = f"keywords.rules[{rule.id}]"
        for kind, words in (("any", rule.any), ("all", rule.all), ("none", rule.none)):
            for word in words:
                if (sign := _SEPARATOR.search("".join(together(word)))) is not None:
                    yield finding(f"{where}.{kind}", "keyword_with_separator", word=word, sign=sign[0])
        if (pair := _excluded(rule)) is not None:
            yield finding(where, "keyword_excluded_by_none", word=pair[0], other=pair[1])
            continue
        for other in document.rules[:place]:
            if _covers(other, rule):
                yield finding(where, "keyword_shadowed", other=other.id)
                break


def _within(word: str, other: str) -> bool:
    """True if each text with `other` contains `word`."""
    return "*" not in word and search_form(word) in max(map(search_form, other.split("*")), key=len)


def _excluded(rule: KeywordRule) -> tuple[str, str] | None:
    """A needed word that contains an excluded one, and that one."""
    for none in rule.none:
        for word in rule.all:
            if _within(none, word):
                return word, none
    if rule.any and all(any(_within(none, word) for none in rule.none) for word in rule.any):
        return rule.any[0], next(none for none in rule.none if _within(none, rule.any[0]))
    return None


def _covers(first: KeywordRule, later: KeywordRule) -> bool:
    """True if `first` matches each text that `later` matches."""
    if (
        first.suspected != later.suspected
        or first.official
        or first.all
        or first.none
        or first.where not in ("both", later.where)
    ):
        return False
    needed = later.any or later.all
    if later.all and any(_within(word, one) for one in later.all for word in first.any):
        return True
    return bool(later.any) and all(any(_within(word, one) for word in first.any) for one in needed)
