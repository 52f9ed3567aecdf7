"""What only the owner of the data folder may do. These routes exist on the socket in the folder and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import orjson
import structlog
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from shared.application import access_keys as principals
from shared.application.case_reference import resolve
from shared.case import STREAM
from shared.commands.authorization import OPERATE, authorize
from shared.consumers.consumer import CaseConsumer
from shared.consumers.redrive import redrive as handle_again
from shared.eventstore.errors import Damaged, StoreBroken
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import answers, takes
from shared.http.request_bodies import NDJSON, read_model
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Invalid, Refused, Unknown
from shared.kernel.settings import shown
from shared.kernel.version import VERSION
from shared.operations import export as exporting
from shared.operations.digests import log_digest, outcome_digest, views_digest
from shared.operations.rebuild import rebuild
from shared.operations.rebuild_readers import worth_starting
from shared.operations.reconcile import reconcile

_LIMIT = 64 * 1024
log = structlog.get_logger("operator")


class KeyWanted(BaseModel):
    """A key to be issued."""

    model_config = ConfigDict(extra="forbid")
    role: str = Field(max_length=40, description="Role of its owner")
    org: str | None = Field(None, max_length=80, description="Organisation, where the role needs one")
    jurisdiction: str | None = Field(
        None, max_length=80, description="Whose cases it opens; may be left out while there is one"
    )
    expires: AwareDatetime | None = Field(None, description="When it stops opening anything")


class Redrive(BaseModel):
    """A parked stream that is to be tried again. Without both: all of them."""

    model_config = ConfigDict(extra="forbid")
    group: str | None = Field(None, description="Consumer group")
    stream: str | None = Field(None, description="Stream, or what names a case")


class Rebuild(BaseModel):
    model_config = ConfigDict(extra="forbid")
    workers: int | None = Field(
        None,
        ge=1,
        le=16,
        description="How many processes fold cases side by side; null: as many as are worth their start",
    )


class Backup(BaseModel):
    model_config = ConfigDict(extra="forbid")
    folder: str = Field(max_length=4096, description="Absolute path of a folder that does not exist yet or is empty")


def router(runtime: Process) -> APIRouter:
    routes = APIRouter(tags=["operator"], prefix="/local")
    ports, metrics = runtime.ports, runtime.metrics

    @routes.get("/version", operation_id="version_local_version_get", summary="Which release runs")
    async def version() -> dict[str, str]:
        return {"version": VERSION}

    @routes.get(
        "/keys", operation_id="keys_local_keys_get", summary="All access keys", responses=answers(401, 403, 422)
    )
    async def keys(caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        return {"keys": [principals.shown(key) for key in await runtime.principals.all()]}

    @routes.post(
        "/keys", operation_id="issue_local_keys_post",
        status_code=201, summary="Issue a key; it is shown once", responses=answers(400, 401, 403, 415, 422, 507),
        openapi_extra=takes(KeyWanted),
    )  # fmt: skip
    async def issue(request: Request, caller: Caller) -> dict[str, Any]:
        wanted = await read_model(request, KeyWanted, _LIMIT)
        key, text = await runtime.principals.issue(
            runtime.handling("intake"), caller, wanted.role, wanted.org, wanted.expires, wanted.jurisdiction
        )
        unnamed = await principals.named_nowhere(ports.policies, key)
        return {**principals.shown(key), "key": text, "named_nowhere": unnamed}

    @routes.post(
        "/keys/{key}:revoke",
        operation_id="revoke_local_keys__key__revoke_post",
        summary="Revoke a key",
        responses=answers(401, 403, 404, 422, 507),
    )
    async def revoke(key: str, caller: Caller) -> dict[str, Any]:
        return principals.shown(await runtime.principals.revoke(runtime.handling("intake"), caller, key))

    @routes.get(
        "/parked",
        operation_id="parked_local_parked_get",
        summary="Streams that a consumer stopped at",
        responses=answers(401, 403, 422),
    )
    async def parked(
        caller: Caller,
        group: str | None = Query(None, description="Consumer group"),
        stream: str | None = Query(None, description="Stream, or what names a case"),
    ) -> dict[str, Any]:
        authorize(caller, OPERATE)
        chosen = await _stream(runtime, stream)
        marks = [mark._asdict() for mark in await ports.views.parked(group, chosen)]
        for mark in marks:
            mark["bytes"] = mark["bytes"].decode("utf-8", "replace") if chosen is not None else None
        return {"parked": marks}

    @routes.post(
        "/parked:redrive", operation_id="redrive_local_parked_redrive_post",
        summary="Try parked streams again", responses=answers(400, 401, 403, 404, 415, 422),
        openapi_extra=takes(Redrive),
    )  # fmt: skip
    async def redrive(request: Request, caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        wanted = await read_model(request, Redrive, _LIMIT)
        marks = await ports.views.parked(wanted.group, await _stream(runtime, wanted.stream))
        consumers: dict[str, CaseConsumer] = {consumer.group: consumer for consumer in runtime.consumers}
        again = 0
        for mark in marks:
            if mark.group in consumers and await handle_again(consumers[mark.group], mark.stream):
                again += 1
        left = await ports.views.parked(wanted.group)
        return {"redriven": again, "parked": len(left)}

    @routes.post(
        "/rebuild", operation_id="rebuild_all_local_rebuild_post",
        summary="Build every view and fact again from the log, while they serve", responses=answers(401, 403, 415, 422),
        openapi_extra=takes(Rebuild),
    )  # fmt: skip
    async def rebuild_all(request: Request, caller: Caller) -> StreamingResponse:
        authorize(caller, OPERATE)
        wanted = await read_model(request, Rebuild, _LIMIT)
        known = metrics.known_digest

        async def progress() -> AsyncIterator[bytes]:
            try:
                workers = wanted.workers or await worth_starting(ports)
                steps = rebuild(
                    ports,
                    runtime.parts,
                    feeding=runtime.feeding,
                    workers=workers,
                    spread=runtime.spread,
                    beside=runtime.beside,
                )
                async for step in steps:
                    yield orjson.dumps(step._asdict()) + b"\n"
                if known is not None and known[0] == await log_digest(ports.log):
                    metrics.rebuilt(await views_digest(ports.views, runtime.parts) == known[1])
            except (Damaged, StoreBroken) as error:  # nothing failed to be written: the bytes are not what they were
                metrics.verified(1)
                yield orjson.dumps({"done": False, "code": "chain_broken", "detail": str(error)}) + b"\n"
            except Refused as error:
                told = {"done": False, "code": error.code, "detail": error.why, "detail_zh": error.why_zh}
                yield orjson.dumps(told) + b"\n"

        return StreamingResponse(progress(), media_type=NDJSON)

    @routes.get(
        "/digest",
        operation_id="digest_local_digest_get",
        summary="The three digests: log, views, outcome",
        responses=answers(401, 403, 422),
    )
    async def digest(
        caller: Caller,
        which: Literal["log", "views", "outcome", "all"] = Query("all", description="Which one"),
    ) -> dict[str, Any]:
        authorize(caller, OPERATE)
        found: dict[str, Any] = {}
        if which in ("log", "all"):
            found["log"] = await log_digest(ports.log)
        if which in ("views", "all"):
            await runtime.drain()
            before = await log_digest(ports.log)
            found["views"] = await views_digest(ports.views, runtime.parts)
            if before == await log_digest(ports.log):  # nothing came in between: a rebuild can be compared with it
                metrics.known_digest = (before, found["views"])
        if which in ("outcome", "all"):
            found["outcome"] = await outcome_digest(ports.log)
        return found

    @routes.post(
        "/verify",
        operation_id="verify_log_local_verify_post",
        summary="Check every byte of the log",
        responses=answers(401, 403, 422),
    )
    async def verify_log(caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        found = [finding._asdict() async for finding in ports.log.verify()]
        metrics.verified(len(found))
        streams = events = 0
        if not found:  # the ends of the streams of a damaged log cannot be relied on
            async for heads in ports.log.heads():
                streams += len(heads)
                events += sum(head.version for _stream, head in heads)
        return {"streams": streams, "events": events, "findings": found}

    @routes.post(
        "/scrub",
        operation_id="scrub_views_local_scrub_post",
        summary="Compare every view with the log, and mend it",
        responses=answers(401, 403, 422),
    )
    async def scrub_views(
        caller: Caller, mend: bool = Query(True, description="Mend what is behind; false only names it")
    ) -> dict[str, Any]:
        authorize(caller, OPERATE)
        return (await reconcile(ports, runtime.parts, mend=mend))._asdict()

    @routes.get(
        "/export",
        operation_id="export_local_export_get",
        summary="The log, by event or by commit, or what was derived from it",
        responses=answers(401, 403, 422),
    )
    async def export(
        caller: Caller,
        prefix: str = Query("", max_length=200, description="Streams that begin with this; of views always all"),
        form: exporting.Form = Query("events", description="What a line is: an event, a commit, a row of a view"),
    ) -> StreamingResponse:
        authorize(caller, OPERATE)
        if form == "views":
            return StreamingResponse(exporting.rows(ports.views, runtime.parts), media_type=NDJSON)
        chosen = exporting.commits if form == "commits" else exporting.lines
        return StreamingResponse(chosen(ports.log, prefix), media_type=NDJSON)

    @routes.post(
        "/backup", operation_id="backup_local_backup_post",
        summary="Copy log and keys of the running system", responses=answers(400, 401, 403, 409, 415, 422, 507),
        openapi_extra=takes(Backup),
    )  # fmt: skip
    async def backup(request: Request, caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        wanted = await read_model(request, Backup, _LIMIT)
        if runtime.back_up is None:
            raise Invalid(
                "no_folder", "This system keeps nothing on disk.", why_zh="本系统不在磁盘上保存数据，无可备份。"
            )
        if not Path(wanted.folder).is_absolute():
            raise Invalid(
                "not_absolute", "folder must be an absolute path.", why_zh="folder 须为绝对路径。", field="folder"
            )
        return await runtime.back_up(Path(wanted.folder))

    @routes.get(
        "/clock",
        operation_id="clock_local_clock_get",
        summary="Whether the wall clock is trusted",
        responses=answers(401, 403, 422),
    )
    async def clock(caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        return _clock(runtime)

    @routes.post(
        "/clock:accept",
        operation_id="accept_clock_local_clock_accept_post",
        summary="The wall clock is right now: deadlines fire again",
        responses=answers(401, 403, 422),
    )
    async def accept_clock(caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        for ticker in _tickers(runtime):
            if ticker.paused:
                log.warning("clock_accepted", by=caller.ref)
            ticker.accept_clock()
        return _clock(runtime)

    @routes.get(
        "/settings",
        operation_id="settings_local_settings_get",
        summary="Settings with meaning and source",
        responses=answers(401, 403, 422),
    )
    async def settings(caller: Caller) -> dict[str, Any]:
        authorize(caller, OPERATE)
        return {"settings": [line._asdict() for line in shown(runtime.settings)]}

    return routes


def _tickers(runtime: Process) -> list[Any]:
    return [part.ticker for part in runtime.parts if part.ticker is not None]


def _clock(runtime: Process) -> dict[str, Any]:
    """`paused`: why no deadline fires, null while they do; `jumps`: how often that was so since the start."""
    tickers = _tickers(runtime)
    return {
        "now": to_text(runtime.ports.clock.now()),
        "paused": next((ticker.paused for ticker in tickers if ticker.paused), None),
        "jumps": sum(ticker.jumps for ticker in tickers),
    }


async def _stream(runtime: Process, named: str | None) -> str | None:
    """A stream by its name, or by anything that names a case."""
    if named is None or "/" in named.partition(":")[0]:
        return named
    try:
        return STREAM + await resolve(runtime.ports, named)
    except Unknown:
        raise Unknown("unknown_stream", "There is no such stream.", why_zh="没有这一记录流。", field="stream") from None
