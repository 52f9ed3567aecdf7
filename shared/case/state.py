"""The state of one case: only what decisions and views need; personal data never."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from shared.envelope import Origin
from shared.times import When

STREAM = "case/"
_EVALUATED = "EvaluationSubmitted"
_REDONE = (("RedoOrdered", None), ("ReviewOpinionIssued", "redo"))
"""What begins handling again: (type, its kind where that matters)."""

OPEN_STATES = (
    "registered",
    "dispatched",
    "signed",
    "return_requested",
    "returned",
    "disputed",
    "accepted",
    "handling",
    "decided",
    "replied",
    "in_review",
    "reviewed",
    "in_re_review",
    "redo_ordered",
    "not_accepted",
    "guided",
)
FINAL_STATES = ("closed", "concluded", "barred", "withdrawn", "voided")
STATES = (*OPEN_STATES, *FINAL_STATES)


class Fact(NamedTuple):
    """Something that happened, as far as clocks care: policies start and end clocks on these."""

    name: str
    """Event type."""
    kind: str | None
    """What the event itself distinguishes: the kind of a notice, the result of a decision."""
    version: int
    effective_at: When
    recorded_at: datetime
    org: str | None
    due: When | None = None
    """A date set by the assigner."""
    days: int = 0
    """Days granted by an extension."""
    since: When | None = None
    """Of something that lasted until `due` (a hearing): when it began."""


class Rung(NamedTuple):
    """A step of the ladder that a clock has reached; each happens once."""

    clock: str
    episode: int
    rung: str


class Correction(NamedTuple):
    version: int
    field: str
    of: int | None
    old: str | None
    new: str | None
    reason: str
    recorded_at: datetime
    ref: str


@dataclass(frozen=True)
class Case:
    """State of one case after `version` events. All times are legal times unless the name says otherwise."""

    id: str = ""
    version: int = 0
    acted: int = 0
    """Version of the last event that the ticker did not write: what a clerk's `expected_version` is compared with."""
    newer: str | None = None
    """A type of a newer release stands in the stream: read-only here."""
    jurisdiction: str = ""
    origin: Origin = "live"
    live_from: datetime | None = None
    """For history: since when it is worked on here. Rungs before this never fire."""
    number: str = ""
    channel: str = ""
    channel_class: str = ""
    platform: str | None = None
    place: str | None = None
    subject: str | None = None
    level: str | None = None
    grid: str | None = None
    """Cell of the grid where the scanned code hangs."""
    unclear: tuple[str, ...] = ()
    """place, subject: given, but not in the policy."""
    class_: str | None = None
    path: int | None = None
    received_by: str | None = None
    anonymous: bool = False
    confidential: bool = False
    sealed_track: bool = False
    """An accusation: it never shows in any list of another organisation (Art. 30)."""
    suspected: str | None = None
    """The keyword rule by which it may be an accusation; a person has not decided yet. Sealed meanwhile."""
    cleared: bool = False
    """A person found that it is no accusation: rules do not ask again."""
    accused: tuple[str, ...] = ()
    parties: tuple[tuple[str, str], ...] = ()
    """(party, role)."""
    representatives: tuple[str, ...] = ()
    state: str = ""
    moved_at: When | None = None
    """Legal time of the event that moved the state last."""
    filed_at: When | None = None
    ranked_at: When | None = None
    """`filed_at` as it was registered: no correction changes it, so that which of two cases is the older one never does."""
    registered_at: datetime | None = None
    """When it was recorded here."""
    last_recorded: datetime | None = None
    queue_reason: str | None = None
    org: str | None = None
    """The one responsible organisation."""
    assist: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    """Subordinates that it was forwarded down to, one below the other; the last has it in hand, `org` stays accountable."""
    past_orgs: tuple[str, ...] = ()
    assigned: bool = False
    """交办: a closing report is demanded."""
    report_required: bool = False
    report_filed: bool = False
    rule: str | None = None
    hops: int = 0
    objections: int = 0
    """How often an organisation asked to hand it back."""
    final_ruling: bool = False
    delivered: bool = False
    delivered_seq: int | None = None
    signed_before_return: bool = False
    notice: str | None = None
    accepted_at: When | None = None
    extension_asked: int | None = None
    extension_asker: str | None = None
    extension_days: int = 0
    result: str | None = None
    replied_at: When | None = None
    replies: int = 0
    executed: bool = False
    invited: tuple[str, ...] = ()
    evaluations: tuple[tuple[str, str], ...] = ()
    """(object, grade), the last one of each object."""
    followed_up: bool = False
    follow_up_satisfied: bool | None = None
    reviewer: str | None = None
    """The body that reviews or re-reviews; None while nobody was named."""
    reviewed_by: str | None = None
    """The body whose review opinion stands: it does not re-review."""
    review_accepted: bool = False
    review_result: str | None = None
    closure: str | None = None
    closed_at: When | None = None
    lead: str | None = None
    """The older case of the same matter that this one follows: it is handled there, and no organisation has it here."""
    lead_kind: str | None = None
    related: tuple[str, ...] = ()
    """Cases that it only refers to."""
    nudges: int = 0
    redos: int = 0
    supervision: str = "none"
    """none, reminded, urged, supervised: as far as the present organisation has come on the ladder of supervision."""
    supervision_at: When | None = None
    """Since when it stands there."""
    facts: tuple[Fact, ...] = ()
    rungs: frozenset[Rung] = frozenset()
    lifted: frozenset[tuple[str, int]] = frozenset()
    corrections: tuple[Correction, ...] = ()

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def concluded(self) -> bool:
        """终结: on the same facts and reasons nothing more is asked or handled (Art. 36 ¶3)."""
        last = next((fact.name for fact in reversed(self.facts) if fact.name in ("Concluded", "CaseReopened")), None)
        return last == "Concluded"

    @property
    def live(self) -> bool:
        """Worked on here: filed live, or imported and then taken over."""
        return self.origin == "live" or self.live_from is not None

    @property
    def stream(self) -> str:
        return STREAM + self.id

    def grade(self, object_: str) -> str | None:
        return next((grade for about, grade in self.evaluations if about == object_), None)

    def grade_now(self, object_: str) -> str | None:
        """The last grade, unless it was given before the matter was ordered to be handled again."""
        redone = (
            fact.version
            for fact in self.facts
            for name, kind in _REDONE
            if fact.name == name and kind in (None, fact.kind)
        )
        since = max(redone, default=0)
        given = any(fact.version > since for fact in self.facts if (fact.name, fact.kind) == (_EVALUATED, object_))
        return self.grade(object_) if given else None

    @property
    def handlers(self) -> tuple[str, ...]:
        """The responsible organisation and those below it that it was forwarded down to."""
        return () if self.org is None else (self.org, *self.forwarded)

    def fact(self, name: str) -> Fact | None:
        """The last fact of that name."""
        return next((fact for fact in reversed(self.facts) if fact.name == name), None)


EMPTY = Case()


def calmed(case: Case) -> dict[str, str | None]:
    """What is left of reminding and urging once the duty is met, or another organisation has the case: nothing. Supervision
    (督办) stays until it is closed."""
    return {"supervision": "none", "supervision_at": None} if case.supervision in ("reminded", "urged") else {}


def past(case: Case) -> tuple[str, ...]:
    """`past_orgs` once the present organisation has let go."""
    return case.past_orgs if case.org is None or case.org in case.past_orgs else (*case.past_orgs, case.org)


def let_go(case: Case) -> dict[str, Any]:
    """No organisation has it any more, none helps with it, and a ruling that named one has had its effect."""
    return {"past_orgs": past(case), "org": None, "forwarded": (), "assist": (), "final_ruling": False}


def begun_again(case: Case) -> dict[str, Any]:
    """Handling begins again, by order or by a review: what came of it so far is history."""
    return {"redos": case.redos + 1, "closure": None, "closed_at": None, **unanswered()}


def unanswered() -> dict[str, Any]:
    """Nothing has come of handling yet."""
    return {
        "result": None,
        "executed": False,
        "report_filed": False,
        "extension_asked": None,
        "extension_asker": None,
        "followed_up": False,
        "follow_up_satisfied": None,
        "invited": (),
    }
