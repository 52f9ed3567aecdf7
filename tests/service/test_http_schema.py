"""The OpenAPI document is true: whatever is sent, no 5xx and no answer that it does not name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.serving import Served, served


class Door:
    """The app in a loop of its own, so that a synchronous test can knock."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._context = served()
        self.found: Served = self.loop.run_until_complete(self._context.__aenter__())

    def close(self) -> None:
        self.loop.run_until_complete(self._context.__aexit__(None, None, None))
        self.loop.close()

    def send(self, case: Any, role: str) -> Any:
        request = case.as_transport_kwargs(base_url="http://huiyin")

        async def knock() -> Any:
            async with self.found.client(role) as client:
                keep = ("method", "url", "params", "json", "content", "data", "headers", "cookies")
                arguments = {name: request[name] for name in keep if request.get(name) is not None}
                answer = await client.request(**arguments)
                await self.found.runtime.drain()
                return answer

        return self.loop.run_until_complete(knock())


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    found = Door()
    yield found
    found.close()


def test_no_surprises(door: Door) -> None:
    ...
