"""R21: a bad event stops one case in one consumer only; a redrive recovers it once the fault is fixed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from services.intake.missed_calls import GROUP as CALLS
from services.routing.draft_queues import GROUP as DRAFTS
from services.routing.notices.number_consumer import GROUP as NUMBERS
from services.supervision.policy_activation import activate
from shared.consumers.consumer import CaseConsumer
from shared.consumers.reaction import Reaction, Trigger
from shared.consumers.reaction_runner import ATTEMPTS
from shared.consumers.redrive import retry
from shared.events.base import Event
from shared.eventstore.commit import Commit
from shared.eventstore.hash_chain import chain_all
from shared.hosting.process import Process
from shared.kernel.refusals import Unavailable
from shared.kernel.settings import Settings
from shared.operations.digests import views_digest
from shared.operations.rebuild import rebuild
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO
from tests.support.serving import OPERATOR, Served, served, submission


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


def consumer(runtime: Process, group: str) -> CaseConsumer:
    return next(one for one in runtime.consumers if one.group == group)


class Poison:
    """A reaction that raises for one case until it is fixed."""

    def __init__(self, reacting: CaseConsumer, kind: str, error: Callable[[], Exception]) -> None:
        self.case = ""
        self.mended = False
        self.tries = 0
        self._error = error
        whole = reacting.reactions[kind]

        async def react(turn: Trigger, body: Any) -> None:
            if not self.mended and turn.case.id == self.case:
                self.tries += 1
                raise self._error()
            for one in whole:
                await one.do(turn, body)

        reacting.reactions = {**reacting.reactions, kind: (Reaction(Event, react),)}


async def parked(here: Served) -> list[dict[str, Any]]:
    async with here.owner() as owner:
        found: list[dict[str, Any]] = (await owner.get("/local/parked")).json()["parked"]
    return found


async def test_poison_event_parks_its_case_in_one_consumer_only(here: Served) -> None:
    poison = Poison(consumer(here.runtime, "routing"), "Nudged", lambda: ZeroDivisionError("x"))
    poison.case = (await here.filed())["case"]
    other = (await here.filed())["case"]
    for case in (poison.case, other):
        assert (await here.act("clerk", case, "sign_off")).is_success
        await nudged(here, case)
    marks = await parked(here)
    assert [(one["group"], one["stream"], one["reason"]) for one in marks] == [
        ("routing", f"case/{poison.case}", "ZeroDivisionError")
    ]
    assert poison.tries == 1, "an error that no waiting mends is not tried again"
    async with here.owner() as owner:
        (shown,) = (await owner.get(f"/local/parked?stream={poison.case}")).json()["parked"]
        assert "Nudged" in shown["bytes"]
        refused = (await owner.post("/local/parked:redrive", json={})).json()
        assert refused == {"redriven": 0, "parked": 1, "waiting": 0}, "not mended yet"
        # The case itself and all its other consumers continue.
        assert (await here.act("clerk", poison.case, "accept", path=6)).is_success
        assert (await here.act("clerk", other, "accept", path=6)).is_success
        listed = await states(here)
        assert listed[poison.case] == listed[other] == "accepted"
        poison.mended = True
        assert (await owner.post("/local/parked:redrive", json={"stream": poison.case})).json() == {
            "redriven": 1,
            "parked": 0,
            "waiting": 0,
        }
    await here.runtime.drain()
    for case in (poison.case, other):
        told = [one["kind"] for one in await outbox(here) if one["case"] == case]
        assert told == ["assigned", "nudged"], "in order, each once"


async def states(here: Served) -> dict[str, str]:
    async with here.client("supervisor") as desk:
        return {one["id"]: one["state"] for one in (await desk.get("/v1/cases")).json()["cases"]}


async def outbox(here: Served) -> list[dict[str, Any]]:
    async with here.client("organisation") as department:
        entries: list[dict[str, Any]] = (await department.get("/v1/organisations/zj/assignments")).json()["entries"]
    return entries


async def nudged(here: Served, case: str) -> None:
    """The event that the poisoned reaction follows: a nudge by the petitioner."""
    answer = await here.act("registrar", case, "nudge")
    assert answer.is_success, answer.text


@pytest.mark.parametrize("code", ["busy", "clock_behind"])
async def test_transient_failure_is_retried_and_resumes(
    here: Served, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    routing = consumer(here.runtime, "routing")
    poison = Poison(routing, "Nudged", lambda: Unavailable(code, "Later."))
    await quick(monkeypatch, here)
    poison.case = (await here.filed())["case"]
    await nudged(here, poison.case)
    assert poison.tries == ATTEMPTS
    assert [one["reason"] for one in await parked(here)] == [code]
    assert await here.filed(), "nobody else waits for it"
    assert await retry(routing) == 0
    poison.mended = True
    assert await retry(routing) == 1
    assert await parked(here) == []
    assert [one["kind"] for one in await outbox(here) if one["case"] == poison.case] == ["assigned", "nudged"]


async def quick(monkeypatch: pytest.MonkeyPatch, here: Served) -> None:
    """Pauses between attempts take no time."""

    async def sleep(seconds: float) -> None:
        return None

    monkeypatch.setattr(here.clock, "sleep", sleep)


async def test_read_model_or_sink_failing_on_one_case_processes_others(here: Served) -> None:
    analytics, lists = consumer(here.runtime, "analytics"), consumer(here.runtime, "supervision")
    bad = (await here.filed())["case"]
    whole, shows = analytics.sink, lists.shows
    assert whole is not None

    async def sink(cases: Any, events: Any) -> None:
        if any(case.id == bad for case in cases):
            raise KeyError("x")
        await whole(cases, events)

    def project(case: Any, book: Any) -> Any:
        if case.id == bad:
            raise AttributeError("x")
        return shows[0].project(case, book)

    analytics.sink = sink
    lists.shows = (replace(shows[0], project=project), *shows[1:])
    assert (await here.act("clerk", bad, "sign_off")).is_success
    good = (await here.filed())["case"]
    found = await states(here)
    assert (found[bad], found[good]) == ("dispatched", "dispatched")
    marks = {(one["group"], one["stream"]) for one in await parked(here)}
    assert marks == {("analytics", f"case/{bad}"), ("supervision", f"case/{bad}")}
    analytics.sink, lists.shows = whole, shows
    async with here.owner() as owner:
        assert (await owner.post("/local/parked:redrive", json={})).json() == {"redriven": 2, "parked": 0, "waiting": 0}
    assert (await states(here))[bad] == "signed"
    before = await views_digest(here.runtime.ports.views, here.runtime.parts)
    async for _step in rebuild(here.runtime.ports, here.runtime.parts, feeding=True):
        pass
    assert await views_digest(here.runtime.ports.views, here.runtime.parts) == before


@pytest.mark.parametrize("mended", [True, False])
async def test_redrive_in_one_process_reaches_consumers_of_others(here: Served, mended: bool) -> None:
    """The operator asks a process that does not run the consumer; the process that does looks every few seconds."""
    other = consumer(here.runtime, "routing")
    poison = Poison(other, "Nudged", lambda: ZeroDivisionError("x"))
    poison.case = (await here.filed())["case"]
    await nudged(here, poison.case)
    assert len(await parked(here)) == 1
    here.runtime.parts = [part for part in here.runtime.parts if part.name != "routing"]

    async def time_passes() -> None:
        while True:
            here.clock.advance(0.5)
            await asyncio.sleep(0.01)

    async with here.owner() as owner, asyncio.timeout(60):
        passing = asyncio.create_task(time_passes())
        alone = (await owner.post("/local/parked:redrive", json={})).json()
        assert alone == {"redriven": 0, "parked": 1, "waiting": 1}, "the request stays for its process"
        assert [one["reason"] for one in await parked(here)] == ["redrive:ZeroDivisionError"]
        poison.mended, tries = mended, poison.tries

        async def look() -> None:
            while any(one["reason"].startswith("redriv") for one in await parked(here)):
                await asyncio.gather(retry(other), retry(other))  # of two processes one takes the request

        answer, _ = await asyncio.gather(owner.post("/local/parked:redrive", json={}), look())
        passing.cancel()
    left = 0 if mended else 1
    assert answer.json() == {"redriven": 1 - left, "parked": left, "waiting": 0}
    assert [one["reason"] for one in await parked(here)] == ["ZeroDivisionError"] * left
    assert poison.tries == tries + left


# --- on SQLite: damage in the file, and restarts ---


class Desk:
    """The local app of a folder."""

    def __init__(self, runtime: Process) -> None:
        self.runtime = runtime
        self._app = build_owner_app(runtime)

    def as_(self, who: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self._app)
        return httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers={"x-huiyin-as": who})

    async def file(self) -> str:
        async with self.as_("registrar:xfj") as client:
            answer = await client.post("/v1/submissions", json=submission())
        assert answer.status_code == 201, answer.text
        await self.runtime.drain()
        return str(answer.json()["case"])

    async def call(self, who: str, method: str, path: str, **json: Any) -> httpx.Response:
        async with self.as_(who) as client:
            return await client.request(method, path, json=json or None)

    async def command(self, case: str, command: str, **fields: Any) -> httpx.Response:
        answer = await self.call(
            "clerk:zj", "POST", f"/v1/cases/{case}/commands", command=command, command_id=f"{case}-{command}", **fields
        )
        await self.runtime.drain()
        return answer

    async def marks(self) -> list[tuple[str, str, str]]:
        found = (await self.call("operations", "GET", "/local/parked")).json()["parked"]
        return [(one["group"], one["stream"], one["reason"]) for one in found]


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    async with opened(folder, Settings(), tasks=False) as runtime:
        sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        await runtime.drain()
        yield Desk(runtime)


def alter(folder: Path, change: Callable[[sqlite3.Connection], Any]) -> None:
    """Change the log behind the product's back, and let every consumer read it all again."""
    connection = sqlite3.connect(folder / "log.sqlite", isolation_level=None)
    connection.execute("DROP TRIGGER IF EXISTS never_changed")
    change(connection)
    connection.close()
    connection = sqlite3.connect(folder / "views.sqlite", isolation_level=None)
    connection.execute("DELETE FROM checkpoints")
    connection.close()


def damage(column: str, value: bytes, commit: Commit) -> Callable[[sqlite3.Connection], Any]:
    cast = "?" if column == "events" else "CAST(? AS TEXT)"
    sql = f"UPDATE commits SET {column} = {cast} WHERE position = ?"
    return lambda connection: connection.execute(sql, (value, commit.position))


DAMAGES = {
    "a changed byte": ("events", None),
    "no text": ("hash", b"sha256:\xff\xfe"),
    "another algorithm": ("hash", b"shb256:00"),
    "a broken chain": ("previous", b"sha256:00"),
}


@pytest.mark.parametrize("what", DAMAGES)
async def test_damaged_commit_parks_its_case_only(tmp_path: Path, what: str) -> None:
    column, value = DAMAGES[what]
    async with desk(tmp_path / "data") as here:
        bad, good = await here.file(), await here.file()
        commit = (await here.runtime.ports.log.load(f"case/{bad}"))[1]
        events = b"\n".join(commit.events)
    alter(tmp_path / "data", damage(column, value or events.replace(b"claim", b"clajm"), commit))
    async with desk(tmp_path / "data") as here:
        await served_despite_damage(here, bad, good)
        found = (await here.call("operations", "POST", "/local/verify")).json()["findings"]
        assert any((one["stream"], one["version"]) == (f"case/{bad}", commit.first) for one in found)
        metrics = (await here.call("operations", "GET", "/metrics")).text
        assert f"petition_chain_verify_failures_total {float(len(found))}" in metrics
    original = {"events": events, "hash": commit.hash.encode(), "previous": commit.previous.encode()}[column]
    alter(tmp_path / "data", damage(column, original, commit))  # for example restored from a backup
    async with desk(tmp_path / "data") as here:
        assert {group for group, _stream, _reason in await here.marks()} >= {"routing"}, (
            "the marks survived the restart"
        )
        assert (await here.call("operations", "POST", "/local/parked:redrive", group=None)).json()["parked"] == 0
        await here.runtime.drain()
        assert (await here.call("supervisor:xfj", "GET", f"/v1/cases/{bad}")).json()["state"] == "dispatched"
        scrubbed = (await here.call("operations", "POST", "/local/scrub")).json()
        assert (scrubbed["behind"], scrubbed["ahead"]) == (0, [])


async def served_despite_damage(here: Desk, bad: str, good: str) -> None:
    """That case is parked and answers 503; the process, the lists and all other cases work."""
    await here.runtime.drain()
    marks = await here.marks()
    assert {stream for _group, stream, _reason in marks} == {f"case/{bad}"}
    reading = {one.group for one in here.runtime.consumers} - {
        NUMBERS,
        DRAFTS,
        CALLS,
    }  # they read numbers, drafts and missed calls, no cases
    assert {group for group, _stream, _reason in marks} == reading
    for answer in (
        await here.call("supervisor:xfj", "GET", f"/v1/cases/{bad}"),
        await here.command(bad, "sign_off"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "damaged_case"), answer.text
    assert (await here.call("supervisor:xfj", "GET", f"/v1/cases/{good}")).json()["state"] in ("dispatched", "signed")
    assert (await here.command(good, "sign_off")).is_success
    assert await here.file()
    redriven = (await here.call("operations", "POST", "/local/parked:redrive", group=None)).json()
    assert redriven["redriven"] == 0, "damaged still: the mark stays"
    assert await here.marks() == marks
    assert here.runtime.broken is None


def another(commit: Commit, data: bytes, cause: str) -> Commit:
    """A commit after `commit` with the bytes `data` and a correct hash."""
    return Commit(
        commit.stream, commit.last + 1, cause, (data,), commit.hash, chain_all(commit.hash, (data,)), commit.recorded_at
    )


@pytest.mark.parametrize("data", [b"garbage \xff\x00", b"[]", b'{"type":"SignedFor"}', b"null"])
async def test_garbage_bytes_park_their_case_only(tmp_path: Path, data: bytes) -> None:
    async with desk(tmp_path / "data") as here:
        bad, good = await here.file(), await here.file()
        log = here.runtime.ports.log
        await log.append(another((await log.load(f"case/{bad}"))[-1], data, "garbage"))
        await served_despite_damage(here, bad, good)
    async with desk(tmp_path / "data") as here:
        await served_despite_damage(here, bad, good)


async def test_unknown_event_type_makes_case_read_only(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as here:
        new, good = await here.file(), await here.file()
        log = here.runtime.ports.log
        last = (await log.load(f"case/{new}"))[-1]
        event = orjson.loads(last.events[-1])
        event.update(version=last.last + 1, type="InventedLater", event_id="later", cause="newer", body={"what": 1})
        await log.append(another(last, orjson.dumps(event), "newer"))
        await here.runtime.drain()
        shown = (await here.call("supervisor:xfj", "GET", f"/v1/cases/{new}")).json()
        assert (shown["state"], shown["read_only"]) == ("dispatched", "InventedLater")
        refused = await here.command(new, "sign_off")
        assert (refused.status_code, refused.json()["code"]) == (503, "newer_event")
        assert (await here.command(good, "sign_off")).is_success
        assert await here.file()
        assert (await here.call("operations", "GET", "/readyz")).status_code == 200


async def test_reaction_to_read_only_case_does_not_block_others(tmp_path: Path) -> None:
    """The event of a newer release arrives before routing reacted: the case is parked, and routing continues."""
    async with opened(tmp_path / "data", Settings(), tasks=False, feed=False) as runtime:
        sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        here = Desk(runtime)
        async with here.as_("registrar:xfj") as client:
            new = (await client.post("/v1/submissions", json=submission())).json()["case"]
            good = (await client.post("/v1/submissions", json=submission())).json()["case"]
        last = (await runtime.ports.log.load(f"case/{new}"))[-1]
        event = orjson.loads(last.events[-1])
        event.update(version=last.last + 1, type="InventedLater", event_id="later", cause="newer", body={})
        await runtime.ports.log.append(another(last, orjson.dumps(event), "newer"))
    async with desk(tmp_path / "data") as again:
        assert ("routing", f"case/{new}", "newer_event") in await again.marks()
        assert (await again.call("supervisor:xfj", "GET", f"/v1/cases/{good}")).json()["state"] == "dispatched"
