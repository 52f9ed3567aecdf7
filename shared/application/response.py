"""Base of all response models, and the fields that they share.

A response model is built from a domain value: `Model.built_from(case, book)` reads each field from the attribute of the same name,
or from the one that `validation_alias` names (`a.b` is a nested attribute).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.events.wording import event_words
from shared.kernel.legal_time import to_text
from shared.kernel.wording import state_words
from shared.policy.book import PolicyBook

TimeText = Annotated[str, BeforeValidator(to_text)]
"""Text of a legal time or an instant."""


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    @classmethod
    def built_from(cls, source: object, book: PolicyBook | None = None, /, **given: Any) -> Self:
        """The answer about `source`.

        Args:
            source: Value whose attributes give the fields.
            book: Policy that has the names of codes; needed for models with a `PolicyCode`.
            given: Fields that are not attributes of `source`.
        """
        values = {key: read(source) for key, read in _readers(cls).items() if key not in given}
        return cls.model_validate(values | given, context=book)


@cache
def _readers(model: type[Answer]) -> dict[str, Callable[[object], Any]]:
    keys = (str(field.validation_alias or name) for name, field in model.model_fields.items())
    return {key: attrgetter(key) for key in keys}


class Named(Answer):
    """A code of the policy with its display name."""

    code: str = Field(description="Stable code")
    name: str | None = Field(description="Name in the policy; null where it is not listed")


PolicyCode = Annotated[Named, BeforeValidator(lambda code, info: {"code": code, "name": info.context.names.get(code)})]
"""A code, published with the name that the policy in the validation context has for it."""
StateZh = Annotated[
    str,
    Field(validation_alias="state", description="State in Chinese"),
    BeforeValidator(lambda state: state_words(state).zh),
]
StateEn = Annotated[
    str,
    Field(validation_alias="state", description="State in English"),
    BeforeValidator(lambda state: state_words(state).en),
]
EventZh = Annotated[
    str, Field(validation_alias="type", description="In Chinese"), BeforeValidator(lambda type_: event_words(type_).zh)
]
EventEn = Annotated[
    str, Field(validation_alias="type", description="In English"), BeforeValidator(lambda type_: event_words(type_).en)
]


class LeadAnswer(Answer):
    """The case that leads a matter."""

    id: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    state: str = Field(description="State as a code")
    state_zh: StateZh
    state_en: StateEn
    org: PolicyCode | None = Field(
        validation_alias="assignment.org", description="The one organisation that is responsible for the matter"
    )
