"""Types of the fields of commands."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Predicate
from pydantic import AfterValidator, Field

from shared.kernel.text_normalization import identifier_form, is_empty

TEXT_LIMIT = 50_000
"""Characters of one free text. A longer complaint is added as material in parts."""


class NamesCase:
    """Marks a field that names another case which the decision needs. The caller resolves the reference that a person typed to
    a case id; the command handler loads the case."""


def has_content(text: str) -> bool:
    return not is_empty(text)


GivenCode = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$"), Predicate(has_content)]
"""A code, or words in its place, stored as given. Compare its identifier_form()."""
Code = Annotated[GivenCode, AfterValidator(identifier_form)]
"""A code in the form in which codes are compared: half-width, without invisible characters."""
Short = Annotated[str, Field(min_length=1, max_length=400)]
Stated = Annotated[Short, Predicate(has_content)]
"""A short text that proves or identifies something: one of which nothing is visible states nothing."""
FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT), Predicate(has_content)]
"""A text of which nothing is visible is none."""
CaseName = Annotated[str, Field(min_length=1, max_length=200), NamesCase()]
"""Id, number, or CHANNEL:ITEM of another case; always an id when the command is decided."""
