"""Commands about mediation (调解; Art. 33). It is voluntary, and no clock stops for it. Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.commands.checks import HANDLERS, own
from shared.case import Case
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.events import department as e
from shared.kernel.refusals import Invalid, Refused

MEDIATED = ("accepted", "handling", "redo_ordered")
"""States in which a matter can be mediated: it was accepted and not decided."""


class RecordMediation(Command):
    outcome: Literal["offered", "agreed", "failed"] = Field(description="提出调解 / 达成协议 / 调解未成")
    text: FreeText | None = Field(None, description="The written agreement, sealed; required for agreed")


@rule("record_mediation", service="routing", roles=HANDLERS, states=MEDIATED, zh="记录调解")
def record_mediation(case: Case, command: RecordMediation, given: DecisionContext) -> list[NewEvent]:
    """Record an offer of mediation, its failure, or the written agreement, which decides the matter as settled (Art. 33 ¶2)."""
    org = own(case, given)
    offered = case.fact("MediationOffered")
    ended = case.fact("MediationFailed")
    open_offer = offered is not None and (ended is None or ended.version < offered.version)
    if command.outcome == "offered":
        return [] if open_offer else [NewEvent(e.MediationOffered(org=org))]
    if not open_offer:
        raise Refused(
            "no_mediation",
            "No mediation is open. Record its offer first.",
            detail_zh="没有正在进行的调解，请先登记提出调解。",
            field="outcome",
        )
    if command.outcome == "failed":
        return [NewEvent(e.MediationFailed(org=org))]
    if command.text is None:
        raise Invalid(
            "agreement_needed",
            "An agreement must be in writing (Art. 33 ¶2). Give its text.",
            detail_zh="经调解达成协议的，应当制作书面协议，请填写协议内容。",
            field="text",
        )
    return [NewEvent(e.MediationAgreed(org=org, text=command.text))]
