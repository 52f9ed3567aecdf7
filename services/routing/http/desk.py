"""HTTP of the daily work of a unit on a case: its clerk, internal notes, drafts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.routing import desk, draft_queues
from shared.application.command_dispatch import CommandId
from shared.application.response import Answer, TimeText
from shared.commands.authorization import Principal
from shared.commands.command_fields import FreeText, GivenCode
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, WRITING, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.legal_time import from_text
from shared.kernel.refusals import Invalid

_ID = Field(description="Your id of this act. Sending the same id again returns the first answer")
_KIND = Path(description=f"Kind of the draft: {', '.join(desk.DRAFT_KINDS)}", max_length=40)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClerkBody(_Body):
    """Who handles the case for your unit."""

    command_id: CommandId = _ID
    clerk: str | None = Field(max_length=40, description="Staff code of a colleague, `me`, or null for nobody")
    skill: GivenCode | None = Field(
        None, description="With clerk null: a colleague who has this skill of the policy and is not absent"
    )
    reason: FreeText | None = Field(None, description="Why it is handed on, sealed")


class NoteBody(_Body):
    """An internal note about the matter."""

    command_id: CommandId = _ID
    text: FreeText = Field(description="The note, sealed. About the matter, not about persons")
    confirmed: bool = Field(False, description="Save it although it contains a word that labels persons")


class DraftBody(_Body):
    """The fields of a form, as they are now."""

    command_id: CommandId = _ID
    content: dict[str, Any] = Field(description="The fields, sealed as a whole")
    after: int | None = Field(None, ge=0, le=2**53, description="Version that it replaces, 0 for none; null: any")
    ready: bool = Field(True, description="Hand it over to be checked; false: the work goes on")


class CheckBody(_Body):
    """The check of a draft that a colleague wrote."""

    command_id: CommandId = _ID
    of: int = Field(ge=1, le=2**53, description="Version of the draft that was read")
    agreed: bool = Field(description="True: it may be signed; false: it goes back to its writer")
    remark: FreeText | None = Field(None, description="What should be changed, sealed")


class SignBody(_Body):
    """The signature of a draft that was checked."""

    command_id: CommandId = _ID
    of: int = Field(ge=1, le=2**53, description="Version of the draft that was read")
    agreed: bool = Field(description="True: signed, it may be delivered; false: it goes back to its writer")
    remark: FreeText | None = Field(None, description="What should be changed, sealed")


class WaitingDraft(Answer):
    """A draft of your unit that waits for something."""

    case: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    kind: str = Field(description="Kind of the draft")
    queue: draft_queues.Queue = Field(description="What it waits for")
    person: str | None = Field(description="Staff code of the writer")
    name: str | None = Field(description="Name of the writer")
    at: TimeText = Field(description="Since when")


class WaitingDrafts(Answer):
    """The drafts of your unit that wait for you."""

    drafts: list[WaitingDraft] = Field(description="Oldest first")
    counts: dict[str, int] = Field(description="Queue -> number of its drafts")


class ClerkAnswer(Answer):
    """Who handles the case for your unit."""

    id: str = Field(description="Case id")
    version: int = Field(description="Version of the case")
    clerk: str | None = Field(description="Staff code; null: nobody")
    clerk_name: str | None = Field(description="Name")


class NoteAnswer(Answer):
    """An internal note of your unit."""

    version: int = Field(description="Its position among the notes of the case")
    at: TimeText = Field(description="When it was added")
    person: str | None = Field(description="Staff code of the writer")
    name: str | None = Field(description="Name of the writer")
    text: str | None = Field(description="The note; null where the data were erased")


class NotesAnswer(Answer):
    """The internal notes of your unit on a case."""

    notes: list[NoteAnswer] = Field(description="Oldest first")


class VersionAnswer(Answer):
    """What was recorded."""

    version: int = Field(description="Version of what was recorded; 0 if there was nothing to do")


class DraftAnswer(Answer):
    """A draft of your unit."""

    kind: str = Field(description="Kind of the draft")
    version: int = Field(description="Its version: for `after` and `of`")
    at: TimeText = Field(description="When it was saved")
    person: str | None = Field(description="Staff code of the writer")
    name: str | None = Field(description="Name of the writer")
    content: dict[str, Any] | None = Field(description="The fields; null in a list, or where the data were erased")
    checked: bool | None = Field(description="True: a colleague agreed; false: sent back; null: not checked yet")
    checked_by: str | None = Field(description="Staff code of the colleague who checked it")
    signed: bool | None = Field(description="True: signed; false: sent back by the signatory; null: not signed yet")
    signed_by: str | None = Field(description="Staff code of the signatory")
    remark: str | None = Field(description="Remark of the check, or of the signatory")
    step: desk.Step = Field(description="What the draft waits for")
    own: bool = Field(description="True if you wrote it: somebody else checks and signs it")


class DraftsAnswer(Answer):
    """The drafts of your unit on a case, without their content."""

    drafts: list[DraftAnswer] = Field(description="One of each kind at most")


def router(runtime: Process) -> APIRouter:
    routes = api_router("desk")
    ports, limit = runtime.ports, runtime.settings.body_limit

    async def name(person: str | None) -> str | None:
        return None if person is None else await ports.persons.name(await ports.persons.get(person))

    async def shown(
        caller: Principal, found: desk.Draft, content: dict[str, Any] | None, remark: str | None
    ) -> DraftAnswer:
        checked: Any = found.checked.body if found.checked is not None else None
        signed: Any = found.signed.body if found.signed is not None else None
        return DraftAnswer(
            kind=found.kind,
            version=found.version,
            at=found.saved.recorded_at,
            person=found.saved.actor.person,
            name=await name(found.saved.actor.person),
            content=content,
            checked=checked.agreed if checked is not None else None,
            checked_by=found.checked.actor.person if found.checked is not None else None,
            signed=signed.agreed if signed is not None else None,
            signed_by=found.signed.actor.person if found.signed is not None else None,
            remark=remark,
            step=found.step,
            own=desk.wrote(caller, found),
        )

    @routes.post(
        "/v1/cases/{reference:path}/clerk",
        **operation("clerk_v1_cases__reference__clerk_post", *WRITING, body=ClerkBody),
    )
    async def clerk(request: Request, reference: str, caller: Caller) -> ClerkAnswer:
        """Take a case, hand it on to a colleague of your unit, or give it back."""
        case, unit = await desk.own_case(ports, caller, reference)
        body = await read_model(request, ClerkBody, limit)
        named = _named(caller, body.clerk)
        if body.skill is not None:
            named = await desk.with_skill(ports, caller, case, named, body.skill)
        done = await desk.assign(ports, caller, case, named, body.reason, body.command_id)
        code = done.case.assignment.clerk_of(unit)
        return ClerkAnswer(id=case.id, version=done.case.version, clerk=code, clerk_name=await name(code))

    @routes.get("/v1/cases/{reference:path}/notes", **operation("notes_v1_cases__reference__notes_get", *READING))
    async def notes(reference: str, caller: Caller) -> NotesAnswer:
        """The internal notes of your unit. The reading is recorded."""
        case, _unit = await desk.own_case(ports, caller, reference)
        found = [
            NoteAnswer(
                version=event.version,
                at=event.recorded_at,
                person=event.actor.person,
                name=await name(event.actor.person),
                text=text,
            )
            for event, text in await desk.notes(ports, caller, case)
        ]
        return NotesAnswer(notes=found)

    @routes.post(
        "/v1/cases/{reference:path}/notes",
        **operation("add_note_v1_cases__reference__notes_post", *WRITING, body=NoteBody),
    )
    async def add_note(request: Request, reference: str, caller: Caller) -> VersionAnswer:
        """Add an internal note about the matter. A word that labels a person has to be confirmed."""
        case, _unit = await desk.own_case(ports, caller, reference)
        body = await read_model(request, NoteBody, limit)
        version = await desk.add_note(ports, caller, case, body.text, body.command_id, confirmed=body.confirmed)
        return VersionAnswer(version=version)

    @routes.get("/v1/cases/{reference:path}/drafts", **operation("drafts_v1_cases__reference__drafts_get", *READING))
    async def drafts(reference: str, caller: Caller) -> DraftsAnswer:
        """The drafts of your unit, without their content."""
        case, _unit = await desk.own_case(ports, caller, reference)
        return DraftsAnswer(
            drafts=[await shown(caller, one, None, None) for one in await desk.drafts(ports, caller, case)]
        )

    @routes.get(
        "/v1/cases/{reference:path}/drafts/{kind}",
        **operation("draft_v1_cases__reference__drafts__kind__get", *READING),
    )
    async def one_draft(reference: str, caller: Caller, kind: str = _KIND) -> DraftAnswer:
        """A draft of your unit with its content. The reading is recorded."""
        case, _unit = await desk.own_case(ports, caller, reference)
        found = await desk.present(ports, caller, case, kind)
        return await shown(caller, found, *await desk.opened(ports, caller, case, found))

    @routes.put(
        "/v1/cases/{reference:path}/drafts/{kind}",
        **operation("save_draft_v1_cases__reference__drafts__kind__put", *WRITING, body=DraftBody),
    )
    async def save_draft(request: Request, reference: str, caller: Caller, kind: str = _KIND) -> VersionAnswer:
        """Save a draft in place of the one before."""
        case, _unit = await desk.own_case(ports, caller, reference)
        body = await read_model(request, DraftBody, limit)
        saved = await desk.save_draft(
            ports, caller, case, kind, body.content, body.command_id, body.after, ready=body.ready
        )
        return VersionAnswer(version=saved)

    @routes.post(
        "/v1/cases/{reference:path}/drafts/{kind}/check",
        **operation("check_draft_v1_cases__reference__drafts__kind__check_post", *WRITING, body=CheckBody),
    )
    async def check(request: Request, reference: str, caller: Caller, kind: str = _KIND) -> VersionAnswer:
        """Agree to a draft of a colleague, or send it back with a remark."""
        case, _unit = await desk.own_case(ports, caller, reference)
        body = await read_model(request, CheckBody, limit)
        found = await desk.check_draft(ports, caller, case, kind, body.of, body.agreed, body.remark, body.command_id)
        return VersionAnswer(version=found.version)

    @routes.post(
        "/v1/cases/{reference:path}/drafts/{kind}/sign",
        **operation("sign_draft_v1_cases__reference__drafts__kind__sign_post", *WRITING, body=SignBody),
    )
    async def sign(request: Request, reference: str, caller: Caller, kind: str = _KIND) -> VersionAnswer:
        """Sign a draft of a colleague that was checked, or send it back with a remark."""
        case, _unit = await desk.own_case(ports, caller, reference)
        body = await read_model(request, SignBody, limit)
        found = await desk.sign_draft(ports, caller, case, kind, body.of, body.agreed, body.remark, body.command_id)
        return VersionAnswer(version=found.version)

    @routes.get("/v1/drafts", **operation("waiting_v1_drafts_get", 401, 403, 422, 503))
    async def waiting(
        caller: Caller,
        queue: draft_queues.Queue | None = Query(None, description="Only those of this queue"),
        limit: int = Query(50, ge=0, le=500, description="Most drafts; 0: only the counts"),
    ) -> WaitingDrafts:
        """The drafts of your unit that await your check, your signature or their delivery, and yours that were sent back."""
        found = await draft_queues.waiting(ports, caller)
        wanted = [one for one in found if queue in (None, one.queue)][:limit]
        return WaitingDrafts(
            drafts=[
                WaitingDraft(
                    case=one.case,
                    number=one.number,
                    kind=one.kind,
                    queue=one.queue,
                    person=one.writer,
                    name=await name(one.writer),
                    at=from_text(one.at),
                )
                for one in wanted
            ],
            counts=draft_queues.counts(found),
        )

    @routes.delete(
        "/v1/cases/{reference:path}/drafts/{kind}",
        **operation("discard_draft_v1_cases__reference__drafts__kind__delete", *READING, 507),
    )
    async def discard(
        reference: str,
        caller: Caller,
        kind: str = _KIND,
        command_id: CommandId = Query(description="Your id of this act"),
    ) -> VersionAnswer:
        """Discard a draft. One that is not there is no error."""
        case, _unit = await desk.own_case(ports, caller, reference)
        await desk.discard_draft(ports, caller, case, kind, command_id)
        return VersionAnswer(version=0)

    return routes


def _named(caller: Principal, clerk: str | None) -> str | None:
    """The staff code that `me` stands for. Raises Invalid for a key without a person."""
    if clerk != "me":
        return clerk
    if caller.person is None:
        raise Invalid(
            "no_person",
            "This access key names no person. Sign in, or use an access key with a staff code (--person).",
            detail_zh="该密钥未注明人员，请登录，或使用注明人员代码的密钥（--person）。",
            field="clerk",
        )
    return caller.person
