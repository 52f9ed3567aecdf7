"""A notice as a document: title, number, paragraphs, signature. Its words are complete; only its form is not decided here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from shared.events.notices import Language
from shared.kernel.refusals import Refused
from shared.policy.template_language import filled
from shared.policy.templates import NoticeTemplate, field_words, kinds, required_of

Values = Mapping[str, str | tuple[str, ...]]
"""Field -> its text, or its texts."""
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows: a text could look different from what it is."""


class Paragraph(BaseModel):
    """Lines of text under an optional heading."""

    model_config = ConfigDict(frozen=True)

    heading: str | None = None
    lines: tuple[str, ...]


class NoticeDocument(BaseModel):
    """A notice in one language. All strings are plain text."""

    model_config = ConfigDict(frozen=True)

    kind: str
    language: Language
    title: str
    number: str
    addressee: str
    body: tuple[Paragraph, ...]
    office: str
    date: str
    case_number: str


def empty_fields(template: NoticeTemplate, values: Values) -> list[str]:
    """The required fields of a notice that are empty."""
    return [name for name in required_of(template) if not _shown(values.get(name))]


def field_empty(kind: str, name: str) -> Refused:
    """The refusal to issue a notice while a required field is empty."""
    words, title = field_words()[name], kinds()[kind].title
    return Refused(
        "notice_field_empty",
        f"The notice cannot be issued while {name} ({words['en']}) is empty. Complete the case, or give the field with"
        " prepare_notice.",
        detail_zh=f"{title['zh']}缺少“{words['zh']}”，不能出具；请补充该件信息，或通过 prepare_notice 填写。",
        field=name,
    )


def composed(
    template: NoticeTemplate, language: Language, values: Values, *, number: str, office: str, date: str
) -> NoticeDocument:
    """The notice of this template with these fields. Raises Refused `notice_field_empty`."""
    missing = empty_fields(template, values)
    if missing:
        raise field_empty(template.id, missing[0])
    given = {
        name: _clean(value) for name, value in {**values, "number": number, "office": office, "date": date}.items()
    }
    text, body = template.text(language), []
    for block in text.body:
        if block.when is not None and not given.get(block.when):
            continue
        if block.each is None:
            lines = _lines([filled(block.text, given)])
        else:
            items = given.get(block.each) or ()
            several = (items,) if isinstance(items, str) else items
            lines = _lines(
                filled(block.text, {**given, "item": item, "place": str(place)})
                for place, item in enumerate(several, 1)
            )
        if lines:
            body.append(Paragraph(heading=block.heading, lines=lines))
    return NoticeDocument(
        kind=template.id,
        language=language,
        title=text.title,
        number=number,
        addressee=str(given.get("addressee", "")),
        body=tuple(body),
        office=office,
        date=date,
        case_number=str(given.get("case_number", "")),
    )


def plain(text: str) -> str:
    """The text without control characters and marks of direction; line breaks stay."""
    return "".join(
        sign
        for sign in text
        if sign not in _DIRECTIONS and (sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs"))
    ).strip()


def _clean(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return plain(value) if isinstance(value, str) else tuple(filter(None, map(plain, value)))


def _shown(value: str | tuple[str, ...] | None) -> bool:
    return bool(value is not None and _clean(value))


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(line.strip() for text in texts for line in text.splitlines() if line.strip())
