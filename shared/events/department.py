"""The department's side.

Routing appends these with the department as `actor`: departments are external (Art. 23 to 34).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event, Moment, Service, Text, Texts

NoticeKind = Literal["acceptance", "non_acceptance", "transfer", "no_longer_accepted", "joined", "exempt"]
Mode = Literal["in_person", "post", "electronic", "phone", "public", "other"]


class _Department(Event):
    owner: ClassVar[Service] = "routing"


class SignedFor(_Department):
    """签收: the unit has taken it into its hands. Ends no clock."""

    org: str


class ReturnRequested(_Department):
    """Objection to a misdirected transfer, with reasons, within 5 working days (Art. 23 ¶3)."""

    org: str
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "other"]
    reason: Text = None


class Accepted(_Department):
    """受理. Silence never accepts. On path 6 the 60 days start here (Art. 34)."""

    org: str
    path: int | None = None


class NotAccepted(_Department):
    """不予受理, with reasons and the remedy open to the petitioner."""

    org: str
    reason_code: Literal["outside_mandate", "in_progress_elsewhere", "concluded", "no_facts", "other"]
    remedy: Text = None
    reason: Text = None


class NoticeServed(_Department):
    """The written notice (Art. 23): any ends C2; acceptance, non-acceptance, no longer accepted and exempt end C3. `transfer`:
    where it went. `joined`: which matter the filing was joined to. `exempt`: name or address is unclear, with the reason."""

    org: str | None = None
    kind: NoticeKind
    mode: Mode = "post"
    reason: Text = None


class HandedBack(_Department):
    """A subordinate gives back what was forwarded down to it: to its forwarder, not to the sender."""

    org: str
    to: str
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "done", "other"]
    reason: Text = None


class RecusalDeclared(_Department):
    org: str
    reason: Text = None


class InvestigationStepRecorded(_Department):
    """The first one moves an accepted case to handling."""

    org: str
    step: Literal["site_visit", "inquiry", "evidence", "expert", "meeting", "hearing", "mediation", "other"] = "other"
    text: Text = None


class MediationOffered(_Department):
    org: str


class MediationAgreed(_Department):
    org: str
    text: Text = None


class MediationFailed(_Department):
    org: str


class HearingHeld(_Department):
    """听证 (Art. 31, 36), from a day to a day, both included. Only at re-review its days are not counted (Art. 36 ¶2)."""

    org: str
    from_: Moment
    to: Moment


class ExtensionRequested(_Department):
    org: str
    days: int
    reason: Text = None


class ExtensionGranted(_Department):
    """At most 30 days in all, approved by the head of the organ, the reason told to the petitioner (Art. 34)."""

    days: int
    approver: Text = None
    reason: Text = None


class ExtensionRefused(_Department):
    reason: Text = None


class ExtensionNoticeServed(_Department):
    mode: Mode = "post"


class DecisionIssued(_Department):
    """信访处理意见书 (Art. 32): request, facts and reasons, opinion, legal basis."""

    org: str
    result: Literal["supported", "explained", "not_supported"]
    basis: Texts = ()
    text: Text = None


class SuggestionAnswered(_Department):
    """A suggestion was studied (Art. 29)."""

    org: str
    result: Literal["adopted", "partly_adopted", "not_adopted"]
    text: Text = None


class DutyPerformed(_Department):
    org: str
    text: Text = None


class ReplyDelivered(_Department):
    """The written reply reached the petitioner (送达). Review may be asked for 30 days from here (Art. 35)."""

    org: str | None = None
    mode: Mode = "other"
    text: Text = None


class ReplyCorrected(_Department):
    """A reply is never edited: the correction stands beside it."""

    org: str
    text: Text = None


class ExecutionConfirmed(_Department):
    """What was supported has been carried out (Art. 32)."""

    org: str | None = None
    text: Text = None


class ClosingReportFiled(_Department):
    """办结报告, demanded by an assignment (Art. 22)."""

    org: str
    text: Text = None


class ReviewAccepted(_Department):
    """The review body has taken the request into its hands. Ends no clock."""

    body: str


class ReviewOpinionIssued(_Department):
    """The next level's opinion (复查意见; Art. 35). `changed` puts `decision` in the place of the first one; `redo` sends
    the matter back to be handled again, with its own clock."""

    body: str
    result: Literal["upheld", "changed", "redo"]
    decision: Literal["supported", "explained", "not_supported"] | None = None
    text: Text = None


class OpinionDelivered(_Department):
    """The review opinion reached the petitioner (送达). Re-review may be asked for 30 days from here (Art. 36)."""

    body: str
    mode: Mode = "other"


class ReReviewOpinionIssued(_Department):
    """复核意见 (Art. 36): the last one."""

    body: str
    result: Literal["upheld", "changed"]
    decision: Literal["supported", "explained", "not_supported"] | None = None
    text: Text = None


class Concluded(_Department):
    """终结: by re-review, or because a window lapsed."""

    by: Literal["re_review", "lapse"]
