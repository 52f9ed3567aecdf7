"""Commands of a citizen on a sealed case: refused and answered as on an ordinary case that waits for dispatch (Art. 30)."""

from __future__ import annotations

from typing import Any

from shared.application.ports import Ports
from shared.case import Case
from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal
from shared.commands.command import Decider, DecisionContext
from shared.http.commands import Commands
from shared.http.responses import CommandAnswer
from shared.kernel.refusals import Refused, Unavailable
from shared.queries.sealed_status import told_case


async def given_on_sealed(
    ports: Ports, commands: Commands, citizen: Principal, case: Case, rule: Decider, command: Any
) -> CommandAnswer:
    """The answer to a command, without anything that an ordinary case would not say. Raises Refused."""
    told, now = await told_case(ports, case), ports.clock.now()
    book = await ports.policies.book(case.jurisdiction)
    try:
        rule(told, command, DecisionContext(citizen, now, now, book))
    except Refused as refused:
        refused.more |= {"state": told.state, "allowed": allowed(told, citizen)}
        raise
    try:
        answer = await commands.given(citizen, case.id, rule, command)
    except Unavailable:
        raise
    except Refused:
        raise Refused(
            "not_possible_now",
            "This is not possible at present. Ask the petition office.",
            detail_zh="目前不能这样办理，请向信访部门咨询。",
            state=told.state,
            allowed=allowed(told, citizen),
        ) from None
    after = await told_case(ports, (await ports.cases.get(case.id))[0])
    events = [one.model_copy(update={"version": after.version}) for one in answer.events]
    return CommandAnswer.built_from(
        after,
        events=events,
        allowed=allowed(after, citizen),
        repeated=answer.repeated,
        code=None,
        heard=None,
        heard_zh=None,
    )
