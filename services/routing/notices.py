"""The written notice to the petitioner (Art. 23): whether it is accepted, where it went, what it was joined to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.words import FreeText, own
from shared.access import owes_notice
from shared.case import Case
from shared.commands import Command, Fresh, Given, rule
from shared.deadlines import DISPATCHES, deadlines
from shared.events import department as e
from shared.events.department import Mode
from shared.refusals import Invalid, Refused
from shared.times import before, to_text


class ServeNotice(Command):
    kind: Literal["acceptance", "non_acceptance", "transfer", "no_longer_accepted", "joined", "exempt"] = Field(
        description="What the notice says; joined: to which matter; exempt where name or address is unclear (Art. 23)"
    )
    mode: Mode = Field("post", description="How it was served")
    reason: FreeText | None = Field(None, description="For exempt: why, sealed")


@rule(
    "serve_notice",
    service="routing",
    roles=("organisation", "clerk", "registrar"),
    followers=True,
    receivers=True,
    zh="送达告知书",
)
def serve_notice(case: Case, command: ServeNotice, given: Given) -> list[Fresh]:
    """The written notice; sign-off and acceptance are none. Any ends C2; C3 ends with one that says whether it is accepted, or
    that nobody can be told (Art. 23)."""
    if given.principal.role != "registrar" and given.org not in case.handlers:
        _of_who_received_it(case, command, given)
    if command.kind == "exempt" and command.reason is None:
        raise Invalid(
            "reason_needed",
            "An exemption from the notice needs its reason.",
            why_zh="免予告知须说明理由。",
            field="reason",
        )
    if command.kind == "joined" and case.lead is None:
        raise Refused(
            "not_joined",
            "This filing was not joined to another one; say what its notice is about.",
            why_zh="该件未并案，请选择其他告知类型。",
            field="kind",
        )
    if case.notice == command.kind:
        return []
    served = Fresh(e.NoticeServed(org=given.org or None, kind=command.kind, mode=command.mode, reason=command.reason))
    delivered = case.fact("AssignmentDelivered")
    if command.kind == "transfer":  # where it went can be told before it has arrived, but not before it was sent
        delivered = next((fact for fact in reversed(case.facts) if fact.name in DISPATCHES), None)
        if delivered is None and case.org is None:
            raise Refused(
                "not_sent_yet",
                "This filing was not sent to any organisation yet; the notice says where it went.",
                why_zh="该件尚未转送任何单位，转送后方可告知去向。",
                field="kind",
            )
    if delivered is not None and before(given.at, delivered.effective_at, given.book.zone):
        raise Refused(
            "before_delivery",
            "The notice is dated before the case was sent there and delivered; give the day of the delivery or a later one.",
            why_zh="告知日期早于转送或送达日期，请填写当日或之后的日期。",
            field="effective_at",
            earliest=to_text(delivered.effective_at),
        )
    return [served]


def _of_who_received_it(case: Case, command: ServeNotice, given: Given) -> None:
    """Who received a filing and sent it on says where it went; whether it is accepted is for who has it now (Art. 23 ¶1, ¶3).

    Raises Denied for everybody else."""
    if not owes_notice(given.org, case):
        own(case, given)
    if command.kind not in ("transfer", "joined"):
        raise Refused(
            "not_yours_to_accept",
            "This organisation received the filing and does not handle it; say where it went (transfer) or what it was"
            " joined to (joined).",
            why_zh="本单位为收到单位，并非承办单位，请告知转送去向（transfer）或并案情况（joined）。",
            field="kind",
        )
    for clock in deadlines(case, given.book):
        ends = any(
            end.event == "NoticeServed" and command.kind in (end.kind or (command.kind,)) for end in clock.rule.end
        )
        if ends and clock.running and clock.org != given.org:
            raise Refused(
                "ends_anothers_period",
                "By the clocks that this case began with, the notice would also end the period of who handles it; the petition"
                " office tells the petitioner.",
                why_zh="按本件适用的时限规则，该告知会同时终止承办单位的告知期限，请由信访部门告知。",
                field="kind",
            )
