"""Whom a petitioner may call: the responsible organisation, otherwise the petition office, with hours in words."""

from __future__ import annotations

from typing import Any

import pytest

from shared.policy.book import PolicyBook
from shared.policy.documents import OfficeHours, Organisations
from shared.queries.office_contact import contact_of
from tests.support.deciding import BOOK, START


def book(**numbers: str | None) -> PolicyBook:
    listed: list[Any] = [
        one.model_copy(update={"telephone": numbers.get(one.code), "opening_hours": None, "opening_hours_en": None})
        for one in BOOK.organisations.values()
    ]
    return BOOK.with_document("organisations", START, "x", Organisations(organisations=tuple(listed)))


@pytest.mark.parametrize(
    ("numbers", "responsible", "name", "telephone"),
    [
        ({"zj": "000-1", "xfj": "000-2"}, "zj", "zj", "000-1"),
        ({"xfj": "000-2"}, "zj", "xfj", "000-2"),
        ({"xfj": "000-2"}, None, "xfj", "000-2"),
        ({}, "nowhere", "xfj", None),
    ],
)
def test_responsible_organisation_is_named_if_it_can_be_called(
    numbers: dict[str, str], responsible: str | None, name: str, telephone: str | None
) -> None:
    found = contact_of(book(**numbers), responsible)
    assert found is not None
    assert (found.name, found.telephone) == (BOOK.names[name], telephone)


def test_hours_are_those_of_the_organisation_or_the_office_hours_in_words() -> None:
    plain = contact_of(book(xfj="000-2"), None)
    hours = BOOK.settings.office_hours if BOOK.settings else None
    assert isinstance(hours, OfficeHours) and plain is not None
    assert plain.hours == f"工作日{hours.opens}:00至{hours.closes}:00"
    own = [
        one.model_copy(update={"opening_hours": "周一至周五上午", "opening_hours_en": None})
        for one in BOOK.organisations.values()
    ]
    found = contact_of(BOOK.with_document("organisations", START, "x", Organisations(organisations=tuple(own))), "xfj")
    assert found is not None and (found.hours, found.hours_en) == ("周一至周五上午", "周一至周五上午")


def test_nobody_is_named_without_a_policy() -> None:
    assert contact_of(PolicyBook(), "zj") is None
