"""Commands of the petitioner: filing, material, evaluation. Pure: (case, command, given) -> events."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.intake.commands.parties import PARTIES_LIMIT, Person, Respondent, complained_of, representatives
from shared.case import OPEN_STATES, Case
from shared.commands.attached_files import FileReferences, attached, check_count
from shared.commands.authorization import Principal, Role
from shared.commands.command import HOTLINE, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import TEXT_LIMIT, Code, FreeText, GivenCode, Short
from shared.commands.knowledge_text import OptionalEntry, filled_at_once
from shared.commands.petitioners_word import Keyed, own_word_stands, spoken, standing
from shared.events import intake as e
from shared.events.base import Event
from shared.events.fields import AgentRelation, Class, Moment, Urgency
from shared.events.routing import AssignmentWithdrawn
from shared.kernel.identifiers import number
from shared.kernel.legal_time import LegalTime, day_of
from shared.kernel.refusals import Denied, Invalid, Refused
from shared.kernel.text_normalization import identifier_form, is_empty
from shared.policy.book import PolicyBook
from shared.policy.references import organisation

CITIZEN: tuple[Role, ...] = ("citizen", "platform", "registrar")


class FileCase(Command):
    """A filing from a channel."""

    channel: Code = Field(description="Code of the channel, from the policy")
    item: GivenCode = Field(
        description="The channel's own id of this item; filing the same item twice gives the same case"
    )
    received_at: Moment | None = Field(
        None, description="Time of receipt: an instant with offset, or a date such as a postmark. Default: now"
    )
    title: Short | None = Field(None, description="Title, sealed")
    text: FreeText = Field(description="The complaint or request, sealed")
    place: GivenCode | None = Field(
        None, description="Place of the problem (code); unknown ones are queued, not refused"
    )
    subject: GivenCode | None = Field(None, description="Subject (code); unknown ones are queued, not refused")
    level: GivenCode | None = Field(None, description="Level of government addressed, if the routing table uses it")
    qr: GivenCode | None = Field(None, description="The scanned QR code: place and grid are derived from it")
    class_: Class | None = Field(None, alias="class", description="Class, if the submitter knows it")
    urgency: Urgency = Field("ordinary", description="urgent: a major or urgent matter (重大、紧急; Art. 22, 25)")
    location: Short | None = Field(None, description="Exact location, sealed")
    received_by: Code | None = Field(
        None, description="Organ that received the filing directly (Art. 23); empty for the petition office"
    )
    anonymous: bool = Field(False, description="Filed without a name")
    confidential: bool = Field(False, description="Identity is not shown to the handling organisation")
    petitioner: Person | None = Field(None, description="The petitioner")
    agent: Person | None = Field(None, description="The agent who files on behalf of the petitioner")
    agent_relation: AgentRelation | None = Field(
        None,
        description="As whom the agent files. guardian: parent or guardian of a petitioner under 14, who consents to the processing"
        " of the child's data (PIPL Art. 31); authorised: the petitioner asked them to",
    )
    co_petitioners: tuple[Person, ...] = Field((), max_length=PARTIES_LIMIT, description="The co-petitioners")
    representatives: tuple[Annotated[int, Field(ge=1, le=PARTIES_LIMIT + 1)], ...] = Field(
        (),
        max_length=PARTIES_LIMIT,
        description="The representatives, at most five: 1 is the petitioner, 2 the first co-petitioner, … (Art. 20)",
    )
    respondent: Respondent | None = Field(None, description="The respondent of an accusation")
    files: FileReferences = ()


def own_channel(principal: Principal, code: str, book: PolicyBook) -> None:
    """Raises Denied for a platform that files under a channel of another platform, and for a registrar who files under a channel
    of a platform. It does not matter whether the item exists."""
    channel = book.known_channels.get(code)
    if channel is None:
        return
    if principal.role == "platform" and channel.platform != principal.org:
        raise Denied(
            "foreign_channel",
            "This channel belongs to another platform. Use a channel that the policy assigns to your platform.",
            detail_zh="该渠道属于其他平台，请使用分配给本平台的渠道。",
            field="channel",
        )
    if principal.role != "platform" and channel.platform is not None:
        raise Denied(
            "platform_channel",
            "This channel belongs to a platform, which files its items itself. Use a channel of the petition office.",
            detail_zh="该渠道由平台自行提交，信访部门请使用本部门的渠道登记。",
            field="channel",
        )


def register(case: Case, command: FileCase, given: DecisionContext, case_id: str) -> list[NewEvent]:
    """Register a filing (Art. 22). An item that is registered already appends nothing."""
    if case.exists:
        return []
    book = given.book
    channel = book.channels.get(command.channel)
    if channel is None:
        raise Invalid(
            "unknown_channel",
            "This channel is not in the policy of the jurisdiction. Use a code of the policy, or have it added.",
            detail_zh="该渠道不在本辖区的渠道目录中，请使用目录中的代码或先添加。",
            field="channel",
        )
    own_channel(given.principal, command.channel, book)
    if command.received_by is not None:
        organisation(book, command.received_by, "received_by")
    petitioner = command.petitioner
    if command.anonymous and petitioner is not None and (petitioner.name or petitioner.id_number):
        raise Invalid(
            "anonymous_with_name",
            "An anonymous filing must not contain a name or an identity number. Leave them out, or file confidentially.",
            detail_zh="匿名提交不应填写姓名或证件号码；如需保密，请选择保密提交。",
            field="petitioner",
        )
    if command.agent_relation is not None and (command.agent is None or is_empty(command.agent.name or "")):
        raise Invalid(
            "agent_needed",
            "A parent, guardian or agent files under their own name. Give the name of the agent, or leave agent_relation out.",
            detail_zh="监护人或者受托人代为提出的，请填写代为提出人的姓名。",
            field="agent.name",
        )
    at = command.received_at or given.at
    qr, subject, level = (_code(given) for given in (command.qr, command.subject, command.level))
    scanned = book.qr_codes.get((command.channel, qr)) if qr is not None else None
    stated_place = command.place or (scanned.place if scanned else None)
    place = _code(stated_place)
    known_place, known_subject, known_level = place in book.places, subject in book.subjects, level in book.levels
    unclear: list[e.Unclear] = []
    if place is not None and not known_place:
        unclear.append("place")
    if command.subject is not None and not known_subject:
        unclear.append("subject")
    if qr is not None and scanned is None:
        unclear.append("qr")
    if received_long_ago(day_of(at, book.zone), day_of(given.now, book.zone), book):
        unclear.append("received_at")
    events: list[Event] = [
        e.CaseRegistered(
            number=number(case_id, day_of(at, book.zone).year),
            channel=command.channel,
            channel_class=channel.class_,
            platform=channel.platform,
            place=place if known_place else None,
            subject=subject if known_subject else None,
            level=level if known_level else None,
            level_text=None if known_level else command.level,
            class_=command.class_,
            urgency=command.urgency,
            received_by=command.received_by or channel.received_by,
            anonymous=command.anonymous,
            confidential=command.confidential,
            filed_by_agent=command.agent is not None,
            unclear=tuple(unclear),
            item=command.item,
            title=command.title,
            text=command.text,
            location=command.location,
            place_text=None if known_place else stated_place,
            qr=qr if scanned else None,
            qr_text=None if scanned else command.qr,
            grid=scanned.grid if scanned else None,
            subject_text=None if known_subject else command.subject,
        )
    ]
    recorded = _parties(command, book)
    events += recorded
    if command.representatives:
        filers = [party.party for party in recorded if party.role in ("petitioner", "co_petitioner")]
        most = book.profile.representatives.value
        named = representatives([f"p{place}" for place in command.representatives], filers, most, "representatives")
        events.append(e.RepresentativesNamed(parties=named))
    return [*(NewEvent(event, at) for event in events), *_files(command, at, book)]


def _files(command: FileCase, at: LegalTime, book: PolicyBook) -> list[NewEvent]:
    if not command.files:
        return []
    check_count(command.files, book)
    return attached(command.files, party="p1", at=at)


def received_long_ago(received: date, today: date, book: PolicyBook) -> bool:
    """True if a second person has to confirm the day of receipt. Such a filing is never refused (Art. 22, 44)."""
    return (today - received).days > book.profile.confirm_receipt_after_days.value


def _code(given: str | None) -> str | None:
    return None if given is None else identifier_form(given)


def _parties(command: FileCase, book: PolicyBook) -> list[e.PartyRecorded]:
    """One event, and therefore one encryption key, for each party of the case."""
    events: list[e.PartyRecorded] = []
    if command.petitioner is not None:
        named = bool(command.petitioner.name) and not command.anonymous
        events.append(e.PartyRecorded(party="p1", role="petitioner", named=named, **command.petitioner.model_dump()))
    if command.agent is not None:
        relation = command.agent_relation
        events.append(e.PartyRecorded(party="a1", role="agent", relation=relation, **command.agent.model_dump()))
    for place, person in enumerate(command.co_petitioners, start=2):
        events.append(e.PartyRecorded(party=f"p{place}", role="co_petitioner", **person.model_dump()))
    if command.respondent is not None:
        events.append(complained_of(command.respondent, "r1", book))
    return events


class AddMaterial(Keyed):
    text: FreeText | None = Field(None, description="The added material, sealed")
    asked: int | None = Field(None, ge=1, description="Version of the event with the questions that it answers")
    answers: tuple[Annotated[str, Field(max_length=TEXT_LIMIT)], ...] = Field(
        (), max_length=20, description="Answers in the order of the questions, sealed; an empty text leaves one out"
    )
    files: FileReferences = ()


@rule("add_material", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="补充材料")
def add_material(case: Case, command: AddMaterial, given: DecisionContext) -> list[NewEvent]:
    """Add material to the case, or answer questions. Nothing depends on whether questions are answered."""
    check_count(command.files, given.book)
    said = spoken(case, command, given, "add_material")
    answers = tuple("" if is_empty(one) else one for one in command.answers)
    if command.text is None and not any(answers) and not command.files:
        raise Invalid(
            "nothing_added",
            "There is nothing to add. Give text, files, or answers to the questions.",
            detail_zh="没有补充内容，请填写补充材料、上传附件或答复问题。",
            field="text",
        )
    if command.asked is None and answers:
        raise Invalid(
            "asked_needed",
            "The answers belong to questions. Give asked: the version of the event with the questions.",
            detail_zh="请注明所答复的问题（asked）。",
            field="asked",
        )
    if command.asked is not None:
        questions = next((one for one in case.service.asked if one.version == command.asked), None)
        if questions is None or len(answers) > questions.questions:
            raise Invalid(
                "unknown_questions",
                "These are not questions of this case, or there are more answers than questions. The status names them.",
                detail_zh="本件没有所指的问题，或答复多于问题，请核对查询结果中的问题。",
                field="asked" if questions is None else "answers",
            )
    added = e.MaterialAdded(text=command.text, asked=command.asked, answers=answers, **said)
    return [NewEvent(added), *attached(command.files, party="p1")]


class AttachFile(Keyed):
    files: FileReferences = Field(min_length=1)


@rule("attach_file", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="补充附件")
def attach_file(case: Case, command: AttachFile, given: DecisionContext) -> list[NewEvent]:
    """Attach files to the case, as material without a text."""
    check_count(command.files, given.book)
    said = spoken(case, command, given, "attach_file")
    return [NewEvent(e.MaterialAdded(**said)), *attached(command.files, party="p1")]


class Nudge(Keyed):
    text: FreeText | None = Field(None, description="The question, sealed")


@rule("nudge", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="催问")
def nudge(case: Case, command: Nudge, given: DecisionContext) -> list[NewEvent]:
    """Ask about the progress of the case (催问). It is counted once in a calendar day and never refused for being repeated;
    further questions of that day are joined to it."""
    said = spoken(case, command, given, "nudge")
    counted = _nudge_of(case, day_of(given.at, given.book.zone), given.book.zone)
    if counted is None:
        return [NewEvent(e.Nudged(text=command.text, **said))]
    times = dict(case.supervision.nudges_joined).get(counted, 1) + 1
    return [NewEvent(e.NudgedAgain(times=times, to=counted, text=command.text, **said))]


def _nudge_of(case: Case, today: date, zone: str) -> int | None:
    """Version of the nudge that was counted on that day."""
    number = today.toordinal()
    for fact in reversed(case.facts):
        near = (
            fact.name == "Nudged" and abs(fact.effective_at.toordinal() - number) <= 1
        )  # no zone is more than a day away
        if near and day_of(fact.effective_at, zone) == today:
            return fact.version
    return None


class Evaluate(Keyed):
    object: Literal["petition_office", "organisation"] = Field(description="The evaluated body")
    grade: Literal["satisfied", "basically_satisfied", "dissatisfied"] = Field(description="满意 / 基本满意 / 不满意")
    text: FreeText | None = Field(None, description="Comment of the petitioner, sealed")


@rule(
    "evaluate",
    service="intake",
    roles=CITIZEN,
    states=("replied", "closed", "reviewed", "concluded"),
    followers=True,
    zh="评价",
)
def evaluate(case: Case, command: Evaluate, given: DecisionContext) -> list[NewEvent]:
    """Evaluate the petition office or the organisation; a later grade replaces the earlier one.

    An office that records it needs evidence, and is neither judged by it nor has a part in the case."""
    said = spoken(
        case,
        command,
        given,
        "evaluate_organisation" if command.object == "organisation" else "evaluate_petition_office",
    )
    objects = (
        command.object == "organisation" and command.grade == "dissatisfied"
    )  # to what a third unit was told since
    known = case.grade_now(command.object) == command.grade and case.word(command.object) in (
        "own_hand",
        standing(said),
    )
    if known and not (objects and case.evaluation.confirmed_by is not None):
        return []
    if command.object not in case.evaluation.invited and case.handling.replied_at is None:
        raise Refused(
            "not_invited",
            "The reply was not delivered yet. Evaluate after its delivery.",
            detail_zh="答复送达之后方可评价。",
        )
    own_word_stands(case, command.object, command.grade, standing(said))
    return [NewEvent(e.EvaluationSubmitted(object=command.object, grade=command.grade, text=command.text, **said))]


@rule(
    "invite_evaluation",
    service="intake",
    roles=("service",),
    states=("replied", "closed", "in_review", "reviewed", "in_re_review", "concluded"),
    zh="邀请评价",
    followers=True,
)
def invite_evaluation(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Invite to evaluate the petition office and the organisation after the delivery of the reply (Art. 21).

    The petitioner of a follower is invited when it was closed with a lead whose reply was delivered."""
    objects: list[e.EvaluationObject] = ["petition_office", "organisation"]
    lead = given.head(case.matter.lead)
    if case.matter.lead is not None and (lead is None or lead.handling.replied_at is None):
        return []
    handled = {"organisation": lead.assignment.org} if lead is not None else {}
    return [
        NewEvent(e.EvaluationInvited(object=about, org=handled.get(about)))
        for about in objects
        if about not in case.evaluation.invited
    ]


class AnswerAtOnce(Command):
    text: FreeText | None = Field(
        None, description="The answer, sealed; needed without an entry, and goes before its text"
    )
    from_: OptionalEntry = Field(
        None, alias="from", description="Entry of the knowledge that the answer is filled from: ENTRY, or ENTRY@VERSION"
    )


@rule(
    "answer_at_once",
    service="intake",
    roles=HOTLINE,
    states=("registered", "dispatched"),
    zh="直接答复",
    when=lambda case: case.filing.class_ in (None, "consultation"),
)
def answer_at_once(case: Case, command: AnswerAtOnce, given: DecisionContext) -> list[NewEvent]:
    """Answer a consultation (直接答复). It is possible until an organisation has signed for it; that organisation is notified."""
    if case.filing.class_ not in (None, "consultation"):
        raise Refused(
            "not_a_consultation",
            "This case is not a consultation, so it cannot be answered directly. Dispatch it instead.",
            detail_zh="只有咨询类事项可以直接答复，其他事项请派单。",
        )
    if command.text is None and command.from_ is None:
        raise Invalid(
            "text_needed",
            "Write the answer (text), or name an entry of the knowledge (from).",
            detail_zh="请填写答复内容（text），或者指定知识条目（from）。",
            field="text",
        )
    text, source = command.text, {}
    if command.from_ is not None:
        entry = filled_at_once(command.from_, case, given)
        text, source = text or entry.text, {"entry": entry.entry, "entry_version": entry.version}
    answered = NewEvent(e.AnsweredAtOnce(text=text, **source))
    if case.assignment.org is None:
        return [answered]
    return [NewEvent(AssignmentWithdrawn(org=case.assignment.org, reason_code="recalled")), answered]


@rule(
    "go_live",
    service="intake",
    roles=("registrar", "operations", "supervisor"),
    zh="转入办理",
    followers=True,
    when=lambda case: case.open and not case.live,
)
def go_live(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Handle an imported open case in this system from now on."""
    if case.live or not case.open:
        return []
    return [NewEvent(e.WentLive())]
