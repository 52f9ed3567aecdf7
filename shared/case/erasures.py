"""Requests for the erasure of a party's personal data (PIPL Art. 47, 50), as the facts of a case tell them."""

from __future__ import annotations

from shared.case.state import Case, Fact

_DECIDED = ("ErasureDeclined", "PartyErased")


def undecided_erasure(case: Case, party: str | None = None) -> Fact | None:
    """The oldest request for erasure that is not decided; None if there is none.

    Args:
        party: the party whose request is meant; None: any.
    """
    waiting: dict[str | None, Fact] = {}
    for fact in case.facts:
        if fact.name == "ErasureRequested":
            waiting.setdefault(fact.kind, fact)
        elif fact.name in _DECIDED:
            waiting.pop(fact.kind, None)
    if party is not None:
        return waiting.get(party)
    return min(waiting.values(), key=lambda fact: fact.version, default=None)
