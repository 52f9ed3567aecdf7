"""A case: one append-only stream of events, and the state that they fold to."""

from shared.case import evolve_department, evolve_intake, evolve_notices, evolve_routing, evolve_supervision  # noqa: F401  # registered
from shared.case.as_of import cut
from shared.case.evolve import MOVES, evolve
from shared.case.fast_fold import fold
from shared.case.late_history import LATE as LATE
from shared.case.matter import head_of, line_of, older
from shared.case.state import (
    EMPTY,
    FINAL_STATES,
    OPEN_STATES,
    STATES,
    STREAM,
    Case,
    CaseFile,
    Correction,
    Fact,
    IssuedNotice,
    PendingWithdrawal,
    Rung,
    Unread,
)
from shared.case.steps import steps

__all__ = [
    "EMPTY",
    "FINAL_STATES",
    "LATE",
    "MOVES",
    "OPEN_STATES",
    "STATES",
    "STREAM",
    "Case",
    "CaseFile",
    "Correction",
    "Fact",
    "IssuedNotice",
    "PendingWithdrawal",
    "Rung",
    "Unread",
    "cut",
    "evolve",
    "fold",
    "head_of",
    "line_of",
    "older",
    "steps",
]
