"""Faults inside a process: it dies between two steps that belong together, an event that nobody can handle, half a rebuild, an
event of a newer release."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
from pymongo import MongoClient, WriteConcern

from tests.faults.full.deployment import Deployment
from tests.faults.full.node import Node

if TYPE_CHECKING:
    from tests.faults.full.faults import Nemesis

PLACES = "HUIYIN_TEST_FAILPOINTS"
DEADLY = "log.appended=kill:0.005,feed.acknowledged=kill:0.02,feed.handled=kill:0.01,outbox.told=kill:0.01"
DEATHS = 4
LONGEST = 120.0
"""Seconds after which as many must have died."""
POISON = 0.02
"""Part of the cases that routing cannot react to: one in a thousand, as a province has it, would be none in a short run."""
REBUILDS = (0.1, 0.5, 0.9)
"""How far a rebuild has come when its process is killed."""
NEWER = 20
"""Cases that a newer release writes into."""
PAGE = 50
"""Cases of one list; once there are so many there are never fewer."""
OLD = timedelta(seconds=20)
"""So long ago it was appended: a sweeper publishes it."""
_SAFE = WriteConcern(w="majority", j=True)


async def between_steps(nemesis: Nemesis) -> None:
    """Kill processes between two steps: append and publish, acknowledge and mark, notify and record, handle and commit."""
    nodes = nemesis.deployment.nodes
    deaths = 0
    nemesis.did(DEADLY)
    for node in nodes:
        node.kill()
        node.spawn(**{PLACES: DEADLY})
    began = time.monotonic()
    while (gone := time.monotonic() - began) < nemesis.seconds or (deaths < DEATHS and gone < LONGEST):
        await asyncio.sleep(0.2)
        for node in nodes:
            if not node.running:
                deaths += 1
                node.spawn(**{PLACES: DEADLY})
    for node in nodes:
        node.kill()
    await asyncio.gather(*(node.start() for node in nodes))
    nemesis.figures["deaths"] = deaths
    assert deaths >= DEATHS, f"only {deaths} processes died"


async def poisoned(nemesis: Nemesis) -> None:
    """Routing cannot react to what happens in some cases. They park, and nothing else; once mended they go on, in order.
    Garbage that was parked before stays where it is."""
    (routing, *_more) = nemesis.deployment.of("routing")
    before = [_place(mark) for mark in await _parked(routing)]
    routing.kill()
    await routing.start(**{PLACES: f"consumer.reacts=fail:{POISON}"})
    nemesis.did(f"{POISON:.0%} of the cases are poison to routing")
    marks: list[dict[str, Any]] = []
    until = time.monotonic() + 120
    await asyncio.sleep(nemesis.seconds)
    while not marks and time.monotonic() < until:
        marks = [mark for mark in await _parked(routing) if _place(mark) not in before]
        await asyncio.sleep(1)
    assert marks, "no case was parked"
    assert {mark["group"] for mark in marks} == {"routing"}, f"parked elsewhere, too: {marks}"
    routing.kill()
    await routing.start()
    said = (await routing.client("operations").post("/local/parked:redrive", json={}, timeout=120)).json()
    nemesis.did(f"redriven {said['redriven']}")
    nemesis.figures |= {"parked": len(marks), "redriven": said["redriven"]}
    left = [mark for mark in await _parked(routing) if _place(mark) not in before]
    assert not left and said["redriven"] >= len(marks), f"not all go on: {said}, {left}"


async def _parked(node: Node) -> list[dict[str, Any]]:
    """The streams that any consumer has stopped at."""
    found: list[dict[str, Any]] = (await node.asked("/local/parked") or {"parked": []})["parked"]
    return found


def _place(mark: dict[str, Any]) -> tuple[str, str]:
    return mark["group"], mark["stream"]


async def half_rebuilt(nemesis: Nemesis) -> None:
    """Kill a process early, half way and late in a rebuild of its read models, while commands and lists are in use."""
    pages: list[int] = []
    looking = asyncio.create_task(_look(nemesis.deployment, pages))
    try:
        await _killed_in_rebuilds(nemesis)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    nemesis.figures |= {"looks": len(pages)}
    full = pages.index(PAGE) if PAGE in pages else len(pages)
    assert len(pages) > full, "no list was ever full"
    assert min(pages[full:]) == PAGE, f"a list of {PAGE} cases was short: {min(pages[full:])}"


async def _look(deployment: Deployment, pages: list[int]) -> None:
    """Read the list of cases repeatedly during the rebuild of another process: the rows do not change."""
    client = deployment.of("intake")[0].client("supervisor:xfj")
    while True:
        answer = await client.get(f"/v1/cases?limit={PAGE}")
        if answer.status_code == 200:
            pages.append(len(answer.json()["cases"]))
        await asyncio.sleep(0.1)


async def _killed_in_rebuilds(nemesis: Nemesis) -> None:
    for service in ("supervision", "analytics"):
        node = nemesis.deployment.of(service)[0]
        whole = await _rebuilt(node)
        for part in REBUILDS:
            nemesis.did(f"kill {node.name} at {part:.0%} of a rebuild of {whole:.1f} s")
            running = asyncio.create_task(_rebuilt(node))
            await asyncio.sleep(whole * part)
            node.kill()
            await asyncio.gather(running, return_exceptions=True)
            await node.start()
        nemesis.figures[f"rebuilt_{service}_s"] = round(whole, 1)


async def _rebuilt(node: Node) -> float:
    """Rebuild, and return the duration."""
    began = time.monotonic()
    done = False
    client = node.client("operations")
    async with client.stream("POST", "/local/rebuild", json={"workers": 1}, timeout=httpx.Timeout(300)) as answer:
        async for line in answer.aiter_lines():
            done = json.loads(line)["done"]
    assert done, f"the rebuild of {node.name} did not end"
    return time.monotonic() - began


async def newer_release(nemesis: Nemesis) -> None:
    """A newer release writes an unknown event into some cases: those become read-only, and other cases proceed."""
    await asyncio.sleep(nemesis.seconds)
    written: list[str] = []
    until = time.monotonic() + LONGEST
    while not written and time.monotonic() < until:
        written = await asyncio.to_thread(_written, nemesis.deployment)
        await asyncio.sleep(1)
    assert written, "no case was closed"
    nemesis.did(f"a newer release writes into {len(written)} cases")
    intake = nemesis.deployment.of("intake")[0].client("supervisor:xfj")
    for case in written:
        body = {"command": "correct", "command_id": f"n-{case}", "field": "subject", "new": "0102", "reason": "a test"}
        refused = await intake.post(f"/v1/cases/{case}/commands", json=body)
        said = refused.json()
        assert (refused.status_code, said.get("code")) == (503, "newer_event"), f"{refused.status_code} {said}"
        assert (await intake.get(f"/v1/cases/{case}?content=false")).status_code == 200, "it cannot be read"
    nemesis.figures["newer"] = len(written)


def _written(deployment: Deployment) -> list[str]:
    """Ids of closed cases into which one more event was written, chained as it should be."""
    with MongoClient[dict[str, Any]](deployment.mongo.url) as client:
        commits = client.get_database(f"{deployment.database}_log").get_collection("commits", write_concern=_SAFE)
        closed = [
            found
            for found in commits.find({"stream": {"$regex": "^case/"}})
            if b'"CaseClosed"' in bytes(found["events"][-1])
            and commits.count_documents({"stream": found["stream"], "first": {"$gt": found["first"]}}) == 0
        ][:NEWER]
        for last in closed:
            said = json.loads(bytes(last["events"][-1]))
            version = last["last"] + 1
            said |= {"type": "FromAnotherRelease", "version": version, "event_id": str(uuid4()), "body": {"new": True}}
            said |= {"cause": f"intake.newer:{version}", "sealed": []}
            data = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
            digest = hashlib.sha256(str(last["hash"]).encode() + data).hexdigest()
            fields = {"first": version, "last": version, "cause": said["cause"], "events": [data]}
            fields |= {"previous": last["hash"], "hash": f"sha256:{digest}", "unpublished": datetime.now(UTC) - OLD}
            commits.insert_one({**last, "_id": f"{last['stream']}\t{version:010}", **fields})
    return [str(found["stream"]).removeprefix("case/") for found in closed]
