"""Types and checks that routing's rules share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.access import Role
from shared.case import Case
from shared.commands import DESK, Code, FreeText, Given
from shared.policy.book import PolicyBook
from shared.policy.documents import Organisation
from shared.refusals import Denied, Invalid

__all__ = ["DESK", "HANDLERS", "Basis", "Code", "FreeText", "organisation", "own"]

HANDLERS: tuple[Role, ...] = ("organisation", "clerk")
Basis = Annotated[str, Field(min_length=1, max_length=200)]


def own(case: Case, given: Given) -> str:
    """The responsible organisation, which must be the acting one, or have forwarded the case down to it: what a subordinate
    does counts for the one that stays accountable. An assisting one sees the case but does not decide."""
    if case.org is None or given.org not in case.handlers:
        raise Denied(
            "not_your_case",
            "Only the responsible organisation may do this.",
            why_zh="只有主办单位可以执行该操作。",
        )
    return case.org


def organisation(book: PolicyBook, code: str, field: str) -> Organisation:
    """The organisation of that code. Raises Invalid, naming `field`."""
    found = book.organisation(code)
    if found is None:
        raise Invalid(
            "unknown_organisation",
            "This organisation is not in the policy of the jurisdiction.",
            why_zh="该单位不在本辖区的单位目录中。",
            field=field,
        )
    return found
