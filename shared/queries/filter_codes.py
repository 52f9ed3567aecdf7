"""Codes in the filters of a list that nothing has: a misspelt one gives an empty list, which says nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from shared.application.ports import Ports
from shared.application.response import Answer
from shared.commands.authorization import Principal
from shared.events.policy import Section
from shared.policy.book import PolicyBook
from shared.policy.near_codes import near_codes
from shared.queries.worklist import CasePage, ListFilter, cases

Kind = Literal["organisation", "place", "subject", "channel"]
_FILTERS: Mapping[str, Kind] = {
    "org": "organisation", "holder": "organisation", "place": "place", "subject": "subject", "channel": "channel"
}  # fmt: skip
_SECTIONS: Mapping[Kind, Section] = {
    "organisation": "organisations", "place": "places", "subject": "subjects", "channel": "channels"
}  # fmt: skip
_WORDS: Mapping[Kind, str] = {"organisation": "单位", "place": "属地", "subject": "事项", "channel": "渠道"}


class NearCode(Answer):
    """A code that is written like the given one."""

    code: str = Field(description="The code")
    name: str = Field(description="Its name in the policy")


class UnknownCode(Answer):
    """A code of a filter that neither the policy nor any case that you may see has."""

    field: str = Field(description="The filter")
    code: str = Field(description="unknown_organisation, unknown_place, unknown_subject or unknown_channel")
    detail: str = Field(description="What is wrong, as a sentence")
    detail_zh: str = Field(description="The same in Chinese")
    near: list[NearCode] = Field(description="Codes that are written alike, at most three")


class FilteredPage(CasePage):
    """One page of a list, and what is wrong with its filters."""

    unknown: list[UnknownCode] = Field([], description="Filters with a code that nothing has")


async def unknown_codes(ports: Ports, principal: Principal, wanted: ListFilter) -> list[UnknownCode]:
    """The filters of an empty list that explain why it is empty. A code that only imported cases have is known."""
    books = await ports.policies.all()
    own = books.get(principal.jurisdiction or "")
    found = []
    for field, kind in _FILTERS.items():
        code = getattr(wanted, field)
        if code is None:
            continue
        known = _listed([own] if own is not None else books.values(), kind)
        if code in known or (await cases(ports, principal, ListFilter(**{field: code}), None, 1)).cases:
            continue
        near = [NearCode(code=one, name=known[one]) for one in near_codes(code, known)]
        like = ", ".join(f"{one.code} {one.name}" for one in near)
        found.append(
            UnknownCode(
                field=field,
                code=f"unknown_{kind}",
                detail=f"No {kind} has the code given in {field}." + (f" Near ones: {like}." if near else ""),
                detail_zh=f"没有代码为所填值的{_WORDS[kind]}（{field}）。" + (f"相近的有：{like}。" if near else ""),
                near=near,
            )
        )
    return found


def _listed(books: Iterable[PolicyBook], kind: Kind) -> dict[str, str]:
    """Code -> name of everything of this kind that the policies have or had."""
    found: dict[str, str] = {}
    for book in books:
        found |= book.listed_names(_SECTIONS[kind])
    return found
