"""The fast version of `Model.model_validate` for bodies whose hash was checked.

Such a body was validated when it was written, so it is not validated again: this takes a tenth of the time. The event's slots
are set past pydantic's `frozen`, which takes half the time of `object.__setattr__`.
`tests/unit/shared/eventstore/test_fast_decode.py` checks that the result equals that of `model_validate`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.events.fields import WHEN
from shared.kernel.legal_time import from_text

M = TypeVar("M", bound=BaseModel)
_new = object.__new__
_set_values, _set_fields_set, _set_extra, _set_private = (
    BaseModel.__dict__[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def trusted_build(model: type[M]) -> Callable[[dict[str, Any]], M]:
    """The function that builds a `model` from the JSON value of one.

    Unknown fields are ignored and absent optional ones get their default. All objects of a model share one
    `model_fields_set`, that of all fields."""
    fields = set(model.model_fields)
    defaults = {name: field.get_default() for name, field in model.model_fields.items() if not field.is_required()}
    converters = tuple(
        (name, convert) for name, field in model.model_fields.items() if (convert := converter_of(field)) is not None
    )
    width = len(fields)

    def build(body: dict[str, Any]) -> M:
        values = defaults | body
        if len(values) > width:
            values = {name: value for name, value in values.items() if name in fields}
        for name, convert in converters:
            value = values.get(name)
            if value is not None:
                values[name] = convert(value)
        made = _new(model)
        _set_values(made, values)
        _set_fields_set(made, fields)
        _set_extra(made, None)
        _set_private(made, None)
        return made

    return build


def converter_of(field: FieldInfo) -> Callable[[Any], Any] | None:
    """JSON value -> value of the field for the few types that JSON cannot hold; None where the two are the same."""
    return _converter(field.annotation, field.metadata)


def _converter(annotation: Any, metadata: list[Any]) -> Callable[[Any], Any] | None:
    if WHEN in metadata:
        return from_text
    for option in (annotation, *get_args(annotation)):
        if get_origin(option) is tuple:
            item = get_args(option)[0]
            if isinstance(item, type) and issubclass(item, BaseModel):
                return lambda values: tuple(item.model_validate(value) for value in values)
            return tuple
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option.model_validate
        if option in (datetime, date):
            raise TypeError("use Moment for times in events")
        if get_origin(option) is Annotated:
            inner = _converter(get_args(option)[0], list(get_args(option)[1:]))
            if inner is not None:
                return inner
    return None
