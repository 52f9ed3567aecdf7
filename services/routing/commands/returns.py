"""Commands of returns and jurisdiction disputes (Art. 23, 24): objection, verification, dispute, ruling."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.commands.checks import HANDLERS, fit, litigation_organ, own
from shared.case import Case
from shared.commands.attached_files import FileReferences, attached
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.deadlines.derivation import deadlines
from shared.events import department, routing
from shared.kernel.legal_time import before
from shared.kernel.refusals import Refused
from shared.policy.references import organisation


class RequestReturn(Command):
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "other"] = Field(
        description="Ground of the objection"
    )
    reason: FreeText = Field(description="Detailed reasons (Art. 23 ¶3), sealed")
    files: FileReferences = ()


@rule(
    "request_return",
    service="routing",
    roles=HANDLERS,
    states=("dispatched", "signed"),
    zh="申请退回",
    when=lambda case: not case.assignment.final_ruling,
)
def request_return(case: Case, command: RequestReturn, given: DecisionContext) -> list[NewEvent]:
    """Object to the transfer within 5 working days of delivery, with reasons; not after a ruling (Art. 23 ¶3, 24)."""
    org = own(case, given)
    if given.org != org:
        raise Refused(
            "hand_back_instead",
            "The case was forwarded to this organisation. Use hand_back; the organisation that forwarded it may object to the"
            " transfer.",
            detail_zh="本件系上级单位下转，请退回下转单位（hand_back），由其提出异议。",
        )
    if case.assignment.final_ruling:
        raise Refused(
            "ruled",
            "A ruling (指定管辖) designated this organisation. The case cannot be returned.",
            detail_zh="指定管辖的事项不得退回。",
        )
    windows = [clock for clock in deadlines(case, given.book) if clock.clock == "C4"]
    # The time of the command counts: no effective date moves an objection into the period.
    if windows and before(windows[-1].due, given.now, given.book.zone):
        raise Refused(
            "objection_window_lapsed",
            "The 5 working days for an objection have passed (Art. 23). Accept the case, or refuse it with not_accept.",
            detail_zh="提出异议的五个工作日已过，请受理，或说明不予受理的理由。",
            due=windows[-1].due.isoformat(),
        )
    asked = department.ReturnRequested(org=org, reason_code=command.reason_code, reason=command.reason)
    return [NewEvent(asked), *attached(command.files, party=None)]


class VerifyReturn(Command):
    agreed: bool = Field(description="True if the sender agrees with the objection")
    reason: FreeText | None = Field(None, description="Reason, sealed")


@rule("verify_return", service="routing", roles=DESK, states=("return_requested",), zh="核实退回")
def verify_return(case: Case, command: VerifyReturn, given: DecisionContext) -> list[NewEvent]:
    """Agree or disagree with the objection; the case is returned only with agreement (Art. 23 ¶3).

    After as many objections as the policy allows the case becomes a jurisdiction dispute in either case and waits for a ruling,
    so that it is not passed around without end."""
    last = case.fact("ReturnVerified")
    if (
        case.state != "return_requested"
        and last is not None
        and last.kind == ("agreed" if command.agreed else "refused")
    ):
        return []
    events = [NewEvent(routing.ReturnVerified(agreed=command.agreed, reason=command.reason))]
    if case.assignment.objections >= given.book.most_objections:
        events.append(NewEvent(routing.JurisdictionDisputed(hops=case.assignment.hops)))
    return events


class ReferDispute(Command):
    reason: FreeText = Field(description="The dispute in words, sealed")


@rule("refer_dispute", service="routing", roles=DESK, states=("return_requested", "returned"), zh="提请指定管辖")
def refer_dispute(case: Case, command: ReferDispute, given: DecisionContext) -> list[NewEvent]:
    """Refer the case for a ruling because the organs disagree; their common superior decides (Art. 24)."""
    if case.state == "disputed":
        return []
    return [NewEvent(routing.JurisdictionDisputed(hops=case.assignment.hops, reason=command.reason))]


class RuleJurisdiction(Command):
    org: Code = Field(description="The responsible organisation from now on; it cannot return the case")
    assist: tuple[Code, ...] = Field((), max_length=10, description="Organisations that assist")
    reason: FreeText | None = Field(None, description="Reason, sealed")


@rule("rule_jurisdiction", service="routing", roles=("supervisor",), states=("disputed",), zh="指定管辖")
def rule_jurisdiction(case: Case, command: RuleJurisdiction, given: DecisionContext) -> list[NewEvent]:
    """Record the ruling of the common superior or of the joint meeting (Art. 24)."""
    if case.assignment.final_ruling and case.assignment.org == command.org:
        return []
    for field, code in (("org", command.org), *(("assist", one) for one in command.assist)):
        organisation(given.book, code, field)
        fit(case, given.book, code, field)
    litigation_organ(case.filing.class_, given.book, command.org, "org")
    if command.org in command.assist:
        raise Refused(
            "assists_itself",
            "The responsible organisation cannot assist itself. Remove it from assist.",
            detail_zh="主办单位不能同时为协办单位，请在协办单位中去掉主办单位。",
            field="assist",
        )
    return [NewEvent(routing.JurisdictionRuled(org=command.org, assist=command.assist, reason=command.reason))]
