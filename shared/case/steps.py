"""The steps of a case: its facts without the nudges, of which a case may have thousands.

Commands, clocks and notifications look at the steps, so that what they cost does not grow with the nudges (docs/adr/0061).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 3, 2, tzinfo=UTC)
>>> facts = [Fact(name, None, version, now, now, "zj") for version, name in enumerate(("SignedFor", NUDGE, "Accepted"), 1)]
>>> [fact.name for fact in steps(Case(facts=tuple(facts)))]
['SignedFor', 'Accepted']
"""

from __future__ import annotations

from collections import OrderedDict

from shared.case.state import Case, Fact

NUDGE = "Nudged"
_SHORT = 64
"""Facts of a case for which remembering the steps costs more than it saves."""
_KEPT = 64
_known: OrderedDict[int, tuple[tuple[Fact, ...], tuple[Fact, ...]]] = OrderedDict()
"""id(facts) -> facts, steps. Facts are immutable; they are held, so that no other tuple gets their id."""


def steps(case: Case) -> tuple[Fact, ...]:
    """The facts of the case without the nudges, in their order."""
    facts = case.facts
    if len(facts) < _SHORT:
        return tuple([fact for fact in facts if fact[0] != NUDGE])
    known = _known.get(id(facts))
    if known is not None and known[0] is facts:
        return known[1]
    found = tuple([fact for fact in facts if fact[0] != NUDGE])
    _known[id(facts)] = (facts, found)
    if len(_known) > _KEPT:
        _known.popitem(last=False)
    return found
