"""Redacted forms of files: parts of an image covered, or a text in place of another file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request

from services.intake.commands.redaction import attach_redaction
from services.intake.files.reception import FileReception
from services.intake.http.file_models import RedactionRequest
from shared.application.file_references import attaching, owner_of
from shared.case import Case
from shared.commands.allowed_commands import allowed
from shared.commands.attached_files import FileDetails
from shared.commands.authorization import Action, Principal, authorize
from shared.commands.command import DESK
from shared.commands.event_writer import EventMetadata
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import answers, takes
from shared.http.request_bodies import read_model
from shared.http.responses import CommandAnswer
from shared.http.router import api_router
from shared.kernel.identifiers import request_digest
from shared.kernel.refusals import Invalid, Unknown
from shared.policy.file_rules import FileRules
from shared.queries import case_details as reading
from shared.queries.case_files import files_of, opened, readable, unknown_file

REDACT = Action("redact_file", DESK)
_TEXT_LIMIT = 256 * 1024


def router(runtime: Process, reception: FileReception, rules_for: Callable[[Case], Awaitable[FileRules]]) -> APIRouter:
    """To be included among the routes of files. `rules_for`: the limits of the jurisdiction of a case."""
    routes = api_router("files")
    ports, files = runtime.ports, reception.uploads

    @routes.post(
        "/v1/files/{case}/{version}/redactions",
        operation_id="redact_v1_files__case___version__redactions_post",
        responses=answers(400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 507),
        openapi_extra=takes(RedactionRequest),
    )
    async def redact(request: Request, case: str, version: int, caller: Caller) -> CommandAnswer:
        """Make a redacted form of a file and attach it: parts of an image covered, or a text in place of another file."""
        if caller.role not in REDACT.roles:
            authorize(caller, REDACT)
        asked = await read_model(request, RedactionRequest, _TEXT_LIMIT * 2)
        if bool(asked.cover) == (asked.text is not None):
            raise Invalid(
                "cover_or_text",
                "Give either rectangles to cover, or the text that replaces the file.",
                detail_zh="请给出需遮盖的区域，或者替换用的文本，二者择一。",
                field="cover",
            )
        found = await reading.find(ports, caller, case)
        authorize(caller, REDACT, found)
        upload, owner = f"redaction.{asked.command_id.replace(':', '.')}", owner_of(caller)
        original = next(
            (one for one in readable(caller, found, *await files_of(ports, found)) if one.event.version == version),
            None,
        )
        if original is None or original.body.form == "thumbnail":
            raise unknown_file()
        source = original.body.original if original.body.form == "redacted" else original.body.blob
        limits = await rules_for(found)
        try:
            known = await files.status(owner, upload)
            made = known.complete and known.held is None
        except Unknown:
            made = False
        if not made:
            file = await opened(ports, runtime.handling("routing"), caller, found, version)
            about = FileDetails(file.media_type, original.body.kind, file.name, source, "redacted")
            if asked.text is None:
                covered = [(one.left, one.top, one.width, one.height) for one in asked.cover]
                await reception.stored(
                    owner, upload, ports.files.open_file(file.blob, file.key), about, limits, covered
                )
            else:
                await reception.stored_text(owner, upload, asked.text, about, limits)
        return await _attached(runtime, caller, found, upload, asked)

    return routes


async def _attached(
    runtime: Process, caller: Principal, case: Case, upload: str, asked: RedactionRequest
) -> CommandAnswer:
    """Attach the redacted form that was made. The same id again gives the first answer."""
    ports, handling = runtime.ports, runtime.handling("intake")
    cause = f"{caller.name}:{asked.command_id}"
    digest = request_digest(ports.keys.secret("request"), case.id, asked.model_dump_json().encode())
    stamp = EventMetadata(caller, cause, request=digest, jurisdiction=case.jurisdiction)
    async with attaching(ports.files, caller, (upload,), f"{case.id}|{cause}") as attached:
        done = await handling.handle(
            case.id, REDACT, stamp, lambda found, _given: attach_redaction(found, attached.files)
        )
        attached.used = done.commit is not None
    events = done.commit.recorded if done.commit is not None else ()
    return CommandAnswer.built_from(
        done.case,
        events=events,
        allowed=allowed(done.case, caller),
        repeated=done.repeated,
        code=None,
        heard=None,
        heard_zh=None,
    )
