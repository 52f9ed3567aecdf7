"""Wiring of intake, nothing else."""

from __future__ import annotations

from services.intake import asking, correcting, domain, taking_part
from shared.commands import RULES
from shared.part import Part, Ports
from shared.reacting import always

__all__ = ["asking", "build", "correcting", "domain", "taking_part"]


def build(ports: Ports) -> Part:
    """Intake on these ports."""
    handling = ports.handling("intake")
    consumer = ports.consumer(
        "intake",
        gather=0.05,
        reactions={"ReplyDelivered": (always(handling, RULES["invite_evaluation"]),)},
    )
    return Part("intake", handling, (consumer,))
