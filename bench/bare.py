"""Bare decoding: what pydantic alone takes to read the same bytes into an equivalent model. The measure of speed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, TypeAdapter, create_model

from shared.events import REGISTRY
from shared.events.fields import Moment


class BareActor(BaseModel):
    model_config = ConfigDict(frozen=True)

    org: str | None
    role: str
    ref: str


class BareEnvelope(BaseModel):
    """The fields of `shared.eventstore.recorded_event.Recorded`; `type` and `body` come with each event. `effective_at` keeps its
    precision, an instant or a date, which pydantic's own `datetime | date` does not."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    stream: str
    version: int
    schema_: int = Field(alias="schema")
    jurisdiction: str
    effective_at: Moment
    recorded_at: datetime
    origin: Literal["live", "history"]
    actor: BareActor
    cause: str
    request: str | None = None
    correlation: str | None = None
    policy: str | None = None
    sealed: tuple[dict[str, str], ...]


@cache
def reader() -> TypeAdapter[Any]:
    """Every event type has its own envelope, told apart by `type`."""
    make: Any = create_model
    models = [
        make(f"Bare{kind}", __base__=BareEnvelope, type=(Literal[kind], ...), body=(model, ...))
        for kind, model in REGISTRY.items()
    ]
    any_of: Any = Annotated[reduce(or_, models), Discriminator("type")]
    return TypeAdapter(any_of)


def read_all(events: Iterable[bytes]) -> int:
    """Decode every event; returns how many there were."""
    read = reader().validate_json
    return sum(1 for data in events if read(data) is not None)
