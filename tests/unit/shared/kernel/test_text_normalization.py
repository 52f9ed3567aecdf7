"""The forms in which texts are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.text_normalization import VARIANTS, identifier_form, is_empty, name_form, search_form

TEXTS = st.text(max_size=60)
IGNORABLE = (
    "\u00ad\u034f\u115f\u1160\u180e\u200b\u200d\u200f\u202e\u2060\u2066\u3164\ufe0f\ufeff\uffa0\U000e0041\U000e0100"
)


@pytest.mark.parametrize(
    "written",
    [
        "受贿", "受賄", "受\u200b贿", "受\n贿", "受\r\n  贿", "受、贿", "【受】【贿】", "受。贿", "受*贿", "受 · 贿", "受\u3000贿",
        "受&#8203;贿", "受&amp;nbsp;贿", "受<br/>贿", "受<span class='x'>贿</span>", "受\\n贿", "受\\u8d3f", "受\u0336贿\u0336",
        "受\ufe0f贿", "受\u2800贿", "受😀贿", "受\U000e0041贿",
    ],
)  # fmt: skip
def test_search_form_sees_the_word_as_it_is_read(written: str) -> None:
    assert search_form(written) == "受贿"


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("ＫＴＶ", "ktv"),
        ("КТV", "ktv"),  # Cyrillic
        ("ΚΤV", "ktv"),  # Greek
        ("㊙密", "秘密"),
        ("⾦⻉", "金贝"),  # radicals
        ("貪汙", "贪污"),
        ("貪汚", "贪污"),
        ("権力、検挙、汚職", "权力检举污职"),
        ("群衆 託人 鎗", "群众托人枪"),
        ("洩露 佔地 遊説", "泄露占地游说"),
        ("２０２６－Ａ", "2026a"),
        ("٢٠٢٦", "2026"),
        ("<受贿>", "受贿"),  # no tag
        ("<b受贿>", "b受贿"),
        ("Straße", "strasse"),
    ],
)
def test_search_form_of_widths_variants_and_lookalikes(written: str, form: str) -> None:
    assert search_form(written) == form


@given(TEXTS, TEXTS)
def test_search_form_depends_on_single_characters(one: str, other: str) -> None:
    if "&" not in one + other and "<" not in one + other and "\\" not in one + other:
        assert search_form(one + other) == search_form(one) + search_form(other)


@given(TEXTS)
def test_forms_are_stable(text: str) -> None:
    for form in (name_form, identifier_form):
        assert form(form(text)) == form(text)
    assert not search_form(text) or search_form(text).isalnum()


@given(st.lists(st.sampled_from(IGNORABLE)), st.text(alphabet="受贿A1-", min_size=1))
def test_invisible_characters_change_no_form(invisible: list[str], text: str) -> None:
    mixed = "".join(f"{one}{unseen}" for one, unseen in zip(text, [*invisible, *[""] * len(text)], strict=False))
    for form in (search_form, name_form, identifier_form):
        assert form(mixed) == form(text)


@pytest.mark.parametrize(
    ("one", "other"), [("a-1", "A-1"), ("A-1", "A–1"), ("A1", "A 1"), ("①", "1"), ("编号", "編號"), ("A", "А")]
)
def test_identifiers_that_a_platform_means_as_different_stay_different(one: str, other: str) -> None:
    assert identifier_form(one) != identifier_form(other)


@pytest.mark.parametrize("written", ["A-1", " A-1 ", "A-1\u200b", "Ａ－１", "\ufeffA-1", "A\u00ad-1", "\u3000A-1"])
def test_identifiers_ignore_width_and_invisible_characters(written: str) -> None:
    assert identifier_form(written) == "A-1"


@pytest.mark.parametrize("text", ["", " \n", "\u200b\u200d\ufeff", "\u3164\u115f", "\u2800", "\u0300", "\U000e0041"])
def test_text_of_nothing_visible_is_empty(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize("text", ["。", "a", "受", "\ue000", "😀"])
def test_visible_text_is_not_empty(text: str) -> None:
    assert not is_empty(text)


def test_table_of_variants_is_a_function() -> None:
    lines = [line for line in VARIANTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    characters = "".join(lines)
    assert len(characters) == len(set(characters)) > 14_000
