"""A refusal as stored in an event. Repeated deliveries of the same record get the same refusal."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FieldProblem(BaseModel):
    """One wrong field. The message never contains the value."""

    model_config = ConfigDict(frozen=True)

    field: str
    problem: str
    problem_zh: str | None = None


class Refusal(BaseModel):
    """The reason for a refused record, with the fields of an HTTP problem answer."""

    model_config = ConfigDict(frozen=True)

    status: int
    code: str
    why: str
    why_zh: str
    field: str | None = None
    errors: tuple[FieldProblem, ...] = ()
