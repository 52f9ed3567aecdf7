"""Notices in HTML: one self-contained page without scripts. Every text is escaped; the page needs no other file."""

from __future__ import annotations

from functools import cache
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from services.routing.notices.notice_document import NoticeDocument
from shared.policy.template_language import sandbox

if TYPE_CHECKING:
    from jinja2 import Template

_CARRIED = '<meta name="huiyin-notice" content="'


@cache
def _layout(name: str) -> Template:
    source = files("services.routing.notices").joinpath(name).read_text(encoding="utf-8")
    return sandbox(autoescape=True).from_string(source)


def page(name: str, values: dict[str, Any]) -> bytes:
    """A page of this package's layout with these values, all of them escaped."""
    return _layout(name).render(values).encode()


def html(document: NoticeDocument) -> bytes:
    """The notice as a page. It carries its own content, so that a PDF can be made of it later with the same words."""
    values = {"notice": document.model_dump(), "carried": document.model_dump_json()}
    return page("notice.html", values)


def document_in(stored: bytes) -> NoticeDocument:
    """The notice that a stored page carries. Raises ValueError where the page is not one of ours."""
    text = stored.decode()
    start = text.index(_CARRIED) + len(_CARRIED)
    return NoticeDocument.model_validate_json(unescape(text[start : text.index('"', start)]))
