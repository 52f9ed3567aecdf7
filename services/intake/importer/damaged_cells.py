"""Cells of a workbook that are more, or less, than a value."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Damaged(NamedTuple):
    """A cell without a value that could be read. `code`: of ROW_ERRORS."""

    code: str


class ShownNumber(float):
    """A number whose format is part of it: `shown` is what the workbook displays."""

    shown: str

    def __new__(cls, value: float, shown: str) -> ShownNumber:
        found = super().__new__(cls, value)
        found.shown = shown
        return found


class LinkedText(str):
    """A text that leads to an address. `target`: the address, which the workbook does not show."""

    target: str

    def __new__(cls, text: str, target: str) -> LinkedText:
        found = super().__new__(cls, text)
        found.target = target
        return found


class ShownTime(str):
    """A time of day or an elapsed time, as the workbook shows it."""

    __slots__ = ()


class SerialDay(float):
    """A number without a date format. `moment`: what it would be as days of the workbook's own date system, as local time."""

    moment: datetime

    def __new__(cls, value: float, moment: datetime) -> SerialDay:
        found = super().__new__(cls, value)
        found.moment = moment
        return found
