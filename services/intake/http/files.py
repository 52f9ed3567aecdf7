"""Files over HTTP: resumable uploads, downloads with ranges, redacted forms.

Uploads follow the draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload): `Upload-Offset`, `Upload-Complete`,
`Upload-Length`; digests are `Repr-Digest` (RFC 9530), names `Content-Disposition` (RFC 6266). Names and digests are in headers and
never in an address, which intermediaries log. A citizen sends `Case-Number` and `Query-Code` instead of an access key,
or, before filing, `Filing-Id`: the random `command_id` of the filing that will name the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from services.intake.files.media_types import ALL
from services.intake.files.reception import FileReception, media_type, wanted_details
from services.intake.http import redactions
from services.intake.http.citizen_status import StatusReaders
from services.intake.http.file_headers import (
    FILING_ID,
    UPLOAD_ID,
    byte_count,
    check_size,
    disposition,
    ends_file,
    filing_id,
    stated_digest,
    stated_name,
    upload_id,
    wanted_part,
)
from services.intake.http.file_models import FileRule, FileRulesAnswer, UploadAnswer
from shared.application.file_references import filing_owner, owner_of
from shared.application.problem import TooMany, WrongType
from shared.application.upload_record import UploadStatus
from shared.case import Case
from shared.commands.authorization import Action, Principal, authorize
from shared.events.files import FileKind
from shared.hosting.process import Process
from shared.http.admission import admitted
from shared.http.authentication import key_required, who
from shared.http.client_network import client_network
from shared.http.openapi import READING, answers
from shared.http.router import api_router
from shared.kernel.refusals import Invalid
from shared.policy.file_rules import FileRules
from shared.queries import case_details as reading
from shared.queries.case_files import FilesAnswer, listed, opened, unknown_file
from shared.queries.query_code_access import RateLimiter

UPLOAD = Action("upload_file", ("registrar", "supervisor", "platform", "organisation", "clerk", "citizen"))
UPLOADS_A_MINUTE = 30
"""Uploads that one petitioner may begin in a minute (own choice): a filing has ten files."""
PUBLIC_UPLOADS_A_MINUTE = 60
"""Uploads for filings that are not sent yet, of one network in a minute (own choice): a service hall shares one address."""
PUBLIC_FILER = Principal("citizen", None, "public")
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
        UPLOAD_ID.pattern,
    ),
    _header("Upload-Length", "Bytes of the whole file, if more follows", r"^\d{1,18}$"),
    _COMPLETE,
    _header("Repr-Digest", "SHA-256 of the whole file: sha-256=:BASE64:"),
    _header("Content-Disposition", "attachment; filename*=UTF-8''NAME"),
    *_BY_CODE,
    _OF_FILING,
]
_UPLOADER = [*_BY_CODE, _OF_FILING]


class FileCaller(NamedTuple):
    """Who sends or reads files. `case`: the petitioner's own case; `filing`: the id of a filing that is not sent yet."""

    principal: Principal
    case: Case | None
    filing: str | None = None

    @property
    def owner(self) -> str:
        return filing_owner(self.filing) if self.filing is not None else owner_of(self.principal)


def router(runtime: Process, reception: FileReception, askers: StatusReaders) -> APIRouter:
    routes = api_router("files")
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
            return FileCaller(PUBLIC_FILER, None, filing_id(filing))
        by = await caller_of(request)
        if by.principal.role not in UPLOAD.roles:
            authorize(by.principal, UPLOAD)
        return by

    async def rules_of(jurisdiction: str | None) -> FileRules:
        books = await ports.policies.all()
        book = books.get(jurisdiction or "") or (next(iter(books.values())) if len(books) == 1 else None)
        return book.files if book is not None else FileRules()

    async def rules_for(by: FileCaller) -> FileRules:
        if by.case is not None:
            return await rules_of(by.case.jurisdiction)
        return await rules_of(by.principal.jurisdiction or runtime.settings.jurisdiction)

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
        """Upload a file, or begin an upload. Continue an interrupted upload with PATCH /v1/uploads/{upload}, or with the same
        POST."""
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
                f"Too many uploads are in progress. Continue in {wait} seconds.",
                detail_zh=f"上传过于频繁，请{wait}秒后继续。",
                retry_after=wait,
            )
        upload = upload_id(request.headers.get("upload-id"))
        ends, limits = ends_file(request), await rules_for(by)
        announced = byte_count(request, "content-length")
        size = byte_count(request, "upload-length")
        size = announced if size is None and ends else size
        digest = stated_digest(request)
        check_size(max(size or 0, announced or 0), limits)
        name = stated_name(request.headers.get("content-disposition", ""))
        known = await files.begin_upload(by.owner, upload, size=size, sha256=digest, details=wanted_details(name, kind))
        repeated = known.complete
        body: AsyncIterator[bytes] = request.stream()
        if not known.complete:
            if known.offset and digest is None:  # nothing says that it is the same file: from the beginning
                await files.cancel(by.owner, upload)
                known = await files.begin_upload(by.owner, upload, size=size, details=wanted_details(name, kind))
            elif known.offset:
                body = _after(body, known.offset)
            if ends:
                known = await reception.received(by.owner, upload, known.offset, body, limits, sha256=digest)
            else:
                known = await files.append(by.owner, upload, known.offset, body, most=limits.most_bytes)
        if repeated:
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
        offset = byte_count(request, "upload-offset")
        if offset is None:
            raise Invalid(
                "upload_offset_missing",
                "Send the header Upload-Offset. A HEAD request for the upload returns the offset.",
                detail_zh="缺少 Upload-Offset 请求头，可用 HEAD 查询应从何处继续。",
                field="upload-offset",
            )
        limits, ends = await rules_for(by), ends_file(request)
        upload = upload_id(upload)
        check_size(offset + (byte_count(request, "content-length") or 0), limits)
        body, digest = request.stream(), stated_digest(request)
        if ends:
            known = await reception.received(by.owner, upload, offset, body, limits, sha256=digest)
        else:
            known = await files.append(by.owner, upload, offset, body, most=limits.most_bytes)
        return _answered(known, 200)

    @routes.head(
        "/v1/uploads/{upload}",
        operation_id="offset_v1_uploads__upload__head",
        status_code=204,
        responses=answers(401, 403, 404, 422, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def offset(upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """The offset at which an upload continues: Upload-Offset and Upload-Complete."""
        return Response(status_code=204, headers=_progress(await files.status(by.owner, upload_id(upload))))

    @routes.get(
        "/v1/uploads/{upload}",
        operation_id="upload_v1_uploads__upload__get",
        response_model=UploadAnswer,
        responses=answers(401, 403, 404, 415, 422, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def status(upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """The current state of an upload. Interrupted checks are continued."""
        return _answered(await reception.looked_at(by.owner, upload_id(upload), await rules_for(by)), 200)

    @routes.delete(
        "/v1/uploads/{upload}",
        operation_id="cancel_v1_uploads__upload__delete",
        status_code=204,
        responses=answers(401, 403, 404, 422, 429, 503),
        openapi_extra={"parameters": _UPLOADER},
    )
    async def cancel(upload: str, by: FileCaller = Depends(uploader)) -> Response:
        """Remove an upload that no command has named."""
        await files.cancel(by.owner, upload_id(upload))
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
            "Content-Disposition": disposition(file.name, file.media_type, version),
            "ETag": entity,
            "Accept-Ranges": "bytes",
        }
        wanted = request.headers.get("range")
        if wanted is not None and request.headers.get("if-range") in (None, entity):
            part = wanted_part(wanted, file.size)
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

    routes.routes.extend(redactions.router(runtime, reception, lambda case: rules_of(case.jurisdiction)).routes)
    return routes


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
