"""Writes shared/policy/data/cn-calendar.yaml from the `chinesecalendar` package. Run when a new year is published:

python tests/support/make_calendar.py > shared/policy/data/cn-calendar.yaml
"""

from __future__ import annotations

from importlib.metadata import version

from chinese_calendar import constants


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
    print(f"  published_until: {years[-1]}")
    print("  years:")
    for year in years:
        print(f"    {year}:")
        for name, days in (("holidays", constants.holidays), ("workdays", constants.workdays)):
            dates = ", ".join(day.isoformat() for day in sorted(days) if day.year == year)
            print(f"      {name}: [{dates}]")


if __name__ == "__main__":
    main()
