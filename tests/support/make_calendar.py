"""Writes shared/policy/data/cn-calendar.yaml from the `chinesecalendar` package. Run when a new year is published:

python tests/support/make_calendar.py > shared/policy/data/cn-calendar.yaml

The days of the lunar calendar and of Qingming come from `lunar_python`, which only this script needs.
"""

from __future__ import annotations

from datetime import date, timedelta
from importlib.metadata import version

from chinese_calendar import constants
from lunar_python import Lunar, Solar

CORRECTED_WORKDAYS = (date(2005, 12, 31),)
"""Days that the package lacks: the notice on the holidays of 2006 makes this Saturday a working day."""
SINCE, UNTIL = 2025, 2060


def statutory(year: int) -> list[date]:
    """The holidays of the decree of 2024 (in force since 2025-01-01) whose day changes, and 2 May."""
    new_year = _day(Lunar.fromYmd(year, 1, 1))
    terms = Solar.fromYmd(year, 4, 1).getLunar().getJieQiTable()
    qingming = terms["清明"]
    return sorted(
        [
            *(new_year + timedelta(days=day) for day in range(-1, 3)),
            date(qingming.getYear(), qingming.getMonth(), qingming.getDay()),
            date(year, 5, 2),
            _day(Lunar.fromYmd(year, 5, 5)),
            _day(Lunar.fromYmd(year, 8, 15)),
        ]
    )


def _day(lunar: Lunar) -> date:
    found = lunar.getSolar()
    return date(found.getYear(), found.getMonth(), found.getDay())


def main() -> None:
    years = sorted({day.year for day in constants.holidays})
    print("# Days off and make-up workdays in China, as published each year by the State Council.")
    print(f"# Made by tests/support/make_calendar.py from chinesecalendar {version('chinesecalendar')} (MIT).")
    print("calendar:")
    print("  id: CN")
    print("  source: State Council notices on holiday arrangements, by way of chinesecalendar (MIT)")
    print("  weekend: [6, 7]")
    print("  # In each year's list since 2004; an unpublished year is computed with them.")
    print('  fixed: ["01-01", "05-01", "10-01", "10-02", "10-03"]')
    print(
        "  # The other holidays of the decree of 2024, in force since 2025-01-01: the eve and three days of Spring Festival,"
    )
    print("  # Qingming, 2 May, Dragon Boat, Mid-Autumn. Computed with lunar_python (MIT).")
    print("  statutory:")
    for year in range(SINCE, UNTIL + 1):
        print(f"    {year}: [{', '.join(day.isoformat() for day in statutory(year))}]")
    print(f"  published_until: {years[-1]}")
    print("  years:")
    for year in years:
        print(f"    {year}:")
        for name, days in (("holidays", constants.holidays), ("workdays", constants.workdays)):
            added = CORRECTED_WORKDAYS if name == "workdays" else ()
            dates = ", ".join(day.isoformat() for day in sorted({*days, *added}) if day.year == year)
            print(f"      {name}: [{dates}]")


if __name__ == "__main__":
    main()
