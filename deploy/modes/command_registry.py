"""Registers the commands of every service, without the code that runs them."""

from __future__ import annotations

import services.intake.commands.corrections
import services.intake.commands.filing
import services.intake.commands.matter_links
import services.intake.commands.representatives
import services.intake.commands.review_requests
import services.routing.commands.accusations
import services.routing.commands.dispatch
import services.routing.commands.forwarding
import services.routing.commands.handling
import services.routing.commands.notices
import services.routing.commands.returns
import services.routing.commands.review
import services.supervision.commands.closing
import services.supervision.commands.escalation  # noqa: F401
