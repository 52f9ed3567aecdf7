"""A refusal as it stands in an event: somebody was told no, and will be told the same for ever."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FieldProblem(BaseModel):
    """One field that is wrong, in words that never hold its value."""

    model_config = ConfigDict(frozen=True)

    field: str
    problem: str
    problem_zh: str | None = None


class Refusal(BaseModel):
    """Why a record was refused, as HTTP says it."""

    model_config = ConfigDict(frozen=True)

    status: int
    code: str
    why: str
    why_zh: str
    field: str | None = None
    errors: tuple[FieldProblem, ...] = ()
