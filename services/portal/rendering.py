"""Pages from templates. Everything that is inserted is escaped; one language at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse
from structlog.contextvars import get_contextvars

from services.portal.api import Problem
from services.portal.assets import address
from services.portal.browser import HEADERS, Form, cookie
from services.portal.catalogues import LANGUAGES, TAGS, Language, best, told

LEGAL_ZONE = ZoneInfo("Asia/Shanghai")
"""The legal time of the People's Republic, in which times of day are shown."""


class View(NamedTuple):
    """How a person wants to see the pages."""

    language: Language
    large: bool
    """The version for elderly people (长辈版): extra-large type, high contrast."""

    def text(self) -> str:
        """As a cookie."""
        return f"{self.language}.{'large' if self.large else 'plain'}"


class Site(NamedTuple):
    """What all pages of this portal say."""

    telephone: str
    citizens: bool
    staff: bool


def view_of(request: Request) -> View:
    """From the cookie; otherwise the language that the browser asks for. A page that changes it sets `request.state.view`."""
    chosen: View | None = getattr(request.state, "view", None)
    if chosen is not None:
        return chosen
    language, _, size = (cookie(request, "view") or "").partition(".")
    known = next((one for one in LANGUAGES if one == language), None)
    return View(known or best(request.headers.get("accept-language", "")), size == "large")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("services.portal", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = address
    made.filters["lines"] = _lines
    made.filters["first_upper"] = lambda text: text[:1].upper() + text[1:]
    made.filters["without_fields"] = without_fields
    return made


def _lines(text: object) -> Markup:
    """A text with its line breaks."""
    return Markup("<br>").join(str(text).split("\n"))


def without_fields(text: str) -> str:
    """A template as it is read before it is filled: each field is an ellipsis.

    >>> without_fields("{{ case_number }}：请到{{ office }}办理。")
    '…：请到…办理。'
    """
    return re.sub(r"\{\{[^{}]*\}\}", "…", text)


def _local_day(text: str) -> date:
    """The day of a date, or the day in the legal time at which an instant was. Raises ValueError."""
    if len(text) <= len("2026-03-05"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(LEGAL_ZONE)).date()


def day(language: Language, text: str | None) -> str:
    """A day as people write it.

    >>> day("zh", "2026-03-05"), day("en", "2026-03-05T17:30:00.000000Z"), day("en", "2026")
    ('2026年3月5日', '6 March 2026', '2026')
    """
    try:
        found = _local_day(text or "")
    except ValueError:
        return text or ""
    return f"{found.year}年{found.month}月{found.day}日" if language == "zh" else f"{found.day} {found:%B} {found.year}"


def moment(language: Language, text: str | None) -> str:
    """A day, and the local time where there is one.

    >>> moment("zh", "2026-03-05T01:30:00.000000Z"), moment("en", "2026-03-05")
    ('2026年3月5日 09:30', '5 March 2026')
    """
    try:
        found = (
            datetime.fromisoformat(text or "").astimezone(LEGAL_ZONE) if len(text or "") > len("2026-03-05") else None
        )
    except ValueError:
        found = None
    return day(language, text) if found is None else f"{day(language, found.isoformat())} {found:%H:%M}"


def _either(language: Language, pair: Any, zh: str = "zh", en: str = "en") -> str:
    """The text of a pair of the interface in this language."""
    first, second = (zh, en) if language == "zh" else (en, zh)
    return str(pair.get(first) or pair.get(second) or "") if pair else ""


def law(language: Language, article: str | None) -> str:
    """The article of a deadline in one language; the interface gives both in one text.

    >>> law("zh", "《信访工作条例》第三十四条 (Regulation Art. 34)"), law("en", "《信访工作条例》第三十四条 (Regulation Art. 34)")
    ('《信访工作条例》第三十四条', 'Regulation Art. 34')
    """
    found = re.fullmatch(r"(.+?) \((.+)\)", article or "")
    return found[1 if language == "zh" else 2] if found else article or ""


def page(request: Request, template: str, *, http_status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page, or the part of one that a script asked for."""
    view = view_of(request)
    site: Site = request.app.state.site
    translate: Callable[..., str] = partial(told, view.language)
    text = (
        _environment()
        .get_template(template)
        .render(
            {
                "_": translate,
                "view": view,
                "tag": TAGS[view.language],
                "site": site,
                "path": request.url.path,
                "day": partial(day, view.language),
                "moment": partial(moment, view.language),
                "either": partial(_either, view.language),
                "law": partial(law, view.language),
                "named": lambda entry: _either(view.language, entry, "name", "name_en"),
                "gap": "" if view.language == "zh" else " ",
                "main_form": None,
                "wrong": None,
                **values,
            }
        )
    )
    return HTMLResponse(text, http_status, HEADERS)


def sentence(request: Request, problem: Problem) -> str:
    """The sentence of a problem in the language of the page."""
    language = view_of(request).language
    return (problem.detail_zh if language == "zh" else problem.detail) or problem.detail


def problem_page(request: Request, problem: Problem) -> HTMLResponse:
    """The page for a request that cannot be answered: the sentence, the code, the request id, and what to do."""
    if problem.request is None:
        problem.request = get_contextvars().get("request")
    answer = page(request, "problem.html", http_status=problem.status, problem=problem, said=sentence(request, problem))
    if problem.retry_after is not None:
        answer.headers["Retry-After"] = problem.retry_after
    return answer


def kept_page(request: Request, problem: Problem, form: Form) -> HTMLResponse:
    """The page for a form that could not be sent: what was typed is on it, and a press sends the same form again."""
    return page(
        request, "kept.html", http_status=problem.status, problem=problem, said=sentence(request, problem), wrong=problem,
        fields=[(name, value) for name, values in form.every.items() for value in values if name != "view"],
    )  # fmt: skip
