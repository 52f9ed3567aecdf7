"""Registers the commands of every service, without the code that carries them out."""

from __future__ import annotations

import services.intake.commands
import services.routing.commands
import services.supervision.commands  # noqa: F401
