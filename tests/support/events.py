"""Hypothesis strategies and examples of event bodies, made from the models themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from shared.events.base import Event
from shared.events.fields import Moment

WORDS = st.sampled_from(["zj", "dh", "01", "甲", "2026-03-01"])
MOMENTS = st.sampled_from([datetime(2026, 3, 1, 8, tzinfo=UTC), date(2026, 3, 5)])


def of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of one annotation as it is used in event models."""
    if annotation == Moment or annotation in (datetime, date) or annotation == (datetime | date):
        return MOMENTS
    origin = get_origin(annotation)
    if origin is Annotated:
        return of(get_args(annotation)[0]) if annotation != Moment else MOMENTS
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if origin is tuple:
        return st.lists(of(get_args(annotation)[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.just({})
    options = get_args(annotation)
    if origin is Union or (options and NoneType in options):
        return st.one_of(*(of(option) for option in options))
    if annotation is NoneType:
        return st.none()
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(1, 6)
    if annotation is str:
        return WORDS
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return st.builds(annotation, **fields(annotation))
    raise TypeError(f"no strategy for {annotation}")


def fields(model: type[BaseModel]) -> dict[str, st.SearchStrategy[Any]]:
    return {
        name: MOMENTS if any("_parse_when" in repr(mark) for mark in field.metadata) else of(field.annotation)
        for name, field in model.model_fields.items()
    }


def bodies(model: type[Event]) -> st.SearchStrategy[Event]:
    """Any valid body of that type."""
    return st.builds(model, **fields(model))
