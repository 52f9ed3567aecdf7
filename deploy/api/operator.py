"""Operations. The socket in the data folder serves all of these routes to the owner of the folder. The port for operations serves,
to access keys of the role operations, those that give access to no key and to no content of the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from shared.application import access_keys as principals
from shared.application.case_reference import resolve
from shared.case import STREAM
from shared.commands.authorization import OPERATE, Principal, authorize
from shared.consumers.parked_streams import plain
from shared.consumers.redrive import redrive as handle_again
from shared.consumers.redrive import request as ask_others
from shared.events.fields import WHEN, Moment
from shared.eventstore.errors import Damaged, StoreBroken
from shared.hosting.process import RETRY_SECONDS, Process
from shared.http.authentication import Caller
from shared.http.openapi import answers, operation
from shared.http.request_bodies import NDJSON, read_model
from shared.http.router import api_router, routes_of
from shared.kernel.legal_time import to_text
from shared.kernel.progress import BACKUP_PHASES, Progress, followed, measured, next_phase
from shared.kernel.refusals import Invalid, Refused, Unknown
from shared.kernel.settings import shown
from shared.kernel.version import VERSION
from shared.operations import export as exporting
from shared.operations.blob_copy import blobs_digest, scrub_blobs, verify_blobs
from shared.operations.digests import log_digest, outcome_digest, views_digest
from shared.operations.log_copy import verify_keys
from shared.operations.misdated import misdated
from shared.operations.rebuild import rebuild
from shared.operations.rebuild_readers import worth_starting
from shared.operations.reconcile import reconcile

_LIMIT = 64 * 1024
Instant = Annotated[AwareDatetime, WHEN]
OTHERS_SECONDS = 3 * RETRY_SECONDS
"""How long a redrive waits for the processes of other consumers."""
log = structlog.get_logger("operator")


class KeyWanted(BaseModel):
    """The access key to issue."""

    model_config = ConfigDict(extra="forbid")
    role: str = Field(max_length=40, description="Role of its owner")
    org: str | None = Field(None, max_length=80, description="Organisation, where the role needs one")
    jurisdiction: str | None = Field(
        None,
        max_length=80,
        description="Jurisdiction that it gives access to; * for operations: all. Optional while exactly one is active",
    )
    person: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Staff code of the person who holds it; never a name",
    )
    head: bool = Field(
        False, description="The person is head (负责人) of the organisation and approves extensions (Art. 34)"
    )
    expires: Moment | None = Field(None, description="Instant with offset at which it expires. Default: after 365 days")


class Redrive(BaseModel):
    """The parked streams to process again; all of them without group and stream."""

    model_config = ConfigDict(extra="forbid")
    group: str | None = Field(None, description="Consumer group")
    stream: str | None = Field(None, description="Stream, or a reference to a case")


class Rebuild(BaseModel):
    model_config = ConfigDict(extra="forbid")
    workers: int | None = Field(
        None,
        ge=1,
        le=16,
        description="Processes that fold cases in parallel; null chooses the number by the size of the log",
    )


class Backup(BaseModel):
    model_config = ConfigDict(extra="forbid")
    folder: str = Field(max_length=4096, description="Absolute path of a new or an empty folder")


async def _operator(caller: Caller) -> None:
    authorize(caller, OPERATE)


def router(runtime: Process, *, owner: bool) -> APIRouter:
    """`owner`: all routes, also those that issue keys, copy or export the log, or show parked bytes."""
    routes = api_router("operator", prefix="/local")
    ports, metrics = runtime.ports, runtime.metrics
    running: dict[str, Progress] = {}

    @contextmanager
    def shown_as(name: str, phases: int) -> Iterator[None]:
        """Show the progress of what is inside under this name; of two at the same time, that of the later one."""
        with followed(phases) as progress:
            running[name] = progress
            try:
                yield
            finally:
                if running.get(name) is progress:
                    del running[name]

    async def streamed(name: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        with shown_as(name, 1):
            async for piece in pieces:
                yield piece

    @routes.get("/version", operation_id="version_local_version_get")
    async def version() -> dict[str, str]:
        """The release of this process."""
        return {"version": VERSION}

    guarded = api_router(
        "operator", prefix="/local", dependencies=[Depends(_operator)], responses=answers(401, 403, 422)
    )
    owned = api_router("operator", prefix="/local", dependencies=[Depends(_operator)], responses=answers(401, 403, 422))

    @guarded.get("/keys", operation_id="keys_local_keys_get")
    async def keys() -> dict[str, Any]:
        """All access keys."""
        return {"keys": [principals.shown(key, ports.clock.now()) for key in await runtime.principals.all()]}

    @owned.post("/keys", status_code=201, **operation("issue_local_keys_post", 400, 415, 507, body=KeyWanted))
    async def issue(request: Request, caller: Caller) -> dict[str, Any]:
        """Issue a key. It is shown only once."""
        wanted = await read_model(request, KeyWanted, _LIMIT)
        if wanted.expires is not None and not isinstance(wanted.expires, datetime):
            raise Invalid(
                "wrong_time",
                "expires must be an instant with offset.",
                detail_zh="到期时间须为带时区偏移的时刻。",
                field="expires",
            )
        key, text = await runtime.principals.issue(
            ports.handling("intake"),
            caller,
            wanted.role,
            wanted.org,
            wanted.expires,
            wanted.jurisdiction,
            wanted.person,
            wanted.head,
        )
        unnamed = await principals.named_nowhere(ports.policies, key)
        return {**principals.shown(key, ports.clock.now()), "key": text, "named_nowhere": unnamed}

    @guarded.post("/keys/{key}:revoke", **operation("revoke_local_keys__key__revoke_post", 404, 507))
    async def revoke(key: str, caller: Caller) -> dict[str, Any]:
        """Revoke a key."""
        revoked = await runtime.principals.revoke(ports.handling("intake"), caller, key)
        return principals.shown(revoked, ports.clock.now())

    @guarded.get("/parked", operation_id="parked_local_parked_get")
    async def parked(
        caller: Caller,
        group: str | None = Query(None, description="Consumer group"),
        stream: str | None = Query(None, description="Stream, or a reference to a case"),
    ) -> dict[str, Any]:
        """Streams that a consumer could not process further."""
        chosen = await _stream(runtime, caller, stream)
        marks = [mark._asdict() for mark in await ports.views.parked(group, chosen)]
        for mark in marks:
            mark["bytes"] = mark["bytes"].decode("utf-8", "replace") if owner and chosen is not None else None
        return {"parked": marks}

    @guarded.post("/parked:redrive", **operation("redrive_local_parked_redrive_post", 400, 404, 415, body=Redrive))
    async def redrive(request: Request, caller: Caller) -> dict[str, Any]:
        """Process parked streams again, also those of the consumers of other processes, which do it at their next look."""
        wanted = await read_model(request, Redrive, _LIMIT)
        stream = await _stream(runtime, caller, wanted.stream)
        marks = await ports.views.parked(wanted.group, stream)
        consumers = {consumer.group: consumer for consumer in runtime.consumers}
        own = [mark for mark in marks if mark.group in consumers]
        others = {(mark.group, mark.stream) for mark in marks if mark not in own}
        await ask_others(ports.views, [mark for mark in marks if mark not in own])
        again = sum([await handle_again(consumers[mark.group], mark.stream) for mark in own])
        until = ports.clock.monotonic() + OTHERS_SECONDS
        while True:
            left = await ports.views.parked(wanted.group, stream)
            waiting = [one for one in left if one.group not in consumers and one.reason != plain(one)]
            if not waiting or ports.clock.monotonic() > until:
                break
            await ports.clock.sleep(0.2)
        again += len(others - {(mark.group, mark.stream) for mark in left})
        return {"redriven": again, "parked": len(left), "waiting": len(waiting)}

    @guarded.post("/rebuild", **operation("rebuild_all_local_rebuild_post", 415, body=Rebuild))
    async def rebuild_all(request: Request) -> StreamingResponse:
        """Rebuild all views and facts from the log while they stay in use."""
        wanted = await read_model(request, Rebuild, _LIMIT)
        return StreamingResponse(streamed("rebuild", _rebuilding(runtime, wanted.workers)), media_type=NDJSON)

    @guarded.get("/digest", operation_id="digest_local_digest_get")
    async def digest(
        which: Literal["log", "views", "outcome", "blobs", "all"] = Query("all", description="Which one"),
    ) -> dict[str, Any]:
        """The four digests: log, views, outcome, blobs."""
        found: dict[str, Any] = {}
        with shown_as("digest", 6 if which == "all" else 3 if which == "views" else 1):
            if which in ("log", "all"):
                found["log"] = await log_digest(ports.log)
                next_phase()
            if which in ("views", "all"):
                await runtime.drain()
                before = await log_digest(ports.log)
                next_phase()
                found["views"] = await views_digest(ports.views, runtime.parts)
                next_phase()
                if before == await log_digest(ports.log):  # unchanged meanwhile: a rebuild can be compared with it
                    metrics.known_digest = (before, found["views"])
                next_phase()
            if which in ("outcome", "all"):
                found["outcome"] = await outcome_digest(ports.log)
                next_phase()
            if which in ("blobs", "all"):
                found["blobs"] = await blobs_digest(ports.blobs)
        return found

    @guarded.post("/verify", operation_id="verify_log_local_verify_post")
    async def verify_log() -> dict[str, Any]:
        """Check every byte of the log, and the keys and the files that it names."""
        with shown_as("verify", 3):
            found = [finding._asdict() async for finding in ports.log.verify()]
            next_phase()
            if not found:  # events of a damaged log do not name keys and files reliably
                if any(part.name != "analytics" for part in runtime.parts):  # which may read no key
                    found += [finding._asdict() async for finding in verify_keys(ports.log, ports.keys)]
                next_phase()
                found += [finding._asdict() async for finding in verify_blobs(ports.log, ports.blobs)]
        metrics.verified(len(found))
        streams = events = 0
        if all(one["column"] in ("blob", "key") for one in found):  # the stream heads of a damaged log are not reliable
            async for heads in ports.log.heads():
                streams += len(heads)
                events += sum(head.version for _stream, head in heads)
        return {"streams": streams, "events": events, "findings": found}

    @guarded.post("/scrub", operation_id="scrub_views_local_scrub_post")
    async def scrub_views(
        mend: bool = Query(True, description="Repair rows that are behind; false only reports them"),
    ) -> dict[str, Any]:
        """Compare every view with the log, and repair it; and the stored files with the events that name them."""
        with shown_as("scrub", 2):
            found = await reconcile(ports, runtime.parts, mend=mend)
            next_phase()
            files = await scrub_blobs(ports)
        return {**found._asdict(), "unnamed_files": files.unnamed, "missing_files": list(files.missing)}

    @owned.get("/export", operation_id="export_local_export_get")
    async def export(
        prefix: str = Query(
            "", max_length=200, description="Only streams with this prefix; views are always exported whole"
        ),
        form: exporting.Form = Query("events", description="Content of a line: an event, a commit, a row of a view"),
    ) -> StreamingResponse:
        """Export the log by event or by commit, or the rows that are derived from it."""
        if form == "views":
            return StreamingResponse(streamed("export", exporting.rows(ports.views, runtime.parts)), media_type=NDJSON)
        chosen = exporting.commits if form == "commits" else exporting.lines
        return StreamingResponse(streamed("export", chosen(ports.log, prefix)), media_type=NDJSON)

    @owned.post("/backup", **operation("backup_local_backup_post", 400, 409, 415, 507, body=Backup))
    async def backup(request: Request) -> dict[str, Any]:
        """Copy log, files and keys of the running system."""
        wanted = await read_model(request, Backup, _LIMIT)
        if runtime.back_up is None:
            raise Invalid(
                "no_folder",
                "This process keeps no log in its folder, so this command cannot back it up. In the full mode,"
                " back up MongoDB and the folder of HUIYIN_SECRETS (docs/operations.md).",
                detail_zh="本进程的日志不在数据文件夹中，不能用此命令备份。"
                "完整模式请备份 MongoDB 和 HUIYIN_SECRETS 文件夹（见 docs/operations.md）。",
            )
        if not Path(wanted.folder).is_absolute():
            raise Invalid(
                "not_absolute",
                "folder is not an absolute path. Give an absolute path.",
                detail_zh="folder 不是绝对路径，请填写绝对路径。",
                field="folder",
            )
        with shown_as("backup", BACKUP_PHASES):
            return await runtime.back_up(Path(wanted.folder))

    @guarded.get("/progress", operation_id="progress_local_progress_get")
    async def progress() -> dict[str, Any]:
        """What is done of the long operations that run now, from 0 to 1."""
        return {"running": {name: round(one.share, 4) for name, one in running.items()}}

    @guarded.get("/clock", operation_id="clock_local_clock_get")
    async def clock() -> dict[str, Any]:
        """Whether the wall clock is trusted."""
        return _clock(runtime)

    @guarded.post("/clock:accept", operation_id="accept_clock_local_clock_accept_post")
    async def accept_clock(caller: Caller) -> dict[str, Any]:
        """Confirm the wall clock, so that deadlines fire again. The time of the store cannot be overruled."""
        trust = runtime.ports.clock.trust
        if trust.doubt is not None:
            log.warning("clock_accepted", by=caller.ref)
        trust.accept()
        return _clock(runtime)

    @owned.get("/clock/misdated", operation_id="misdated_local_clock_misdated_get")
    async def misdated_steps(
        since: Instant | None = Query(None, description="First instant of the period in which a clock was wrong"),
        until: Instant | None = Query(None, description="Last instant of it. Neither: everything later than now"),
    ) -> StreamingResponse:
        """What a wrong clock recorded and has not been corrected: one stream per line."""
        found = misdated(ports.log, ports.clock.now(), since, until)
        return StreamingResponse((orjson.dumps(one._asdict()) + b"\n" async for one in found), media_type=NDJSON)

    @guarded.get("/settings", operation_id="settings_local_settings_get")
    async def settings() -> dict[str, Any]:
        """Settings with meaning and source."""
        return {"settings": [line._asdict() for line in shown(runtime.settings)]}

    routes.routes.extend(routes_of([guarded, owned] if owner else [guarded]))
    return routes


async def _rebuilding(runtime: Process, workers: int | None) -> AsyncIterator[bytes]:
    """Rebuild every view and fact; yields a JSON line per step, and one for the reason where the rebuild ends early."""
    ports, metrics, known = runtime.ports, runtime.metrics, runtime.metrics.known_digest
    try:
        steps = rebuild(
            ports,
            runtime.parts,
            feeding=runtime.feeding,
            workers=workers or await worth_starting(ports),
            spread=runtime.spread,
            beside=runtime.beside,
        )
        total = sum([len(heads) async for heads in ports.log.heads(STREAM)])
        async for step in steps:
            measured(step.cases, total)
            yield orjson.dumps(step._asdict()) + b"\n"
        if known is not None and known[0] == await log_digest(ports.log):
            metrics.rebuilt(await views_digest(ports.views, runtime.parts) == known[1])
    except (Damaged, StoreBroken) as error:  # no write failed: the stored bytes have changed
        metrics.verified(1)
        yield orjson.dumps({"done": False, "code": "chain_broken", "detail": str(error)}) + b"\n"
    except Refused as error:
        failure = {"done": False, "code": error.code, "detail": error.detail, "detail_zh": error.detail_zh}
        yield orjson.dumps(failure) + b"\n"


def _clock(runtime: Process) -> dict[str, Any]:
    """`paused`: why nothing is recorded and no deadline fires, null while all is well; `jumps`: number of pauses since the start;
    `ahead`: seconds by which this clock was ahead of each witness of the time at its last answer."""
    trust = runtime.ports.clock.trust
    return {
        "now": to_text(runtime.ports.clock.now()),
        "paused": None if (doubt := trust.doubt) is None else str(doubt),
        "jumps": trust.jumps,
        "ahead": {name: round(ahead, 1) for name, ahead in trust.offsets.items()},
    }


async def _stream(runtime: Process, caller: Principal, named: str | None) -> str | None:
    """The stream with this name, or of the case with this reference. Raises Unknown for a reference of no case."""
    if named is None or "/" in named.partition(":")[0]:
        return named
    try:
        return STREAM + await resolve(runtime.ports, caller, named)
    except Unknown:
        raise Unknown(
            "unknown_stream",
            "There is no such stream. Give the name of a stream, or a case as its id, number, or CHANNEL:ITEM.",
            detail_zh="没有这一记录流，请填写记录流名称，或信访件的编号。",
            field="stream",
        ) from None
