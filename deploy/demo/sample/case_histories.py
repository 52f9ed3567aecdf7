"""The case histories of the sample: which steps happen to how many complaints, and when."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from shared.kernel import data_file

Days = tuple[int, int]
"""A number of days, from and to, both included."""


class Step(BaseModel, extra="forbid", frozen=True):
    """One step of a history; case_histories.yaml explains the fields."""

    type: str
    after: Days
    body: dict[str, Any] = {}
    chance: float = 1.0


class CaseHistory(BaseModel, extra="forbid", frozen=True):
    """A history that `cases` complaints have; case_histories.yaml explains the fields."""

    name: str
    state: str
    cases: int
    idle: Days
    kind: Literal["issue", "queued", "city", "consultation", "suggestion", "accusation", "litigation"] = "issue"
    path: int | None = 6
    window: bool = False
    traits: frozenset[Literal["postmark", "today", "anonymous", "confidential"]] = frozenset()
    steps: tuple[Step, ...]

    @property
    def class_(self) -> str | None:
        """The class of the cases; None while a registrar has still to classify them."""
        return {"issue": "claim", "queued": None, "city": None}.get(self.kind, self.kind)

    @property
    def types(self) -> frozenset[str]:
        return frozenset(step.type for step in self.steps)


class CaseHistories(BaseModel, extra="forbid", frozen=True):
    """The content of case_histories.yaml, with the steps in place of their names."""

    histories: tuple[CaseHistory, ...]
    late: dict[str, Days]
    late_share: float


@cache
def case_histories() -> CaseHistories:
    """Read case_histories.yaml."""
    data = data_file.load(Path(__file__).parent / "data" / "case_histories.yaml")
    named = data.pop("steps")

    def resolved(entries: list[Any], **changes: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for entry in entries:
            own = ({"use": entry} if isinstance(entry, str) else entry) | changes
            meant = named[own.pop("use")]
            found += resolved(meant, **own) if isinstance(meant, list) else [meant | own]
        return found

    for history in data["histories"]:
        history["steps"] = resolved(history["steps"])
    return CaseHistories.model_validate(data)
