"""Commands about the extension of the handling period (延期; Art. 34). Pure: (case, command, given) -> events.

Only the head (负责人) of the handling organisation grants an extension: never the person who asked for it, whichever key that
person uses. It is granted while the period still runs, and the petitioner is notified of the reason.
"""

from __future__ import annotations

from pydantic import Field

from services.routing.commands.checks import HANDLERS, own
from services.routing.commands.service_of_documents import Evidence, Service, Witnesses
from services.routing.commands.service_of_documents import served as proof_of
from shared.case import OPEN_STATES, Case
from shared.commands.attached_files import FileReferences, attached
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText, Stated
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events import department as e
from shared.kernel.legal_time import before, to_text
from shared.kernel.refusals import Denied, Refused

EXTENDABLE = ("accepted", "handling")


def _asked(case: Case) -> bool:
    return case.handling.extension_asked is not None


def _untold(case: Case) -> bool:
    """True if an extension was granted of which the petitioner has not been notified."""
    granted, served = case.fact("ExtensionGranted"), case.fact("ExtensionNoticeServed")
    return granted is not None and (served is None or served.version < granted.version)


class AskExtension(Command):
    days: int = Field(ge=1, le=90, description="Calendar days requested")
    reason: FreeText = Field(description="Reason, sealed")


@rule(
    "ask_extension",
    service="routing",
    roles=HANDLERS,
    states=EXTENDABLE,
    zh="申请延期",
    when=lambda case: not _asked(case),
)
def ask_extension(case: Case, command: AskExtension, given: DecisionContext) -> list[NewEvent]:
    """Request an extension of the handling period (Art. 34). A person asks under their own staff code."""
    org, person = own(case, given), given.principal.person
    if given.principal.role == "clerk" and person is None:
        raise Denied(
            "person_needed",
            "Your access key does not name a person, so the approver cannot be distinguished from the applicant."
            " Ask the operators"
            " for a key with your staff code (huiyin keys add … --person CODE).",
            detail_zh="您的密钥没有注明持有人，无法区分申请人与批准人；请运维人员重新签发注明人员代码的密钥。",
        )
    if case.handling.extension_asked is not None:
        raise Refused(
            "extension_pending",
            "An extension request is still pending. Wait for the decision before requesting another one.",
            detail_zh="已有一项延期申请待批，批复之后方可再次申请。",
        )
    return [NewEvent(e.ExtensionRequested(org=org, days=command.days, person=person, reason=command.reason))]


class GrantExtension(Command):
    days: int = Field(ge=1, le=90, description="Calendar days granted")
    approver: Code = Field(description="Approving office: the head of the organ")
    reason: FreeText | None = Field(None, description="Reason, sealed")


@rule("grant_extension", service="routing", roles=("clerk",), states=EXTENDABLE, zh="批准延期", when=_asked)
def grant_extension(case: Case, command: GrantExtension, given: DecisionContext) -> list[NewEvent]:
    """Grant the requested extension as the head of the organisation, while the period runs, up to the cap of the policy (Art. 34).

    The petition office sees it, and may open supervision."""
    _head_decides(case, given)
    if case.handling.extension_asked is None:
        raise _nobody_asked()
    running = _extendable(case, given)
    most = given.book.profile.extensions.value
    if _granted_since(case, running) >= most:
        raise Refused(
            "extended_before",
            f"This period was extended before, and the policy allows that {most} time(s). Decide within the period.",
            detail_zh=f"该期限已延长过，按规定最多延长{most}次，请在期限内办结。",
        )
    cap = min(one.rule.extension.cap_days for one in running if one.rule.extension is not None)
    granted = case.handling.extension_days
    if granted + command.days > cap:
        raise Refused(
            "extension_over_cap",
            f"All extensions together must not exceed {cap} days, and {granted} are granted already. Give fewer days.",
            detail_zh=f"延期合计不得超过{cap}日，请减少天数。",
            field="days",
        )
    return [NewEvent(e.ExtensionGranted(days=command.days, approver=command.approver, reason=command.reason))]


class RefuseExtension(Command):
    reason: FreeText = Field(description="Reason, sealed")


@rule("refuse_extension", service="routing", roles=("clerk",), states=EXTENDABLE, zh="不批准延期", when=_asked)
def refuse_extension(case: Case, command: RefuseExtension, given: DecisionContext) -> list[NewEvent]:
    """Refuse the requested extension as the head of the organisation (Art. 34)."""
    _head_decides(case, given)
    if case.handling.extension_asked is None:
        if case.fact("ExtensionRefused") is not None:
            return []
        raise _nobody_asked()
    return [NewEvent(e.ExtensionRefused(reason=command.reason))]


class ServeExtensionNotice(Command):
    mode: Service = Field(
        "in_person", description="直接、邮寄、电子、留置、公告送达; effective_at is the day that the proof shows"
    )
    reference: Stated | None = Field(None, description="Where the proof is kept, sealed")
    witnesses: Witnesses = ()
    files: FileReferences = ()


@rule("serve_extension_notice", service="routing", roles=HANDLERS, states=OPEN_STATES, zh="延期告知", when=_untold)
def serve_extension_notice(case: Case, command: ServeExtensionNotice, given: DecisionContext) -> list[NewEvent]:
    """Record the notice to the petitioner that the period was extended, with the reason (延期告知; Art. 34)."""
    own(case, given)
    granted, served = case.fact("ExtensionGranted"), case.fact("ExtensionNoticeServed")
    if granted is None:
        raise Refused(
            "not_extended",
            "No extension was granted, so there is nothing to notify.",
            detail_zh="本件没有批准延期，无须告知。",
        )
    if served is not None and served.version > granted.version:
        return []
    if before(given.at, granted.effective_at, given.book.zone):
        raise Refused(
            "before_step",
            "The notice is dated before the step that it tells of. Give the day of that step or a later one.",
            detail_zh="告知日期早于所告知事项的日期，请填写当日或之后的日期。",
            field="effective_at",
            earliest=to_text(granted.effective_at),
        )
    evidence = Evidence(command.reference, command.witnesses, command.files)
    proof = proof_of(case, given, command.mode, "notice", evidence)
    told = e.ExtensionNoticeServed(
        mode=command.mode, proof=proof, reference=command.reference, witnesses=command.witnesses
    )
    return [NewEvent(told), *attached(command.files, party=None)]


def _head_decides(case: Case, given: DecisionContext) -> None:
    """Raises Denied or Refused unless the caller is the head of the handling organisation and did not ask for the extension."""
    own(case, given)
    if not given.principal.head or given.principal.person is None:
        raise Denied(
            "head_needed",
            "Only the head of the organisation decides on an extension (Art. 34). Use the key of a person who is marked as head.",
            detail_zh="延长办理期限须经本机关、单位负责人批准（条例第三十四条）。",
        )
    asker, person = case.handling.extension_asker, case.handling.extension_person
    if case.handling.extension_asked is not None and given.principal.is_same_person(asker or "", person):
        raise Refused(
            "own_request",
            "The person who requested the extension cannot decide on it, with no key. Ask the head of the organisation.",
            detail_zh="申请人不得自行决定延期，请由本单位负责人批准。",
        )


def _nobody_asked() -> Refused:
    return Refused(
        "no_extension_asked",
        "No extension request is pending. Give ask_extension first.",
        detail_zh="没有待批的延期申请，须先申请延期。",
    )


def _extendable(case: Case, given: DecisionContext) -> list[Deadline]:
    """The running periods that can be extended.

    Raises:
        Refused: there is none. A period that has ended is not extended by an effective date before its end, which would remove
            a missed deadline.
    """
    running = [
        one
        for one in deadlines(case, given.book)
        if one.rule.extension is not None and one.running and not before(one.due, given.now, given.book.zone)
    ]
    if not running:
        raise Refused(
            "no_clock_to_extend",
            "No clock of this case that could be extended is running. An extension is granted before the period ends.",
            detail_zh="本件没有正在计算且可以延长的期限；延期应在期限届满之前批准。",
        )
    return running


def _granted_since(case: Case, running: list[Deadline]) -> int:
    """How often the present period was extended."""
    since = max(one.start.version for one in running)
    return sum(fact.name == "ExtensionGranted" and fact.version > since for fact in case.facts)
