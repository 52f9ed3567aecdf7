"""The command of the written notice to the petitioner (Art. 23): acceptance, transfer, joining, or exemption."""

from __future__ import annotations

from pydantic import Field

from services.routing.commands.checks import own
from services.routing.commands.service_of_documents import Evidence, Service, Witnesses, served
from shared.case import Case
from shared.commands.attached_files import FileReferences, attached
from shared.commands.authorization import owes_notice
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText, Stated
from shared.deadlines.derivation import deadlines
from shared.deadlines.episodes import DISPATCHES
from shared.events import department as e
from shared.events.department import NoticeKind
from shared.kernel.legal_time import before, to_text
from shared.kernel.refusals import Invalid, Refused

_PROCEDURES = {"guidance": "guided", "led_into": "led_into"}
"""Kind of a notice about a statutory procedure -> the state that it needs."""

_STEPS = {
    "acceptance": ("Accepted", "AcceptanceOrdered"), "non_acceptance": ("NotAccepted",), "joined": ("CaseLinked",),
    "no_longer_accepted": ("ReRegistrationBarred",), "guidance": ("StatutoryPathGuided",), "led_into": ("LedInto",),
}  # fmt: skip
"""Kind of a notice -> the steps that it tells of."""


class ServeNotice(Command):
    kind: NoticeKind = Field(
        description="Content of the notice; joined: the matter it was joined to; guidance, led_into: the statutory procedure"
        " (Art. 31); exempt if name or address is unclear (Art. 23)"
    )
    mode: Service = Field(
        "in_person",
        description="Mode of service 直接, 邮寄, 电子, 留置, 公告; effective_at is the day that the proof shows",
    )
    reference: Stated | None = Field(None, description="Where the proof is kept, sealed")
    witnesses: Witnesses = ()
    reason: FreeText | None = Field(None, description="For exempt: the reason, sealed")
    files: FileReferences = ()


@rule(
    "serve_notice",
    service="routing",
    roles=("organisation", "clerk", "registrar"),
    followers=True,
    receivers=True,
    zh="送达告知书",
)
def serve_notice(case: Case, command: ServeNotice, given: DecisionContext) -> list[NewEvent]:
    """Record the service of the written notice on the day that its proof shows; sign-off and acceptance are no notice (Art. 23).

    Every kind ends C2. C3 ends with a notice about acceptance, or with the exemption."""
    if given.principal.role != "registrar" and given.org not in case.handlers:
        _as_receiver(case, command, given)
    if command.kind == "exempt" and command.reason is None:
        raise Invalid(
            "reason_needed",
            "An exemption from the notice needs a reason. Give reason.",
            detail_zh="免予告知须说明理由。",
            field="reason",
        )
    if command.kind == "joined" and case.matter.lead is None and case.fact("MatterAnswered") is None:
        raise Refused(
            "not_joined",
            "This filing is not joined to another one. Choose another kind of notice.",
            detail_zh="该件未并案，请选择其他告知类型。",
            field="kind",
        )
    if case.handling.notice == command.kind:
        return []
    if command.kind in _PROCEDURES and case.state != _PROCEDURES[command.kind]:
        raise Refused(
            "not_in_a_procedure",
            "This case was not guided to another organ, or not led into a procedure, as this notice says. Choose another kind.",
            detail_zh="该件未引导或者导入法定程序，请选择其他告知类型。",
            field="kind",
        )
    evidence = Evidence(command.reference, command.witnesses, command.files)
    proof = None if command.kind == "exempt" else served(case, given, command.mode, "notice", evidence)
    notice = NewEvent(
        e.NoticeServed(
            org=given.org or None,
            kind=command.kind,
            mode="other" if command.kind == "exempt" else command.mode,
            reason=command.reason,
            proof=proof,
            reference=command.reference,
            witnesses=command.witnesses,
        )
    )
    delivered = case.fact("AssignmentDelivered")
    if command.kind == "transfer":  # possible before the delivery, but not before the transfer
        delivered = next((fact for fact in reversed(case.facts) if fact.name in DISPATCHES), None)
        if delivered is None and case.assignment.org is None:
            raise Refused(
                "not_sent_yet",
                "This filing was not sent to any organisation yet. Serve the notice after the transfer.",
                detail_zh="该件尚未转送任何单位，转送后方可告知去向。",
                field="kind",
            )
    if delivered is not None and before(given.at, delivered.effective_at, given.book.zone):
        raise Refused(
            "before_delivery",
            "The notice is dated before the transfer or the delivery of the case. Give that day or a later one.",
            detail_zh="告知日期早于转送或送达日期，请填写当日或之后的日期。",
            field="effective_at",
            earliest=to_text(delivered.effective_at),
        )
    _after_its_step(case, command.kind, given)
    return [notice, *attached(command.files, party=None)]


def _after_its_step(case: Case, kind: NoticeKind, given: DecisionContext) -> None:
    """Raises Refused where the notice is dated before the step that it tells of: nobody can have received it then, and the duty
    would end too early. A step that the last dispatch has undone does not count."""
    last = max((fact.version for fact in case.facts if fact.name in DISPATCHES), default=0)
    steps = [fact for fact in case.facts if fact.name in _STEPS.get(kind, ()) and fact.version > last]
    if steps and before(given.at, steps[0].effective_at, given.book.zone):
        raise Refused(
            "before_step",
            "The notice is dated before the step that it tells of. Give the day of that step or a later one.",
            detail_zh="告知日期早于所告知事项的日期，请填写当日或之后的日期。",
            field="effective_at",
            earliest=to_text(steps[0].effective_at),
        )


def _as_receiver(case: Case, command: ServeNotice, given: DecisionContext) -> None:
    """The checks for an organisation that does not handle the case: it received the filing and sent it on (Art. 23 ¶1, ¶3).

    Raises:
        Denied: the organisation owes no notice about this case.
        Refused: the notice is about acceptance, which is up to the present handler, or would end the handler's period.
    """
    if not owes_notice(given.org, case):
        own(case, given)
    if command.kind not in ("transfer", "joined"):
        raise Refused(
            "not_yours_to_accept",
            "This organisation received the filing and does not handle it. Its notice states the transfer (transfer) or the"
            " joining (joined).",
            detail_zh="本单位为收到单位，并非承办单位，请告知转送去向（transfer）或并案情况（joined）。",
            field="kind",
        )
    for clock in deadlines(case, given.book):
        ends = any(
            end.event == "NoticeServed" and command.kind in (end.kind or (command.kind,)) for end in clock.rule.end
        )
        if ends and clock.running and clock.org != given.org:
            raise Refused(
                "ends_anothers_period",
                "By the clock rules of this case, this notice would also end the period of the handling organisation. Ask the"
                " petition office to serve it.",
                detail_zh="按本件适用的时限规则，该告知会同时终止承办单位的告知期限，请由信访部门告知。",
                field="kind",
            )
