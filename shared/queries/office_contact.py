"""Whom a petitioner may call: the office, its telephone number and its opening hours, as the policy gives them."""

from __future__ import annotations

from pydantic import Field

from shared.application.response import Answer
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook


class OfficeContact(Answer):
    """An office that a petitioner may call or visit."""

    name: str = Field(description="Name")
    name_en: str = Field(description="Name in English; the name where the policy has none")
    telephone: str | None = Field(description="Telephone number; null: the policy has none")
    hours: str | None = Field(description="Opening hours in words, in Chinese; null: the policy has none")
    hours_en: str | None = Field(description="The same in English")


def contact_of(book: PolicyBook, responsible: str | None) -> OfficeContact | None:
    """Whom to call about a case: the responsible organisation if the policy gives its telephone number, otherwise the petition
    office. None if the policy knows neither.

    Args:
        responsible: code of the organisation that is responsible for the case.
    """
    own = book.organisation(responsible) if responsible else None
    office = book.organisation(book.petition_office) if book.petition_office else None
    chosen = own if own is not None and (own.telephone or office is None) else office
    if chosen is None:
        return None
    hours = _hours(book)
    if chosen.opening_hours is not None:
        hours = Words(chosen.opening_hours, chosen.opening_hours_en or chosen.opening_hours)
    return OfficeContact(
        name=chosen.name,
        name_en=chosen.name_en or chosen.name,
        telephone=chosen.telephone,
        hours=hours.zh if hours else None,
        hours_en=hours.en if hours else None,
    )


def _hours(book: PolicyBook) -> Words | None:
    """The office hours of the jurisdiction in words."""
    hours = book.settings.office_hours if book.settings is not None else None
    if hours is None:
        return None
    return Words(f"工作日{hours.opens}:00至{hours.closes}:00", f"working days, {hours.opens}:00 to {hours.closes}:00")
