"""Commands of forwarding to a subordinate and handing back (下转、退回). The forwarder stays accountable; its clocks go on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.commands.checks import HANDLERS, fit, own
from shared.case import Case
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.events import department as d
from shared.events import routing as e
from shared.kernel.refusals import Denied, Refused
from shared.policy.references import organisation

IN_HAND = ("dispatched", "signed", "accepted", "handling", "redo_ordered")


class ForwardDown(Command):
    to: Code = Field(description="Code of the subordinate organisation that handles the case")
    reason: FreeText | None = Field(None, description="Reason, sealed")


@rule("forward_down", service="routing", roles=HANDLERS, states=IN_HAND, zh="下转")
def forward_down(case: Case, command: ForwardDown, given: DecisionContext) -> list[NewEvent]:
    """Forward the case to a subordinate of its present holder. No clock restarts; a late duty remains that of the forwarder."""
    own(case, given)
    holder = case.handlers[-1]
    if command.to == holder:
        return []
    if given.org != holder:
        raise Refused(
            "forwarded_already",
            f"The case was already forwarded to {holder}. That organisation may forward it further or hand it back.",
            detail_zh="该件已下转，可由下级单位继续下转或退回。",
            org=holder,
        )
    organisation(given.book, command.to, "to")
    if not given.book.is_below(command.to, holder):
        raise Refused(
            "not_a_subordinate",
            "This organisation is not a subordinate (by `parent` in the policy). Choose a subordinate, or use request_return if"
            " another organisation is responsible.",
            detail_zh="只能下转给本单位的下级单位；应由其他单位承办的，请申请退回。",
            field="to",
        )
    fit(case, given.book, command.to, "to")
    return [NewEvent(e.ForwardedDown(org=holder, to=command.to, reason=command.reason))]


class HandBack(Command):
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "done", "other"] = Field(
        description="Reason code"
    )
    reason: FreeText | None = Field(None, description="Reason in words, sealed")


@rule(
    "hand_back",
    service="routing",
    roles=HANDLERS,
    states=IN_HAND,
    zh="退回下转单位",
    when=lambda case: bool(case.assignment.forwarded),
)
def hand_back(case: Case, command: HandBack, given: DecisionContext) -> list[NewEvent]:
    """Return the case to the organisation that forwarded it, never directly to the sender."""
    own(case, given)
    if given.org not in case.assignment.forwarded:
        raise Denied(
            "not_forwarded_to_you",
            "The case was not forwarded to this organisation, so it cannot be handed back. Use request_return.",
            detail_zh="只有被下转的单位可以退回；其他情形请申请退回。",
        )
    line = case.handlers
    to = line[line.index(given.org) - 1]
    return [NewEvent(d.HandedBack(org=given.org, to=to, reason_code=command.reason_code, reason=command.reason))]
