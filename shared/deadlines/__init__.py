"""Deadlines of a case, derived: start fact + clock rule + calendar -> due date. Never stored, never edited.

Pure functions of a case, a policy book and, where needed, an instant. One pass over the facts finds the episodes of all
clocks; the calendar caches the arithmetic.
"""

from shared.deadlines.deadline import Deadline, Status
from shared.deadlines.derivation import deadlines
from shared.deadlines.episodes import DISPATCHES
from shared.deadlines.escalation_ladder import DueRung, RungKind, first_risk, next_look, rungs_due, waits_until

__all__ = [
    "DISPATCHES",
    "Deadline",
    "DueRung",
    "RungKind",
    "Status",
    "deadlines",
    "first_risk",
    "next_look",
    "rungs_due",
    "waits_until",
]
