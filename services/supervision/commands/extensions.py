"""The petition office looks at an extension that the head of an organisation granted, and may raise a finding (Art. 34). Pure."""

from __future__ import annotations

from pydantic import Field

from services.supervision.commands.closing import OUTSIDE, outside
from shared.case import Case
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.events import supervision as e
from shared.kernel.refusals import Invalid, Refused


class CheckExtension(Command):
    result: e.ExtensionResult = Field(description="in_order 无异议, or finding 提出意见")
    ground: e.ExtensionGround | None = Field(
        None,
        description="Of a finding: not_complex 并非情况复杂, no_reason 理由不充分, not_told 未告知信访人, other 其他",
    )
    text: FreeText | None = Field(
        None, description="The finding and what is to be corrected, sealed; required for a finding"
    )


@rule(
    "check_extension",
    service="supervision",
    roles=OUTSIDE,
    zh="审查延期",
    when=lambda case: to_check(case) is not None,
)
def check_extension(case: Case, command: CheckExtension, given: DecisionContext) -> list[NewEvent]:
    """Record that the last extension is in order, or raise a finding, of which the organisation is told. The period stays: the head
    of the organisation decides on it (Art. 34). A finding may be raised later, too, also where it was in order first."""
    outside(case, given)
    granted, checked = case.fact("ExtensionGranted"), case.fact("ExtensionChecked")
    if granted is None:
        raise Refused(
            "not_extended",
            "No extension was granted, so there is nothing to check.",
            detail_zh="本件没有批准延期，无须审查。",
        )
    if command.result == "finding" and (command.ground is None or command.text is None):
        raise Invalid(
            "finding_needs_reasons",
            "A finding names its ground and says what is to be corrected. Give ground and text.",
            detail_zh="提出意见须注明情形（ground）和具体内容（text）。",
            field="ground" if command.ground is None else "text",
        )
    if command.result == "in_order" and command.ground is not None:
        raise Invalid(
            "ground_of_a_finding",
            "Only a finding has a ground. Leave it out.",
            detail_zh="只有提出意见时才填写情形（ground）。",
            field="ground",
        )
    if checked is not None and checked.version > granted.version and checked.kind in (command.result, "finding"):
        return []
    return [
        NewEvent(
            e.ExtensionChecked(of=granted.version, result=command.result, ground=command.ground, text=command.text)
        )
    ]


def to_check(case: Case) -> int | None:
    """Version of the extension that the petition office has not looked at yet."""
    granted, checked = case.fact("ExtensionGranted"), case.fact("ExtensionChecked")
    if granted is None or (checked is not None and checked.version > granted.version):
        return None
    return granted.version
