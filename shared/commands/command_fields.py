"""Types of the fields of commands."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Predicate
from pydantic import AfterValidator, Field

from shared.kernel.text_normalization import identifier_form, is_empty, search_form
from shared.kernel.validation_messages import WrongValue

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
FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT), Predicate(has_content)]
"""A text of which nothing is visible is none."""
_NOTHING = frozenset(
    {"", "无", "略", "空", "没有", "暂无", "不详", "未知", "待定", "待补", "同上", "na", "none", "nil", "tbd"}
)
"""Search forms of what people write into a field that they cannot leave empty. Own choice."""


def _states_something(text: str) -> str:
    if search_form(text) in _NOTHING:
        raise WrongValue(
            "is needed in words: a sign, or a word such as none, states nothing",
            "须填写具体内容，不能只填符号或“无”“略”等。",
        )
    return text


STATES = AfterValidator(_states_something)
Stated = Annotated[Short, Predicate(has_content), STATES]
"""A short text that proves or identifies something."""
StatedCode = Annotated[Code, STATES]
StatedText = Annotated[FreeText, STATES]
CaseName = Annotated[str, Field(min_length=1, max_length=200), NamesCase()]
"""Id, number, or CHANNEL:ITEM of another case; always an id when the command is decided."""
