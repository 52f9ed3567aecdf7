"""Layout of the page: escaping, the frame, and headers that allow nothing but the style in the page.

Every value is escaped when it is inserted. The page contains no personal data and loads nothing.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib import resources

from starlette.responses import HTMLResponse

STYLE = (resources.files("services.intake.http.printed_receipt") / "receipt.css").read_text("utf-8")
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


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


def page(title_zh: str, title_en: str, body: Html) -> HTMLResponse:
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
<style>{style}</style>
</head>
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
        style=Html(STYLE),
    )
    return HTMLResponse(text, 200, HEADERS)
