"""Commands of dispatch: routing by rules, dispatch by hand, recall, guidance. Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import Field

from services.routing.commands.checks import litigation_organ, no_sealed_organ, own, the_respondent
from shared.case import Case
from shared.commands.authorization import Role
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.deadlines.derivation import deadlines
from shared.events import routing as e
from shared.events.base import Event
from shared.events.fields import Class, Moment
from shared.kernel.legal_time import before, day_of, instant_of
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
    """Too little of the text speaks for that subject."""


@rule("route", service="routing", roles=SERVICE, states=("registered",), followers=True, zh="自动派单")
def route(case: Case, command: RouteCase, given: DecisionContext) -> list[NewEvent]:
    """Dispatch the case to the organisation that the policy names for it, or queue it for a registrar.

    The class decides first: a suspected accusation is never routed (Art. 30); litigation goes to the political and legal organ
    of the level, and on a visit it is explained by a person (Art. 22 ¶2); a consultation can be answered at once. The subject is
    the one given by the submitter, otherwise that of a keyword rule for which enough speaks."""
    if (
        case.state != "registered"
        or case.assignment.org is not None
        or case.assignment.queue_reason is not None
        or case.matter.lead is not None
    ):
        return []
    if case.accusation.sealed:
        return [NewEvent(e.QueuedForDispatch(why="sealed_track"))]
    rules = given.book.keywords.by_id
    suspicion = rules.get(command.suspicion or "")
    if not case.accusation.cleared:
        if suspicion is not None and suspicion.suspected:
            return [NewEvent(e.AccusationSuspected(rule=suspicion.id))]
        if case.accusation.public_office:
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
    reason: FreeText | None = Field(None, description="Reason, sealed")


@rule("dispatch", service="routing", roles=DESK, states=DISPATCHABLE, zh="派单")
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
    events: list[NewEvent] = []
    class_ = command.class_ or case.filing.class_ or "claim"
    if command.class_ is not None or case.filing.class_ is None or command.path is not None:
        events.append(NewEvent(e.CaseClassified(class_=class_, path=command.path, by="person")))
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
            detail_zh="交办的期限应为今后的日期。",
            field="due",
        )
    return [*events, NewEvent(e.CaseAssigned(org=command.org, due=command.due, reason=command.reason))]


class RecordDelivery(Command):
    org: Code
    seq: int


@rule("record_delivery", service="routing", roles=SERVICE, followers=True, zh="送达收件箱")
def record_delivery(case: Case, command: RecordDelivery, given: DecisionContext) -> list[NewEvent]:
    """Record the delivery to the inbox. If the case has left the organisation meanwhile, its clocks never start."""
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
    if case.assignment.org is None:
        return []
    return [
        NewEvent(e.AssignmentWithdrawn(org=case.assignment.org, reason_code=command.reason_code, reason=command.reason))
    ]


class Guide(Command):
    path: int = Field(ge=1, le=5, description="Statutory path that is available (Art. 31); path 6 is handled here")
    organ: Code | None = Field(None, description="The organ that decides on that path")
    how_to: FreeText = Field(description="How the petitioner can use that path, sealed")


def _not_dated_back(case: Case, given: DecisionContext) -> None:
    """Raises Refused for guidance dated before the end of a missed period: an organisation cannot remove its own breach.

    A registrar of another organisation may record that the guidance was given in time."""
    for clock in deadlines(case, given.book):
        ends = any(trigger.event == "StatutoryPathGuided" for trigger in clock.rule.cancel)
        if ends and clock.running and clock.due < given.now and not before(clock.due, given.at, given.book.zone):
            raise Refused(
                "period_was_missed",
                "The handling period has ended, and guidance cannot be dated before its end. If it was given in time, ask the"
                " petition office to record it.",
                detail_zh="办理期限已过，引导日期不得倒签至期限届满之前；确系期限内引导的，由信访部门登记。",
                field="effective_at",
                due=clock.due.isoformat(),
            )


@rule(
    "guide",
    service="routing",
    roles=("registrar", "clerk", "organisation"),
    states=("registered", "signed", "accepted"),
    zh="引导法定途径",
)
def guide(case: Case, command: Guide, given: DecisionContext) -> list[NewEvent]:
    """Guide the petitioner to a statutory path (Art. 31). This is an outcome with reasons, not a silent closing."""
    if given.principal.role != "registrar":
        own(case, given)
    if given.principal.role != "registrar" or given.org in case.handlers:
        _not_dated_back(case, given)
    return [NewEvent(e.StatutoryPathGuided(path=command.path, organ=command.organ, how_to=command.how_to))]
