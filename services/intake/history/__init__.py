"""History: cases from another system's export. Pure: (item, case) -> events.

A step that the export does not know is unknown: it is never invented. An item that comes again adds the steps that are
new and changes nothing else; what contradicts an earlier import is refused, with the field, and nothing is overwritten.
"""

from services.intake.history.case_of_row import (
    CAUSE,
    GO_LIVE,
    check_case,
    digest,
    go_live,
    organisation_code,
    other_organisation,
    register,
)
from services.intake.history.items import (
    CODE_LIMIT,
    SHORT_LIMIT,
    TEXT_LIMIT,
    DueCompared,
    DueResult,
    Filing,
    HistoryDue,
    HistoryItem,
    HistoryOrganisation,
    HistoryStep,
    ItemResult,
    Outcome,
)
from services.intake.history.step_types import STEPS, as_fact, body_of
from services.intake.history.steps import Run, in_order, in_runs, pending, runs, steps_cause, steps_digest, steps_fresh

__all__ = [
    "CAUSE", "CODE_LIMIT", "GO_LIVE", "SHORT_LIMIT", "STEPS", "TEXT_LIMIT", "DueCompared", "DueResult", "Filing",
    "HistoryDue", "HistoryItem", "HistoryOrganisation", "HistoryStep", "ItemResult", "Outcome", "Run", "as_fact", "body_of",
    "check_case", "digest", "go_live", "in_order", "in_runs", "organisation_code", "other_organisation", "pending", "register",
    "runs", "steps_cause", "steps_digest", "steps_fresh",
]  # fmt: skip
