"""Types and checks that routing's rules share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.access import Role
from shared.case import Case
from shared.commands import Given
from shared.refusals import Denied

HANDLERS: tuple[Role, ...] = ("organisation", "clerk")
DESK: tuple[Role, ...] = ("registrar",)
TEXT_LIMIT = 50_000

Code = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Basis = Annotated[str, Field(min_length=1, max_length=200)]
FreeText = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


def own(case: Case, given: Given) -> str:
    """The acting organisation, which must be the responsible one. An assisting one sees the case but does not decide."""
    if case.org is None or given.org != case.org:
        raise Denied(
            "not_your_case",
            "Only the responsible organisation may do this.",
            why_zh="只有主办单位可以执行该操作。",
        )
    return case.org
