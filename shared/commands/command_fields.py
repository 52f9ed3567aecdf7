"""Types of the fields of commands."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Predicate
from pydantic import Field

TEXT_LIMIT = 50_000
"""Characters of one free text. A longer complaint is added as material in parts."""


class NamesCase:
    """Marks a field that names another case which the decision needs. The caller resolves the reference that a person typed to
    a case id; the command handler loads the case."""


Code = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Short = Annotated[str, Field(min_length=1, max_length=400)]
FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT), Predicate(str.strip)]
"""A text that consists of blanks is none."""
CaseName = Annotated[str, Field(min_length=1, max_length=200), NamesCase()]
"""Id, number, or CHANNEL:ITEM of another case; always an id when the command is decided."""
