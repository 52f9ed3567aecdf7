"""Wiring of intake, nothing else."""

from __future__ import annotations

from services.intake import asking, correcting, domain, linking, taking_part
from services.intake.api import router
from services.intake.reactions import react
from services.intake.updates import Updates, tell_platforms
from services.intake.views import SHOWS
from shared.consumers.reaction_table import ReactionTable
from shared.part import Part, Ports

__all__ = ["asking", "build", "correcting", "domain", "linking", "taking_part"]


def build(ports: Ports, candidate_days: int = 180) -> Part:
    """Intake on these ports. `candidate_days`: see the setting of that name."""
    handling = ports.handling("intake")
    updates = Updates(handling)
    reactions = ReactionTable()
    tell_platforms(reactions, updates)
    react(reactions, handling, ports.views)
    consumer = ports.consumer("intake", shows=SHOWS, gather=0.05, reactions=reactions)
    for show in SHOWS:
        ports.views.declare(show.view)
    return Part("intake", handling, (consumer,), routers={"candidates": router(ports, candidate_days)}, teller=updates)
