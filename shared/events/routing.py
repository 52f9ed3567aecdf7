"""Routing's own acts: class, destination, delivery, returns and disputes, and what each organisation was told."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Class, Event, Identity, Moment, Service, Text
from shared.events.refusal import Refusal

OutboxKind = Literal[
    "assigned",
    "withdrawn",
    "returned",
    "return_refused",
    "ruled",
    "material_added",
    "nudged",
    "deadline_changed",
    "at_risk",
    "reminded",
    "urged",
    "extension_granted",
    "extension_refused",
    "redo_ordered",
    "corrected",
    "joined",
    "evaluated",
    "closed",
    "outcome",
    "forwarded",
    "handed_back",
    "review_requested",
    "opinion_issued",
]


class _Routing(Event):
    owner: ClassVar[Service] = "routing"


class CaseClassified(_Routing):
    """Class and, for claims, the statutory path 1 to 6 (Art. 31). `by` says whether a rule or a person chose; `rule` is
    the keyword rule that knew the subject (PIPL Art. 24: a decision by a machine says why)."""

    class_: Class | None = None
    """None: only the subject was classified."""
    path: int | None = None
    subject: str | None = None
    by: Literal["rule", "person", "submitter"] = "rule"
    rule: str | None = None
    reason: Text = None


class AccusationSuspected(_Routing):
    """A keyword rule says that this may be an accusation (Art. 30): it is sealed until a person has decided."""

    rule: str


class AccusationConfirmed(_Routing):
    """A person read it: it is an accusation (Art. 30), and this is whom it is about."""

    author: ClassVar[str | None] = "r1"
    respondent_org: str | None = None
    name: Identity = None


class SuspicionCleared(_Routing):
    """A person read it: it is no accusation, and goes the ordinary way."""

    reason: Text = None


class QueuedForDispatch(_Routing):
    """No rule names an organisation: a registrar dispatches by hand. `why` is the stable reason."""

    why: Literal["no_rule", "unknown_place", "unknown_subject", "sealed_track", "returned", "respondent"]


class CaseTransferred(_Routing):
    """转送 (Art. 22): sent on; no report demanded."""

    org: str
    rule: str | None = None
    reason: Text = None


class CaseAssigned(_Routing):
    """交办 (Art. 22): sent on with a due date set by the assigner; a closing report is demanded (clock C10)."""

    org: str
    due: Moment
    report_required: bool = True
    rule: str | None = None
    reason: Text = None


class CaseRoutedToSealedChannel(_Routing):
    """An accusation went to the organ marked for them (Art. 30)."""

    org: str


class AssignmentDelivered(_Routing):
    """The entry stands in the organisation's outbox: from here its clocks run."""

    org: str
    seq: int | None = None


class AssignmentWithdrawn(_Routing):
    """Recalled before sign-off; or, in intake's commit, because another case leads, or it turned out to be an accusation: then
    before `CaseLinked` or `CaseCorrected`. A case that has ended stays ended."""

    also: ClassVar[tuple[Service, ...]] = ("intake",)
    org: str
    reason_code: Literal["recalled", "follows_lead", "voided", "wrong_organisation"] = "recalled"
    reason: Text = None


class ForwardedDown(_Routing):
    """To a subordinate organisation; the forwarder stays accountable and its clocks go on."""

    org: str
    to: str
    reason: Text = None


class ReviewBodyNamed(_Routing):
    """Who reviews or re-reviews: the organisation above the one that decided (Art. 35, 36). Its request stands open."""

    body: str
    by: Literal["rule", "person"] = "rule"
    reason: Text = None


class ReturnVerified(_Routing):
    """The sender checked the objection (Art. 23 ¶3)."""

    agreed: bool
    reason: Text = None


class JurisdictionDisputed(_Routing):
    hops: int
    reason: Text = None


class JurisdictionRuled(_Routing):
    """The ruling of Art. 24: it cannot be returned."""

    org: str
    assist: tuple[str, ...] = ()
    reason: Text = None


class StatutoryPathGuided(_Routing):
    """The petitioner was shown the statutory path and organ (Art. 31)."""

    path: int
    organ: Text = None
    how_to: Text = None


class ReRegistrationBarred(_Routing):
    """Same facts and reasons, already concluded (Art. 19, 36): not accepted again."""

    concluding_case: str
    concluding_event: str | None = None


class FirstResponderFixed(_Routing):
    org: str


class RoutingQuestioned(_Routing):
    """A reaction could not be carried out; a person looks at it."""

    code: str


class Due(BaseModel):
    """One running clock of a case, as told in an outbox entry."""

    model_config = ConfigDict(frozen=True)

    clock: str
    due: Moment
    provisional: bool = False


class OutboxEntry(_Routing):
    """What an organisation was told, and when. Stream `outbox/<organisation>`; its version is the reader's cursor."""

    kind: OutboxKind
    case: str
    number: str
    version: int
    subject: str | None = None
    place: str | None = None
    due: tuple[Due, ...] = ()
    about: str | None = None
    """The event that this entry tells of."""
    detail: str | None = None
    """A stable code that says more about the kind: the closure kind, the clock reminded of; of an outcome `done` or the code of
    the refusal."""
    command: str | None = None
    """Of an outcome: the command that the organisation gave by its topic. An outcome without a case has empty `case` and
    `number`."""
    command_id: str | None = None
    record: str | None = None
    """PARTITION:OFFSET of the record that the outcome answers."""
    refusal: Refusal | None = None


class ReadRecorded(_Routing):
    """Somebody opened personal data of a case (PIPL Art. 51, 54). Stream `reads/<case>`."""

    case: str
    purposes: tuple[str, ...] = ()
    compared: tuple[str, ...] | None = None
    """Cases whose text was compared with this one's: opened in memory, shown to nobody."""
