"""The profile of a jurisdiction: the values that rules use and no article fixes for all, each with its source.

A value with a `source` is set by the named law or local document. `own choice` marks a proposal of ours, which the deploying
authority confirms or replaces. `huiyin policy show` prints all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Document

OWN_CHOICE = "own choice"
Source = Annotated[str, Field(min_length=1, max_length=400)]


class Choice(Document):
    """A number and where it comes from."""

    value: int = Field(ge=0, le=3660)
    source: Source = OWN_CHOICE


class Permission(Document):
    """A yes or no and where it comes from."""

    value: bool
    source: Source = OWN_CHOICE


class Profile(Document):
    """The values of one jurisdiction. Periods of clocks are in the rules of the clocks, with their articles."""

    confirm_receipt_after_days: Choice = Choice(value=60)
    """A live filing that was received longer ago is registered, and a second person confirms its date."""
    representatives: Choice = Choice(value=5, source="《信访工作条例》第二十条第三款 (Regulation Art. 20 ¶3)")
    """Representatives of a joint filing, at most."""
    extensions: Choice = Choice(value=1)
    """How often the period of one handling is extended, at most. How long: `extension.cap_days` of the clock."""
    bar_after_lapse: Permission = Permission(value=False)
    """Whether a period for review that lapsed bars a later request. Needs a local source; the Regulation has none."""

    @model_validator(mode="after")
    def _bar_has_a_source(self) -> Self:
        if self.bar_after_lapse.value and self.bar_after_lapse.source == OWN_CHOICE:
            raise WrongValue(
                "bar_after_lapse needs the source that bars a late request; the Regulation does not",
                "bar_after_lapse 须注明依据（source）；《信访工作条例》没有此项规定。",
            )
        return self

    def values(self) -> Iterator[tuple[str, int | bool, str]]:
        """(name, value, source) of each, in the order of the fields."""
        for name in type(self).model_fields:
            found: Choice | Permission = getattr(self, name)
            yield name, found.value, found.source
