"""Keyword rules: words of a filing that determine its subject or mark it as a suspected accusation.

The first matching rule of the list applies. Texts and words are compared in their search form, so blanks, line breaks,
punctuation, invisible characters, width, case and variants of characters do not matter; `*` inside a word stands for up to ten
letters, `{钱}`, `{亲属}`, `{公职}` for one of a class of words, and `+` joins what stands near each other in any order. No text is
stored, only the id of the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from shared.kernel.text_normalization import search_form, search_forms
from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Code, Document
from shared.policy.public_office_words import said_of_an_office
from shared.policy.word_patterns import class_names, one_of, together, unknown_classes, word_pattern

MOST_GAPS = 2
"""Stars in one word; each multiplies the time for a long text by ten."""
MOST_PARTS = 3
"""Parts of a word that are looked for near each other in any order."""
_BETWEEN = "\n"
"""Between title and text; no search form contains it."""
_REST = 2
"""Letters that a filing must have besides the word that decides."""
Word = Annotated[str, Field(min_length=1, max_length=80)]


class KeywordRule(Document):
    """`any`: at least one of these words; `all`: all of these; `none`: none of these. The result is `subject`, or, with
    `suspected`, a person decides whether the filing is an accusation (Art. 30)."""

    id: Code
    subject: Code | None = None
    suspected: bool = False
    official: bool = False
    """The word of `any` has to be said of a public office, as in 局长收了钱."""
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
        if self.official and (not self.suspected or not self.any):
            raise WrongValue(
                "official: yes is for rules with suspected: true and words under any",
                "official: yes 只用于 suspected: true 且在 any 中写有词的规则。",
            )
        for word in (*self.any, *self.all, *self.none):
            if unknown_classes(word):
                known = "、".join(f"{{{name}}}" for name in class_names())
                raise WrongValue(
                    f"braces in a word name a class of words: {known}",
                    f"词中的花括号须为词类：{known}。",
                )
            parts = together(word)
            empty = not word_pattern(word).parts if len(parts) == 1 else not all(map(_says_something, parts))
            if _stars(word).count("*") > MOST_GAPS or empty or len(parts) > MOST_PARTS:
                raise WrongValue(
                    f"a word has at most {MOST_GAPS} stars, and letters or digits besides; + joins at most {MOST_PARTS} such"
                    " words or classes",
                    f"一个词最多含 {MOST_GAPS} 个星号，且须有文字或数字；以 + 连接的词或词类最多 {MOST_PARTS} 个。",
                )
        return self

    def matches(self, title: str, text: str) -> bool:
        """True if the rule matches. Both arguments are search forms."""
        text = self._searched(title, text)
        return (
            all(_occurs(word, text) for word in self.all)
            and self._any_occurs(text)
            and not any(_occurs(word, text) for word in self.none)
        )

    def _any_occurs(self, text: str) -> bool:
        if self.official:
            return said_of_an_office(self._said, text)
        return not self.any or any(_occurs(word, text) for word in self.any)

    @cached_property
    def _said(self) -> str:
        return one_of(self.any)

    def evidence(self, title: str, text: str) -> int:
        """The evidence for the rule: its different words that occur, and one more if one of them is in the title or occurs
        again. Both arguments are search forms."""
        searched = self._searched(title, text)
        found = [word for word in (*self.any, *self.all) if _occurs(word, searched)]
        again = any(_occurs(word, title) or _times(word, searched) > 1 for word in found)
        return len(found) + again

    def longest(self, title: str, text: str) -> int:
        """Letters of the longest word that occurs."""
        searched = self._searched(title, text)
        return max((len(search_form(word)) for word in (*self.any, *self.all) if _occurs(word, searched)), default=0)

    def _searched(self, title: str, text: str) -> str:
        if self.where == "both":  # no accusation is missed where its word begins in the title and ends in the text
            return f"{title}{text}" if self.suspected else f"{title}{_BETWEEN}{text}"
        return title if self.where == "title" else text


class Recognised(NamedTuple):
    """The rules that match a filing, by id. `weak`: there is too little evidence for the subject, so a person dispatches."""

    suspicion: str | None = None
    subject: str | None = None
    weak: bool = False


class Keywords(Document):
    """The rules in order. Rules of suspected accusations are applied before all others.

    A text of more than `short_text` letters needs `least_evidence`: so many different words, or one of them twice or in the
    title. Otherwise a person dispatches. Both values are our own choice."""

    rules: tuple[KeywordRule, ...] = ()
    least_evidence: int = Field(2, ge=1, le=10)
    short_text: int = Field(60, ge=0, le=100_000)

    @cached_property
    def by_id(self) -> dict[str, KeywordRule]:
        return {rule.id: rule for rule in self.rules}

    def recognised(self, title: str, text: str) -> Recognised:
        """What the rules find. Title and text as filed."""
        plain, *others = dict.fromkeys(zip(search_forms(title), search_forms(text), strict=True))
        suspicion = self._suspicion(*plain) or next(filter(None, (self._suspicion(*one) for one in others)), None)
        title, text = plain
        rules = self._candidates(title + text)
        subject = _first(rules, title, text)
        return Recognised(
            suspicion.id if suspicion else None,
            subject.id if subject else None,
            subject is not None and self._weak(subject, title, text, rules),
        )

    def _suspicion(self, title: str, text: str) -> KeywordRule | None:
        """The first rule of a suspected accusation that matches one reading."""
        return _first((rule for rule in self._candidates(title + text, suspected=True)), title, text)

    def likely_subjects(self, title: str, text: str) -> list[str]:
        """The subjects for which there is evidence, the likeliest first: most evidence, then the longest word, then the order
        of the
        rules. Title and text as filed. Rules of suspected accusations say nothing here."""
        title, text = search_form(title), search_form(text)
        ranked: dict[str, tuple[int, int]] = {}
        for rule in self._candidates(title + text):
            if rule.subject is None or not rule.matches(title, text):
                continue
            weight = (rule.evidence(title, text), rule.longest(title, text))
            ranked[rule.subject] = max(ranked.get(rule.subject, (0, 0)), weight)
        return sorted(ranked, key=lambda subject: ranked[subject], reverse=True)

    @cached_property
    def _starts(self) -> dict[str, list[tuple[str, int]]]:
        """First letter of a word -> (the word up to its first star, place of its rule)."""
        found: dict[str, list[tuple[str, int]]] = {}
        for place, rule in enumerate(self.rules):
            for word in rule.any or rule.all:
                for part in word_pattern(word).parts[:1]:
                    found.setdefault(part[0], []).append((part, place))
        return found

    @cached_property
    def _of_classes(self) -> frozenset[int]:
        """Places of the rules that have a word of nothing but classes: it may begin with any letter."""
        return frozenset(
            place
            for place, rule in enumerate(self.rules)
            if any(not word_pattern(word).parts for word in rule.any or rule.all)
        )

    def _candidates(self, text: str, *, suspected: bool = False) -> list[KeywordRule]:
        """The rules, in order, of which a word begins in the text, those of a suspicion or those of a subject. Only words whose
        first letter occurs are looked for."""
        starts, places = self._starts, set(self._of_classes)
        for letter in starts.keys() & set(text):
            places.update(place for part, place in starts[letter] if place not in places and part in text)
        return [self.rules[place] for place in sorted(places) if self.rules[place].suspected is suspected]

    def _weak(self, rule: KeywordRule, title: str, text: str, rules: Iterable[KeywordRule]) -> bool:
        """True if nothing but the word was written, if one word of a long text is all that matches, or if there is more
        evidence for another subject."""
        length = len(title) + len(text)
        if length < rule.longest(title, text) + _REST:
            return True
        own = rule.evidence(title, text)
        if length > self.short_text and own < self.least_evidence:
            return True
        others = (one for one in rules if not one.suspected and one.subject != rule.subject)
        return any(one.evidence(title, text) > own and one.matches(title, text) for one in others)


def _first(rules: Iterable[KeywordRule], title: str, text: str) -> KeywordRule | None:
    return next((rule for rule in rules if rule.matches(title, text)), None)


def _occurs(word: str, text: str) -> bool:
    parts, _source, pattern = word_pattern(word)
    return all(part in text for part in parts) and (pattern is None or pattern.search(text) is not None)


def _says_something(part: str) -> bool:
    """True for letters or digits, or a class."""
    return bool(word_pattern(part).parts) or any(letter in part for letter in "{｛")


def _stars(word: str) -> str:
    return word.replace("＊", "*")


def _times(word: str, text: str) -> int:
    parts, _source, pattern = word_pattern(word)
    return text.count(parts[0]) if pattern is None else sum(1 for _ in pattern.finditer(text))
