"""Fills the table of rules with those of every service, without what carries them out."""

from __future__ import annotations

import services.intake.commands.corrections
import services.intake.commands.filing
import services.intake.commands.matter_links
import services.intake.commands.representatives
import services.intake.commands.review_requests
import services.routing.accusations
import services.routing.department
import services.routing.domain
import services.routing.forwarding
import services.routing.notices
import services.routing.returns
import services.routing.review
import services.supervision.domain
import services.supervision.escalation  # noqa: F401
