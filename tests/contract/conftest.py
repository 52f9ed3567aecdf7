from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.contract.adapters import ADAPTERS, Adapter, Ports

Opener = Callable[..., Awaitable[Ports]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each adapter; a module with NEEDS_FEED runs only on adapters with a feed."""
    if "adapter" in metafunc.fixturenames:
        needs_feed = getattr(metafunc.module, "NEEDS_FEED", False)
        chosen = [adapter for adapter in ADAPTERS if (adapter.feeds if needs_feed else not adapter.only_feed)]
        metafunc.parametrize(
            "adapter", [pytest.param(adapter, id=adapter.name, marks=adapter.marks) for adapter in chosen]
        )


@pytest.fixture
async def opened(adapter: Adapter, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens the adapter's ports on one place and closes them at the end; a second call closes the first: a restart."""
    current: list[Ports] = []

    async def open_(*, outbox: bool = False) -> Ports:
        while current:
            await current.pop().close()
        current.append(await adapter.open(tmp_path, outbox))
        return current[0]

    yield open_
    for ports in current:
        await ports.close()


@pytest.fixture
async def ports(opened: Opener) -> Ports:
    return await opened()
