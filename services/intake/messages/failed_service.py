"""A message that announced a notice and did not arrive: the electronic service did not happen, so that the duty to serve runs on
and the document is served on paper."""

from __future__ import annotations

import structlog

from services.intake.messages.outgoing import Message
from shared.application.ports import Ports
from shared.case import STREAM, Case
from shared.commands.authorization import Principal
from shared.commands.command import RULES, DecisionContext, NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.department import FailedFor
from shared.kernel.refusals import Refused, Unavailable

NOTHING_SHOWN = frozenset({"no_consent", "no_gateway", "platform_tells", "case_ended"})
"""Reasons for which nothing was sent to the confirmed address: they do not show that a service failed."""
_BECAUSE: dict[str, FailedFor] = {
    "no_address": "unknown_address",
    "address_wrong": "unknown_address",
    "landline": "unknown_address",
    "exhausted": "unreachable",
    "result_unknown": "unreachable",
}
log = structlog.get_logger("intake")


async def record_failed_service(ports: Ports, case: Case, message: Message, reason: str) -> bool:
    """Record it once, where the document that the message is about was served electronically and is not read. Called before the end
    of the message is recorded, so that a process that dies in between does it again. Returns true if there is something on record.

    Raises:
        Unavailable, StoreUnavailable: later.
    """
    if not message.notice or message.kind not in ("notice", "reply", "opinion") or reason in NOTHING_SHOWN:
        return False
    commits = await ports.log.load(STREAM + case.id)
    served = next((one for commit in commits for one in commit.recorded if one.event_id == message.about), None)
    if served is None:
        return False
    rule = RULES["record_failed_service"]
    command = rule.model.model_validate(
        {"document": message.kind, "mode": "electronic", "reason_code": _BECAUSE.get(reason, "bounced")}
    )

    def decide(found: Case, given: DecisionContext) -> list[NewEvent]:
        last = next((one for one in reversed(found.service.unread) if one.document == message.kind), None)
        if last is None or last.version != served.version:  # read, served on paper, or served anew
            return []
        return rule(found, command, given)

    principal = Principal("service", None, "messages")
    stamp = EventMetadata(principal, f"intake.service_failed:{message.id}", jurisdiction=case.jurisdiction)
    try:
        done = await ports.handling("routing").handle(case.id, rule.action, stamp, decide)
    except Unavailable:
        raise
    except Refused as refused:  # the case has ended meanwhile
        log.info("failed_service_not_recorded", case=case.number, reason=refused.code)
        return False
    return done.commit is not None
