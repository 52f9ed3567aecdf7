"""The section `templates`: the texts of notices, their numbers, and what each may not leave empty.

A template is a title and paragraphs. Paragraphs are texts of a small language (template_language.py); their form on paper is the
same for all, so that no value can add a heading or markup.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import BeforeValidator, Field

from shared.events.notices import DocumentKind, Language
from shared.kernel import data_file
from shared.policy.documents import Code, Document

LANGUAGES: tuple[Language, ...] = get_args(Language)
KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)
EACH = ("item", "place")
"""Fields of a paragraph that is repeated."""
NUMBER_FIELDS = ("mark", "year", "n")
"""What the pattern of a number uses: the mark of the office (机关代字), the year, the number in the year."""
TEXT_LIMIT = 4_000
"""Characters of one paragraph of a template (own choice)."""
Source = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


def _paragraph(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


class Block(Document):
    """A paragraph. `heading`: a line above it. `when`: it is left out where this field is empty. `each`: it is repeated for each
    text of this field, as `item` with its `place` from 1."""

    text: Source
    heading: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    when: str | None = None
    each: str | None = None


class NoticeText(Document):
    """A notice in one language."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    body: tuple[Annotated[Block, BeforeValidator(_paragraph)], ...] = Field(min_length=1, max_length=60)


class NoticeTemplate(Document):
    """The template of one kind of notice. `required`: fields that may not be empty, besides those of the law."""

    id: DocumentKind
    number: Annotated[str, Field(min_length=1, max_length=200)]
    required: tuple[str, ...] = ()
    zh: NoticeText
    en: NoticeText
    source: str = "own choice"
    """The local rule that prescribes the form, or `own choice`."""

    def text(self, language: Language) -> NoticeText:
        return self.zh if language == "zh" else self.en


class Templates(Document):
    """`marks`: organisation -> its mark in numbers (机关代字); without one its name is used. `contacts`: organisation -> how the
    petitioner reaches it. `notices`: a kind that is left out has the template that comes with Huiyin."""

    marks: dict[Code, Annotated[str, Field(min_length=1, max_length=40)]] = Field(default_factory=dict)
    contacts: dict[Code, Annotated[str, Field(min_length=1, max_length=400)]] = Field(default_factory=dict)
    notices: tuple[NoticeTemplate, ...] = ()

    def own(self, kind: str) -> NoticeTemplate | None:
        """The template of this document, if it has one for that kind."""
        return next((one for one in self.notices if one.id == kind), None)


class Kind(NamedTuple):
    """What the law and the product say about a kind of notice."""

    title: dict[str, str]
    article: str
    issuers: tuple[str, ...]
    fields: frozenset[str]
    """All fields that its template may use."""
    required: tuple[str, ...]
    words: dict[str, dict[str, str]]
    """Code of a result or a ground -> its words by language."""


@cache
def kinds() -> dict[str, Kind]:
    """Kind of notice -> what is known about it."""
    data = _data()
    return {
        name: Kind(
            one["title"],
            one["article"],
            tuple(one["issuers"]),
            frozenset((*data["common"], *one["fields"])),
            tuple(one["required"]),
            data["words"].get(name, {}),
        )
        for name, one in data["kinds"].items()
    }


@cache
def field_words() -> dict[str, dict[str, str]]:
    """Field -> what it is, by language."""
    data = _data()
    return {**data["common"], **data["fields"]}


@cache
def built_in() -> Templates:
    """The templates that come with Huiyin."""
    given = data_file.load(files("shared.policy").joinpath("data", "cn-notices.yaml"))
    return Templates.model_validate(given["templates"])


def template_of(own: Templates, kind: str) -> NoticeTemplate:
    """The template of a kind: the policy's own, otherwise the built-in one."""
    found = own.own(kind) or built_in().own(kind)
    if found is None:
        raise KeyError(kind)
    return found


def required_of(template: NoticeTemplate) -> tuple[str, ...]:
    """The fields that a notice of this template may not leave empty, those of the law first."""
    return tuple(dict.fromkeys((*kinds()[template.id].required, *template.required)))


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = data_file.load(files("shared.policy").joinpath("notice_kinds.yaml"))
    return found
