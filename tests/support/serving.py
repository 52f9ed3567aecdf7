"""A whole Huiyin behind HTTP for tests: the ephemeral composition, the demo county, one client per role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from itertools import count
from types import MappingProxyType
from typing import Any

import httpx
from fastapi import FastAPI

from deploy.api.app import build_app, build_operations_app, build_owner_app
from deploy.api.site import build_site
from deploy.modes.in_memory import opened
from services.supervision.policy_activation import activate
from shared.adapters.memory import SetClock
from shared.application.access_keys import PEOPLE
from shared.commands.authorization import Principal
from shared.hosting.process import Process
from shared.kernel.settings import Settings
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO, MORNING

ORGS: dict[str, str | None] = {
    "platform": "wlzj",
    "organisation": "zj",
    "clerk": "zj",
    "registrar": "xfj",
    "operator": "xfj",
    "supervisor": "xfj",
    "analyst": None,
    "operations": None,
    "portal": None,
}
PLATFORM_CHANNELS = ("province", "h12345")
"""Channels of the demo county that a platform of the same code feeds."""
OPERATOR = Principal("operations", None, "local")
_items = count(1)
Running = Callable[..., AbstractAsyncContextManager[Process]]


@dataclass
class Served:
    """The app, and a key for each role."""

    runtime: Process
    app: FastAPI
    clock: SetClock
    keys: dict[str, str] = field(default_factory=dict)

    @cached_property
    def local(self) -> FastAPI:
        """Built when it is first asked: few tests need it, and it costs as much as `app`."""
        return build_owner_app(self.runtime, self.app)

    @cached_property
    def operations(self) -> FastAPI:
        return build_operations_app(self.runtime)

    def client(self, role: str | None = None, *, key: str | None = None) -> httpx.AsyncClient:
        headers = {}
        if key or role:
            headers["authorization"] = f"Bearer {key or self.keys[role or '']}"
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://huiyin", headers=headers)

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A browser on the pages, as the embedded mode serves them: it keeps cookies and follows no redirect by itself."""
        site = httpx.ASGITransport(build_site(self.runtime, self.app))
        return httpx.AsyncClient(
            transport=site, base_url="https://huiyin.test", headers={"sec-fetch-site": "same-origin", **headers}
        )

    def on_operations_port(self, role: str | None = "operations") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.keys[role]}"} if role else {}
        transport = httpx.ASGITransport(self.operations)
        return httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers)

    def owner(self, as_: str = "operations") -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.local), base_url="http://huiyin", headers={"x-huiyin-as": as_}
        )

    async def key_of(self, role: str, org: str | None, *, person: str | None = None, head: bool = False) -> str:
        """The text of a new key; each is of a person of its own unless one is named."""
        _key, text = await self.runtime.principals.issue(
            self.runtime.handling("intake"), OPERATOR, role, org, person=person or f"person-{next(_items)}", head=head
        )
        return text

    async def filed(self, **more: Any) -> dict[str, Any]:
        """A receipt of a claim that the demo county routes to `zj`. A platform files in its own channel."""
        own = more.get("channel") in PLATFORM_CHANNELS
        key = await self.key_of("platform", str(more["channel"])) if own else None
        async with self.client("registrar", key=key) as client:
            answer = await client.post("/v1/submissions", json=submission(**more))
        assert answer.status_code == 201, answer.text
        await self.runtime.drain()
        receipt: dict[str, Any] = answer.json()
        return receipt

    async def act(self, role: str, case: str, command: str, **fields: Any) -> httpx.Response:
        body = {"command": command, "command_id": f"t-{next(_items)}", **fields}
        async with self.client(role) as client:
            answer = await client.post(f"/v1/cases/{case}/commands", json=body)
        await self.runtime.drain()
        return answer

    async def as_citizen(self, receipt: dict[str, Any], command: str, **fields: Any) -> httpx.Response:
        """A command of the petitioner with number and query code."""
        body = {
            "number": receipt["number"], "code": receipt["code"], "command": command, "command_id": command, **fields
        }  # fmt: skip
        async with self.client() as citizen:
            answer = await citizen.post("/v1/citizens/commands", json=body)
        await self.runtime.drain()
        return answer


def submission(**more: Any) -> dict[str, Any]:
    return {
        "channel": "web",
        "item": f"item-{next(_items)}",
        "text": "楼道漏水",
        "place": "dh-yl",
        "subject": "0102",
        "petitioner": {"name": "张三", "phone": "13800000000"},
        **more,
    }


@cache
def demo_sections() -> Mapping[str, Any]:
    """Section -> document of the demo county, read once. A copy is changed, never this."""
    return MappingProxyType({one.section: one.document for one in bundled("demo")})


@asynccontextmanager
async def served(
    *, start: datetime = MORNING, running: Running = opened, clocks: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Served]:
    """A running county with its clock set to `start`. `running`: another way to start the system. `clocks`: changes to that
    section of the policy."""
    clock = SetClock(start)
    async with running(Settings(**settings), clock=clock) as runtime:
        sections = dict(demo_sections())
        if clocks is not None:
            sections["clocks"] = {**sections["clocks"], **clocks}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        found = Served(runtime, build_app(runtime), clock)
        for role in PEOPLE:
            found.keys[role] = await found.key_of(role, ORGS[role])
        clock.advance(2)
        yield found
