"""Acts that were recorded after a due date and dated before it: which of them count, and which wait for a confirmation.

A statement of the unit that had the duty does not remove a breach. Its late record counts as late until the petition office
confirms the date, or where the petition office had the duty, a unit above it (`PolicyBook.may_confirm_date`). Likewise nothing
that is reported later shortens a delay that is known already; from a source of history it never does.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.case import Fact
from shared.deadlines.episodes import Episode
from shared.kernel.legal_time import before
from shared.policy.book import PolicyBook


class Bearer(NamedTuple):
    """The unit that has a duty, by the policy of its jurisdiction. `org` None: unknown."""

    org: str | None
    book: PolicyBook
    zone: str

    def trusts(self, fact: Fact) -> bool:
        """True if the date is not the bearer's own word: confirmed, recorded by the petitioner, the system or an office that may
        confirm it, or first reported by a source of history."""
        if fact.vouched or fact.by is None or (fact.history and fact.dated is None):
            return True
        return self.book.may_confirm_date(self.org, fact.by)

    def counts(self, fact: Fact, due: datetime) -> bool:
        """True unless the fact was recorded after `due` with an earlier date that has not been confirmed."""
        if (fact.dated or fact.recorded_at) <= due or before(due, fact.effective_at, self.zone):
            return True
        return self.trusts(fact)


class Outcome(NamedTuple):
    """How an episode ended."""

    end: Fact | None
    stopped: Fact | None
    unconfirmed: tuple[Fact, ...] = ()


def outcome_of(episode: Episode, due: datetime, bearer: Bearer) -> Outcome:
    """The fact that ended the episode: the earliest one that counts, otherwise the one that was recorded first."""
    last = episode.end or episode.stopped
    if last is None:
        return Outcome(None, None)
    if not episode.replaced:
        return Outcome(episode.end, episode.stopped, () if bearer.counts(last, due) else (last,))
    known = [*episode.replaced, (last, episode.end is not None)]
    rejected: list[Fact] = []
    for place in range(len(known) - 1, -1, -1):  # the later recorded, the earlier dated
        fact, ends = known[place]
        delayed = any(before(due, earlier.effective_at, bearer.zone) for earlier, _ in known[:place])
        if bearer.counts(fact, due) and not (delayed and not _vouched(fact, bearer)):
            return Outcome(fact if ends else None, None if ends else fact, tuple(rejected))
        rejected.append(fact)
    fact, ends = known[0]
    return Outcome(fact if ends else None, None if ends else fact, tuple(rejected))


def _vouched(fact: Fact, bearer: Bearer) -> bool:
    """True if the fact may shorten a delay that is known: a later report of the source may not."""
    return fact.vouched or (bearer.trusts(fact) and not fact.history)
