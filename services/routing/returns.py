"""Handing back and disputes over who is responsible (Art. 23, 24): objection, verification, dispute, ruling."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.words import DESK, HANDLERS, Code, FreeText, fit, organisation, own
from shared.case import Case
from shared.commands import Command, Fresh, Given, rule
from shared.deadlines import deadlines
from shared.events import department, routing
from shared.refusals import Refused
from shared.times import before


class RequestReturn(Command):
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "other"] = Field(
        description="Ground of the objection"
    )
    reason: FreeText = Field(description="Detailed reasons (Art. 23 ¶3), sealed")


@rule(
    "request_return",
    service="routing",
    roles=HANDLERS,
    states=("dispatched", "signed"),
    zh="申请退回",
    when=lambda case: not case.final_ruling,
)
def request_return(case: Case, command: RequestReturn, given: Given) -> list[Fresh]:
    """Within 5 working days of delivery, with reasons; not after a ruling (Art. 23 ¶3, 24)."""
    org = own(case, given)
    if given.org != org:
        raise Refused(
            "hand_back_instead",
            "It was forwarded down to this organisation: hand_back returns it to the one that forwarded it, which may object"
            " to the transfer itself.",
            why_zh="本件系上级单位下转，请退回下转单位（hand_back），由其提出异议。",
        )
    if case.final_ruling:
        raise Refused(
            "ruled",
            "A ruling (指定管辖) named this organisation; it cannot be returned.",
            why_zh="指定管辖的事项不得退回。",
        )
    windows = [clock for clock in deadlines(case, given.book) if clock.clock == "C4"]
    if windows and before(
        windows[-1].due, given.now, given.book.zone
    ):  # an objection is made here: no date goes round it
        raise Refused(
            "objection_window_lapsed",
            "The 5 working days for an objection have passed (Art. 23). Accept it, or say why you do not.",
            why_zh="提出异议的五个工作日已过，请受理，或说明不予受理的理由。",
            due=windows[-1].due.isoformat(),
        )
    return [Fresh(department.ReturnRequested(org=org, reason_code=command.reason_code, reason=command.reason))]


class VerifyReturn(Command):
    agreed: bool = Field(description="Does the sender agree with the objection?")
    reason: FreeText | None = Field(None, description="Why, sealed")


@rule("verify_return", service="routing", roles=DESK, states=("return_requested",), zh="核实退回")
def verify_return(case: Case, command: VerifyReturn, given: Given) -> list[Fresh]:
    """The file goes back only after the sender verified and agreed (Art. 23 ¶3). A case that was objected to as often as
    the policy bears is a dispute, whatever the sender says: it waits for a ruling instead of going round."""
    last = case.fact("ReturnVerified")
    if (
        case.state != "return_requested"
        and last is not None
        and last.kind == ("agreed" if command.agreed else "refused")
    ):
        return []
    events = [Fresh(routing.ReturnVerified(agreed=command.agreed, reason=command.reason))]
    if case.objections >= given.book.most_objections:
        events.append(Fresh(routing.JurisdictionDisputed(hops=case.hops)))
    return events


class ReferDispute(Command):
    reason: FreeText = Field(description="Who disputes what, sealed")


@rule("refer_dispute", service="routing", roles=DESK, states=("return_requested", "returned"), zh="提请指定管辖")
def refer_dispute(case: Case, command: ReferDispute, given: Given) -> list[Fresh]:
    """The organs do not agree: their common superior decides (Art. 24)."""
    if case.state == "disputed":
        return []
    return [Fresh(routing.JurisdictionDisputed(hops=case.hops, reason=command.reason))]


class RuleJurisdiction(Command):
    org: Code = Field(description="The organisation that is responsible from now on; it cannot hand the case back")
    assist: tuple[Code, ...] = Field((), max_length=10, description="Organisations that assist")
    reason: FreeText | None = Field(None, description="Why, sealed")


@rule("rule_jurisdiction", service="routing", roles=("supervisor",), states=("disputed",), zh="指定管辖")
def rule_jurisdiction(case: Case, command: RuleJurisdiction, given: Given) -> list[Fresh]:
    """The ruling of the common superior or the joint meeting (Art. 24)."""
    if case.final_ruling and case.org == command.org:
        return []
    for field, code in (("org", command.org), *(("assist", one) for one in command.assist)):
        organisation(given.book, code, field)
        fit(case, given.book, code, field)
    if command.org in command.assist:
        raise Refused(
            "assists_itself",
            "The responsible organisation does not assist itself.",
            why_zh="主办单位不能同时为协办单位，请在协办单位中去掉主办单位。",
            field="assist",
        )
    return [Fresh(routing.JurisdictionRuled(org=command.org, assist=command.assist, reason=command.reason))]
