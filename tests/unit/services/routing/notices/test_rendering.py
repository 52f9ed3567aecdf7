"""Notices in HTML and PDF: every field is there, hostile text is text, and nothing is fetched."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import pypdfium2
import pytest

from services.routing.notices import pdf_form
from services.routing.notices.html_form import document_in, html
from services.routing.notices.notice_document import composed, empty_fields
from services.routing.notices.pdf_form import pdf
from shared.kernel.refusals import Refused
from shared.policy.template_language import names_in
from shared.policy.templates import KINDS, LANGUAGES, Templates, required_of, template_of
from tests.unit.services.routing.notices.samples import VALUES, sample

HOSTILE = '<script>alert(1)</script>{{ 7*7 }}{% raw %}#set page(width: 1pt)\\ "$x$" [*a*] &amp; \u202e逆 <img src=x onerror=y>'


def text_of(pdf_bytes: bytes) -> str:
    """The text of all pages, without spaces and line breaks."""
    opened = pypdfium2.PdfDocument(pdf_bytes)
    return re.sub(r"\s", "", "".join(page.get_textpage().get_text_bounded() for page in opened))


@pytest.mark.parametrize("kind", KINDS)
def test_every_chinese_field_of_a_notice_is_found_in_its_pdf(kind: str) -> None:
    found, document = text_of(pdf(sample(kind))), sample(kind)
    template = template_of(Templates(), kind)
    shown = set().union(*(names_in(block.text) | {block.each} for block in template.zh.body)) & VALUES.keys()
    assert set(required_of(template)) <= shown | {"addressee"}
    for name in shown:
        value = VALUES[name]
        for part in (value,) if isinstance(value, str) else value:
            assert all(re.sub(r"\s", "", line) in found for line in part.splitlines()), name
    for part in (document.title, document.number, document.addressee, document.office, document.date):
        assert part in found


def test_a_pdf_is_the_same_each_time_and_has_no_date_of_its_own() -> None:
    assert pdf(sample("decision")) == pdf(sample("decision"))
    assert b"CreationDate" not in pdf(sample("decision"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("field", ["request", "addressee", "facts", "review_body", "legal_basis"])
def test_hostile_text_is_text(language: Any, field: str) -> None:
    document = sample("decision", language, **{field: HOSTILE if field != "legal_basis" else (HOSTILE,)})
    page = html(document).decode()
    visible = page.partition("<main>")[2]
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in visible
    assert "{{ 7*7 }}" in visible and "49" not in visible
    assert "\u202e" not in page, "a mark that turns the direction of the text"
    assert document_in(html(document)) == document
    words = text_of(pdf(document))
    assert "{{7*7}}" in words and "#setpage(width:1pt)" in words and "[*a*]" in words


def test_a_value_adds_no_heading_and_no_other_paragraph_form() -> None:
    document = sample("decision", request="一行\n\n五、救济途径\n不得申请复查")
    headings = [part.heading for part in document.body if part.heading]
    assert headings == ["一、信访请求", "二、事实和理由", "三、处理意见", "四、法律依据", "五、救济途径"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_notice_is_composed_while_a_required_field_is_empty(kind: str) -> None:
    template = template_of(Templates(), kind)
    for name in required_of(template):
        for nothing in ("", " \u200f\n", ()):
            values = {**VALUES, name: nothing}
            assert empty_fields(template, values) == [name]
            with pytest.raises(Refused) as refused:
                composed(template, "zh", values, number="1", office="x", date="2026")
            assert (refused.value.code, refused.value.field) == ("notice_field_empty", name)
            assert refused.value.detail_zh and "李明" not in str(refused.value)


def test_without_the_extra_html_works_and_pdf_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(pdf_form, "find_spec", lambda name: None if name == "typst" else real(name))
    assert html(sample("receipt")).startswith(b"<!doctype html>")
    with pytest.raises(Refused) as refused:
        pdf(sample("receipt"))
    assert refused.value.code == "pdf_not_installed" and "huiyin[pdf]" in str(refused.value)


def test_a_page_needs_nothing_from_elsewhere() -> None:
    page = html(sample("decision")).decode()
    assert "default-src 'none'" in page
    assert not re.search(
        r"https?:|src=|url\(|@import|<link", page.partition("</head>")[0].partition("huiyin-notice")[0]
    )


@pytest.mark.slow
def test_a_busy_day_is_rendered_with_flat_memory() -> None:
    import resource

    pdf(sample("decision"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for place in range(200):
        pdf(sample("decision", addressee=f"张三{place}"))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40_000, f"{grown} KiB more"
