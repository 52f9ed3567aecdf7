"""Live updates say which cases moved, to those who may see them, and end with the right to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from shared.commands.authorization import Principal
from shared.http import live
from shared.http.live import LiveUpdates
from tests.support.counting import counted, opened
from tests.support.county import DEMO
from tests.support.persons import staff
from tests.support.serving import Served, served

ZJ = Principal("clerk", "zj", "k-1", jurisdiction=DEMO)
WJ = Principal("clerk", "wj", "k-2", jurisdiction=DEMO)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(live, "GATHER_SECONDS", 0.05)


async def always() -> bool:
    return True


async def next_event(stream: AsyncIterator[bytes]) -> tuple[str, Any]:
    """The next event that is not a comment."""
    while True:
        text = (await asyncio.wait_for(anext(stream), 5)).decode()
        lines = [line for line in text.splitlines() if line.startswith(("event:", "data:"))]
        if lines:
            return lines[0].removeprefix("event: "), orjson.loads(lines[1].removeprefix("data: "))


async def test_changed_case_is_announced_to_those_who_may_see_it() -> None:
    async with served() as here:
        updates = LiveUpdates(here.runtime)
        theirs, others = updates.stream(ZJ, always), updates.stream(WJ, always)
        assert [(await next_event(one))[0] for one in (theirs, others)] == ["ready", "ready"]
        waiting = asyncio.create_task(next_event(theirs))
        foreign = asyncio.create_task(next_event(others))
        receipt = await here.filed()
        kind, told = await waiting
        assert (kind, told) == ("cases", {"cases": [receipt["case"]], "many": False})
        await asyncio.sleep(0.5)
        assert not foreign.done(), "an organisation hears nothing of the cases of others"
        foreign.cancel()


async def test_nothing_is_read_while_nothing_happens() -> None:
    async with served(running=opened) as here:
        await here.filed()
        updates = LiveUpdates(here.runtime)
        stream = updates.stream(ZJ, always)
        assert (await next_event(stream))[0] == "ready"
        with counted() as count:
            for _ in range(3):
                assert (await asyncio.wait_for(anext(stream), 5)) == b": \n\n"
        assert not count, "an idle client reads nothing from the stores"


async def over_http(here: Served, token: str) -> AsyncIterator[bytes]:
    """The stream as the app gives it, since the transport of the tests would wait for its end."""
    sent: asyncio.Queue[bytes | None] = asyncio.Queue()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/v1/live",
        "raw_path": b"/v1/live",
        "query_string": b"wait=60", "headers": [(b"authorization", f"Bearer {token}".encode())], "client": ("127.0.0.1", 1),
        "server": ("huiyin", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    forever = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not forever.is_set():
            forever.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await sent.put(message["body"] or None if message.get("more_body") else None)
        elif message["status"] != 200:
            await sent.put(None)

    task = asyncio.create_task(here.app(scope, receive, send))  # type: ignore[arg-type]
    try:
        while (part := await asyncio.wait_for(sent.get(), 5)) is not None:
            yield part
    finally:
        task.cancel()


async def test_stream_ends_with_the_session() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        stream = over_http(here, zhang.token)
        assert (await next_event(stream))[0] == "ready"
        receipt = await here.filed()
        assert (await next_event(stream)) == ("cases", {"cases": [receipt["case"]], "many": False})
        assert (await zhang.post("/v1/sessions/end")).status_code == 200
        here.clock.advance(2)
        kind = "counts"
        while kind in ("counts", "cases"):
            kind, _told = await next_event(stream)
        assert kind == "end"
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(stream), 5)


async def test_stream_ends_with_the_key() -> None:
    async with served() as here:
        key = await here.key_of("clerk", "zj")
        found = await here.runtime.principals.authenticate(key)
        assert found is not None
        stream = over_http(here, key)
        assert (await next_event(stream))[0] == "ready"
        async with here.owner() as owner:
            assert (await owner.post(f"/local/keys/{found.id}:revoke")).is_success
        here.clock.advance(2)
        assert (await next_event(stream))[0] == "end"


async def test_stream_ends_with_the_process() -> None:
    async with served() as here:
        stream = LiveUpdates(here.runtime).stream(ZJ, always)
        assert (await next_event(stream))[0] == "ready"
        waiting = asyncio.create_task(anext(stream))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        here.runtime.stopping = True
        here.runtime.tell()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, 1)


async def test_pauses_tell_nothing_of_hidden_cases() -> None:
    """While only cases of others move, however often, a client hears what it hears while nothing happens: a comment at its time."""
    async with served() as here:
        await here.filed()
        updates = LiveUpdates(here.runtime)
        stream = updates.stream(WJ, always)
        assert (await next_event(stream))[0] == "ready"
        commits = [commit async for part in here.runtime.ports.log.scan("case/") for commit in part]

        async def busy() -> None:
            while True:
                updates._moved(commits)
                await asyncio.sleep(0.01)

        others = asyncio.create_task(busy())
        try:
            for _ in range(3):
                assert (await asyncio.wait_for(anext(stream), 10)) == b": \n\n"
        finally:
            others.cancel()


async def test_streams_of_one_person_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OPEN", 2)
    async with served() as here:
        mine = [over_http(here, here.keys["clerk"]) for _ in range(2)]
        for stream in mine:
            assert (await next_event(stream))[0] == "ready"
        async with here.client("clerk") as client:
            refused = await client.get("/v1/live")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert refused.headers["retry-after"]
        async with here.client("registrar") as client:
            assert (await client.get("/v1/live")).status_code == 200, "others have their own"
