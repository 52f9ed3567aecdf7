"""Hidden cases and references to cases that do not exist, for properties of the form "both are answered alike"."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import httpx

from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from services.supervision.policy_activation import activate
from shared.commands.authorization import Principal
from shared.kernel.identifiers import case_id, number
from shared.policy.loading.loader import bundled
from tests.support.counting import counted, opened
from tests.support.county import DEMO
from tests.support.serving import OPERATOR, ORGS, Served, served, submission

NEXT = "next-door"
KINDS = ("foreign jurisdiction", "hidden accusation", "foreign organisation", "follower elsewhere")
_numbers = count(1)
_CHALLENGE = re.compile(rb'"challenge": ?"[^"]+"')
"""A random value that a sign-in begins with."""
_MADE = re.compile(
    rb"[0-9a-f]{32}|20\d\d-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]|[0-9A-Z]{5}(?:-[0-9A-Z]{5}){4}-[0-9A-Z]"
)
"""Case ids, numbers and query codes: they differ from case to case."""


class Target(NamedTuple):
    """A case as a request can name it, whether or not it exists."""

    channel: str
    item: str
    id: str
    number: str

    @property
    def references(self) -> tuple[str, str, str]:
        return self.id, self.number, f"{self.channel}:{self.item}"


class Request(NamedTuple):
    """A request about a case."""

    path: str
    json: Any = None
    """The body; a list is sent as NDJSON."""
    params: dict[str, str] = {}  # noqa: RUF012


class Answered(NamedTuple):
    """What a caller can observe of an answer, apart from its time."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    operations: tuple[tuple[str, int], ...]
    """Kind and number of the store operations."""


@dataclass
class Hidden:
    """Two counties in one deployment, and cases that a role may not see."""

    here: Served
    made: dict[tuple[str, str], Target] = field(default_factory=dict)

    async def new(self, role: str, kind: str) -> Target:
        """A new case of that kind, filed by somebody else. It is hidden from `role` unless that sees its whole jurisdiction."""
        item = f"hidden-{next(_numbers)}"
        more: dict[str, Any] = {}
        if kind == "hidden accusation":
            accused = ORGS[role] if role != "platform" else None
            more = {"class": "accusation", "respondent": {"name": "某人", "org": accused or "zj"}}
        elif kind != "foreign jurisdiction":
            more = {"subject": "0501"}
        where = NEXT if kind == "foreign jurisdiction" else DEMO
        case = await self._file(where, item, {**more, "received_at": "2026-03-01"})
        if kind == "follower elsewhere":
            younger = await self._file(where, f"{item}-f", more)
            answer = await self.here.act("registrar", younger.id, "link", lead=case.id, reason="同一事项")
            assert answer.is_success, answer.text
            case = younger
        found, _head = await self.here.runtime.ports.cases.get(case.id)
        assert found.exists
        return case._replace(number=found.number)

    async def known(self, role: str, kind: str) -> Target:
        """The same case each time, for requests that change nothing."""
        if (role, kind) not in self.made:
            self.made[role, kind] = await self.new(role, kind)
        return self.made[role, kind]

    def missing(self, item: str = "") -> Target:
        """An item that nobody filed."""
        item = item or f"hidden-{next(_numbers)}"
        own = case_id(self.here.runtime.ports.keys.secret("case-id"), DEMO, "web", item)
        return Target("web", item, own, number(own, 2026))

    async def _file(self, jurisdiction: str, item: str, more: dict[str, Any]) -> Target:
        filer = Principal("registrar", "sfj", f"elsewhere-{next(_numbers)}", jurisdiction=jurisdiction)
        command = FileCase.model_validate(submission(channel="web", item=item, **more))
        receipt = await file_case(self.here.runtime.handling("intake"), filer, command, jurisdiction)
        await self.here.runtime.drain()
        return Target("web", item, receipt.case, receipt.number)

    async def ask(self, role: str, method: str, request: Request, target: Target) -> Answered:
        """The answer, with the names of the target and everything that is made for one case replaced."""
        lines = isinstance(request.json, list)
        body: dict[str, Any] = {} if request.json is None else {"json": request.json}
        if lines:
            content = b"\n".join(httpx.Request("POST", "http://x", json=one).content for one in request.json)
            body = {"content": content, "headers": {"content-type": "application/x-ndjson"}}
        async with self.here.client(role) as client:
            with counted() as operations:
                answer = await client.request(method, request.path, params=request.params, **body)
        if method != "GET" and answer.is_success:
            await self.here.runtime.drain()
        said = _CHALLENGE.sub(b"<challenge>", answer.content.replace(target.item.encode(), b"<item>"))
        headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id"))
        return Answered(answer.status_code, _MADE.sub(b"<made>", said), headers, tuple(sorted(operations.items())))


@asynccontextmanager
async def hidden_cases(*, alone: bool = True) -> AsyncIterator[Hidden]:
    """`alone`: as in the embedded mode, where this process is the only one that appends; else as in the full mode."""
    async with served(running=partial(opened, alone=alone)) as here:
        sections: dict[str, Any] = deepcopy({one.section: one.document for one in bundled("demo")})
        sections["jurisdiction"]["code"] = NEXT
        await activate(here.runtime.handling("supervision"), OPERATOR, NEXT, sections)
        here.clock.advance(2)
        await here.filed()  # so that the process knows the keys, which it reads from the log
        yield Hidden(here)
