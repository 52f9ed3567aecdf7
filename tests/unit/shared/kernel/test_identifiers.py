"""Ids, numbers and query codes."""

from __future__ import annotations

from hypothesis import given as forall
from hypothesis import strategies as st

from shared.kernel.identifiers import case_id, code_matches, number, query_code, read_number, request_digest

KEY = b"k" * 32
OTHER = b"o" * 32
ITEMS = st.text(min_size=1, max_size=30)


@forall(ITEMS, ITEMS)
def test_same_item_gets_same_case_id(channel: str, item: str) -> None:
    assert case_id(KEY, "qx", channel, item) == case_id(KEY, "qx", channel, item)
    assert case_id(KEY, "qx", channel, item) != case_id(OTHER, "qx", channel, item)
    assert case_id(KEY, "qx", channel, item) != case_id(KEY, "qx", channel, item + "x")


def test_channel_and_item_are_separated_in_case_id() -> None:
    assert case_id(KEY, "qx", "ab", "c") != case_id(KEY, "qx", "a", "bc")


@forall(ITEMS, st.integers(2004, 2100))
def test_case_number_is_parsed_in_any_notation(item: str, year: int) -> None:
    written = number(case_id(KEY, "qx", "web", item), year)
    assert read_number(written) == written
    assert read_number(written.lower().replace("-", " ")) == written
    assert read_number(written.replace("0", "o").replace("1", "l")) == written


@forall(ITEMS, st.integers(0, 16), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_every_wrong_character_is_detected(item: str, place: int, sign: str) -> None:
    written = number(case_id(KEY, "qx", "web", item), 2026)
    signs = [index for index, one in enumerate(written) if one != "-"]
    wrong = written[: signs[place]] + sign + written[signs[place] + 1 :]
    assert (read_number(wrong) == written) == (wrong == written)
    if wrong != written:
        assert read_number(wrong) is None


@forall(ITEMS, st.integers(4, 15))
def test_swapped_characters_are_detected(item: str, place: int) -> None:
    written = number(case_id(KEY, "qx", "web", item), 2026).replace("-", "")
    swapped = written[:place] + written[place + 1] + written[place] + written[place + 2 :]
    assert (read_number(swapped) is None) == (swapped != written)


def test_text_is_not_parsed_as_number() -> None:
    for text in ("", "2026", "hello", "2026-0000-0000-0000", "x" * 17):
        assert read_number(text) is None


def test_query_code_is_valid_for_own_case_and_generation_only() -> None:
    one, two = case_id(KEY, "qx", "web", "1"), case_id(KEY, "qx", "web", "2")
    code = query_code(KEY, one)
    assert code_matches(KEY, one, code.lower().replace("-", " "))
    assert not code_matches(KEY, two, code)
    assert not code_matches(KEY, one, code, generation=1)
    assert not code_matches(KEY, one, "")
    assert len(code.replace("-", "")) * 5 >= 128


def test_request_digests_cannot_be_linked_across_cases() -> None:
    assert request_digest(KEY, "a", b"same") != request_digest(KEY, "b", b"same")
    assert request_digest(KEY, "a", b"same") == request_digest(KEY, "a", b"same")
