"""What a browser may do with our pages, and what we believe of what it sends: headers, origin, cookies, forms."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.responses import Response

from services.portal.api import Caller, Problem
from services.portal.multipart import MULTIPART, Keep, read_parts

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
FORM = "application/x-www-form-urlencoded"
FORM_BYTES = 1024 * 1024
"""Maximum size of a form: the longest text that can be filed, in Chinese, has 450 kB in a form."""
FORM_FIELDS = 2000
COOKIE = "__Host-huiyin-"
"""Prefix of our cookies: a browser takes such a cookie only over HTTPS or from this machine, for this host alone."""


class Form(dict[str, str]):
    """The fields of a posted form. A field that was not sent is an empty text; `every` holds repeated fields."""

    every: dict[str, list[str]]

    def __missing__(self, _name: str) -> str:
        return ""


def _refused(status: int, code: str, en: str, zh: str) -> Problem:
    return Problem(status, code, en, zh)


def check_origin(request: Request) -> None:
    """Refuse a form that another site sent. Raises Problem.

    `Sec-Fetch-Site` is what current browsers say; `Origin` is compared where they say nothing."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = site in ("same-origin", "none") if site is not None else _own_origin(request, origin)
    if own and origin is not None and origin != "null":
        own = _own_origin(request, origin)
    if not own:
        raise _refused(
            403,
            "other_site",
            "This form was not sent from a page of this site. Open the page again and send the form once more;"
            " nothing was recorded.",
            "该表单不是从本站页面提交的。请重新打开页面再提交，没有登记任何内容。",
        )


def _own_origin(request: Request, origin: str | None) -> bool:
    if origin is None:
        return False
    host = request.headers.get("host", "")
    return urlsplit(origin).netloc.lower() == host.lower() and bool(host)


async def read_form(request: Request, keep: Keep | None = None) -> Form:
    """The fields of the form that our own page sent; `keep` takes its files, where it may have some. Raises Problem."""
    check_origin(request)
    kind = request.headers.get("content-type")
    if keep is not None and kind is not None and kind.partition(";")[0].strip().lower() == MULTIPART:
        boundary = parse_options_header(kind)[1].get(b"boundary", b"")
        return _form(request, await read_parts(request, boundary.decode("latin-1"), FORM_BYTES, keep))
    if kind is not None and kind.partition(";")[0].strip().lower() != FORM:  # an empty form has no type
        raise _refused(415, "wrong_type", "This is not a form of these pages.", "这不是本站的表单，请从本站页面提交。")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > FORM_BYTES:
            raise _refused(413, "too_large", "The form is too large. Shorten the text.", "内容过长，请缩短后再提交。")
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict")
    except ValueError:
        raise _refused(
            422, "wrong_form", "The form cannot be read; send it again.", "表单无法读取，请重新提交。"
        ) from None
    return _form(request, pairs)


def _form(request: Request, pairs: Iterable[tuple[str, str]]) -> Form:
    form = Form()
    form.every = {}
    for name, value in pairs:
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        form.every.setdefault(name, []).append(text)
        form[name] = text
    request.state.form = form
    return form


def whole(text: str) -> int | None:
    """A number that one of our own pages wrote into a form; None for anything else.

    >>> whole("12"), whole("-3"), whole("٣"), whole("9" * 5000), whole("")
    (12, None, None, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def command_id() -> str:
    """A new id of a command, minted with each form: a form that is sent twice is one command."""
    return secrets.token_urlsafe(24)


def cookie(request: Request, name: str) -> str | None:
    """The value of one of our cookies."""
    return request.cookies.get(COOKIE + name) or None


def set_cookie(response: Response, name: str, value: str, seconds: int | None) -> None:
    """Set one of our cookies. `seconds`: its life; None: until the browser ends."""
    response.set_cookie(COOKIE + name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(COOKIE + name, path="/", secure=True, httponly=True, samesite="lax")


SEEN = "seen"
"""Cookie: a form was shown after which a cookie is needed. A browser that does not send it back keeps none."""
NO_COOKIES = "cookies"
"""Parameter of the page after such a form: the browser may keep no cookies."""


def after_form(request: Request, path: str) -> str:
    """The address to go on with after a form whose answer sets a cookie."""
    return path if cookie(request, SEEN) else f"{path}{'&' if '?' in path else '?'}{NO_COOKIES}=1"


def caller(request: Request, session: str | None = None) -> Caller:
    """For whom a page asks."""
    return Caller(request.client.host if request.client else "127.0.0.1", session)


def local_path(wanted: str) -> str:
    """A path of this server; the first page for anything else.

    >>> local_path("/track"), local_path("//evil.example"), local_path("https://evil.example/"), local_path("/a\\\\b")
    ('/track', '/', '/', '/')
    """
    plain = wanted.startswith("/") and not wanted.startswith("//") and wanted.isascii() and wanted.isprintable()
    return wanted if plain and "\\" not in wanted and len(wanted) < 500 else "/"


def carried(form: Mapping[str, str], without: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """The fields of a form that the next page carries along."""
    return ((name, value) for name, value in form.items() if name not in without and value)
