"""Problems as pages, for people who typed an address into a browser: the sentence, the code and the id of the request.

A page needs no other file and no script, so every process can answer with it. Programs get problem+json as before.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

_STYLE = (
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "code{overflow-wrap:anywhere}.quiet{font-size:.9rem}"
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src"
    f" 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept, Accept-Language",
}
"""Headers of such a page, beside those of every answer."""
_WORDS = {
    "zh": ("zh-CN", "无法显示此页", "此前登记的内容没有丢失。", "首页", "代码", "请求编号", "："),
    "en": (
        "en",
        "This page cannot be shown",
        "Nothing that was recorded before is lost.",
        "First page",
        "Code",
        "Request",
        ": ",
    ),
}


def wants_page(scope: Scope) -> bool:
    """True if a browser asks for the address: it reads, and names HTML and no JSON among what it accepts."""
    if scope["method"] not in ("GET", "HEAD"):
        return False
    accepted = Headers(scope=scope).get("accept", "").lower()
    return "text/html" in accepted and "json" not in accepted


def page_of(content: Mapping[str, Any], scope: Scope, request: str | None) -> bytes:
    """The page of a problem in the language of the browser; Chinese where it names none."""
    named = Headers(scope=scope).get("accept-language", "").lower()
    language = "en" if named.startswith("en") else "zh"
    tag, title, kept, home, code, request_word, colon = _WORDS[language]
    said = content["detail_zh" if language == "zh" else "detail"]
    lines = [f"{code}{colon}<code>{escape(str(content['code']))}</code>"]
    if request:
        lines.append(f"{request_word}{colon}<code>{escape(request)}</code>")
    return (
        f'<!doctype html><html lang="{tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
        f'<p role="alert">{escape(str(said))}</p><p>{kept}</p><p><a href="/">{home}</a></p>'
        f'<p class="quiet">{" · ".join(lines)}</p></main></body></html>'
    ).encode()
