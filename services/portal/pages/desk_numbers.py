"""/desk/numbers: the figures of a period for those who lead, in the whole and for each organisation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.portal.api import Problem
from services.portal.catalogues import Language, told
from services.portal.pages.desk_frame import Words, asked, framed
from services.portal.pages.start import nothing_here
from services.portal.rendering import LEGAL_ZONE, page, view_of

READING = ("analyst", "supervisor", "registrar", "operations")
"""Roles that see figures."""
MEASURES = {
    "registered": "Registered",
    "backlog": "Open at the end",
    "on_time_acceptance": "Told in time whether it is accepted",
    "on_time_reply": "Answered in time",
    "on_time_closing": "Closed in time",
    "elapsed_reply_median": "Half were answered within",
    "participation": "Evaluated",
    "satisfaction": "Satisfied",
    "resolution": "Resolved",
    "resolved_unconfirmed": "Resolved, not confirmed by the petitioner",
}
"""Figures of the page in their order -> their names. All others are in the interface and at the command line."""
_OF = {"petition_office": "the petition office", "organisation": "the organisation"}
"""Whom an evaluation is about."""


class Row(NamedTuple):
    """One figure in words."""

    name: str
    value: str
    rows: str
    """What it counts: of a rate, how many of how many."""
    change: str
    """Against the period before."""


def shown(language: Language, figure: dict[str, Any] | None) -> str:
    """The value of a figure.

    >>> shown("en", {"shape": "rate", "value": 0.5}), shown("zh", {"shape": "quantile", "value": 3.26}), shown("en", None)
    ('50.0 %', '3.3天', '–')
    """
    if figure is None or figure["value"] is None:
        return "–"
    if figure["shape"] == "rate":
        return f"{100 * figure['value']:.1f}{'%' if language == 'zh' else ' %'}"
    if figure["shape"] == "quantile":
        return told(language, "{days} days", days=f"{figure['value']:.1f}")
    return f"{figure['value']:.0f}"


def change(language: Language, figure: dict[str, Any]) -> str:
    """The difference to the period before; empty where there is none.

    >>> change("en", {"shape": "rate", "compared": [{"difference": -0.021}]}), change("zh", {"shape": "count", "compared": []})
    ('−2.1 points', '')
    """
    found = next((one["difference"] for one in figure["compared"] if one["difference"] is not None), None)
    if found is None:
        return ""
    value = 100 * found if figure["shape"] == "rate" else found
    text = (f"{value:+.0f}" if figure["shape"] == "count" else f"{value:+.1f}").replace("-", "−")
    return told(language, "{value} points", value=text) if figure["shape"] == "rate" else text


def periods_of(today: datetime) -> list[tuple[str, str]]:
    """Period of the interface -> its name, the usual one first."""
    before = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return [
        (f"{today.year:04}-{today.month:02}", "This month"),
        (f"{before[0]:04}-{before[1]:02}", "Last month"),
        (f"{today.year:04}", "This year"),
        ("all", "All"),
    ]


async def numbers(request: Request) -> Response:
    """The figures. A period that the page does not offer is the usual one."""
    language = view_of(request).language
    periods = periods_of(datetime.now(UTC).astimezone(LEGAL_ZONE))
    wanted = request.query_params.get("period", "")
    period = wanted if any(wanted == one for one, _name in periods) else periods[0][0]
    frame, _found = await framed(request)
    if frame["me"]["role"] not in READING:
        raise nothing_here()
    question = {"period": period, "measures": ",".join(MEASURES)}
    before = {"all": "", periods[2][0]: "year"}.get(period, "month")
    try:
        whole, each = await asked(
            request, ("/v1/stats", {**question, "compare": before}), ("/v1/stats", {**question, "by": "organisation"})
        )
    except Problem as problem:
        if problem.code != "facts_behind" and problem.status >= 500:
            raise
        return page(request, "desk_numbers.html", http_status=problem.status, **frame, periods=periods, period=period,
                    rows=[], headings=[], organisations=[], problem=problem,
                    said=problem.detail_zh if language == "zh" else problem.detail)  # fmt: skip
    return page(
        request, "desk_numbers.html", **frame, periods=periods, period=period, problem=None, said="", at=whole["now"],
        rows=[_row(language, one) for one in whole["figures"] if one["measure"] in MEASURES],
        headings=[told(language, MEASURES[name]) for name in _BESIDE], organisations=_organisations(language, each, frame["words"]),
    )  # fmt: skip


_BESIDE = ("registered", "backlog", "on_time_reply", "satisfaction", "resolution")
"""Figures of each organisation."""


def _row(language: Language, figure: dict[str, Any]) -> Row:
    name = told(language, MEASURES[figure["measure"]])
    if figure["of"] in _OF:
        name += told(language, ": ") + told(language, _OF[figure["of"]])
    count = "" if figure["shape"] == "count" or not figure["denominator"] else str(figure["denominator"])
    if figure["shape"] == "rate" and figure["denominator"]:
        count = told(language, "{part} of {all}", part=figure["numerator"], all=figure["denominator"])
    return Row(name, shown(language, figure), count, change(language, figure))


def _organisations(language: Language, found: dict[str, Any], words: Words) -> list[tuple[str, list[str]]]:
    """Each organisation with its figures, the one with the most cases first."""
    by: dict[str, dict[str, dict[str, Any]]] = {}
    for one in found["figures"]:
        if one["of"] in (None, "organisation"):
            by.setdefault(one["group"]["organisation"], {})[one["measure"]] = one
    order = sorted(by, key=lambda code: -(by[code].get("registered", {}).get("value") or 0))
    nobody = told(language, "Nobody yet")
    return [
        (
            nobody if code == "-" else words.name(code, found["names"].get(code)),
            [shown(language, by[code].get(name)) for name in _BESIDE],
        )
        for code in order
    ]


ROUTES = [Route("/desk/numbers", numbers)]
