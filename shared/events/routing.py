"""Events of routing: class, destination, delivery, returns, disputes, and the notifications of each organisation."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event
from shared.events.fields import Class, Identity, Moment, Service, Text
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
    "guidance_void",
    "webhook_disabled",
]


class _Routing(Event):
    owner: ClassVar[Service] = "routing"


class CaseClassified(_Routing, zh="分类", en="It was classified.", shows=("class", "path", "rule")):
    """The class and, for claims, the statutory path 1 to 6 were determined (Art. 31).

    `by` says whether a rule, a person or the submitter decided. `rule` is the keyword rule that recognised the subject
    (PIPL Art. 24: an automated decision must be explained).
    """

    class_: Class | None = None
    """None: only the subject was classified."""
    path: int | None = None
    subject: str | None = None
    by: Literal["rule", "person", "submitter"] = "rule"
    rule: str | None = None
    reason: Text = None


class AccusationSuspected(
    _Routing, zh="疑似检举控告", en="A rule suspects an accusation; a person decides.", shows=("rule",)
):
    """A possible accusation was found (Art. 30), in the filing or in what the petitioner said later, in the same commit. The case
    is sealed until a person has decided, from its organisation too."""

    also: ClassVar[tuple[Service, ...]] = ("intake", "supervision")
    rule: str
    """The keyword rule, or `respondent`: the filing complains of an organ, its staff or a holder of a public post."""


class AccusationConfirmed(_Routing, zh="确认为检举控告", en="A person confirmed that it is an accusation."):
    """A person confirmed that the petition is an accusation (Art. 30), and recorded the respondent."""

    author: ClassVar[str | None] = "r1"
    respondent_org: str | None = None
    name: Identity = None


class SuspicionCleared(_Routing, zh="排除检举控告", en="A person found that it is no accusation."):
    """A person found that the petition is no accusation. It is routed like any other petition."""

    reason: Text = None


class QueuedForDispatch(_Routing, zh="待人工派单", en="It waits for a registrar to dispatch it.", shows=("why",)):
    """No routing rule names an organisation, so a registrar has to dispatch the case. `why` is the stable reason code."""

    why: Literal[
        "no_rule",
        "unknown_place",
        "unknown_subject",
        "unknown_qr",
        "sealed_track",
        "returned",
        "respondent",
        "litigation",
        "litigation_visit",
        "consultation",
        "weak_keyword",
    ]


class CaseTransferred(_Routing, zh="转送", en="It was transferred.", shows=("org", "rule")):
    """The case was transferred to an organisation (转送; Art. 22). No closing report is required."""

    org: str
    rule: str | None = None
    reason: Text = None


class CaseAssigned(_Routing, zh="交办", en="It was assigned with a due date.", shows=("org", "due", "rule")):
    """The case was assigned with a due date set by the assigner (交办; Art. 22). A closing report is required (clock C10)."""

    org: str
    due: Moment
    report_required: bool = True
    rule: str | None = None
    reason: Text = None


class CaseRoutedToSealedChannel(_Routing, zh="转入密封渠道", en="It went to the sealed channel.", shows=("org",)):
    """An accusation was sent to an organisation that is authorised to receive accusations (Art. 30)."""

    org: str


class AssignmentDelivered(
    _Routing, zh="送达承办单位", en="It was delivered to the organisation's inbox.", shows=("org",)
):
    """The assignment was written to the organisation's inbox stream. The organisation's clocks start here."""

    org: str
    seq: int | None = None


class AssignmentWithdrawn(
    _Routing, zh="收回", en="It was recalled from the organisation.", shows=("org", "reason_code")
):
    """The assignment was withdrawn from the organisation.

    Either it was recalled before sign-off, or intake withdrew it in one commit with `CaseLinked` or `CaseCorrected`, before
    that event, because another case leads or the case is an accusation. The state of a case that has ended does not change.
    """

    also: ClassVar[tuple[Service, ...]] = ("intake",)
    org: str
    reason_code: Literal["recalled", "follows_lead", "voided", "wrong_organisation"] = "recalled"
    reason: Text = None


class ForwardedDown(_Routing, zh="下转", en="It was forwarded to a subordinate organisation.", shows=("to",)):
    """The case was forwarded to a subordinate organisation. The forwarder stays accountable and its clocks keep running."""

    org: str
    to: str
    reason: Text = None


class ReviewBodyNamed(_Routing, zh="确定复查复核机关", en="The review body was determined.", shows=("body",)):
    """The reviewing organisation was determined: the one above the deciding organisation (Art. 35, 36).

    The petitioner's request is still open after this event.
    """

    body: str
    by: Literal["rule", "person"] = "rule"
    reason: Text = None


class ReturnVerified(_Routing, zh="退回核实", en="The request to return it was verified.", shows=("agreed",)):
    """The sender verified the organisation's objection to the transfer (Art. 23 ¶3) and agreed or did not agree."""

    agreed: bool
    reason: Text = None


class JurisdictionDisputed(_Routing, zh="管辖争议", en="The responsibility is in dispute."):
    """The responsibility is in dispute and waits for a ruling. `hops` counts the transfers so far."""

    hops: int
    reason: Text = None


class JurisdictionRuled(_Routing, zh="指定管辖", en="The responsible organisation was designated.", shows=("org",)):
    """The responsible organisation was designated by a ruling (Art. 24). It cannot return the case."""

    org: str
    assist: tuple[str, ...] = ()
    reason: Text = None


class StatutoryPathGuided(
    _Routing,
    zh="引导法定途径",
    en="The petitioner was guided to the statutory path.",
    shows=("path",),
    for_petitioner=True,
    petitioner_reads=("organ", "address", "time_limit", "how_to", "reason"),
):
    """The petitioner was guided to the statutory path (告知、引导; Art. 31): the organ, its address, the time limit there, why."""

    path: int
    organ: Text = None
    how_to: Text = None
    org: str | None = None
    """Who guided: the responsible organisation or the petition office."""
    address: Text = None
    time_limit: Text = None
    reason: Text = None


class NotCompetentDeclared(
    _Routing,
    zh="被引导机关认定不属其职权",
    en="The organ that the petitioner was guided to declared that it is not competent.",
    shows=("path",),
    for_petitioner=True,
):
    """The organ of the statutory path declared that it is not competent, so the guidance is void.

    The case is where it was before the guidance, with its first dates: its clocks run as if it had never gone.
    """

    org: str | None = None
    """Who had guided."""
    path: int | None = None
    """The path on which it is handled now; None: the one before the guidance."""
    organ: Text = None
    reference: Text = None
    """The written declaration of that organ."""
    reason: Text = None


class ReRegistrationBarred(
    _Routing, zh="不再受理", en="The facts were already concluded; it is not accepted again.", for_petitioner=True
):
    """The petition repeats facts and reasons that were already concluded; it is not accepted again (Art. 19, 36)."""

    concluding_case: str
    concluding_event: str | None = None
    reason: Text = None


class FollowersAnswered(_Routing, zh="答复同一事项各信访人", en="The answer was given to all filings of the matter."):
    """The organisation gave the answer of this case, the lead, to each filing that follows it.

    Each of them gets it as its own: `MatterAnswered` on the follower, its own number, notice, evaluation and period (Art. 32, 35).
    `of`: version of the answer.
    """

    org: str
    of: int
    electronic: bool = True
    """Serve it at once on those who confirmed an electronic address."""


class MatterAnswered(
    _Routing, zh="随主件答复", en="It was answered with the matter that it had been joined to.", shows=("org",)
):
    """This filing followed `lead` and has that case's answer as its own from now on: the events that follow in the same commit.

    It no longer follows another case: the organisation that answered is responsible for it, and its petitioner has all
    remedies (Art. 32, 35).
    """

    org: str
    lead: str
    of: int
    """Version of the answer in the lead case."""
    path: int | None = None
    class_: Class | None = None


class FirstResponderFixed(_Routing, zh="确定首接首办单位", en="The first responder was fixed."):
    """The first responder was determined."""

    org: str


class RoutingQuestioned(_Routing, zh="路由待核", en="A person has to check the routing."):
    """A reaction could not be carried out; a person has to check the routing. `code` is the code of the refusal."""

    code: str


class Due(BaseModel):
    """One running clock of a case, as stated in a notification."""

    model_config = ConfigDict(frozen=True)

    clock: str
    due: Moment
    provisional: bool = False


class OutboxEntry(_Routing, zh="告知单位", en="An organisation was notified."):
    """A notification to an organisation. Stream `inbox/<jurisdiction>/<organisation>`; the stream version is its cursor."""

    kind: OutboxKind
    case: str
    number: str
    version: int
    subject: str | None = None
    place: str | None = None
    due: tuple[Due, ...] = ()
    about: str | None = None
    """Id of the event that this entry is about."""
    detail: str | None = None
    """A stable code that refines the kind: the kind of closing, the clock of a reminder; for an outcome `done` or the code of
    the refusal."""
    command: str | None = None
    """For an outcome: the command that the organisation sent to its topic. An outcome without a case has empty `case` and
    `number`."""
    command_id: str | None = None
    record: str | None = None
    """PARTITION:OFFSET of the record that the outcome answers."""
    refusal: Refusal | None = None


class ClerkAssigned(_Routing, zh="确定经办人", en="The clerk who handles it was named.", shows=("clerk",)):
    """A unit named the member of staff who handles the case for it: one who took the case, or to whom a colleague passed it.

    `clerk`: the staff code; None: nobody any more. `org` is the unit: the petition office, too, names a clerk of its own.
    """

    org: str
    clerk: str | None = None
    reason: Text = None


class ReadRecorded(_Routing, zh="查阅个人信息", en="Personal data of the case were read."):
    """A person read personal data of a case (PIPL Art. 51, 54). Stream `reads/<case>`."""

    case: str
    purposes: tuple[str, ...] = ()
    compared: tuple[str, ...] | None = None
    """Cases whose text was compared with that of this case, in memory only; it was displayed to no person."""
    reason: str | None = None
    """Why, where the key read the personal data of many cases: a code."""
