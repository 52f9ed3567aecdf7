"""The words for all codes that the API uses, in both languages: one answer for pages and programs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from shared.application.command_dispatch import open_rules
from shared.application.response import Answer
from shared.events import REGISTRY
from shared.hosting.process import Process
from shared.http.openapi import operation
from shared.http.router import api_router
from shared.kernel import data_file
from shared.kernel.wording import CODE_WORDS, STATE_WORDS, code_words
from shared.policy.book import PolicyBook


class WordsAnswer(Answer):
    """One text in both languages."""

    zh: str = Field(description="Chinese")
    en: str = Field(description="English")


class CommandWords(WordsAnswer):
    """A command in words, and who may give it when."""

    roles: list[str] = Field(description="Roles that may give it")
    states: list[str] = Field(description="States in which it is possible; empty: in all")
    fields: dict[str, WordsAnswer] = Field(description="Label of each of its fields")


class ClockWords(WordsAnswer):
    """A clock in words."""

    article: str = Field(description="The article that it comes from")
    unit: str = Field(description="calendar or working days")


class AllWords(Answer):
    """All codes in words. A missing code is shown unchanged."""

    states: dict[str, WordsAnswer] = Field(description="States of a case")
    codes: dict[str, WordsAnswer] = Field(description="Classes, results, kinds, grades, grounds and other values")
    events: dict[str, WordsAnswer] = Field(description="Event types")
    commands: dict[str, CommandWords] = Field(description="Commands")
    queues: dict[str, WordsAnswer] = Field(description="Queues of the lists")
    roles: dict[str, WordsAnswer] = Field(description="Roles")
    fields: dict[str, WordsAnswer] = Field(description="Labels of fields of forms")
    clocks: dict[str, ClockWords] = Field(description="Clocks of the policies in force")


@cache
def labels() -> dict[str, dict[str, WordsAnswer]]:
    """The labels of roles, queues and fields."""
    found: dict[str, dict[str, Any]] = data_file.load(files("services.intake") / "data" / "words.yaml")
    return {kind: {code: WordsAnswer(**both) for code, both in texts.items()} for kind, texts in found.items()}


def _label(name: str, description: str | None) -> WordsAnswer:
    known = labels()["fields"].get(name)
    return known if known is not None else WordsAnswer(zh=name, en=description or name)


@cache
def commands() -> dict[str, CommandWords]:
    return {
        rule.name: CommandWords(
            zh=rule.zh,
            en=rule.en,
            roles=[role for role in rule.roles if role != "service"],
            states=list(rule.states),
            fields={
                field.alias or name: _label(field.alias or name, field.description)
                for name, field in rule.model.model_fields.items()
            },
        )
        for rule in open_rules()
    }


def router(runtime: Process) -> APIRouter:
    routes = api_router("words")

    known: tuple[tuple[PolicyBook, ...], AllWords] | None = None

    @routes.get("/v1/words", **operation("words_v1_words_get", 503))
    async def words() -> AllWords:
        """The words for all codes, in Chinese and English."""
        nonlocal known
        books = tuple((await runtime.ports.policies.all()).values())
        if known is None or known[0] != books:
            known = (books, _all_words(books))
        return known[1]

    return routes


def _all_words(books: Iterable[PolicyBook]) -> AllWords:
    clocks: dict[str, ClockWords] = {}
    for book in books:
        for _from, _until, edition in book.clock_editions:
            clocks |= {
                rule.id: ClockWords(zh=rule.title.zh, en=rule.title.en, article=rule.article, unit=rule.period.unit)
                for rule in edition.every
            }
    return AllWords(
        states={code: WordsAnswer(zh=both.zh, en=both.en) for code, both in STATE_WORDS.items()},
        codes={code: WordsAnswer(zh=zh, en=code_words(code).en) for code, zh in CODE_WORDS.items()},
        events={name: WordsAnswer(zh=model.zh, en=model.en) for name, model in sorted(REGISTRY.items())},
        commands=commands(),
        queues=labels()["queues"],
        roles=labels()["roles"],
        fields=labels()["fields"],
        clocks=clocks,
    )
