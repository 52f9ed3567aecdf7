"""Files over HTTP: resumable uploads, downloads with ranges, redacted forms.

Uploads follow the draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload): `Upload-Offset`, `Upload-Complete`,
`Upload-Length`; digests are `Repr-Digest` (RFC 9530), names `Content-Disposition` (RFC 6266). Names and digests are in headers and
never in an address, which intermediaries log. A citizen sends `Case-Number` and `Query-Code` instead of an access key,
or, before filing, `Filing-Id`: the random `command_id` of the filing that will name the file.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as WrongBase64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from services.intake.commands.redaction import attach_redaction
from services.intake.files.media_types import ALL, BY_NAME
from services.intake.files.reception import FileReception, media_type, wanted_details
from services.intake.http.citizen_status import StatusReaders
from shared.application.command_dispatch import CommandId
from shared.application.file_references import attaching, filing_owner, owner_of
from shared.application.file_uploads import UploadStatus
from shared.application.problem import TooLarge, TooMany, WrongType
from shared.application.response import Answer, TimeText
from shared.case import Case
from shared.commands.allowed_commands import allowed
from shared.commands.attached_files import FileDetails
from shared.commands.authorization import Action, Principal, authorize
from shared.commands.command import DESK
from shared.commands.event_writer import EventMetadata
from shared.events.files import FileKind
from shared.hosting.process import Process
from shared.http.admission import admitted
from shared.http.authentication import Caller, key_required, who
from shared.http.client_network import client_network
from shared.http.openapi import READING, answers, takes
from shared.http.request_bodies import read_model
from shared.http.responses import CommandAnswer
from shared.kernel.identifiers import request_digest
from shared.kernel.refusals import Invalid, Unknown
from shared.policy.file_rules import FileRules
from shared.queries import case_details as reading
from shared.queries.case_files import FilesAnswer, files_of, listed, opened, readable, unknown_file
from shared.queries.query_code_access import RateLimiter

UPLOAD = Action("upload_file", ("registrar", "supervisor", "platform", "organisation", "clerk", "citizen"))
REDACT = Action("redact_file", DESK)
UPLOADS_A_MINUTE = 30
"""Uploads that one petitioner may begin in a minute (own choice): a filing has ten files."""
PUBLIC_UPLOADS_A_MINUTE = 60
"""Uploads for filings that are not sent yet, of one network in a minute (own choice): a service hall shares one address."""
FILING_ID = re.compile(r"[A-Za-z0-9_-]{16,100}")
PUBLIC_FILER = Principal("citizen", None, "public")
_UPLOAD_ID = re.compile(r"[A-Za-z0-9._-]{1,80}")
_SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""A file is never a page: it is saved, not shown, and nothing in it runs."""
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{1,100}):\s*(?:,|$)")
_NAME = re.compile(
    r";\s*filename\*\s*=\s*utf-8'[^']{0,20}'([^;\s]{1,4000})|;\s*filename\s*=\s*(?:\"((?:[^\"\\]|\\.){0,2000})\"|([^;\s\"]{1,1000}))",
    re.IGNORECASE,
)
_TEXT_LIMIT = 256 * 1024
_PART = {
    "requestBody": {
        "required": False,
        "description": "The bytes of the file, or of a part of it",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


_BINARY = {one.name: {"schema": {"type": "string", "format": "binary"}} for one in ALL}


def _header(name: str, description: str, pattern: str | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_COMPLETE = _header("Upload-Complete", "?1: the file ends with this body (default); ?0: more follows", r"^\?[01]$")
_BY_CODE = [
    _header("Case-Number", "Of a petitioner without an access key: number of the case"),
    _header("Query-Code", "Of a petitioner without an access key: query code"),
]
_OF_FILING = _header(
    "Filing-Id",
    "Of a person who files without an access key: the random command_id of the filing that will name the file",
    FILING_ID.pattern,
)
_BEGINS = [
    _header(
        "Upload-Id",
        "Your id of the upload, 1 to 80 letters, digits, . _ -; the same id is the same upload",
        _UPLOAD_ID.pattern,
    ),
    _header("Upload-Length", "Bytes of the whole file, if more follows", r"^\d{1,18}$"),
    _COMPLETE,
    _header("Repr-Digest", "SHA-256 of the whole file: sha-256=:BASE64:"),
    _header("Content-Disposition", "attachment; filename*=UTF-8''NAME"),
    *_BY_CODE,
    _OF_FILING,
]
_UPLOADER = [*_BY_CODE, _OF_FILING]


class UploadAnswer(Answer):
    """An upload. Name it as a file of a command within a day."""

    upload: str = Field(description="Id of the upload: the reference in `files` of a command")
    offset: int = Field(description="Bytes that are stored; the next part begins here")
    size: int | None = Field(
        description="Bytes of the whole file, if known; of a re-encoded image, those of the new one"
    )
    complete: bool = Field(description="All bytes are here")
    held: str | None = Field(description="Why no command may name it yet: unchecked, scanning; null: it may be named")
    media_type: str | None = Field(description="Type by its content; null before it was inspected")
    name: str | None = Field(description="Name as it is kept: without paths, with the extension of the type")
    width: int | None = Field(description="Pixels of an image")
    height: int | None = Field(description="Pixels of an image")
    latitude: float | None = Field(description="Where an image was taken, if it said so. It is removed from the image")
    longitude: float | None = Field(description="Where an image was taken, if it said so. It is removed from the image")
    expires_at: TimeText = Field(description="When the upload is removed, if no command names it")
    attached: bool = Field(description="A command has named it")


class FileRule(Answer):
    """One limit, with its source."""

    name: str = Field(description="Name")
    value: int | str = Field(description="Value")
    source: str = Field(description="Local document that sets it; `own choice`: a proposal to be confirmed")


class FileRulesAnswer(Answer):
    """Limits of files."""

    rules: list[FileRule] = Field(description="Limits, with their sources")


class Rectangle(BaseModel):
    """A part of an image, in pixels of the stored image from its upper left corner."""

    model_config = ConfigDict(extra="forbid")

    left: int = Field(ge=0, le=100_000, description="From the left")
    top: int = Field(ge=0, le=100_000, description="From the top")
    width: int = Field(ge=1, le=100_000, description="To the right")
    height: int = Field(ge=1, le=100_000, description="Downwards")


class RedactionRequest(BaseModel):
    """Cover parts of an image, or put a text in the place of another file. Exactly one of the two."""

    model_config = ConfigDict(extra="forbid")

    command_id: CommandId = Field(max_length=60, description="Your id. The same id again gives the first answer")
    cover: list[Rectangle] = Field(
        default_factory=list, max_length=200, description="Parts of an image that become black"
    )
    text: str | None = Field(
        None, min_length=1, max_length=100_000, description="The text that replaces the file, without names"
    )


class FileCaller(NamedTuple):
    """Who sends or reads files. `case`: the petitioner's own case; `filing`: the id of a filing that is not sent yet."""

    principal: Principal
    case: Case | None
    filing: str | None = None

    @property
    def owner(self) -> str:
        return filing_owner(self.filing) if self.filing is not None else owner_of(self.principal)


def router(runtime: Process, reception: FileReception, askers: StatusReaders) -> APIRouter:
    routes = APIRouter(tags=["files"])
    ports, files = runtime.ports, reception.uploads
    begun = RateLimiter(ports.clock, UPLOADS_A_MINUTE)
    of_network = RateLimiter(ports.clock, PUBLIC_UPLOADS_A_MINUTE)

    async def caller_of(request: Request) -> FileCaller:
        number, code = request.headers.get("case-number"), request.headers.get("query-code")
        if code is not None and number is not None and "authorization" not in request.headers:
            citizen, case = await askers.opened(request, number[:60], code[:100])
            request.state.role = citizen.role
            return FileCaller(citizen, case)
        if code is not None or number is not None:
            raise key_required()
        return FileCaller(await who(request), None)

    async def uploader(request: Request) -> FileCaller:
        filing = request.headers.get("filing-id")
        if filing is not None and not {"authorization", "case-number", "query-code"} & set(request.headers.keys()):
            request.state.role = "citizen"
            return FileCaller(PUBLIC_FILER, None, _filing_id(filing))
        by = await caller_of(request)
        if by.principal.role not in UPLOAD.roles:
            authorize(by.principal, UPLOAD)
        return by

    async def rules_for(by: FileCaller) -> FileRules:
        code = (
            by.case.jurisdiction if by.case is not None else by.principal.jurisdiction or runtime.settings.jurisdiction
        )
        books = await ports.policies.all()
        book = books.get(code or "") or (next(iter(books.values())) if len(books) == 1 else None)
        return book.files if book is not None else FileRules()

    @routes.get(
        "/v1/files/rules",
        operation_id="rules_v1_files_rules_get",
        responses=answers(401, 403, 404, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def rules(by: FileCaller = Depends(uploader)) -> FileRulesAnswer:
        """How many files, how large, of which types, and where each limit comes from."""
        found = (await rules_for(by)).values()
        return FileRulesAnswer(rules=[FileRule(name=name, value=value, source=source) for name, value, source in found])

    @routes.post(
        "/v1/files",
        operation_id="create_v1_files_post",
        status_code=201,
        response_model=UploadAnswer,
        responses={
            **answers(401, 403, 404, 409, 413, 415, 422, 429, 503, 507),
            200: {"model": UploadAnswer, "description": "Uploaded before; the same upload again"},
            202: {"model": UploadAnswer, "description": "Received; held back until the virus scanner has answered"},
        },
        openapi_extra={"parameters": _BEGINS, **_PART},
        dependencies=admitted(runtime),
    )
    async def create(
        request: Request,
        by: FileCaller = Depends(uploader),
        kind: FileKind = Query("other", description="What the file is to the case"),
    ) -> Response:
        """Upload a file, or begin to. An interrupted upload goes on with PATCH /v1/uploads/{upload}, or with the same POST."""
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            raise WrongType(
                "wrong_content_type",
                "Send the bytes of the file as the body, not a form: Content-Type: application/octet-stream.",
                detail_zh="请直接以文件字节作为请求内容（application/octet-stream），不要使用表单。",
            )
        wait = 0
        if by.case is not None:
            wait = begun.take(by.owner)
        elif by.filing is not None:
            wait = of_network.take(await client_network(request))
        if wait:
            raise TooMany(
                "too_many_uploads",
                f"Too many uploads at once. Go on in {wait} seconds.",
                detail_zh=f"上传过于频繁，请{wait}秒后继续。",
                retry_after=wait,
            )
        upload = _upload_id(request.headers.get("upload-id"))
        ends, limits = _ends(request), await rules_for(by)
        announced = _number(request, "content-length")
        size = _number(request, "upload-length")
        size = announced if size is None and ends else size
        digest = _digest(request)
        _fits(max(size or 0, announced or 0), limits)
        name = _name(request.headers.get("content-disposition", ""))
        known = await files.begin_upload(by.owner, upload, size=size, sha256=digest, details=wanted_details(name, kind))
        repeated = known.complete
        body: AsyncIterator[bytes] = request.stream()
        if not known.complete:
            if known.offset and digest is None:  # nothing says that it is the same file: from the beginning
                await files.cancel(by.owner, upload)
                known = await files.begin_upload(by.owner, upload, size=size, details=wanted_details(name, kind))
            elif known.offset:
                body = _after(body, known.offset)
            known = await files.append(by.owner, upload, known.offset, body, most=limits.most_bytes)
        if ends or repeated:
            known = await reception.completed(by.owner, upload, limits, sha256=digest)
        return _answered(known, 200 if repeated else 201)

    @routes.patch(
        "/v1/uploads/{upload}",
        operation_id="append_v1_uploads__upload__patch",
        response_model=UploadAnswer,
        responses={
            **answers(401, 403, 404, 409, 413, 415, 422, 429, 503, 507),
            202: {"model": UploadAnswer, "description": "Received; held back until the virus scanner has answered"},
        },
        openapi_extra={
            "parameters": [_header("Upload-Offset", "Where this part begins", r"^\d{1,18}$"), _COMPLETE, *_UPLOADER],
            **_PART,
        },
        dependencies=admitted(runtime),
    )
    async def append(request: Request, upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """Send the next part of a file."""
        offset = _number(request, "upload-offset")
        if offset is None:
            raise Invalid(
                "upload_offset_missing",
                "Send the header Upload-Offset: HEAD of the upload says where to go on.",
                detail_zh="缺少 Upload-Offset 请求头，可用 HEAD 查询应从何处继续。",
                field="upload-offset",
            )
        limits, ends = await rules_for(by), _ends(request)
        upload = _upload_id(upload)
        _fits(offset + (_number(request, "content-length") or 0), limits)
        known = await files.append(by.owner, upload, offset, request.stream(), most=limits.most_bytes)
        if ends:
            known = await reception.completed(by.owner, upload, limits, sha256=_digest(request))
        return _answered(known, 200)

    @routes.head(
        "/v1/uploads/{upload}",
        operation_id="offset_v1_uploads__upload__head",
        status_code=204,
        responses=answers(401, 403, 404, 422, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def offset(upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """Where an upload goes on: Upload-Offset and Upload-Complete."""
        return Response(status_code=204, headers=_progress(await files.status(by.owner, _upload_id(upload))))

    @routes.get(
        "/v1/uploads/{upload}",
        operation_id="upload_v1_uploads__upload__get",
        response_model=UploadAnswer,
        responses=answers(401, 403, 404, 415, 422, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def status(upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """An upload as it stands. Checks that were interrupted go on."""
        return _answered(await reception.looked_at(by.owner, _upload_id(upload), await rules_for(by)), 200)

    @routes.delete(
        "/v1/uploads/{upload}",
        operation_id="cancel_v1_uploads__upload__delete",
        status_code=204,
        responses=answers(401, 403, 404, 422, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def cancel(upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """Remove an upload that no command has named."""
        await files.cancel(by.owner, _upload_id(upload))
        return Response(status_code=204)

    async def case_of(by: FileCaller, reference: str) -> Case:
        """The case, or the refusal of a missing one. Of a petitioner: the own one only."""
        if by.case is not None:
            if reference not in ("own", by.case.id, by.case.number):
                raise unknown_file()
            return by.case
        return await reading.find(ports, by.principal, reference)

    @routes.get(
        "/v1/files/{case}",
        operation_id="files_v1_files__case__get",
        responses=answers(*READING, 429, 507),
        openapi_extra={"parameters": _BY_CODE},
    )
    async def of_case(case: str, by: FileCaller = Depends(caller_of)) -> FilesAnswer:
        """The files of a case that you may read. `own` is the case of the query code. The reading is recorded."""
        return await listed(ports, runtime.handling("routing"), by.principal, await case_of(by, case))

    @routes.get(
        "/v1/files/{case}/{version}",
        operation_id="file_v1_files__case___version__get",
        response_class=StreamingResponse,
        responses={
            200: {"description": "The file, as a download", "content": _BINARY},
            206: {"description": "The part that Range names", "content": _BINARY},
            **answers(*READING, 429, 507),
            416: {"description": "The file has no such part"},
        },
        openapi_extra={"parameters": [_header("Range", "One range: bytes=FROM-TO"), *_BY_CODE]},
    )
    async def download(request: Request, case: str, version: int, by: FileCaller = Depends(caller_of)) -> Response:
        """A file of a case, as a download. The reading is recorded."""
        found = await case_of(by, case)
        if not 1 <= version <= 2**53:
            raise unknown_file()
        file = await opened(ports, runtime.handling("routing"), by.principal, found, version)
        entity = f'"{file.blob.rpartition(":")[2][:32]}"'
        headers = {
            **_SAFE,
            "Content-Type": file.media_type,
            "Content-Disposition": _disposition(file.name, file.media_type, version),
            "ETag": entity,
            "Accept-Ranges": "bytes",
        }
        wanted = request.headers.get("range")
        if wanted is not None and request.headers.get("if-range") in (None, entity):
            part = _range(wanted, file.size)
            if part is not None and part[0] >= file.size:
                return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{file.size}"})
            if part is not None:
                first, last = part
                headers |= {
                    "Content-Range": f"bytes {first}-{last}/{file.size}",
                    "Content-Length": str(last - first + 1),
                }
                pieces = _content(runtime, file.blob, file.key, first, last - first + 1)
                return StreamingResponse(pieces, 206, headers)
        headers["Content-Length"] = str(file.size)
        return StreamingResponse(_content(runtime, file.blob, file.key, 0, file.size), 200, headers)

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
        limits = await rules_for(FileCaller(caller, found))
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


async def _content(runtime: Process, blob: str, key: str, offset: int, most: int) -> AsyncIterator[bytes]:
    if most:
        async with aclosing(runtime.ports.files.open_file(blob, key, offset, most)) as pieces:
            async for piece in pieces:
                yield bytes(piece)


async def _after(body: AsyncIterator[bytes], skipped: int) -> AsyncIterator[bytes]:
    """The body without its first bytes, which are stored already; the digest of the whole is checked at the end."""
    async for piece in body:
        if skipped < len(piece):
            yield piece[skipped:]
        skipped = max(0, skipped - len(piece))


def _answered(known: UploadStatus, status: int) -> Response:
    about, kind = known.details, media_type(known.details)
    width, height = about.pixels if about is not None and about.pixels is not None else (None, None)
    latitude, longitude = about.position if about is not None and about.position is not None else (None, None)
    answer = UploadAnswer(
        upload=known.upload,
        offset=known.offset,
        size=known.size,
        complete=known.complete,
        held=known.held,
        media_type=kind.name if kind is not None else None,
        name=about.name if about is not None and kind is not None else None,
        width=width,
        height=height,
        latitude=latitude,
        longitude=longitude,
        expires_at=known.expires_at,
        attached=known.attached,
    )
    headers = {**_progress(known), "Location": f"/v1/uploads/{known.upload}"}
    status = 202 if known.complete and known.held is not None else status
    return Response(answer.model_dump_json(), status, headers, "application/json")


def _progress(known: UploadStatus) -> dict[str, str]:
    headers = {"Upload-Offset": str(known.offset), "Upload-Complete": "?1" if known.complete else "?0"}
    return headers if known.size is None else {**headers, "Upload-Length": str(known.size)}


def _filing_id(text: str) -> str:
    """The id of a filing that is not sent yet. It has to be random: whoever knows it may add files. Raises Invalid."""
    if FILING_ID.fullmatch(text) is None:
        raise Invalid(
            "wrong_filing_id",
            "Filing-Id is the command_id of the filing: 16 to 100 letters, digits, - and _, made at random.",
            detail_zh="Filing-Id 应为本次提交的 command_id：16 至 100 个字母、数字、- 或 _，须随机生成。",
            field="filing-id",
        )
    return text


def _upload_id(text: str | None) -> str:
    """The id of an upload. Raises Invalid; a colon is kept for uploads that Huiyin makes."""
    if text is None:
        return uuid4().hex
    if _UPLOAD_ID.fullmatch(text) is None:
        raise Invalid(
            "wrong_upload_id",
            "An upload id has 1 to 80 letters, digits, and . _ -",
            detail_zh="上传编号由 1 至 80 个字母、数字或 . _ - 组成。",
            field="upload",
        )
    return text


def _number(request: Request, name: str) -> int | None:
    """A header with a number of bytes; None if it is missing. Raises Invalid."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid("wrong_header", f"{name} is a number of bytes.", detail_zh=f"{name} 应为字节数。", field=name)
    return int(text)


def _ends(request: Request) -> bool:
    text = request.headers.get("upload-complete", "?1").strip()
    if text not in ("?0", "?1"):
        raise Invalid(
            "wrong_header",
            "upload-complete is ?1 or ?0.",
            detail_zh="upload-complete 应为 ?1 或 ?0。",
            field="upload-complete",
        )
    return text == "?1"


def _digest(request: Request) -> str | None:
    """SHA-256 of the file in hex, as the sender states it. Raises Invalid."""
    text = request.headers.get("repr-digest")
    if text is None:
        return None
    found = _DIGEST.search(text)
    try:
        raw = b64decode(found[1], validate=True) if found is not None else b""
    except WrongBase64:
        raw = b""
    if len(raw) != 32:
        raise Invalid(
            "wrong_digest",
            "Repr-Digest is sha-256=:BASE64: of the whole file.",
            detail_zh="Repr-Digest 应为 sha-256=:BASE64:（整个文件的 SHA-256 值）。",
            field="repr-digest",
        )
    return raw.hex()


def _fits(size: int, limits: FileRules) -> None:
    """Raises TooLarge before a body is read."""
    if size > limits.most_bytes:
        most = limits.megabytes_per_file.value
        raise TooLarge(
            "file_too_large",
            f"A file has at most {most} MB. Send a smaller one, or several.",
            detail_zh=f"单个文件不得超过 {most} MB，请压缩或者分成几份后上传。",
            field="file",
        )


def _name(disposition: str) -> str:
    """The name in Content-Disposition; "" if there is none. Headers are Latin-1: a plain `filename` in UTF-8 is read as such."""
    best = ""
    for extended, quoted, bare in _NAME.findall(disposition):
        if extended:
            return unquote_to_bytes(extended).decode("utf-8", "replace")
        plain = re.sub(r"\\(.)", r"\1", quoted) or bare
        try:
            best = plain.encode("latin-1").decode("utf-8")
        except UnicodeError:
            best = plain
    return best


def _disposition(name: str | None, media: str, version: int) -> str:
    kind = BY_NAME.get(media)
    plain = f"file-{version}{kind.extension if kind is not None else ''}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or plain, safe='')}"


def _range(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte; the first is `size` where the file has no such part. None: to be ignored (RFC 9110, 14.2)."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        return (size - length, size - 1) if length else (size, size)
    begin, end = int(first), int(last) if last is not None else size - 1
    if last is not None and end < begin:
        return None
    return (begin, min(end, size - 1)) if begin < size else (size, size)
