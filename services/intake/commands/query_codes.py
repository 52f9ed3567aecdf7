"""The command that renews the query code of a case. Pure: (case, command, given) -> events."""

from __future__ import annotations

from pydantic import Field

from shared.case import Case
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.events import intake as e
from shared.kernel.refusals import Invalid

HOLDERS: tuple[Role, ...] = ("citizen", "registrar")
"""The petitioner with the present code, and the petition office for a petitioner who has lost it."""


class RenewQueryCode(Command):
    reason: FreeText | None = Field(None, description="Reason in words, sealed; required for a registrar")


@rule("renew_query_code", service="intake", roles=HOLDERS, followers=True, zh="更换查询码")
def renew_query_code(case: Case, command: RenewQueryCode, given: DecisionContext) -> list[NewEvent]:
    """Renew the query code. The present code opens nothing from then on; the receipt is printed again with the new one."""
    if given.principal.role != "citizen" and command.reason is None:
        raise Invalid(
            "reason_needed",
            "Renewing the query code of a petitioner needs a reason in words. Give reason.",
            detail_zh="为信访人更换查询码须写明理由。",
            field="reason",
        )
    return [NewEvent(e.QueryCodeRenewed(generation=case.filing.code_generation + 1, reason=command.reason))]
