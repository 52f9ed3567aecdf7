"""The catalogues hold every text of templates and pages, in both languages, with the same values to fill in."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from services.portal import catalogues
from services.portal.catalogues import LANGUAGES, texts
from services.portal.pages import desk_case, desk_frame, desk_numbers, sign_in, start, submit, track

ROOT = Path(catalogues.__file__).parent


def of_templates() -> Iterator[str]:
    for file in sorted((ROOT / "templates").glob("*.html")):
        for found in re.finditer(r"_\(\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)')", file.read_text("utf-8")):
            yield found[1] or found[2]


def of_pages() -> Iterator[str]:
    """First texts in calls of `told` and `say`, and the constants that are translated later."""
    for file in sorted((ROOT / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("told", "say"):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and " " in argument.value:
                        yield argument.value
    for action in track.ACTIONS.values():
        yield from (action.title, action.hint, action.send)
    yield from (*desk_frame.DRAFT_QUEUES.values(), *desk_case._DONE.values())
    yield from (*desk_numbers.MEASURES.values(), *desk_numbers._OF.values())
    yield from (name for _code, name in desk_numbers.periods_of(datetime(2026, 1, 5, tzinfo=UTC)))
    yield from (*track.STEPS, *track._LABELS.values(), *track._OWN_LABELS.values(), *track._MISSING.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_the_catalogue(language: catalogues.Language) -> None:
    wanted = {*of_templates(), *of_pages()}
    assert len(wanted) > 150
    assert sorted(wanted - texts(language).keys()) == []


def test_both_languages_fill_in_the_same_values() -> None:
    for text, chinese in texts("zh").items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", chinese)), text
        assert texts("en")[text] == text
    assert not [text for text, said in texts("zh").items() if text == said]


@pytest.mark.parametrize(
    "name", ["catalogues", "browser", "rendering", "pages.desk_list", "pages.desk_case", "pages.desk_numbers"]
)
def test_examples_run(name: str) -> None:
    result = doctest.testmod(import_module(f"services.portal.{name}"))
    assert result.attempted > 0 and result.failed == 0


def test_pages_have_routes() -> None:
    paths = {route.path for part in (start, submit, track, sign_in) for route in part.ROUTES}
    assert {"/", "/submit", "/track", "/sign-in", "/join"} <= paths
