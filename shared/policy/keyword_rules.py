"""Keyword rules: words of a filing that determine its subject or mark it as a suspected accusation.

The first matching rule of the list applies. Blanks, width and case of letters do not matter; `*` inside a word matches up to
ten characters of the same sentence: `收*红包`. No text is stored, only the id of the rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Code, Document

MOST_GAPS = 2
"""Stars in one word; each multiplies the time for a long text by ten."""
_GAP = "[^。！？；!?;]{0,10}"
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")
Word = Annotated[str, Field(min_length=1, max_length=80)]


class KeywordRule(Document):
    """`any`: at least one of these words; `all`: all of these; `none`: none of these. The result is `subject`, or, with
    `suspected`, a person decides whether the filing is an accusation (Art. 30)."""

    id: Code
    subject: Code | None = None
    suspected: bool = False
    any: tuple[Word, ...] = ()
    all: tuple[Word, ...] = ()
    none: tuple[Word, ...] = ()
    where: Literal["title", "text", "both"] = "both"

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.suspected == (self.subject is not None):
            raise WrongValue(
                "a keyword rule names either a subject or suspected: true",
                "关键词规则须写明 subject 或 suspected: true，且只能写其中之一。",
            )
        if not self.any and not self.all:
            raise WrongValue(
                "a keyword rule needs a word under any or all", "关键词规则须在 any 或 all 中至少写一个词。"
            )
        for word in (*self.any, *self.all, *self.none):
            if word.count("*") > MOST_GAPS or not normal(word).strip("*"):
                raise WrongValue(
                    f"a word has at most {MOST_GAPS} stars, and other characters than stars",
                    f"一个词最多含 {MOST_GAPS} 个星号，且须有星号以外的字符。",
                )
        return self

    def matches(self, title: str, text: str) -> bool:
        """True if the rule matches. Both arguments are results of normal()."""
        if self.where == "both":
            text = f"{title}。{text}"
        elif self.where == "title":
            text = title
        return (
            not any(_occurs(word, text) for word in self.none)
            and all(_occurs(word, text) for word in self.all)
            and (not self.any or any(_occurs(word, text) for word in self.any))
        )


class Keywords(Document):
    """The rules in order. Rules of suspected accusations are applied before all others."""

    rules: tuple[KeywordRule, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, KeywordRule]:
        return {rule.id: rule for rule in self.rules}

    def suspicion(self, title: str, text: str) -> str | None:
        """The id of the rule by which this may be an accusation. Title and text as filed."""
        return _first((rule for rule in self.rules if rule.suspected), title, text)

    def subject(self, title: str, text: str) -> str | None:
        """The id of the rule that determines the subject."""
        return _first((rule for rule in self.rules if not rule.suspected), title, text)


def normal(text: str) -> str:
    """The text in the form that is searched: one width, one case, no blanks; a new line ends a sentence."""
    return _BLANKS.sub("", _LINES.sub("。", unicodedata.normalize("NFKC", text).casefold().strip()))


def _first(rules: Iterable[KeywordRule], title: str, text: str) -> str | None:
    plain_title, plain_text = normal(title), normal(text)
    return next((rule.id for rule in rules if rule.matches(plain_title, plain_text)), None)


def _occurs(word: str, text: str) -> bool:
    pattern = _compiled(word)
    return pattern in text if isinstance(pattern, str) else pattern.search(text) is not None


@cache
def _compiled(word: str) -> str | re.Pattern[str]:
    plain = normal(word).strip("*")
    return re.compile(_GAP.join(map(re.escape, plain.split("*")))) if "*" in plain else plain
