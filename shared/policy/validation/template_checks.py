"""Findings on the templates of notices: fields that do not exist, texts that do more than show fields, shared series of numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from shared.policy.templates import (
    EACH,
    LANGUAGES,
    NUMBER_FIELDS,
    Block,
    NoticeTemplate,
    Templates,
    built_in,
    kinds,
    required_of,
)
from shared.policy.validation.finding import Finding
from shared.policy.validation.messages import MESSAGES, finding, repeated, unlisted

_SEVERAL = frozenset({"questions", "legal_basis"})
"""Fields that hold several texts."""


def of_templates(document: Templates, orgs: Collection[str], listed: bool) -> Iterator[Finding]:
    """All findings of the section. `orgs`: the known organisations, if they are `listed`."""
    yield from repeated("templates.notices", (one.id for one in document.notices), "id", "repeated_template")
    if listed:
        for field, named in (("marks", document.marks), ("contacts", document.contacts)):
            for code in named:
                yield from unlisted(f"templates.{field}[{code}]", "organisations", code, orgs)
    for template in document.notices:
        yield from _template(template)
    yield from _series(document)


def _template(template: NoticeTemplate) -> Iterator[Finding]:
    where, known = f"templates.notices[{template.id}]", kinds()[template.id].fields
    yield from _text(f"{where}.number", template.number, NUMBER_FIELDS)
    yield from _number(f"{where}.number", template)
    for name in template.required:
        if name not in known:
            yield _unknown(f"{where}.required", name, known)
    for language in LANGUAGES:
        text = template.text(language)
        shown: set[str] = set()
        for place, block in enumerate(text.body):
            inside = f"{where}.{language}.body[{place}]"
            yield from _block(inside, block, known)
            shown |= _shown(block)
        for name in required_of(template):
            if name in known and name not in shown and name != "addressee":
                yield finding(f"{where}.{language}.body", "template_field_not_shown", name=name)


def _block(where: str, block: Block, known: Collection[str]) -> Iterator[Finding]:
    for name in (block.when, block.each):
        if name is not None and name not in known:
            yield _unknown(where, name, known)
    if block.each is not None and block.each in known and block.each not in _SEVERAL:
        yield finding(where, "template_not_several", name=block.each, names=tuple(sorted(_SEVERAL & set(known))))
    yield from _text(where, block.text, (*known, *EACH) if block.each is not None else known)


def _text(where: str, source: str, known: Collection[str]) -> Iterator[Finding]:
    from shared.policy.template_language import faults

    for fault in faults(source, known):
        yield Finding(where, *MESSAGES.filled(fault.message, fault.values), token=fault.token)


def _unknown(where: str, name: str, known: Collection[str]) -> Finding:
    return finding(where, "template_unknown_field", name=name, names=tuple(sorted(known)))._replace(token=name)


def _shown(block: Block) -> set[str]:
    """The fields that a paragraph shows; none where it cannot be read."""
    from shared.policy.template_language import faults, names_in

    if any(fault.message == "template_syntax" for fault in faults(block.text, ())):
        return set()
    return {*names_in(block.text), *((block.each,) if block.each is not None else ())}


def _number(where: str, template: NoticeTemplate) -> Iterator[Finding]:
    """A number that leaves out the office, the year or the count is given twice."""
    from shared.policy.template_language import faults, names_in

    if any(fault.message == "template_syntax" for fault in faults(template.number, ())):
        return
    for name in NUMBER_FIELDS:
        if name not in names_in(template.number):
            yield finding(where, "template_number_lacks", name=name)


def _series(document: Templates) -> Iterator[Finding]:
    """Two kinds whose numbers look the same: each kind is counted apart, so that they would give a number twice."""
    patterns: dict[str, str] = {}
    effective: Mapping[str, NoticeTemplate] = {
        **{one.id: one for one in built_in().notices},
        **{one.id: one for one in document.notices},
    }
    for template in effective.values():
        pattern = "".join(template.number.split())
        other = patterns.setdefault(pattern, template.id)
        if other != template.id:
            named = template.id if document.own(template.id) is not None else other
            yield finding(f"templates.notices[{named}].number", "template_number_shared", one=other, other=template.id)
    marks: dict[str, str] = {}
    for code, mark in document.marks.items():
        other = marks.setdefault(mark, code)
        if other != code:
            yield finding(f"templates.marks[{code}]", "template_mark_shared", mark=mark, other=other)
