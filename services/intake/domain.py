"""The petitioner's side: what may be filed, added, evaluated. Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.intake.parties import (
    PARTIES_LIMIT,
    Person,
    Respondent,
    parties,
    representatives,
)
from shared.access import Principal, Role
from shared.case import OPEN_STATES, Case
from shared.commands import DESK, Code, Command, FreeText, Fresh, Given, Short, rule
from shared.events import intake as e
from shared.events.base import Class, Event, Moment
from shared.names import number
from shared.policy.book import PolicyBook
from shared.refusals import Denied, Invalid, Refused
from shared.times import day_of

CITIZEN: tuple[Role, ...] = ("citizen", "platform", "registrar")


class FileCase(Command):
    """A filing as it comes from a channel."""

    channel: Code = Field(description="Code of the channel, from the policy")
    item: Code = Field(description="The channel's own id of this item; the same item twice is the same case")
    received_at: Moment | None = Field(
        None, description="When it was received: an instant with offset, or a date such as a postmark. Default: now"
    )
    title: Short | None = Field(None, description="Title, sealed")
    text: FreeText = Field(description="What is complained of or asked for, sealed")
    place: Code | None = Field(None, description="Place of the problem (code); unknown ones are queued, not refused")
    subject: Code | None = Field(None, description="Subject (code); unknown ones are queued, not refused")
    level: Code | None = Field(None, description="Level of government addressed, if the routing table uses it")
    qr: Code | None = Field(None, description="The QR code that was scanned: it knows place and grid")
    class_: Class | None = Field(None, alias="class", description="Class, if the submitter knows it")
    location: Short | None = Field(None, description="Where exactly, sealed")
    received_by: Code | None = Field(
        None, description="Organ that received it itself (Art. 23); empty for the petition office"
    )
    anonymous: bool = Field(False, description="Filed without a name")
    confidential: bool = Field(False, description="Identity is not shown to the handling organisation")
    petitioner: Person | None = Field(None, description="Who files")
    agent: Person | None = Field(None, description="Who files for somebody else")
    co_petitioners: tuple[Person, ...] = Field((), max_length=PARTIES_LIMIT, description="Who joins the filing")
    representatives: tuple[Annotated[int, Field(ge=1, le=PARTIES_LIMIT + 1)], ...] = Field(
        (),
        max_length=PARTIES_LIMIT,
        description="Who speaks for all, at most five: 1 is the petitioner, 2 the first who joins, … (Art. 20)",
    )
    respondent: Respondent | None = Field(None, description="Whom an accusation is about")


def own_channel(principal: Principal, command: FileCase, book: PolicyBook) -> None:
    """Raises Denied for a platform that files under a channel of another one, whether the item exists or not."""
    channel = book.known_channel(command.channel)
    if principal.role == "platform" and channel is not None and channel.platform != principal.org:
        raise Denied(
            "foreign_channel",
            "A platform files under its own channels only, as the policy lists them.",
            why_zh="平台只能通过自己的渠道提交。",
            field="channel",
        )


def register(case: Case, command: FileCase, given: Given, case_id: str) -> list[Fresh]:
    """Register a filing (Art. 22). An item that is registered already gives nothing new."""
    if case.exists:
        return []
    book = given.book
    channel = book.channel(command.channel)
    if channel is None:
        raise Invalid(
            "unknown_channel",
            "This channel is not in the policy of the jurisdiction. Use a code of the list or have it added.",
            why_zh="该渠道不在本辖区的渠道目录中。",
            field="channel",
        )
    own_channel(given.principal, command, book)
    if command.received_by is not None and book.organisation(command.received_by) is None:
        raise Invalid(
            "unknown_organisation",
            "The organ that received it is not in the policy of the jurisdiction.",
            why_zh="接收单位不在本辖区的单位目录中。",
            field="received_by",
        )
    if (
        command.anonymous
        and command.petitioner is not None
        and (command.petitioner.name or command.petitioner.id_number)
    ):
        raise Invalid(
            "anonymous_with_name",
            "An anonymous filing has no name: leave it out, or file confidentially so that the organisation does not see it.",
            why_zh="匿名提交不应填写姓名或证件号码；如需保密，请选择保密提交。",
            field="petitioner",
        )
    at = command.received_at or given.at
    scanned = book.qr_codes.get((command.channel, command.qr)) if command.qr is not None else None
    place = command.place or (scanned.place if scanned else command.qr)  # an unknown code is words for an unclear place
    known_place = place is not None and book.knows_place(place)
    known_subject = command.subject is not None and book.knows_subject(command.subject)
    known_level = command.level is not None and book.knows_level(command.level)
    unclear: list[Literal["place", "subject"]] = []
    if place is not None and not known_place:
        unclear.append("place")
    if command.subject is not None and not known_subject:
        unclear.append("subject")
    events: list[Event] = [
        e.CaseRegistered(
            number=number(case_id, day_of(at, book.zone).year),
            channel=command.channel,
            channel_class=channel.class_,
            platform=channel.platform,
            place=place if known_place else None,
            subject=command.subject if known_subject else None,
            level=command.level if known_level else None,
            level_text=None if known_level else command.level,
            class_=command.class_,
            received_by=command.received_by or channel.received_by,
            anonymous=command.anonymous,
            confidential=command.confidential,
            filed_by_agent=command.agent is not None,
            unclear=tuple(unclear),
            item=command.item,
            title=command.title,
            text=command.text,
            location=command.location,
            place_text=None if known_place else place,
            qr=command.qr if scanned else None,
            grid=scanned.grid if scanned else None,
            subject_text=None if known_subject else command.subject,
        )
    ]
    recorded = parties(command.petitioner, command.agent, command.co_petitioners, command.respondent, book)
    events += recorded
    if command.representatives:
        filers = [party.party for party in recorded if party.role in ("petitioner", "co_petitioner")]
        named = representatives([f"p{place}" for place in command.representatives], filers, "representatives")
        events.append(e.RepresentativesNamed(parties=named))
    return [Fresh(event, at) for event in events]


class AddMaterial(Command):
    text: FreeText = Field(description="What is added, sealed")


@rule("add_material", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="补充材料")
def add_material(case: Case, command: AddMaterial, given: Given) -> list[Fresh]:
    return [Fresh(e.MaterialAdded(text=command.text))]


class Nudge(Command):
    text: FreeText | None = Field(None, description="What the citizen asks, sealed")


@rule("nudge", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="催问")
def nudge(case: Case, command: Nudge, given: Given) -> list[Fresh]:
    return [Fresh(e.Nudged(text=command.text))]


class Evaluate(Command):
    object: Literal["petition_office", "organisation"] = Field(description="Whom the judgement is about")
    grade: Literal["satisfied", "basically_satisfied", "dissatisfied"] = Field(description="满意 / 基本满意 / 不满意")
    text: FreeText | None = Field(None, description="In the petitioner's words, sealed")


@rule(
    "evaluate",
    service="intake",
    roles=CITIZEN,
    states=("replied", "closed", "reviewed", "concluded"),
    followers=True,
    zh="评价",
)
def evaluate(case: Case, command: Evaluate, given: Given) -> list[Fresh]:
    """Once per object; the petitioner may think again as long as the case is not closed."""
    if case.grade_now(command.object) == command.grade:
        return []
    if command.object not in case.invited and case.replied_at is None:
        raise Refused(
            "not_invited",
            "An evaluation is possible once the reply has been delivered.",
            why_zh="答复送达之后方可评价。",
        )
    return [Fresh(e.EvaluationSubmitted(object=command.object, grade=command.grade, text=command.text))]


@rule(
    "invite_evaluation",
    service="intake",
    roles=("service",),
    states=("replied", "closed", "in_review", "reviewed", "in_re_review", "concluded"),
    zh="邀请评价",
    followers=True,
)
def invite_evaluation(case: Case, command: Command, given: Given) -> list[Fresh]:
    """After the reply was delivered, of both: of the petition office and of the organisation (Art. 21). Who filed what was
    joined to another filing is asked as well, when theirs has ended with a matter that was answered."""
    objects: list[e.EvaluationObject] = ["petition_office", "organisation"]
    lead = given.head(case.lead)
    if case.lead is not None and (lead is None or lead.replied_at is None):
        return []
    handled = {"organisation": lead.org} if lead is not None else {}
    return [
        Fresh(e.EvaluationInvited(object=about, org=handled.get(about)))
        for about in objects
        if about not in case.invited
    ]


class Withdraw(Command):
    text: FreeText | None = Field(None, description="Why, sealed")


@rule("withdraw", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="撤回")
def withdraw(case: Case, command: Withdraw, given: Given) -> list[Fresh]:
    return [Fresh(e.CaseWithdrawn(text=command.text))]


class AnswerAtOnce(Command):
    text: FreeText = Field(description="The answer, sealed")


@rule("answer_at_once", service="intake", roles=DESK, states=("registered",), zh="直接答复")
def answer_at_once(case: Case, command: AnswerAtOnce, given: Given) -> list[Fresh]:
    if case.class_ not in (None, "consultation"):
        raise Refused(
            "not_a_consultation",
            "Only a consultation is answered at once; dispatch this case instead.",
            why_zh="只有咨询类事项可以直接答复，其他事项请派单。",
        )
    return [Fresh(e.AnsweredAtOnce(text=command.text))]


@rule(
    "go_live",
    service="intake",
    roles=("registrar", "operations", "supervisor"),
    zh="转入办理",
    followers=True,
    when=lambda case: case.open and not case.live,
)
def go_live(case: Case, command: Command, given: Given) -> list[Fresh]:
    """An imported open case is worked on here from now on."""
    if case.live or not case.open:
        return []
    return [Fresh(e.WentLive())]
