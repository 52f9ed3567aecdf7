"""Clients that file complaints and carry them on, and write down what they were told.

A client whose answer is lost repeats the same request under the same id until it gets an answer, as a real one would.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

import httpx

from tests.faults.checker import Op

STEPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("clerk", "sign_off", {}),
    ("clerk", "accept", {"path": 6}),
    ("clerk", "record_step", {"step": "site_visit"}),
    ("clerk", "decide", {"result": "explained", "basis": ["Art. 32"], "text": "已核实"}),
    ("clerk", "deliver_reply", {"mode": "in_person"}),
    ("supervisor", "close", {"kind": "explained"}),
)


LATE = timedelta(days=30)


def content_of(seed: int, upload: str) -> bytes:
    """A letter of up to four chunks: the same bytes for the same upload."""
    return (f"{seed} {upload} 路灯不亮。\n".encode() * random.Random(upload).choice((1, 500, 3_000, 8_000)))[: 1 << 18]


class Reached(Protocol):
    """The server under test, in one process or several."""

    def client(self, as_: str = ...) -> AbstractAsyncContextManager[httpx.AsyncClient]: ...


@dataclass
class Load:
    """Requests and answers so far. `stopping`: complete the current request and start no other."""

    server: Reached
    seed: int
    history: list[Op] = field(default_factory=list)
    stopping: bool = False
    repeats: int = 0
    refused: dict[str, str | None] = field(default_factory=dict)
    """What a 503 said: its code -> the last Retry-After."""
    late: float = 0.0
    """Part of the filings that are letters of a month ago: their first clock has run out when they arrive."""
    files: float = 1 / 3
    """Part of the filings that carry a file."""
    matters: Sequence[tuple[str, str]] = (("dh", "0101"),)
    """Place and subject: what decides who gets it."""

    def random(self, number: int) -> random.Random:
        """The random choices of a client."""
        return random.Random(self.seed * 1000 + number)

    async def client(self, number: int) -> None:
        """One client: file, then carry on, one complaint after the other."""
        rng = self.random(number)
        filed = 0
        while not self.stopping:
            filed += 1
            await self._life(f"c{number}-{filed}", rng)

    async def _life(self, item: str, rng: random.Random) -> None:
        place, subject = rng.choice(self.matters)
        body = {"channel": "web", "item": item, "text": "路灯不亮", "place": place, "subject": subject}
        if rng.random() < self.late:
            body["received_at"] = (datetime.now(UTC).date() - LATE).isoformat()
        upload = f"{item}-file"
        content = content_of(self.seed, upload)
        if random.Random(f"{self.seed}/{item}").random() < self.files and await self._uploaded(upload, content):
            body["files"] = [upload]
        receipt = await self._until_answered("registrar:xfj", "/v1/submissions", body)
        if receipt is None:
            self.history.append(Op("submit", item, "info"))
            return
        if "case" not in receipt:
            self.history.append(Op("submit", item, "fail", code=receipt.get("code")))
            return
        self.history.append(Op("submit", item, "ok", receipt["case"], receipt["number"]))
        if "files" in body:
            self.history.append(Op("file", upload, "ok", receipt["case"], digest=sha256(content).hexdigest()))
        if rng.random() < 0.2:  # a platform that lost its answer sends everything again
            again = await self._until_answered("registrar:xfj", "/v1/submissions", body)
            if again is not None:
                self.history.append(Op("submit", item, "ok", again["case"], again["number"]))
        org = await self._org(receipt["case"])
        for step, (role, name, fields) in enumerate(STEPS[: rng.randint(0, len(STEPS))]):
            if org is None:
                return
            key = f"{item}.{step}"
            who = f"clerk:{org}" if role == "clerk" else "supervisor:xfj"
            answer = await self._until_answered(
                who, f"/v1/cases/{receipt['case']}/commands", {"command": name, "command_id": key, **fields}
            )
            outcome = "info" if answer is None else "fail" if "code" in answer and "events" not in answer else "ok"
            code = answer.get("code") if answer and outcome == "fail" else None
            version = answer.get("version") if answer and outcome == "ok" else None
            at = {"proc": item, "t_mono": time.monotonic_ns(), "v": version}
            self.history.append(Op("command", key, outcome, receipt["case"], command=name, code=code, **at))
            if outcome != "ok":
                return
            if rng.random() < 0.5:
                await self._look(item, receipt["case"])

    async def _uploaded(self, upload: str, content: bytes) -> bool:
        """Send the file until it is complete. False: nobody knows, and the run ends."""
        while not self.stopping:
            try:
                async with self.server.client("registrar:xfj") as client:
                    headers = {"Upload-Id": upload, "Content-Disposition": 'attachment; filename="letter.txt"'}
                    answer = await client.post("/v1/files", content=content, headers=headers)
                if answer.is_success:
                    return True
                assert answer.status_code >= 500, answer.text
            except (httpx.TransportError, OSError):
                pass
            self.repeats += 1
            await asyncio.sleep(0.05)
        return False

    async def reopened(self) -> None:
        """Open every acknowledged file again, after the run, and note what came back."""
        for op in [one for one in self.history if one.kind == "file" and one.outcome == "ok"]:
            async with self.server.client("registrar:xfj") as client:
                listed = (await client.get(f"/v1/files/{op.case}")).json()["files"]
                answer = await client.get(f"/v1/files/{op.case}/{listed[0]['version']}") if listed else None
            good = answer is not None and answer.is_success
            digest = sha256(answer.content).hexdigest() if answer is not None and good else None
            self.history.append(Op("opened", op.key, "ok" if good else "fail", op.case, digest=digest))

    async def _look(self, client: str, case: str) -> None:
        """Read the case, and note which version was seen."""
        began = time.monotonic_ns()
        found = await self._once("GET", "supervisor:xfj", f"/v1/cases/{case}?content=false", None)
        if found is not None and "version" in found:
            at = {"proc": client, "t_mono": time.monotonic_ns(), "began": began}
            self.history.append(Op("read", "", "ok", case, v=found["version"], **at))

    async def _org(self, case: str) -> str | None:
        """The responsible organisation; waits, since routing is asynchronous."""
        while not self.stopping:
            found = await self._once("GET", "supervisor:xfj", f"/v1/cases/{case}", None)
            if found is not None and found.get("org"):
                return str(found["org"]["code"])
            await asyncio.sleep(0.02)
        return None

    async def _until_answered(self, as_: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        while True:
            answer = await self._once("POST", as_, path, body)
            if answer is not None:
                return answer
            if self.stopping:
                return None
            self.repeats += 1
            await asyncio.sleep(0.05)

    async def _once(self, method: str, as_: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        """The answer, or None if the outcome is unknown (no answer, or a 5xx that says so)."""
        try:
            async with self.server.client(as_) as client:
                response = await client.request(method, path, json=body)
        except (httpx.TransportError, OSError):
            return None
        if response.status_code >= 500:
            if response.status_code == 503:
                until = response.headers.get("retry-after")
                self.history.append(Op("put_off", path, "info", status=503, retry_after=until))
                self.refused[_code(response)] = until
            return None
        answer: dict[str, Any] = response.json()
        return answer


def _code(response: httpx.Response) -> str:
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""
