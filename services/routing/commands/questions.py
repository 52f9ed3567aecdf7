"""Questions to the petitioner. Pure: (case, command, given) -> events.

The Regulation lets no clock stop for them (Art. 22 to 36), and that a petitioner does not answer is no ground to refuse or
to close: no rule of the product asks whether questions were answered.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.routing.commands.checks import HANDLERS, own
from shared.case import OPEN_STATES, Case
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import has_content
from shared.events import department as e
from shared.kernel.refusals import Invalid

MOST = 20


class AskPetitioner(Command):
    questions: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = Field(
        min_length=1, max_length=MOST, description="The questions, sealed; the petitioner sees them with the status"
    )


@rule("ask_petitioner", service="routing", roles=(*HANDLERS, *DESK), states=OPEN_STATES, zh="请信访人补充")
def ask_petitioner(case: Case, command: AskPetitioner, given: DecisionContext) -> list[NewEvent]:
    """Ask the petitioner for more. No clock stops, and no answer has no consequence."""
    org = given.org if given.principal.role in DESK else own(case, given)
    if not all(map(has_content, command.questions)):
        raise Invalid(
            "empty_question",
            "A question is empty. Write it, or leave it out.",
            detail_zh="问题不能为空，请填写或删除。",
            field="questions",
        )
    return [NewEvent(e.PetitionerAsked(org=org, count=len(command.questions), questions=command.questions))]
