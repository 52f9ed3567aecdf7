"""A department polls its inbox under concurrent filings: it misses nothing, receives no duplicates, and can read again from
zero.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.checker import check, read_log
from tests.faults.filing import Filing
from tests.faults.server import Server
from tests.faults.test_kill import quiet

pytestmark = pytest.mark.slow
ORG = "dhq"
MATTERS = (("dh", "0101"),)
"""All go to one organisation."""
WRITERS = 8
EACH = 8
PAGE = 7
KILLS = 2
ROUNDS = 20


class Poller:
    """A department that stores its cursor and the received entries."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.after = 0
        self.entries: list[dict[str, Any]] = []
        self.waited = 0
        self.stopping = False

    async def run(self) -> None:
        """Until `stopping`, and then until there is nothing more. A server that is away is asked again."""
        while True:
            last = self.stopping
            try:
                async with self._server.client(f"organisation:{ORG}") as client:
                    while await self._page(client, wait=0 if last else 2) or not (last or self.stopping):
                        pass
            except (httpx.TransportError, OSError):
                await asyncio.sleep(0.02)
                continue
            if last:
                return

    async def _page(self, client: httpx.AsyncClient, wait: int) -> bool:
        query = {"after": self.after, "limit": PAGE, "wait": wait}
        answer = await client.get(f"/v1/organisations/{ORG}/assignments", params=query)
        if answer.status_code >= 500:
            raise httpx.TransportError("it is going down")
        page = answer.json()
        assert len(page["entries"]) <= PAGE
        assert page["after"] == (page["entries"][-1]["id"] if page["entries"] else self.after)
        self.waited += not page["entries"]
        self.entries += page["entries"]
        self.after = page["after"]
        return bool(page["entries"])


async def whole(server: Server) -> list[dict[str, Any]]:
    """The outbox from zero."""
    poller = Poller(server)
    poller.stopping = True
    await poller.run()
    return poller.entries


def complete(entries: list[dict[str, Any]], filing: Filing) -> None:
    """Gapless from 1, in order, and each acknowledged case once."""
    assert [one["id"] for one in entries] == list(range(1, len(entries) + 1))
    cases = [one["case"] for one in entries if one["kind"] == "assigned"]
    assert len(cases) == len(set(cases)), "told twice"
    assert {op.case for op in filing.history if op.outcome == "ok"} <= set(cases), "never told"


async def killed(server: Server, filing: Filing, name: str, *, answered: int) -> bool:
    """One round, killed once `answered` of it have an answer and others are in flight: did one of these lose its own?

    A fixed delay would kill a quick machine's server after the round and a slow one's before it.
    """
    before = len(filing.history)
    writing = asyncio.create_task(filing.many(WRITERS, EACH, name))
    while not writing.done() and (len(filing.history) - before < answered or not filing.in_flight):  # noqa: ASYNC110
        await asyncio.sleep(0)
    cut = frozenset(filing.in_flight)
    server.kill()
    await writing
    return any(op.outcome == "info" and op.key in cut for op in filing.history[before:])


@pytest.mark.nightly
async def test_inbox_polling_is_complete_without_duplicates_and_survives_kill(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    filing = Filing(server, matters=MATTERS)
    await asyncio.to_thread(server.prepare)
    await server.start()
    poller = Poller(server)
    polling = asyncio.create_task(poller.run())
    try:
        await filing.many(WRITERS, EACH, "first")
        await quiet(server)
        assert len([one for one in await whole(server) if one["kind"] == "assigned"]) == WRITERS * EACH
        hits = rounds = 0
        while hits < KILLS and rounds < ROUNDS:
            hits += await killed(server, filing, f"killed{rounds}", answered=WRITERS * (1 + rounds % (EACH - 2)))
            rounds += 1
            await server.start()
        assert hits == KILLS, f"{hits} of {rounds} kills hit a request in flight"
        await filing.many(WRITERS, 3, "last")
        await quiet(server)
        poller.stopping = True
        await asyncio.wait_for(polling, 30)
        complete(poller.entries, filing)
        again = await whole(server)
        assert again == poller.entries, "the same from zero"
        server.kill()
        await server.start()
        assert await whole(server) == again, "and after another restart"
        assert server.stop() == 0
    finally:
        polling.cancel()
        server.kill()
    assert check(filing.history, read_log(tmp_path / "data" / "log.sqlite")) == []
    hit = f"{hits} of {rounds} kills hit a request"
    print(f"\n{len(again)} entries, {WRITERS} writers, {hit}, {poller.waited} empty answers, {dict(filing.statuses)}")
