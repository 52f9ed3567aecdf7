"""HTTP of the knowledge: entries by subject, their versions, and drafts that are filled from them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.routing import desk, knowledge
from services.routing.http.desk import VersionAnswer
from shared.application.command_dispatch import CommandId
from shared.application.knowledge import Entry, entries, entry_of, stream_of, today, unknown_entry, versions
from shared.application.ports import Ports
from shared.application.response import Answer, TimeText
from shared.commands.authorization import authorize
from shared.commands.command_fields import Code, FreeText, Short
from shared.commands.knowledge_text import EntryName
from shared.events.fields import Moment
from shared.events.notices import Language
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, WRITING, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.legal_time import to_text

_ID = Field(description="Your id of this act. Sending the same id again returns the first answer")
EntryCode = Annotated[
    str, Path(description="Code of the entry", min_length=1, max_length=60, pattern=r"^[A-Za-z0-9._-]+$")
]
_JURISDICTION = Query(None, max_length=60, description="Jurisdiction; needed with a key that belongs to none")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EntryBody(_Body):
    """A new version of an entry."""

    command_id: CommandId = _ID
    subject: Code | None = Field(None, description="Subject of the policy; null: for every subject")
    office: Code = Field(description="Organisation that answers for the entry")
    title: Short = Field(description="What it is about")
    text: FreeText = Field(
        description=f"The text. It may show these fields as {{{{ field }}}}: {', '.join(sorted(knowledge.FIELDS))}"
    )
    basis: tuple[Short, ...] = Field((), max_length=20, description="Legal basis")
    valid_from: Moment | None = Field(None, description="First day; null: at once")
    valid_until: Moment | None = Field(None, description="Last day; null: until it is withdrawn")
    review_on: Moment = Field(description="Day on which its owner looks at it again")
    after: int | None = Field(None, ge=0, le=2**53, description="Version that it replaces, 0 for none; null: any")


class FillBody(_Body):
    """From which entry a draft is filled."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    command_id: CommandId = _ID
    from_: EntryName = Field(alias="from", description="ENTRY, or ENTRY@VERSION")
    after: int | None = Field(None, ge=0, le=2**53, description="Version of the draft that it replaces, 0 for none")
    language: Language = Field("zh", description="Language of dates and names")


class EntryAnswer(Answer):
    """One version of an entry."""

    entry: str = Field(description="Its code")
    version: int = Field(description="Its version, for `after` and ENTRY@VERSION")
    subject: str | None = Field(description="Subject; null: every subject")
    office: str = Field(description="Organisation that answers for it")
    title: str = Field(description="What it is about")
    text: str = Field(description="The text, with its fields")
    basis: list[str] = Field(description="Legal basis")
    valid_from: str | None = Field(description="First day")
    valid_until: str | None = Field(description="Last day")
    review_on: str = Field(description="Day of the next review")
    at: TimeText = Field(description="When this version was saved")
    person: str | None = Field(description="Staff code of the person who saved it")
    withdrawn: bool = Field(description="True if it is not used any more")
    usable: bool = Field(description="True if it may be used today")
    review_due: bool = Field(description="True if its review is due")


class EntriesAnswer(Answer):
    """Entries of the knowledge."""

    entries: list[EntryAnswer] = Field(description="By code")
    after: str | None = Field(description="Code to go on after; null: there are no more")


def router(runtime: Process) -> APIRouter:
    routes = api_router("knowledge")
    ports, limit = runtime.ports, runtime.settings.body_limit

    async def answered(jurisdiction: str, found: list[Entry]) -> list[EntryAnswer]:
        zone = (await ports.policies.book(jurisdiction)).zone
        day = today(ports.clock.now(), zone)
        return [
            EntryAnswer.built_from(
                one.event,
                **{**knowledge.shown_of(one), **_days(one), "at": one.event.recorded_at},
                usable=one.refusal(day, zone) is None,
                review_due=one.overdue(day, zone),
            )
            for one in found
        ]

    @routes.get("/v1/knowledge", **operation("knowledge_v1_knowledge_get", *READING))
    async def listed(
        caller: Caller,
        subject: str | None = Query(None, max_length=128, description="Entries for this subject, or for every subject"),
        office: str | None = Query(None, max_length=128, description="Only entries that this organisation answers for"),
        usable: bool = Query(False, description="Only entries that may be used today"),
        review_due: bool = Query(False, description="Only entries whose review is due"),
        after: str | None = Query(None, max_length=60, description="Code after which the list begins"),
        limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of entries")] = 50,
        jurisdiction: str | None = _JURISDICTION,
    ) -> EntriesAnswer:
        """The entries of the knowledge, by code."""
        authorize(caller, knowledge.READ)
        own = knowledge.jurisdiction_of(caller, jurisdiction)
        book = await ports.policies.book(own)
        line = None if subject is None else (None, *book.subject_lines.get(subject, (subject,)))
        day = today(ports.clock.now(), book.zone)
        found: list[Entry] = []
        async for one in entries(ports, own):
            if (
                (after is None or one.saved.entry > after)
                and (line is None or one.saved.subject in line)
                and (office is None or one.saved.office == office)
                and (not usable or one.refusal(day, book.zone) is None)
                and (not review_due or one.overdue(day, book.zone))
            ):
                found.append(one)
            if len(found) > limit:
                break
        more = found[limit - 1].saved.entry if len(found) > limit else None
        return EntriesAnswer(entries=await answered(own, found[:limit]), after=more)

    @routes.get("/v1/knowledge/{entry}", **operation("entry_v1_knowledge__entry__get", *READING))
    async def one(
        entry: EntryCode,
        caller: Caller,
        version: int | None = Query(None, ge=1, le=2**53, description="An earlier version"),
        jurisdiction: str | None = _JURISDICTION,
    ) -> EntryAnswer:
        """One entry as it is now, or an earlier version of it."""
        authorize(caller, knowledge.READ)
        own = knowledge.jurisdiction_of(caller, jurisdiction)
        found = await entry_of(ports, own, entry if version is None else f"{entry}@{version}")
        return (await answered(own, [found]))[0]

    @routes.get("/v1/knowledge/{entry}/versions", **operation("versions_v1_knowledge__entry__versions_get", *READING))
    async def history(entry: EntryCode, caller: Caller, jurisdiction: str | None = _JURISDICTION) -> EntriesAnswer:
        """All versions of an entry, the oldest first."""
        authorize(caller, knowledge.READ)
        own = knowledge.jurisdiction_of(caller, jurisdiction)
        found = await _versions(ports, own, entry)
        return EntriesAnswer(entries=await answered(own, found), after=None)

    @routes.put("/v1/knowledge/{entry}", **operation("save_entry_v1_knowledge__entry__put", *WRITING, body=EntryBody))
    async def save(
        request: Request, entry: EntryCode, caller: Caller, jurisdiction: str | None = _JURISDICTION
    ) -> VersionAnswer:
        """Save an entry, as its owner or as the petition office. What was filled from an earlier version does not change."""
        authorize(caller, knowledge.WRITE)
        own = knowledge.jurisdiction_of(caller, jurisdiction)
        body = await read_model(request, EntryBody, limit)
        given = knowledge.Text(*(getattr(body, name) for name in knowledge.Text._fields))
        saved = await knowledge.save(ports, caller, own, entry, given, body.command_id, body.after)
        return VersionAnswer(version=saved)

    @routes.delete(
        "/v1/knowledge/{entry}", **operation("withdraw_entry_v1_knowledge__entry__delete", *READING, 409, 507)
    )
    async def withdraw(
        entry: EntryCode,
        caller: Caller,
        command_id: CommandId = Query(description="Your id of this act"),
        jurisdiction: str | None = _JURISDICTION,
    ) -> VersionAnswer:
        """Withdraw an entry. Its versions stay readable; saving it again makes it usable again."""
        authorize(caller, knowledge.WRITE)
        own = knowledge.jurisdiction_of(caller, jurisdiction)
        return VersionAnswer(version=await knowledge.withdraw(ports, caller, own, entry, command_id))

    @routes.post(
        "/v1/cases/{reference:path}/drafts/{kind}/fill",
        **operation("fill_draft_v1_cases__reference__drafts__kind__fill_post", *WRITING, body=FillBody),
    )
    async def fill(
        request: Request,
        reference: str,
        caller: Caller,
        kind: str = Path(description=f"Kind of the draft: {', '.join(desk.DRAFT_KINDS)}", max_length=40),
    ) -> VersionAnswer:
        """Fill a draft of your unit from an entry and the case. The reading is recorded; read the draft before it is sent."""
        case, _unit = await desk.own_case(ports, caller, reference)
        body = await read_model(request, FillBody, limit)
        saved = await knowledge.fill_draft(
            ports, caller, case, kind, body.from_, body.command_id, body.after, body.language
        )
        return VersionAnswer(version=saved)

    return routes


async def _versions(ports: Ports, jurisdiction: str, entry: str) -> list[Entry]:
    commits = await ports.log.load(stream_of(jurisdiction, entry))
    found = versions(event for commit in commits for event in commit.recorded)
    if not found:
        raise unknown_entry()
    return found


def _days(one: Entry) -> dict[str, Any]:
    saved = one.saved
    return {
        name: None if value is None else to_text(value)
        for name, value in (
            ("valid_from", saved.valid_from),
            ("valid_until", saved.valid_until),
            ("review_on", saved.review_on),
        )
    }
