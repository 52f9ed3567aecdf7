"""Wiring of routing, nothing else."""

from __future__ import annotations

from services.routing import accusations, department, domain, forwarding, notices, returns, review
from services.routing.reactions import reactions
from shared.part import Part, Ports

__all__ = ["accusations", "build", "department", "domain", "forwarding", "notices", "returns", "review"]


def build(ports: Ports) -> Part:
    """Routing on these ports."""
    handling = ports.handling("routing")
    consumer = ports.consumer(
        "routing",
        reactions=reactions(handling),
    )
    return Part("routing", handling, (consumer,))
