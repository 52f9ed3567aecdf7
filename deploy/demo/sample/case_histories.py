"""The case histories of the sample: which steps happen to how many complaints, and when."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from deploy.demo.sample.data_files import read_data

Days = tuple[int, int]
"""A number of days, from and to, both included."""


class Step(BaseModel):
    """One step of a history; case_histories.yaml explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    after: Days
    body: dict[str, Any] = {}
    chance: float = 1.0


class CaseHistory(BaseModel):
    """A history that `cases` complaints have; case_histories.yaml explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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


class CaseHistories(NamedTuple):
    """The content of case_histories.yaml."""

    all: tuple[CaseHistory, ...]
    late: tuple[tuple[str, Days], ...]
    late_share: float


@cache
def case_histories() -> CaseHistories:
    """Read case_histories.yaml and put the steps in place of their names."""
    data = read_data("case_histories.yaml")

    def steps(entries: list[Any], **changes: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for entry in entries:
            own = {"use": entry} if isinstance(entry, str) else dict(entry)
            named = data["steps"][own.pop("use")]
            own |= changes
            found += steps(named, **own) if isinstance(named, list) else [named | own]
        return found

    return CaseHistories(
        tuple(CaseHistory.model_validate(one | {"steps": steps(one["steps"])}) for one in data["histories"]),
        tuple((type_, (first, last)) for type_, (first, last) in data["late"].items()),
        data["late_share"],
    )
