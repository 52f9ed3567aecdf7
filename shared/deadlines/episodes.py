"""The episodes of the clocks of a case: the facts that started, ended, extended and interrupted each."""

from __future__ import annotations

from shared.case import Case, Fact, steps
from shared.case.steps import NUDGE
from shared.kernel.legal_time import before
from shared.policy.deadline_rules import CANCEL, END, EXCLUDE, EXTEND, START, Clocks

DISPATCHES = frozenset({"CaseTransferred", "CaseAssigned", "CaseRoutedToSealedChannel", "JurisdictionRuled"})
"""Facts whose organisation becomes the responsible one."""


_GUIDED = "StatutoryPathGuided"
_VOID = "NotCompetentDeclared"


def _undone(facts: tuple[Fact, ...]) -> frozenset[int]:
    """Versions of the guidances that a declaration of no competence made void, and of the closings that rested on them: clocks run
    as if they had never happened."""
    if all(fact.name != _VOID for fact in facts):
        return frozenset()
    found: set[int] = set()
    resting: list[int] = []
    for fact in facts:
        if fact.name == _GUIDED:
            resting = [fact.version]
        elif fact.name == "CaseClosed" and resting:
            resting.append(fact.version)
        elif fact.name == _VOID:
            found.update(resting)
            resting = []
    return frozenset(found)


class Episode:
    """The time from one start fact to the next. Defaults are class attributes, since most episodes change only one of them."""

    end: Fact | None = None
    stopped: Fact | None = None
    extensions: tuple[Fact, ...] = ()
    replaced: tuple[tuple[Fact, bool], ...] = ()
    """What a later recorded end with an earlier date replaced, in the order of recording; True: an end, False: a stop."""
    excluded: tuple[Fact, ...] = ()
    """Facts of time that is not counted (hearings), from `since` to `due` of the fact."""

    def __init__(self, start: Fact) -> None:
        self.start = start


def episodes_of(case: Case, clocks: Clocks, zone: str) -> dict[int, list[Episode]]:
    """Index of a rule -> its episodes. Facts are in version order; one that was recorded late goes to its own episode."""
    actions = clocks.actions
    found: dict[int, list[Episode]] = {}
    responsible: str | None = None
    facts = case.facts if NUDGE in actions else steps(case)
    undone = _undone(facts).union(case.service.undone)
    for fact in facts:
        name = fact.name
        if fact.version in undone:
            continue
        if name in DISPATCHES:
            responsible = fact.org
        for index, role, kinds, must_be_responsible in actions.get(name, ()):
            if kinds and fact.kind not in kinds:
                continue
            episodes = found.get(index)
            if must_be_responsible and responsible is not None and fact.org != responsible:
                continue
            if role == START:
                _start(found, index, episodes, fact)
            elif episodes is not None:
                _happened(episodes, role, fact, zone, window=clocks.every[index].window)
    return found


def _start(found: dict[int, list[Episode]], index: int, episodes: list[Episode] | None, fact: Fact) -> None:
    if episodes is None:
        found[index] = [Episode(fact)]
        return
    last = episodes[-1]
    if last.start is fact:  # two triggers of one rule name the same event
        return
    if last.end is None and last.stopped is None:
        last.stopped = fact
    episodes.append(Episode(fact))


def _happened(episodes: list[Episode], role: int, fact: Fact, zone: str, *, window: bool) -> None:
    """A request uses the window that is open when it is recorded, also where it is dated before the window was opened."""
    episode = episodes[-1]
    if len(episodes) > 1 and not window and before(fact.effective_at, episode.start.effective_at, zone):
        episode = next(
            (old for old in reversed(episodes) if not before(fact.effective_at, old.start.effective_at, zone)), episode
        )
    if role == END:
        known = episode.end or episode.stopped
        if known is None or before(fact.effective_at, known.effective_at, zone):
            if known is not None:
                episode.replaced = (*episode.replaced, (known, episode.end is not None))
            episode.end = fact
            episode.stopped = None
    elif episode.end is not None or episode.stopped is not None:
        return
    elif role == CANCEL:
        episode.stopped = fact
    elif role == EXTEND:
        episode.extensions = (*episode.extensions, fact)
    elif role == EXCLUDE:
        episode.excluded = (*episode.excluded, fact)
