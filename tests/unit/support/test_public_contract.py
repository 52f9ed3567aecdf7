"""The contract contains what a program relies on, and no sentences."""

from __future__ import annotations

from tests.support.public_contract import canonical


def test_descriptions_are_removed_but_fields_named_description_are_kept() -> None:
    schema = {
        "description": "A sentence.",
        "properties": {"summary": {"type": "string", "description": "Another."}, "description": {"type": "string"}},
    }
    assert canonical(schema) == {"properties": {"summary": {"type": "string"}, "description": {"type": "string"}}}


def test_codes_in_examples_are_kept() -> None:
    examples = {
        "examples": [{"code": "not_found", "detail": "There is no such case.", "at": "2026-01-01T00:00:00+08:00"}]
    }
    assert canonical(examples) == {
        "examples": [{"code": "not_found", "detail": "…", "at": "2026-01-01T00:00:00+08:00"}]
    }


def test_lists_without_an_order_are_sorted() -> None:
    assert canonical({"required": ["b", "a"], "anyOf": ["b", "a"]}) == {"required": ["a", "b"], "anyOf": ["b", "a"]}
