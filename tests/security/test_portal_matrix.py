"""Every page, for every role: pages show what the interface shows, and carry nothing personal in addresses or logs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.routing import Route

from services.portal.api import Api
from services.portal.application import build
from services.portal.browser import COOKIE
from services.supervision.policy_activation import activate
from shared.application.access_keys import PEOPLE
from shared.policy.loading.loader import bundled
from tests.support.serving import OPERATOR, ORGS, Served, served

NAME, PHONE, TEXT = "欧阳慎独", "13912345678", "楼道漏水两个月"
OTHERS = {"clerk of another organisation": ("clerk", "rs"), "organisation of another": ("organisation", "rs")}
MISSING = "2026-0000-0000-0000-0"


class County(NamedTuple):
    """A served county with one case, its receipt, and a key for each role; two of them of another organisation."""

    here: Served
    receipt: dict[str, str]
    keys: dict[str, str | None]


@pytest.fixture
async def county() -> AsyncIterator[County]:
    async with served() as here:
        receipt = await here.filed(text=TEXT, petitioner={"name": NAME, "phone": PHONE})
        keys: dict[str, str | None] = {"nobody": None, **{role: here.keys[role] for role in PEOPLE}}
        for name, (role, org) in OTHERS.items():
            keys[name] = await here.key_of(role, org)
        here.clock.advance(2)
        yield County(here, receipt, keys)


def routes() -> Iterator[tuple[str, str]]:
    """(method, path) of every page."""
    app = build(Api(httpx.AsyncClient()))
    for route in app.routes:
        assert isinstance(route, Route) and route.methods
        yield from ((method, route.path) for method in sorted(route.methods - {"HEAD"}))


def filled(path: str, number: str) -> str:
    found = re.sub(r"{(?:number|reference|case)(?::path)?}", number, path)
    return re.sub(
        r"{name(?::path)?}", "add_material", re.sub(r"{version:int}", "1", re.sub(r"{(?!name)\w+}", "x", found))
    )


def browser(county: County, role: str) -> httpx.AsyncClient:
    found = county.here.browser(**{"accept-language": "en"})
    key = county.keys[role]
    if key is not None:
        found.cookies.set(f"{COOKIE}session", key, domain="huiyin.test")
    return found


STREAM = ("GET", "/desk/live")
"""Never ends while somebody is signed in."""
ROLES = ["nobody", *PEOPLE, *OTHERS]
PATHS = sorted(set(routes()))


async def test_pages_show_what_the_interface_shows_and_nothing_personal_in_addresses(
    county: County, capsys: pytest.CaptureFixture[str]
) -> None:
    for role in ROLES:
        await _pages_of(county, role)
    logged = capsys.readouterr()
    assert not any(text in logged.out + logged.err for text in (county.receipt["code"], NAME, PHONE, TEXT))


async def _pages_of(county: County, role: str) -> None:
    number = county.receipt["number"]
    async with county.here.client(key=county.keys[role]) as client:
        seen = (await client.get(f"/v1/cases/{number}", params={"content": "false"})).status_code == 200
    async with browser(county, role) as page:
        for method, path in PATHS:
            if (method, path) == STREAM and role != "nobody":
                continue
            where, body = f"{method} {path} as {role}", {"data": {}} if method == "POST" else {}
            one, none = [await page.request(method, filled(path, which), **body) for which in (number, MISSING)]
            assert one.status_code < 500 and none.status_code < 500, where
            if path.startswith("/desk") and role == "nobody":
                asked = "sign-in" in one.headers.get("location", "") or 'name="password"' in one.text
                # 404: there is no such kind of form; 401: the stream
                assert asked or one.status_code == none.status_code in (401, 404), where
            if "{number" in path and role != "nobody" and not seen:
                assert one.status_code == none.status_code, where
                assert _without_ids(one.text, number) == _without_ids(none.text, MISSING), where
            if not seen:
                assert not any(text in one.text for text in (NAME, PHONE, TEXT)), where
            addresses = [*re.findall(r'(?:href|src|action)="([^"]*)"', one.text), one.headers.get("location", "")]
            secrets = (county.receipt["code"], NAME, PHONE, TEXT)
            assert not any(text in address for text in secrets for address in addresses), where
            assert one.headers["referrer-policy"] in ("same-origin", "no-referrer"), where


def _without_ids(text: str, number: str) -> str:
    """A page without the number that was asked for, and without ids that are new each time."""
    return re.sub(r"[\w-]{32}", "", text).replace(number, "")


async def test_log_lines_of_a_citizen_who_follows_hold_nothing_personal(
    county: County, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = county.receipt
    capsys.readouterr()
    async with browser(county, "nobody") as page:
        entered = await page.post("/track", data={"number": receipt["number"], "code": receipt["code"]})
        assert entered.headers["location"] == "/track?cookies=1"
        assert (await page.get("/track")).status_code == 200
        shown = await page.post("/track/data")
        assert NAME in shown.text
    logged = capsys.readouterr()
    assert not any(text in logged.out + logged.err for text in (receipt["code"], NAME, PHONE, TEXT))


NEXT = "yi-xian"
NEIGHBOURS = ("clerk", "registrar")


async def test_pages_of_another_jurisdiction_know_nothing_of_the_case(county: County) -> None:
    """The neighbour has the same codes of organisations, places and channels."""
    here = county.here
    sections: dict[str, Any] = deepcopy({one.section: one.document for one in bundled("demo")})
    sections["jurisdiction"] |= {"code": NEXT, "name": "乙县"}
    await activate(here.runtime.handling("supervision"), OPERATOR, NEXT, sections)
    for role in NEIGHBOURS:
        _id, key = await here.runtime.principals.issue(
            here.runtime.handling("intake"), OPERATOR, role, ORGS[role], None, NEXT
        )
        county.keys[f"{role} next door"] = key
        here.clock.advance(2)
        await _pages_of(county, f"{role} next door")
    async with browser(county, "registrar next door") as page:
        for path in ("/desk?scope=all", f"/desk?number={county.receipt['number']}", "/desk/numbers?period=all"):
            found = await page.get(path)
            assert found.status_code == 200 and "/desk/case/" not in found.text and TEXT not in found.text, path
