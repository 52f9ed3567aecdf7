"""The public HTTP interface as the portal sees it: in the same process or over the network, always with the caller's own rights."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

PORTAL_HEADER = "huiyin-portal"
"""Carries the key of the portal itself; the interface then believes the address in `Forwarded`."""
SECONDS = httpx.Timeout(20.0, connect=3.0)
"""Limits for one question (own choice): a page that takes longer is answered with a sentence."""


COMMON_SECONDS = 60.0
"""An answer that is the same for everybody is kept for so long (own choice): a new policy shows its words after it."""


class Caller(NamedTuple):
    """For whom the portal asks: the address of the browser, and the session of a person who signed in."""

    address: str
    session: str | None = None

    @property
    def forwarded(self) -> str:
        return f'for="[{self.address}]"' if ":" in self.address else f"for={self.address}"


@dataclass
class Problem(Exception):
    """An answer that is not what was asked for: the problem of the interface (RFC 9457), or that it does not answer."""

    status: int
    code: str
    detail: str
    detail_zh: str
    field: str | None = None
    errors: list[dict[str, str]] = dataclasses.field(default_factory=list)
    request: str | None = None
    """The id of the request in the log of the interface."""
    retry_after: str | None = None
    turn: str | None = None
    """The turn of a filing in the slower queue, which it carries when it is sent again."""
    bits: int = 0
    """Zero bits of the proof of work with which it goes on at once."""

    @property
    def known(self) -> bool:
        """False if it is not known whether a command was carried out."""
        return self.status < 500


def _away(error: Exception) -> Problem:
    del error  # its text may hold an address
    return Problem(
        503,
        "interface_away",
        "The service does not answer at the moment. What you wrote is still on this page: send it again in a moment; it is"
        " recorded only once.",
        "服务暂时没有响应。您填写的内容仍在本页，请稍后再次提交，不会重复登记。",
        retry_after="5",
    )


def _problem(answer: httpx.Response) -> Problem:
    try:
        said = answer.json()
    except ValueError:
        said = {}
    if not isinstance(said, dict) or "code" not in said:
        return Problem(
            answer.status_code,
            "unreadable_answer",
            "The answer of the service cannot be read.",
            "服务返回的内容无法读取，请稍后重试。",
            request=answer.headers.get("x-request-id"),
        )
    errors = said.get("errors")
    return Problem(
        answer.status_code,
        str(said["code"]),
        str(said.get("detail", "")),
        str(said.get("detail_zh", "")),
        said.get("field"),
        errors if isinstance(errors, list) else [],
        answer.headers.get("x-request-id"),
        answer.headers.get("retry-after"),
        str(said["turn"]) if "turn" in said else None,
        int(said.get("bits", 0)),
    )


class Api:
    """Asks the interface.

    Args:
        client: A client whose base address is the interface.
        key: The key of the portal; without one the interface counts all people of this portal as one client.
    """

    def __init__(self, client: httpx.AsyncClient, key: str | None = None) -> None:
        self._client = client
        self._key = key
        self._common: dict[str, tuple[float, Any]] = {}

    async def get(self, caller: Caller, path: str, **params: Any) -> Any:
        """The JSON of an answer. Raises Problem."""
        asked = {name: value for name, value in params.items() if value not in (None, "")}
        return (await self.ask("GET", caller, path, params=asked)).json()

    async def common(self, caller: Caller, path: str) -> Any:
        """The JSON of an answer that is the same for everybody, such as the words for codes. Do not change it. Raises Problem."""
        known = self._common.get(path)
        if known is None or time.monotonic() - known[0] >= COMMON_SECONDS:
            known = self._common[path] = (time.monotonic(), await self.get(caller, path))
        return known[1]

    async def post(self, caller: Caller, path: str, body: Any, **headers: str) -> Any:
        """The JSON of the answer to a JSON body; None for one without a body. Raises Problem."""
        answer = await self.ask("POST", caller, path, json=body, headers=headers)
        return answer.json() if answer.content else None

    async def stream(self, caller: Caller, path: str, **more: Any) -> httpx.Response:
        """The answer to a GET, whose content is not read yet: close it. Raises Problem."""
        return await self._answered("GET", caller, path, stream=True, **more)

    async def ask(self, method: str, caller: Caller, path: str, **more: Any) -> httpx.Response:
        """The answer. Raises Problem for every other than a good one."""
        return await self._answered(method, caller, path, stream=False, **more)

    async def _answered(self, method: str, caller: Caller, path: str, *, stream: bool, **more: Any) -> httpx.Response:
        headers = {**(more.pop("headers", None) or {}), **self._headers(caller)}
        # In a task of its own: an interface in this process changes the context variables of its log lines.
        asked = asyncio.create_task(
            self._client.send(
                self._client.build_request(method, path, headers=headers, timeout=SECONDS, **more), stream=stream
            )
        )
        try:
            answer = await asked
        except (httpx.HTTPError, OSError) as error:
            raise _away(error) from None
        if answer.is_success:
            return answer
        await answer.aread()
        raise _problem(answer)

    async def parts(self, caller: Caller, path: str, **params: Any) -> AsyncIterator[bytes]:
        """The parts of an answer as they come; nothing where it is no good one. It ends when the interface goes away."""
        headers = self._headers(caller)
        limits = httpx.Timeout(60.0, connect=3.0)  # the interface says something every 15 seconds
        try:
            async with self._client.stream("GET", path, params=params, headers=headers, timeout=limits) as answer:
                if answer.is_success:
                    async for part in answer.aiter_bytes():
                        yield part
        except (httpx.HTTPError, OSError):
            return

    def _headers(self, caller: Caller) -> dict[str, str]:
        headers = {"forwarded": caller.forwarded}
        if self._key is not None:
            headers[PORTAL_HEADER] = self._key
        if caller.session is not None:
            headers["authorization"] = f"Bearer {caller.session}"
        return headers

    async def close(self) -> None:
        await self._client.aclose()
