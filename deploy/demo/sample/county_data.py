"""The demo county as the sample needs it: channels, places and who is responsible where (shared/policy/data/demo)."""

from __future__ import annotations

CHANNELS: tuple[tuple[str, int], ...] = (
    ("letter", 12),
    ("hall", 10),
    ("hotline", 13),
    ("fax", 3),
    ("web", 18),
    ("app", 12),
    ("mini", 12),
    ("qr-dh", 6),
    ("province", 7),
    ("h12345", 16),
)
"""Channel -> weight. The counter `zj-window`, where an organ receives itself, is chosen apart."""
WINDOW = "zj-window"
WINDOW_ORG = "zj"
WINDOW_SUBJECTS = ("0102", "0103", "1201")
"""Its own, wherever in the city."""
QR = "qr-dh"
POSTMARKED = frozenset({"letter"})
"""Channels whose filing has a date and no hour."""

CITY = "sl"
PLACES: tuple[tuple[str, int], ...] = (
    ("dh-yl", 10),
    ("dh-hg", 9),
    ("dh-mq", 6),
    ("dh", 5),
    ("xs-sm", 8),
    ("xs-ct", 5),
    ("xs-gy", 7),
    ("xs", 4),
    ("bh-cg", 9),
    ("bh-lt", 6),
    ("bh-yh", 6),
    ("bh", 4),
)
SUBJECTS: tuple[tuple[str, int], ...] = (
    ("0101", 13),
    ("0102", 7),
    ("0103", 6),
    ("0104", 5),
    ("0201", 10),
    ("0202", 5),
    ("0203", 2),
    ("0301", 3),
    ("0302", 5),
    ("0303", 2),
    ("0401", 8),
    ("0402", 4),
    ("0403", 4),
    ("0501", 3),
    ("0502", 3),
    ("0503", 1),
    ("0601", 3),
    ("0602", 3),
    ("0603", 3),
    ("0701", 3),
    ("0702", 2),
    ("0703", 2),
    ("0801", 5),
    ("0802", 3),
    ("0901", 2),
    ("0902", 2),
    ("1001", 4),
    ("1002", 3),
    ("1101", 2),
    ("1102", 4),
    ("1201", 4),
    ("1202", 1),
    ("1301", 1),
    ("1302", 2),
    ("1401", 1),
    ("1402", 1),
)
"""What claims are about. Subject 15 has no rule: those wait for a registrar (QUEUED)."""
QUEUED = ("1501", "1502")
CITY_QUEUED = ("0801", "0901", "1001", "1102", "1402")
"""Filed for the whole city, these have no rule either."""

_ORGAN = {"01": "zj", "02": "rs", "03": "jt", "04": "st", "05": "wj", "06": "jy", "12": "zj"}
_OFFICE = {"dh": "dhq", "xs": "xsq", "bh": "bhx"}
_OF_THE_DISTRICT = frozenset(
    {("dh", "0101"), ("xs", "0101"), ("bh", "0101"), ("bh", "0104"), ("bh", "0201"), ("dh", "0401"), ("xs", "0401")}
)
PETITION_OFFICE = "xfj"
SEALED_ORGAN = "jjw"
REVIEW_BODY = "fc"


def responsible(place: str, subject: str) -> str | None:
    """Who the routing table of the demo county names; None: nobody, a registrar dispatches."""
    district, branch = place.split("-", maxsplit=1)[0], subject[:2]
    if branch == "15":
        return None
    if (district, subject) in _OF_THE_DISTRICT:
        return _OFFICE[district]
    return _ORGAN.get(branch) or _OFFICE.get(district)


def district_office(place: str) -> str:
    """The office of the district that the place lies in; for the whole city the petition office."""
    return _OFFICE.get(place.split("-", maxsplit=1)[0], PETITION_OFFICE)
