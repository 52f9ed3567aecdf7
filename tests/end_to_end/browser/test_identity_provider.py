"""Sign-in at a real identity provider, npm's oidc-provider, in a real browser: code flow with PKCE, from link to sign-out."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import Server, huiyin, server

pytestmark = [pytest.mark.slow, pytest.mark.nightly]
PACKAGE, VERSION = "oidc-provider", "9.13.3"
FOLDER = Path.home() / ".cache" / "huiyin-npm" / f"{PACKAGE}-{VERSION}"
SCRIPT = Path(__file__).resolve().parents[2] / "support/oidc_provider.mjs"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def installed() -> Path:
    """The file that the package starts with, installed once into the cache of this machine."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip(f"needs npm and node, to install and start {PACKAGE} {VERSION}")
    entry = FOLDER / "node_modules" / PACKAGE / "lib/index.js"
    if not entry.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        asked = [npm, "install", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"]
        done = subprocess.run(
            [*asked, f"{PACKAGE}@{VERSION}"], capture_output=True, text=True, timeout=250, check=False
        )
        assert done.returncode == 0, done.stderr
    return entry


@contextmanager
def provider(site: str) -> Iterator[str]:
    """A running provider that knows the portal at `site`; gives its issuer."""
    entry, port = installed(), free_port()
    command = ["node", str(SCRIPT), str(entry), str(port), f"{site}/sign-in/oidc/done"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None and "listening" in process.stdout.readline()
            yield f"http://localhost:{port}"
        finally:
            process.terminate()


async def at_provider(page: Page, account: str, site: str) -> None:
    """Sign in and consent on the pages of the provider, as far as it asks."""
    for _ in range(4):
        if page.url.startswith(site):
            return
        if await page.locator("input[name=login]").count():
            await page.fill("input[name=login]", account)
            await page.fill("input[name=password]", "anything")
        async with page.expect_navigation():
            await page.click("button[type=submit]")
    assert page.url.startswith(site), page.url


async def begin(browser: Browser, running: Server) -> Watched:
    context = await context_of(browser, width=1280)
    await context.route(
        lambda url: "localhost" not in url, lambda route: route.abort()
    )  # fonts of the provider's pages
    return Watched(await context.new_page(), running.url)


async def test_account_of_a_real_provider_is_linked_signs_in_and_another_is_refused(
    browser: Browser, tmp_path: Path
) -> None:
    port = free_port()
    site = f"http://localhost:{port}"
    folder = tmp_path / "data"
    with (
        provider(site) as issuer,
        server(
            folder, port=port, HUIYIN_PUBLIC_URL=site, HUIYIN_OIDC_ISSUER=issuer, HUIYIN_OIDC_CLIENT="huiyin"
        ) as running,
    ):
        made = huiyin("person", "invite", "z-9", "--role", "clerk", "--org", "zj", "--data", str(folder), "--json")
        invitation = json.loads(made.stdout)["link"].rpartition("#")[2]
        watched = await begin(browser, running)
        page = watched.page
        await watched.go(f"/join#{invitation}")
        await watched.press("[data-join] button")
        await watched.press("a[href^='/sign-in/oidc?join=1']")
        await at_provider(page, "li-jingban", site)
        assert page.url.startswith(f"{site}/desk"), await page.inner_text("main")
        assert "z-9" in await page.inner_text(".who")
        await watched.press("form[action='/sign-out'] button")
        await watched.press("a[href^='/sign-in/oidc']")
        await at_provider(page, "li-jingban", site)
        assert page.url.startswith(f"{site}/desk")
        other = await begin(browser, running)
        await other.go("/sign-in")
        await other.press("a[href^='/sign-in/oidc']")
        await at_provider(other.page, "somebody-else", site)
        assert "/desk" not in other.page.url and await other.page.locator("[role=alert]").count() == 1
        await other.go("/desk")
        assert other.page.url.startswith(f"{site}/sign-in")
        assert not any(invitation in url.partition("#")[0] for url in watched.asked)
