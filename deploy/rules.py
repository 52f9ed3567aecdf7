"""Fills the table of rules with those of every service, without what carries them out."""

from __future__ import annotations

import services.intake.asking
import services.intake.correcting
import services.intake.domain
import services.intake.linking
import services.intake.taking_part
import services.routing.accusations
import services.routing.department
import services.routing.domain
import services.routing.forwarding
import services.routing.notices
import services.routing.returns
import services.routing.review
import services.supervision.domain
import services.supervision.escalation  # noqa: F401
