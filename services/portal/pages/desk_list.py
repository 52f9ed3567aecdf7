"""/desk: what staff do next. The queues with counts, and one list by days left."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Problem
from services.portal.browser import Form, command_id
from services.portal.catalogues import Language, told
from services.portal.pages.desk_frame import DRAFT_QUEUES, FIGURES_ONLY, OFFICE, Words, asked, framed, of_case
from services.portal.rendering import page, sentence, view_of

_FILTERS = ("queue", "clerk", "number", "state", "class", "channel", "after")
_ROWS = 50


async def board(request: Request) -> Response:
    """The queues with counts, and one list by days left."""
    chosen = {name: request.query_params.get(name, "")[:400] for name in _FILTERS}
    listed = request.query_params.get("drafts", "")
    frame, _found = await framed(request, drafts=listed if listed in DRAFT_QUEUES else "")
    me, counts = frame["me"], frame["counts"]
    if me["role"] in FIGURES_ONLY:
        return RedirectResponse("/desk/numbers", 303)
    if listed in DRAFT_QUEUES:
        return page(request, "desk_drafts.html", **frame | {"drafts_queue": listed, "chosen": Form(), "scope": ""})
    scope = request.query_params.get("scope", "")
    if scope == "unit" and me["role"] in OFFICE:
        chosen["org"] = str(me["org"] or "")
    if not any(chosen.values()) and not scope:
        waiting = [name for name, count in counts["queues"].items() if count and name not in ("at_risk",)]
        late = counts["queues"].get("overdue") and me["role"] != "operator"  # operators dispatch and hold no case
        chosen["queue"] = "overdue" if late else next(iter(waiting), "")
    problem = None
    rows: dict[str, Any] = {"cases": [], "after": None, "total": 0, "total_is_minimum": False}
    try:
        (rows,) = await asked(request, ("/v1/cases", {**chosen, "limit": _ROWS}))
    except Problem as refused:
        if refused.status >= 500:
            raise
        problem = refused
    behind = None if rows["cases"] or problem else await _by_number(request, chosen["number"])
    rows["total"] = _total(chosen, counts)
    return page(
        request, "desk.html", **frame | {"queue": chosen["queue"]}, chosen=chosen, rows=rows, scope=scope,
        lines=lines_of(rows["cases"], view_of(request).language, frame["words"]),
        bulk_id=command_id(), behind=behind,
        problem=problem, said=sentence(request, problem) if problem else "",
        next_page="&".join(f"{name}={quote(value)}" for name, value in {**chosen, "after": rows["after"] or ""}.items()
                           if value),
    )  # fmt: skip


async def _by_number(request: Request, number: str) -> dict[str, Any] | None:
    """The case with exactly this number: the list is a moment behind a case that was just registered."""
    if not number.strip():
        return None
    try:
        (found,) = await asked(request, (of_case(number.strip()), {"content": "false"}))
    except Problem as problem:
        if problem.known:
            return None
        raise
    answer: dict[str, Any] = found
    return answer


class ListedRow(NamedTuple):
    """One row of a list as the page shows it."""

    late: bool
    number: str
    days: str
    """How long until the due day, or since."""
    clock: str
    subject: str
    place: str
    state: str
    org: str
    clerk: str


def days_in_words(language: Language, days: int | None, unit: str | None) -> str:
    """How long until the due day, or since.

    >>> [days_in_words("zh", days, unit) for days, unit in ((3, "working"), (0, "calendar"), (-8, "calendar"), (None, None))]
    ['3个工作日', '今天', '超期8天', '–']
    """
    if days is None:
        return "–"
    working = unit == "working"
    if days < 0:
        return told(language, "{days} working days late" if working else "{days} days late", days=-days)
    if days == 0:
        return told(language, "Due today")
    return told(language, "{days} working days left" if working else "{days} days left", days=days)


def lines_of(rows: list[dict[str, Any]], language: Language, words: Words) -> list[ListedRow]:
    """The rows of a list. A template is slow at choosing words, and a list has fifty rows."""
    own, other = ("zh", "en") if language == "zh" else ("en", "zh")
    lines = []
    for one in rows:
        named = one["names"].get
        subject, place, org = (words.name(one[name], named(one[name])) for name in ("subject", "place", "org"))
        clerk = one["clerk_names"].get(one["clerk"], one["clerk"]) or "–"
        clock, state = (one[f"{name}_{own}"] or one[f"{name}_{other}"] or "" for name in ("clock", "state"))
        lines.append(
            ListedRow(
                one["overdue"],
                one["number"],
                days_in_words(language, one["days_left"], one["unit"]),
                clock,
                subject,
                place,
                state,
                org,
                clerk,
            )
        )
    return lines


def _total(chosen: dict[str, str], counts: dict[str, Any]) -> int | None:
    """The length of the list where the counts have it already: counting a list costs as much as reading it."""
    asked = {name: value for name, value in chosen.items() if value and name != "after"}
    if asked == {"queue": chosen["queue"]}:
        found: int | None = counts["queues"].get(chosen["queue"])
        return found
    known = {"me": counts["mine"], "none": counts["unassigned"]}
    return known.get(chosen["clerk"]) if asked == {"clerk": chosen["clerk"]} else None


ROUTES = [Route("/desk", board)]
