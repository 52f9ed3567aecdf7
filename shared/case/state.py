"""The state of one case: the fields that decisions and views need, and no personal data."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, NamedTuple

from shared.eventstore.recorded_event import Origin
from shared.kernel.legal_time import LegalTime

STREAM = "case/"
_EVALUATED = "EvaluationSubmitted"
_REDONE = (("RedoOrdered", None), ("ReviewOpinionIssued", "redo"))
"""The events that order a case to be handled again: (type, its kind where that matters)."""

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
    "led_into",
)
FINAL_STATES = ("closed", "concluded", "barred", "withdrawn", "voided")
STATES = (*OPEN_STATES, *FINAL_STATES)


class Fact(NamedTuple):
    """An event as far as deadline rules use it: policies start and end clocks on facts."""

    name: str
    """Event type."""
    kind: str | None
    """The distinction that the event makes: the kind of a notice, the result of a decision."""
    version: int
    effective_at: LegalTime
    recorded_at: datetime
    org: str | None
    due: LegalTime | None = None
    """A date that the assigning organisation set."""
    days: int = 0
    """Days granted by an extension."""
    since: LegalTime | None = None
    """The beginning of something that lasted until `due`, such as a hearing."""
    by: str | None = None
    """The organisation whose key recorded it, or corrected its date; None: a petitioner, or the system itself."""
    history: bool = False
    """Imported: the date is the source's."""
    dated: datetime | None = None
    """When the present date was recorded, where that was corrected later; None: with the event."""
    vouched: bool = False
    """An office outside the unit that had the duty confirmed the date."""


class PendingWithdrawal(NamedTuple):
    """A request to withdraw that has not taken effect."""

    party: str
    version: int
    """Version of the request."""
    effective_on: LegalTime
    word: str | None
    by: str | None
    """The organisation that recorded it; None for the petitioner's own request."""
    confirmed_at: LegalTime | None = None
    asker: str = ""
    """The principal that recorded it, who never confirms it."""
    asker_person: str | None = None
    """Staff code of that person, who does not confirm it with another key either."""


class Rung(NamedTuple):
    """A step of the escalation ladder that a clock has reached; each happens once."""

    clock: str
    episode: int
    rung: str


class Unread(NamedTuple):
    """A document that was served electronically, and whose receipt is not on record."""

    document: str
    """reply, opinion or notice."""
    version: int
    """Version of the event of the service."""
    since: LegalTime


class IssuedNotice(NamedTuple):
    """A notice that was issued as a document."""

    kind: str
    number: str
    seq: int
    year: int
    office: str
    version: int
    """Version of the event that issued it."""


class CaseFile(NamedTuple):
    """A file that was attached to the case."""

    blob: str
    version: int
    """Version of the event that attached it."""
    media_type: str
    size: int
    kind: str
    party: str | None
    """Whose it is; None: that of `org`."""
    org: str | None
    """The organisation whose key attached it."""
    original: str | None
    """The blob that it was made of, as a thumbnail or a redacted form."""
    form: str | None


class FailedService(NamedTuple):
    """An attempt to serve a document that did not reach the petitioner."""

    document: str
    mode: str
    version: int
    since: LegalTime


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
class Filing:
    """The filing: content codes, place and parties. Parties appear as codes; their names are sealed in the events."""

    channel: str = ""
    channel_class: str = ""
    platform: str | None = None
    filer: str = ""
    """Name of the principal that filed it (`Principal.name`). It gets its own answer again, whatever it may see now."""
    filer_person: str | None = None
    """Staff code of that person."""
    place: str | None = None
    subject: str | None = None
    level: str | None = None
    grid: str | None = None
    """The grid cell of the scanned QR code."""
    unclear: tuple[str, ...] = ()
    """What a person still has to look at: place, subject or qr that are not in the policy, a received_at of long ago."""
    class_: str | None = None
    urgency: str = "ordinary"
    path: int | None = None
    received_by: str | None = None
    anonymous: bool = False
    named: bool = False
    """A petitioner gave a name: an accusation is a real-name one."""
    confidential: bool = False
    parties: tuple[tuple[str, str], ...] = ()
    """(party, role)."""
    identities: tuple[int, ...] = ()
    """Versions of the events that hold the identity of a party."""
    representatives: tuple[str, ...] = ()
    code_generation: int = 0
    """Generation of the query code. A code of an earlier one opens nothing."""
    filed_at: LegalTime | None = None
    ranked_at: LegalTime | None = None
    """`filed_at` as it was registered. No correction changes it, so the order of two cases never changes."""


@dataclass(frozen=True)
class Accusation:
    """Whether the case is an accusation, or suspected to be one, and against whom (Art. 30)."""

    sealed: bool = False
    """True for an accusation and while one is suspected: no list of another organisation shows the case."""
    suspected: str | None = None
    """The keyword rule that suspects an accusation. The case is sealed until a person has decided."""
    cleared: bool = False
    """A person decided that it is no accusation; keyword rules are not applied again."""
    accused: tuple[str, ...] = ()
    examined: bool = False
    """An event of the case is about the suspicion, which only the petition office sees."""
    named: tuple[str, ...] = ()
    """Organisations that the words about a respondent name. While the case is sealed, nobody of them sees it."""
    public_office: bool = False
    """The filing complains of an organisation of the policy, its staff, or a holder of a public post."""


@dataclass(frozen=True)
class Assignment:
    """Which organisation is responsible, and how the case reached it."""

    org: str | None = None
    """The responsible organisation; there is at most one."""
    assist: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    """Subordinates that it was forwarded to, one below the other. The last one handles it, `org` remains accountable."""
    past_orgs: tuple[str, ...] = ()
    assigned: bool = False
    """交办: assigned with a demand for a closing report."""
    rule: str | None = None
    hops: int = 0
    objections: int = 0
    """How often an organisation asked to return it."""
    final_ruling: bool = False
    delivered: bool = False
    delivered_seq: int | None = None
    signed_before_return: bool = False
    queue_reason: str | None = None
    """Why it waits for a person to dispatch it."""
    clerks: tuple[tuple[str, str], ...] = ()
    """(unit, staff code): who handles the case in each unit that named somebody."""

    def clerk_of(self, org: str | None) -> str | None:
        """The staff code of the clerk of that unit."""
        return dict(self.clerks).get(org) if org is not None else None


@dataclass(frozen=True)
class HandlingProgress:
    """The handling by the responsible organisation."""

    notice: str | None = None
    accepted_at: LegalTime | None = None
    report_required: bool = False
    report_filed: bool = False
    result: str | None = None
    replied_at: LegalTime | None = None
    replies: int = 0
    executed: bool = False
    extension_asked: int | None = None
    extension_asker: str | None = None
    extension_person: str | None = None
    """Staff code of the person who asked for it."""
    extension_days: int = 0
    right_stated: bool | None = None
    """Whether the decision states the right to a review, the body and the days; None: no decision, or not known."""
    guided_from: str | None = None
    """The state in which it was guided or led into a procedure; a declaration of no competence leads back there."""
    path_before: int | None = None
    """The path before that."""


class AskedOfPetitioner(NamedTuple):
    """Questions to the petitioner."""

    version: int
    """Of the event with the questions, which are sealed."""
    asked_at: LegalTime
    questions: int
    """Number of questions."""
    answered_at: LegalTime | None = None


@dataclass(frozen=True)
class Service:
    """The service of documents on the petitioner (送达), and what the petitioner has received."""

    electronic: bool = False
    """The petitioner confirmed an electronic address (送达地址确认)."""
    code_issued_by: str = "staff"
    """`own`: no member of staff has had the query code in hand, so that reading with it is the petitioner's own act."""
    unread: tuple[Unread, ...] = ()
    reminded: tuple[int, ...] = ()
    """Versions of the services of which the petitioner was reminded."""
    read: tuple[tuple[int, str], ...] = ()
    """(version of the event with the text, code_issued_by) of each document that was opened."""
    reply_received: bool = False
    opinion_received: bool = False
    asked: tuple[AskedOfPetitioner, ...] = ()
    """The questions to the petitioner. No clock stops while one is open (Art. 22 to 36 name no such stop)."""
    failed: tuple[FailedService, ...] = ()
    """Attempts after which the document was not served yet."""
    undone: tuple[int, ...] = ()
    """Versions of electronic services that did not arrive: clocks run as if they had never happened."""


@dataclass(frozen=True)
class Evaluation:
    """The evaluation by the petitioner, and the follow-up."""

    invited: tuple[str, ...] = ()
    grades: tuple[tuple[str, str], ...] = ()
    """(object, grade), the last grade of each object."""
    words: tuple[tuple[str, str], ...] = ()
    """(object, whose word the last grade is): a `Word`, or `code_with_staff` for an own hand that proves nothing."""
    followed_up: bool = False
    follow_up_satisfied: bool | None = None
    confirmed_by: str | None = None
    """The third unit to which the petitioner said that the matter is resolved."""


class BeforeReview(NamedTuple):
    """Where a case stood when a review was requested late; it returns there if the request is not accepted."""

    state: str
    closed_as: str | None
    closed_at: LegalTime | None


@dataclass(frozen=True)
class Review:
    """Review (复查) and re-review (复核) of the decision (Art. 35, 36)."""

    reviewer: str | None = None
    """The body that reviews or re-reviews; None until one is named."""
    reviewed_by: str | None = None
    """The body whose review opinion is valid: it does not re-review."""
    accepted: bool = False
    result: str | None = None
    late: bool = False
    """Requested after its period with a reason, on which the review body decides first."""
    chosen: str | None = None
    """The body that the petitioner chose for this request."""
    before: BeforeReview | None = None


@dataclass(frozen=True)
class Closure:
    """How and when the case ended."""

    kind: str | None = None
    closed_at: LegalTime | None = None


@dataclass(frozen=True)
class Withdrawals:
    """Requests to withdraw, and the petitioners of a joint filing who have left it."""

    pending: tuple[PendingWithdrawal, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matter:
    """Links to other cases of the same matter."""

    lead: str | None = None
    """The older case of the same matter that this one follows. The matter is handled there; this case has no organisation."""
    lead_kind: str | None = None
    related: tuple[str, ...] = ()
    """Cases that it refers to without following them."""
    awaits: str | None = None
    """The case that the source names as its original, which was not known when the filing was imported."""
    awaits_kind: str | None = None


@dataclass(frozen=True)
class Supervision:
    """Nudges, redo orders and the steps of supervision (督办)."""

    stage: str = "none"
    """none, reminded, urged or supervised: the step that the present organisation has reached."""
    since: LegalTime | None = None
    """Since when `stage` has its value."""
    nudges: int = 0
    """Days on which the petitioner asked about the progress."""
    nudged_at: LegalTime | None = None
    """When it was counted last."""
    nudge_runs: tuple[tuple[int, int], ...] = ()
    """(first, last) version of each run of nudges without another event in between: what readers of a long case leave out."""
    nudges_joined: tuple[tuple[int, int], ...] = ()
    """(version of the counted nudge, times that the petitioner asked that day), for the days on which it was more than once."""
    redos: int = 0


@dataclass(frozen=True)
class Case:
    """State of one case after `version` events. All times are legal times unless the name says otherwise."""

    id: str = ""
    version: int = 0
    acted: int = 0
    """Version of the last event that the ticker did not write; `expected_version` of a command is compared with it."""
    newer: str | None = None
    """The type of an event that a newer release wrote into the stream: the case is read-only here."""
    jurisdiction: str = ""
    origin: Origin = "live"
    live_from: datetime | None = None
    """For an imported case: since when it is handled here. Rungs before this never fire."""
    number: str = ""
    state: str = ""
    moved_at: LegalTime | None = None
    """Legal time of the event that moved the state last."""
    registered_at: datetime | None = None
    """When it was recorded here."""
    last_recorded: datetime | None = None
    filing: Filing = Filing()
    accusation: Accusation = Accusation()
    assignment: Assignment = Assignment()
    handling: HandlingProgress = HandlingProgress()
    service: Service = Service()
    evaluation: Evaluation = Evaluation()
    review: Review = Review()
    closure: Closure = Closure()
    withdrawals: Withdrawals = Withdrawals()
    matter: Matter = Matter()
    supervision: Supervision = Supervision()
    facts: tuple[Fact, ...] = ()
    rungs: frozenset[Rung] = frozenset()
    lifted: frozenset[tuple[str, int]] = frozenset()
    voided_rungs: int = 0
    """Number of times that rungs were voided. A rung that is recorded again has another cause."""
    corrections: tuple[Correction, ...] = ()
    notices: tuple[IssuedNotice, ...] = ()
    files: tuple[CaseFile, ...] = ()

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def concluded(self) -> bool:
        """终结: no further request on the same facts and reasons is handled (Art. 36 ¶3)."""
        last = next((fact.name for fact in reversed(self.facts) if fact.name in ("Concluded", "CaseReopened")), None)
        return last == "Concluded"

    @property
    def live(self) -> bool:
        """True if it is handled here: filed live, or imported and then taken over."""
        return self.origin == "live" or self.live_from is not None

    @property
    def stream(self) -> str:
        return STREAM + self.id

    def grade(self, object_: str) -> str | None:
        return next((grade for about, grade in self.evaluation.grades if about == object_), None)

    def grade_now(self, object_: str) -> str | None:
        """The last grade of `object_`, unless the matter was ordered to be handled again after it."""
        redone = (
            fact.version
            for fact in self.facts
            for name, kind in _REDONE
            if fact.name == name and kind in (None, fact.kind)
        )
        since = max(redone, default=0)
        given = any(fact.version > since for fact in self.facts if (fact.name, fact.kind) == (_EVALUATED, object_))
        return self.grade(object_) if given else None

    def word(self, object_: str) -> str | None:
        """Whose word the last grade of `object_` is."""
        return next((word for about, word in self.evaluation.words if about == object_), None)

    @property
    def petitioners(self) -> tuple[str, ...]:
        """The parties that filed, except those who have left a joint filing; `p1` where none is recorded."""
        filed = [party for party, role in self.filing.parties if role in ("petitioner", "co_petitioner")]
        return tuple(party for party in filed or ["p1"] if party not in self.withdrawals.gone)

    @property
    def handlers(self) -> tuple[str, ...]:
        """The responsible organisation and the subordinates that it was forwarded to."""
        return () if self.assignment.org is None else (self.assignment.org, *self.assignment.forwarded)

    def fact(self, name: str) -> Fact | None:
        """The last fact of that name."""
        return next((fact for fact in reversed(self.facts) if fact.name == name), None)


EMPTY = Case()
GROUPS = frozenset(field.name for field in fields(Case) if is_dataclass(field.default))
"""The fields of a case that are groups of fields themselves."""


def calmed(case: Case) -> dict[str, Any]:
    """Reset reminding and urging, once the duty is met or another organisation has the case. Supervision (督办) remains until it is
    closed."""
    return {"supervision": {"stage": "none", "since": None}} if case.supervision.stage in ("reminded", "urged") else {}


def past(case: Case) -> tuple[str, ...]:
    """`past_orgs` after the present organisation has given up the case."""
    org, past_orgs = case.assignment.org, case.assignment.past_orgs
    return past_orgs if org is None or org in past_orgs else (*past_orgs, org)


def let_go(case: Case) -> dict[str, Any]:
    """The fields of `assignment` once no organisation has or assists with the case any more, and a ruling that named one has been
    applied."""
    return {"past_orgs": past(case), "org": None, "forwarded": (), "assist": (), "final_ruling": False}


def sealed_code(case: Case, class_: str | None) -> dict[str, Any]:
    """The fields of `filing` by which the query code of a case that becomes an accusation is renewed, so that a code that was
    fetched for the ordinary case gives no access to the accusation. A filing that is an accusation from the beginning keeps
    its code."""
    if class_ != "accusation" or case.filing.class_ == "accusation":
        return {}
    return {"code_generation": case.filing.code_generation + 1}


def begun_again(case: Case) -> dict[str, Any]:
    """Handling begins again, by order or by a review: earlier results no longer count."""
    changes = unanswered()
    changes["service"]["unread"] = tuple(one for one in case.service.unread if one.document == "notice")
    return {
        **changes,
        "supervision": {"redos": case.supervision.redos + 1},
        "closure": {"kind": None, "closed_at": None},
    }


def unanswered() -> dict[str, Any]:
    """Handling has no result yet."""
    return {
        "handling": {
            "result": None,
            "executed": False,
            "report_filed": False,
            "extension_asked": None,
            "extension_asker": None,
            "extension_person": None,
            "right_stated": None,
        },
        "service": {"reply_received": False},
        "evaluation": {"followed_up": False, "follow_up_satisfied": None, "confirmed_by": None, "invited": ()},
    }
