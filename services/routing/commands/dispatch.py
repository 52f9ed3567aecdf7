"""Commands of dispatch: routing by rules, dispatch by hand, recall, guidance. Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import Field

from services.routing.commands.checks import (
    IN_WORK,
    litigation_organ,
    no_sealed_organ,
    not_dated_back,
    own,
    the_respondent,
)
from services.routing.commands.outcomes import leave_for_procedure, may_leave
from shared.case import OPEN_STATES, Case
from shared.commands.authorization import Role
from shared.commands.command import DESK, HOTLINE, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText, Stated, StatedCode, StatedText
from shared.commands.petitioners_word import apart
from shared.events import routing as e
from shared.events.base import Event
from shared.events.fields import Class, Moment
from shared.kernel.legal_time import before, day_of, instant_of, to_text
from shared.kernel.refusals import Invalid, Refused
from shared.policy.references import organisation
from shared.policy.routing_table import BY_PERSON

SERVICE: tuple[Role, ...] = ("service",)
DISPATCHABLE = ("registered", "returned")


class RouteCase(Command):
    """Ids of the keyword rules that match the text. Only the reaction reads the text; none of it is in the command."""

    suspicion: str | None = None
    subject: str | None = None
    weak: bool = False
    """The text contains too little evidence for that subject."""


@rule("route", service="routing", roles=SERVICE, states=OPEN_STATES, followers=True, zh="自动派单")
def route(case: Case, command: RouteCase, given: DecisionContext) -> list[NewEvent]:
    """Dispatch the case to the organisation that the policy names for it, or queue it for a registrar.

    The class decides first: a suspected accusation is never routed (Art. 30); litigation goes to the political and legal organ
    of the level, and on a visit it is explained by a person (Art. 22 ¶2); a consultation can be answered at once. The subject is
    the one given by the submitter, otherwise that of a keyword rule for which enough speaks."""
    rules = given.book.keywords.by_id
    suspicion = rules.get(command.suspicion or "")
    suspected = suspicion is not None and suspicion.suspected and not case.accusation.cleared
    if suspected and suspicion is not None and case.assignment.org is not None and not case.accusation.sealed:
        return (
            [NewEvent(e.AccusationSuspected(rule=suspicion.id))] if case.open else []
        )  # imported with an organisation
    if (
        case.state != "registered"
        or case.assignment.org is not None
        or case.assignment.queue_reason is not None
        or case.matter.lead is not None
    ):
        return []
    if case.accusation.sealed:
        return [NewEvent(e.QueuedForDispatch(why="sealed_track"))]
    if suspected and suspicion is not None:
        return [NewEvent(e.AccusationSuspected(rule=suspicion.id))]
    if case.accusation.public_office and not case.accusation.cleared:
        return [NewEvent(e.AccusationSuspected(rule="respondent"))]
    known = rules.get(command.subject or "") if case.filing.subject is None else None
    subject = case.filing.subject or (known.subject if known else None)
    classified = None
    if known is not None and subject is not None:
        classified = e.CaseClassified(class_=case.filing.class_, subject=subject, by="rule", rule=known.id)
    found = _destination(case, subject, given, weak=known is not None and command.weak)
    if found.org is None:
        queued = NewEvent(e.QueuedForDispatch(why=found.why))
        return [queued] if classified is None else [NewEvent(classified), queued]
    if classified is not None or case.filing.class_ is None:
        classified = (classified or e.CaseClassified(by="rule")).model_copy(
            update={"class_": case.filing.class_ or "claim"}
        )
    sent: Event = e.CaseTransferred(org=found.org, rule=found.rule)
    if found.assign_days is not None:
        due = given.book.calendar.period(day_of(given.at, given.book.zone), found.assign_days).day
        sent = e.CaseAssigned(org=found.org, due=due, rule=found.rule)
    return [NewEvent(sent)] if classified is None else [NewEvent(classified), NewEvent(sent)]


class _Destination(NamedTuple):
    """The organisation and the id of the rule, or the reason code for dispatch by hand."""

    org: str | None = None
    rule: str | None = None
    why: Any = None
    assign_days: int | None = None


def _destination(case: Case, subject: str | None, given: DecisionContext, *, weak: bool) -> _Destination:
    """Where the case goes. The class decides before place and subject."""
    filing, book = case.filing, given.book
    class_: Any = filing.class_ or "claim"
    if class_ in BY_PERSON:  # an accusation was sealed before
        return _Destination(why=class_ if class_ == "consultation" else "sealed_track")
    if class_ == "litigation" and filing.channel_class == "visit":
        return _Destination(why="litigation_visit")
    if class_ != "litigation":
        if "qr" in filing.unclear:
            return _Destination(why="unknown_qr")
        if "place" in filing.unclear:
            return _Destination(why="unknown_place")
        if subject is None and "subject" in filing.unclear:
            return _Destination(why="unknown_subject")
        if weak:
            return _Destination(why="weak_keyword")
    urgency: Any = filing.urgency
    found = book.route(filing.place, subject, filing.level, given.at, class_, urgency)
    if class_ == "litigation" and not book.takes_litigation(found.org):
        if found.rule_id is not None or book.political_legal_organ is None:
            return _Destination(why="litigation")
        found = found._replace(org=book.political_legal_organ, rule_id="litigation")
    if found.org is None:
        return _Destination(why=found.why or "no_rule")
    if found.org in case.accusation.accused:  # the respondent must not see the case: a registrar decides
        return _Destination(why="respondent")
    return _Destination(found.org, found.rule_id, None, found.assign_days)


class Dispatch(Command):
    org: Code = Field(description="Code of the organisation that handles the case")
    kind: Literal["transfer", "assignment"] = Field(
        "transfer", description="transfer 转送, or assignment 交办 with a due date and a closing report"
    )
    due: Moment | None = Field(None, description="For an assignment: the due date of the closing report")
    class_: Class | None = Field(None, alias="class", description="Class, if it is determined now")
    path: int | None = Field(None, ge=1, le=6, description="Statutory path of a claim (Art. 31)")
    subject: Code | None = Field(None, description="Subject, if it is determined now")
    reason: FreeText | None = Field(None, description="Reason, sealed")


def _by_catalogue(case: Case, command: Dispatch, given: DecisionContext) -> None:
    """A contracted operator dispatches to the organisation that the routing table names, as a transfer. Raises Refused."""
    book, filing = given.book, case.filing
    class_: Any = command.class_ or filing.class_ or "claim"
    urgency: Any = filing.urgency
    plain = command.kind == "transfer" and command.path is None and class_ not in (*BY_PERSON, "litigation")
    found = book.route(filing.place, command.subject or filing.subject, filing.level, given.at, class_, urgency)
    if not plain or found.org != command.org or found.assign_days is not None:
        raise Refused(
            "not_in_catalogue",
            "The catalogue names another organisation for this place and subject, or none. Choose the subject that it is about, or"
            " leave the case to the petition office.",
            detail_zh="派单目录未将该属地、事项派至该单位。请选择对应的事项，或交由信访部门派单。",
            field="org",
        )


@rule("dispatch", service="routing", roles=HOTLINE, states=DISPATCHABLE, zh="派单")
def dispatch(case: Case, command: Dispatch, given: DecisionContext) -> list[NewEvent]:
    """Dispatch the case by hand (Art. 22). A case has one responsible organisation at a time."""
    if case.assignment.org is not None:
        as_it_is = case.accusation.sealed or (command.kind == "assignment") == case.assignment.assigned
        if case.assignment.org == command.org and case.state == "dispatched" and as_it_is:
            return []
        raise Refused(
            "has_an_organisation",
            f"{case.assignment.org} is responsible for this case. Recall the case first.",
            detail_zh=f"该件已有承办单位（{case.assignment.org}），请先撤回。",
            org=case.assignment.org,
        )
    found = organisation(given.book, command.org, "org")
    if command.org in case.accusation.accused and (command.class_ or case.filing.class_) != "accusation":
        raise the_respondent("org")
    if command.subject is not None and command.subject not in given.book.subjects:
        raise Invalid(
            "unknown_subject",
            "The policy has no such subject.",
            detail_zh="规则中没有该分类，请使用规则中的代码。",
            field="subject",
        )
    if given.principal.role == "operator":
        _by_catalogue(case, command, given)
    events: list[NewEvent] = []
    class_ = command.class_ or case.filing.class_ or "claim"
    determined = (command.class_, command.path, command.subject) != (None, None, None)
    if determined or case.filing.class_ is None:
        events.append(
            NewEvent(e.CaseClassified(class_=class_, path=command.path, subject=command.subject, by="person"))
        )
    if class_ == "accusation":
        if found.kind != "sealed" or command.org in case.accusation.accused:
            raise no_sealed_organ("org")
        return [*events, NewEvent(e.CaseRoutedToSealedChannel(org=command.org))]
    litigation_organ(class_, given.book, command.org, "org")
    if command.kind == "transfer":
        return [*events, NewEvent(e.CaseTransferred(org=command.org, reason=command.reason))]
    if command.due is None:
        raise Invalid(
            "due_needed",
            "An assignment (交办) needs a due date for its closing report. Give due.",
            detail_zh="交办须注明报送办结报告的日期。",
            field="due",
        )
    if before(command.due, given.now, given.book.zone):
        raise Invalid(
            "due_in_the_past",
            "The due date of an assignment must be in the future. Give a later date.",
            detail_zh="交办的办理期限须晚于今天，请更正。",
            field="due",
        )
    return [*events, NewEvent(e.CaseAssigned(org=command.org, due=command.due, reason=command.reason))]


class RecordDelivery(Command):
    org: Code
    seq: int


@rule("record_delivery", service="routing", roles=SERVICE, followers=True, zh="送达收件箱")
def record_delivery(case: Case, command: RecordDelivery, given: DecisionContext) -> list[NewEvent]:
    """Record the delivery to the inbox. If the case has left the organisation in the meantime, its clocks never start."""
    if case.assignment.org != command.org or case.assignment.delivered or not case.open:
        return []
    stood = min(instant_of(given.at, given.book.zone), given.now)  # a clock that was set back must not park the case
    return [NewEvent(e.AssignmentDelivered(org=command.org, seq=command.seq), stood)]


class Recall(Command):
    reason_code: Literal["recalled", "wrong_organisation"] = Field("recalled", description="Reason code")
    reason: FreeText | None = Field(None, description="Reason in words, sealed")


@rule("recall", service="routing", roles=DESK, states=("dispatched",), zh="撤回派单")
def recall(case: Case, command: Recall, given: DecisionContext) -> list[NewEvent]:
    """Recall the case from the organisation, before sign-off."""
    apart(case, given)
    if case.assignment.org is None:
        return []
    return [
        NewEvent(e.AssignmentWithdrawn(org=case.assignment.org, reason_code=command.reason_code, reason=command.reason))
    ]


class Guide(Command):
    path: int = Field(ge=1, le=6, description="Statutory path that is available elsewhere, 1 to 4 (Art. 31)")
    organ: StatedCode = Field(description="The organ that decides on that path, sealed")
    address: Stated = Field(description="Address of that organ, sealed")
    time_limit: Stated = Field(description="Time limit for using that path, with its beginning, sealed")
    how_to: StatedText = Field(description="How the petitioner can use that path, sealed")
    reason: StatedText = Field(description="Why the matter belongs there, sealed; the petitioner reads it")


@rule(
    "guide",
    service="routing",
    roles=("registrar", "clerk", "organisation"),
    states=("registered", "signed", *IN_WORK),
    zh="引导法定途径",
    when=may_leave("guide"),
)
def guide(case: Case, command: Guide, given: DecisionContext) -> list[NewEvent]:
    """Guide the petitioner to a statutory path (告知、引导; Art. 31): the organ, its address, the time limit there, the reasons.

    The time until that organ decides is no time of the petition: where it declares that it is not competent, see
    record_not_competent."""
    if given.principal.role != "registrar":
        own(case, given)
    leave_for_procedure(case, command.path, "guide")
    if given.principal.role != "registrar" or given.org in case.handlers:
        not_dated_back(case, given, "StatutoryPathGuided")
    return [
        NewEvent(
            e.StatutoryPathGuided(
                path=command.path,
                organ=command.organ,
                how_to=command.how_to,
                org=case.assignment.org or given.org or None,
                address=command.address,
                time_limit=command.time_limit,
                reason=command.reason,
            )
        )
    ]


class RecordNotCompetent(Command):
    organ: StatedCode = Field(description="The organ that declares that it is not competent, sealed")
    reference: Stated = Field(description="Its written declaration: number or date, sealed")
    path: int | None = Field(None, ge=5, le=6, description="Path on which the matter is handled now: 5 or 6 (Art. 31)")
    reason: FreeText | None = Field(None, description="Its reasons, sealed")


def _guided(case: Case) -> bool:
    return case.handling.guided_from is not None and (case.state == "guided" or case.closure.kind == "guided")


@rule(
    "record_not_competent",
    service="routing",
    roles=("registrar", "supervisor"),
    states=("guided", "closed"),
    zh="登记被引导机关不受理",
    when=_guided,
)
def record_not_competent(case: Case, command: RecordNotCompetent, given: DecisionContext) -> list[NewEvent]:
    """Record that the organ of the statutory path declared that it is not competent: the guidance is void.

    The case is where it was before, with its first dates; its clocks run as if it had never gone."""
    if not _guided(case):
        if case.fact("NotCompetentDeclared") is not None:
            return []
        raise Refused(
            "not_guided",
            "This case was not guided to another organ, so there is no guidance to undo.",
            detail_zh="该件未引导至其他机关，无须登记。",
        )
    guided = case.fact("StatutoryPathGuided")
    if guided is not None and before(given.at, guided.effective_at, given.book.zone):
        raise Refused(
            "before_guidance",
            "The declaration is dated before the guidance. Give the day of the guidance or a later one.",
            detail_zh="认定日期早于引导日期，请填写引导当日或之后的日期。",
            field="effective_at",
            earliest=to_text(guided.effective_at),
        )
    return [
        NewEvent(
            e.NotCompetentDeclared(
                org=guided.org if guided is not None else None,
                path=command.path,
                organ=command.organ,
                reference=command.reference,
                reason=command.reason,
            )
        )
    ]
