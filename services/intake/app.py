"""Wiring of intake, nothing else."""

from __future__ import annotations

from services.intake import asking, domain, taking_part
from shared.commands import RULES
from shared.part import Part, Ports
from shared.projecting import Consumer
from shared.reacting import always

__all__ = ["asking", "build", "domain", "taking_part"]


def build(ports: Ports) -> Part:
    """Intake on these ports."""
    handling = ports.handling("intake")
    consumer = Consumer(
        group="intake",
        log=ports.log,
        views=ports.views,
        cases=ports.cases,
        policies=ports.policies,
        clock=ports.clock,
        gather=0.05,
        reactions={"ReplyDelivered": (always(handling, RULES["invite_evaluation"]),)},
    )
    return Part("intake", handling, (consumer,))
