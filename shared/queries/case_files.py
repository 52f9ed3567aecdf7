"""The files of a case, for whom may read them. Each read is recorded before a key is opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import Field

from shared.application.ports import Ports
from shared.application.response import Answer, TimeText
from shared.case import STREAM, Case
from shared.commands.authorization import Principal, handles
from shared.commands.command_handler import CommandHandler
from shared.events.department import NoticeServed
from shared.events.files import FileAttached, FileForm, FileKind
from shared.events.notices import NoticeIssued
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Unknown
from shared.queries.case_content import for_the_accuser, purposes, record_reading
from shared.queries.reply_texts import delivered_in
from shared.repositories.matter_cases import lead_of

_SERVED = frozenset({"NoticeServed", "ReplyDelivered", "OpinionDelivered"})


class FileAnswer(Answer):
    """A file of a case."""

    version: int = Field(
        description="Version of the case with which it was attached; it names the file within the case"
    )
    name: str | None = Field(description="Its name; null if the data of its party were erased")
    media_type: str = Field(description="Type by its content")
    size: int = Field(description="Bytes")
    kind: FileKind = Field(description="What it is to the case: letter, photo, minutes, …")
    form: FileForm | None = Field(description="thumbnail or redacted, made of another file")
    made_of: int | None = Field(description="Version of the file that it was made of, if you may read it")
    at: TimeText = Field(validation_alias="effective_at", description="Legal time")
    erased: bool = Field(description="The data of its party were erased: it cannot be opened")


class FilesAnswer(Answer):
    """The files of a case that you may read. The log records that you read their names."""

    case: str = Field(description="Case id")
    number: str = Field(description="Number of the case")
    files: list[FileAnswer] = Field(description="Oldest first")


class OpenedFile(NamedTuple):
    """A file whose reading is recorded."""

    blob: str
    key: str
    name: str | None
    media_type: str
    size: int


class FileEvent(NamedTuple):
    """The event with which a file was attached, and the types of its commit."""

    event: RecordedEvent
    body: FileAttached
    beside: frozenset[str]
    told: bool = False
    """A notice of this kind was served after it was issued."""


def unknown_file() -> Unknown:
    return Unknown(
        "unknown_file", "There is no such file among those you may read.", detail_zh="没有该附件，或您无权查阅。"
    )


async def files_of(ports: Ports, case: Case) -> tuple[list[FileEvent], int]:
    """The files of the case, and the version of the last delivery of a reply."""
    commits = await ports.log.load(STREAM + case.id)
    served: dict[str, int] = {
        event.body.kind: event.version
        for commit in commits
        for event in commit.recorded
        if isinstance(event.body, NoticeServed)
    }
    found = []
    for commit in commits:
        beside = frozenset(event.type for event in commit.recorded)
        issued = {event.body.kind for event in commit.recorded if isinstance(event.body, NoticeIssued)}
        told = any(served.get(kind, 0) > commit.last for kind in issued)
        found += [
            FileEvent(one, one.body, beside, told) for one in commit.recorded if isinstance(one.body, FileAttached)
        ]
    return found, delivered_in(event for commit in commits for event in commit.recorded)


def readable(
    principal: Principal, case: Case, files: Sequence[FileEvent], delivered: int, lead: Case | None = None
) -> list[FileEvent]:
    """Those of `files` that the principal may read; the caller has checked that it may see the case.

    The petitioner reads its own files, and those of offices: with the reply, or with what was served, a notice once one of its kind
    was served. Proofs of service are the office's own: they name witnesses and carriers. An organisation gets only
    the redacted form of what the petitioner of a confidential filing sent."""
    if principal.role == "citizen":
        sent = [one for one in files if one.body.party is not None and one.body.kind != "notice"]
        own = [one for one in sent if one.body.form != "redacted"]
        small = _of(own, files)
        issued = [one for one in files if one.body.party is None or one.body.kind == "notice"]
        served = [one for one in issued if one.event.version < delivered or one.told or one.beside & _SERVED]
        served = [one for one in served if one.body.kind != "proof"]
        told = [] if case.accusation.sealed and case.service.code_issued_by != "own" else served
        return _in_order(files, [*own, *small, *told])
    allowed = purposes(principal, case, lead)
    if not allowed:
        return []
    seen = [
        one
        for one in files
        if not for_the_accuser(one.event, principal, case) and not _of_another_organ(one, principal, case)
    ]
    if principal.role not in ("organisation", "clerk") or (
        handles(principal.org, case) and not case.filing.confidential
    ):
        return seen
    open_ones = [
        one for one in seen if one.body.form != "thumbnail" and (one.body.party is None or one.body.form == "redacted")
    ]
    return _in_order(files, [*open_ones, *_of(open_ones, files)])


def _of_another_organ(one: FileEvent, principal: Principal, case: Case) -> bool:
    """True for a notice about an accusation that another organ issued: only that organ and the accuser read it (Art. 30)."""
    return case.accusation.sealed and one.body.kind == "notice" and principal.org != one.event.actor.org


def _of(shown: Iterable[FileEvent], files: Sequence[FileEvent]) -> list[FileEvent]:
    """The thumbnails of these files."""
    blobs = {one.body.blob for one in shown}
    return [one for one in files if one.body.form == "thumbnail" and one.body.original in blobs]


def _in_order(files: Sequence[FileEvent], shown: Sequence[FileEvent]) -> list[FileEvent]:
    versions = {one.event.version for one in shown}
    return [one for one in files if one.event.version in versions]


async def listed(ports: Ports, handling: CommandHandler, principal: Principal, case: Case) -> FilesAnswer:
    """The files of a case that the principal may see. The reading of their names is recorded.

    Args:
        handling: The command handler of routing, which records the read.
    """
    files = readable(principal, case, *await files_of(ports, case), await lead_of(ports.cases, case))
    if not files:
        return FilesAnswer(case=case.id, number=case.number, files=[])
    await record_reading(handling, principal, case, "files", ("text",))
    opened = {
        part.version: part for part in await open_sealed(ports.keys, [one.event for one in files], frozenset({"text"}))
    }
    known = await open_sealed(ports.keys, [one.event for one in files], frozenset({"file"}))
    erased = {part.version for part in known if part.erased}
    places = {one.body.blob: one.event.version for one in files}
    answers = []
    for one in files:
        part, body = opened.get(one.event.version), one.body
        answers.append(
            FileAnswer.built_from(
                one.event,
                name=part.values.get("name") if part is not None else None,
                media_type=body.media_type,
                size=body.size,
                kind=body.kind,
                form=body.form,
                made_of=places.get(body.original) if body.original else None,
                erased=one.event.version in erased,
            )
        )
    return FilesAnswer(case=case.id, number=case.number, files=answers)


async def opened(ports: Ports, handling: CommandHandler, principal: Principal, case: Case, version: int) -> OpenedFile:
    """One file of a case that the principal may see. The read is recorded before its key is opened.

    Raises:
        Unknown: `unknown_file`, there is no such file, or the principal may not read it, or it was erased.
    """
    files = readable(principal, case, *await files_of(ports, case), await lead_of(ports.cases, case))
    found = next((one for one in files if one.event.version == version), None)
    if found is None:
        raise unknown_file()
    await record_reading(handling, principal, case, "file", ("file",))
    values: dict[str, str] = {}
    for part in await open_sealed(ports.keys, [found.event], frozenset({"file", "text"})):
        values |= part.values
    if "key" not in values:
        raise unknown_file()
    return OpenedFile(found.body.blob, values["key"], values.get("name"), found.body.media_type, found.body.size)
