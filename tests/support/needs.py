"""Tests that need a real server: `needs_mongo`, `needs_kafka`.

Where it cannot run they do not pass: they are counted at the end as *not run*, with what is missing. With `CI=true` that
is a failure. A run of all tests in several processes starts each server once, for all of them.
"""

from __future__ import annotations

import gc
import importlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

SERVERS = {
    "needs_mongo": ("MongoDB", "tests.support.servers.mongodb"),
    "needs_kafka": ("Kafka", "tests.support.servers.kafka"),
}
"""Marker -> (name, module with `why_not() -> str | None`, which starts the server, `address()` and `stop()`)."""
GIVEN = {"needs_mongo": "HUIYIN_TEST_MONGODB", "needs_kafka": "HUIYIN_TEST_KAFKA"}
"""Marker -> variable with the address of a running server."""
_MISSING = pytest.StashKey[dict[str, str | None]]()
_SHARED = pytest.StashKey[list[str]]()
_NOT_RUN = "not run: needs "


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_MISSING] = {}
    for marker in SERVERS:
        config.addinivalue_line("markers", f"{marker}: needs a real server; reported as not run where there is none")
    config.stash[_SHARED] = []
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", 0) and _all_tests(config):
        _share(config)


def _all_tests(config: pytest.Config) -> bool:
    return config.args == config.getini("testpaths") and not config.option.collectonly


def _share(config: pytest.Config) -> None:
    """Start the servers whose addresses are not given, and give them to the processes of the tests."""
    for marker, variable in GIVEN.items():
        server = _module(marker)
        if variable not in os.environ and server.why_not() is None:
            os.environ[variable] = server.address()
            config.stash[_SHARED].append(marker)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    config = item.config
    known = config.stash[_MISSING]
    for marker in (mark.name for mark in item.iter_markers() if mark.name in SERVERS):
        if marker not in known:
            known[marker] = _module(marker).why_not()
        missing = known[marker]
        if missing is None:
            continue
        needs = f"{missing}, for {SERVERS[marker][0]}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"cannot run here, needs {needs}", pytrace=False)
        pytest.skip(_NOT_RUN + needs)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Read off the reports, so that it counts the same whether one process ran the tests or several."""
    skipped = (str(report.longrepr[-1]) for report in terminalreporter.stats.get("skipped", ()))
    for needs, count in Counter(why.partition(_NOT_RUN)[2] for why in skipped if _NOT_RUN in why).items():
        terminalreporter.write_line(f"not run: {count} tests, needs {needs}", yellow=True)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    for marker in session.config.stash[_SHARED]:
        del os.environ[GIVEN[marker]]
        _module(marker).stop()
    for marker, missing in session.config.stash[_MISSING].items():
        if missing is None:
            _module(marker).stop()
    with warnings.catch_warnings():  # a client that is closed while it connects leaves that socket to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _module(marker: str) -> _Server:
    return _Server(importlib.import_module(SERVERS[marker][1]))


class _Server:
    """The three functions of a server's module."""

    def __init__(self, module: Any) -> None:
        self.why_not: Callable[[], str | None] = module.why_not
        self.stop: Callable[[], None] = module.stop
        self.address: Callable[[], str] = module.address
