"""Layout of all pages: escaping, the frame, and headers that allow no content from other servers.

Every value is escaped when it is inserted into a page. Pages contain no personal data, and load only the style and the
script of this server.
"""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import NamedTuple

from starlette.responses import HTMLResponse

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATIC = {"page.css": "text/css; charset=utf-8", "status.js": "text/javascript; charset=utf-8"}


class Html(str):
    """Markup that needs no escaping. `markup` escapes everything else."""

    __slots__ = ()


def markup(template: str, **values: str | None) -> Html:
    """`template` with every `{name}` replaced, escaped unless it is Html itself."""
    safe = {name: value if isinstance(value, Html) else escape(value or "") for name, value in values.items()}
    return Html(template.format(**safe))


def joined(parts: list[Html]) -> Html:
    return Html("\n".join(parts))


def spans(zh: str, en: str) -> Html:
    """The same in both languages, each with its `lang`."""
    return markup('<span lang="zh-CN">{zh}</span> <span lang="en">{en}</span>', zh=zh, en=en)


def heading(tag: str, zh: str, en: str) -> Html:
    """A heading in both languages."""
    return Html(f"<{tag}>{spans(zh, en)}</{tag}>")


def both(zh: str, en: str, tag: str = "p") -> Html:
    """A paragraph, or another element, in both languages."""
    return Html(f'<{tag} class="both">{spans(zh, en)}</{tag}>')


def page(title_zh: str, title_en: str, body: Html, *, status: int = 200, script: bool = False) -> HTMLResponse:
    """A whole page."""
    text = markup(
        """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{zh} {en}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
{script}</head>
<body>
<main>
{body}
</main>
</body>
</html>
""",
        zh=title_zh,
        en=title_en,
        body=body,
        script=Html('<script src="/assets/status.js" defer></script>\n') if script else Html(""),
    )
    return HTMLResponse(text, status, HEADERS)


class Asset(NamedTuple):
    content: bytes
    media_type: str


def asset(name: str) -> Asset | None:
    """A static file by its exact name; None for any other name."""
    kind = _STATIC.get(name)
    if kind is None:
        return None
    return Asset(resources.files("services.intake.http.pages").joinpath("static", name).read_bytes(), kind)
