"""Types and checks that routing's rules share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.access import Role
from shared.case import Case
from shared.commands import DESK, Code, FreeText, Given
from shared.policy.book import PolicyBook
from shared.policy.documents import Organisation
from shared.refusals import Denied, Invalid, Refused
from shared.times import When, day_of

__all__ = [
    "DESK",
    "HANDLERS",
    "Basis",
    "Code",
    "FreeText",
    "fit",
    "no_sealed_organ",
    "organisation",
    "own",
    "said_otherwise",
    "same_day",
]

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


def said_otherwise(field: str) -> Refused:
    """Of a step that stands already, and differently: nothing to do would hide that."""
    return Refused(
        "recorded_otherwise",
        "This was recorded before and says otherwise there; nothing is overwritten. A wrong date is mended with correct.",
        why_zh="该步骤此前已登记，内容与此不同，不会覆盖。日期有误的，请用更正（correct）办理。",
        field=field,
    )


def same_day(given: Given, recorded: When) -> bool:
    """Does the command name no other day than the one that is recorded?"""
    return given.at == given.now or day_of(given.at, given.book.zone) == day_of(recorded, given.book.zone)


def fit(case: Case, book: PolicyBook, code: str, field: str) -> None:
    """May this organisation have the case at all? Raises Refused for who is complained of, and, of an accusation, for whoever
    is not marked for them (Art. 30)."""
    if code in case.accused:
        raise Refused(
            "is_the_respondent",
            "This organisation is the one complained of and never sees the case; choose another one.",
            why_zh="该单位是被反映单位，不得转送。",
            field=field,
        )
    if case.sealed_track and not book.takes_accusations(code):
        raise no_sealed_organ(field)


def no_sealed_organ(field: str) -> Refused:
    return Refused(
        "accusation_needs_sealed_organ",
        "An accusation goes only to an organisation marked for them that is not the respondent (Art. 30).",
        why_zh="检举控告只能转送有权处理且非被反映人的机关。",
        field=field,
    )


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
