"""Events of the handling organisations and of the review bodies (Art. 23 to 36).

Routing appends them with the organisation as `actor`: organisations are external to the system.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Moment, Service, Text, Texts

NoticeKind = Literal[
    "acceptance", "non_acceptance", "transfer", "no_longer_accepted", "joined", "exempt", "guidance", "led_into"
]
Mode = Literal["in_person", "post", "electronic", "left", "public", "phone", "other"]
"""直接、邮寄、电子、留置、公告送达. `phone` and `other` (当面、邮寄以外的其他方式) occur in imported history only."""
FailedFor = Literal["bounced", "refused", "unclaimed", "unknown_address", "unreachable", "other"]
"""Why a service failed: 退信（电子）、拒收、无人领取、地址不详、联系不上、其他."""
Proof = Literal["signature", "return_slip", "arrival", "witnessed", "publication"]
"""What shows the day of the service: the signature, the date on the postal return slip, the arrival at the electronic address that
the petitioner confirmed, the record of witnesses, the publication."""


class _Department(Event):
    owner: ClassVar[Service] = "routing"


class SignedFor(_Department, zh="签收", en="The organisation signed for it."):
    """The organisation signed for the case (签收). This ends no clock."""

    org: str


class ReturnRequested(_Department, zh="申请退回", en="The organisation asked to return it.", shows=("reason_code",)):
    """The organisation objected to a misdirected transfer, with reasons, within 5 working days (Art. 23 ¶3)."""

    org: str
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "other"]
    reason: Text = None


class Accepted(_Department, zh="受理", en="The organisation accepted it.", shows=("path",)):
    """The organisation accepted the case (受理). Silence is never acceptance. On path 6 the 60 days start here (Art. 34)."""

    org: str
    path: int | None = None


class NotAccepted(
    _Department,
    zh="不予受理",
    en="The organisation did not accept it.",
    shows=("reason_code",),
    petitioner_reads=("reason", "remedy"),
):
    """The organisation did not accept the case (不予受理), with reasons and the remedy available to the petitioner."""

    org: str
    reason_code: Literal["outside_mandate", "in_progress_elsewhere", "concluded", "no_facts", "other"]
    remedy: Text = None
    reason: Text = None


class NoticeServed(_Department, zh="书面告知", en="A written notice was served.", shows=("kind", "mode")):
    """A written notice was served on the petitioner (Art. 23).

    Every kind ends C2; those about acceptance or a statutory procedure, and `exempt`, also end C3. `transfer` names the
    organisation that received the case, `joined` the matter that the petition was joined to, `guidance` and `led_into` the
    statutory procedure (Art. 31). `exempt`: no notice is due because name or address is unclear; the reason is recorded. The
    event takes effect on the day that the proof shows.
    """

    org: str | None = None
    kind: NoticeKind
    mode: Mode = "post"
    reason: Text = None
    proof: Proof | None = None
    """None: an exemption, or unknown."""
    reference: Text = None
    """Where the proof is kept: the number of the return slip, the record of the signature."""
    witnesses: Texts = ()
    """Who witnessed that it was left (留置)."""


class ServiceFailed(
    _Department,
    zh="送达未成功",
    en="A service did not reach the petitioner.",
    shows=("document", "mode", "reason_code"),
):
    """An attempt to serve a document failed, so that it is to be served on paper, or in another way. A failed service ends no duty.

    `of`: version of the electronic service that had been recorded and did not arrive; it counts as never having happened.
    """

    org: str | None = None
    document: Literal["reply", "opinion", "notice"]
    mode: Mode
    reason_code: FailedFor = "other"
    reference: Text = None
    """Where the proof of the attempt is kept."""
    of: int | None = None


class HandedBack(
    _Department, zh="退回下转单位", en="The subordinate organisation handed it back.", shows=("to", "reason_code")
):
    """A subordinate organisation handed the case back to the organisation that had forwarded it, not to the sender."""

    org: str
    to: str
    reason_code: Literal["not_our_mandate", "not_our_place", "another_organ_leads", "done", "other"]
    reason: Text = None


class RecusalDeclared(_Department, zh="回避", en="A member of the organisation was recused."):
    """A member of the organisation was recused from the case (回避)."""

    org: str
    reason: Text = None


class InvestigationStepRecorded(
    _Department, zh="调查核实", en="A step of the investigation was recorded.", shows=("step",)
):
    """A step of the investigation was recorded. The first one moves an accepted case to handling."""

    org: str
    step: Literal["site_visit", "inquiry", "evidence", "expert", "meeting", "hearing", "mediation", "other"] = "other"
    text: Text = None


class PetitionerAsked(
    _Department,
    zh="请信访人补充",
    en="The petitioner was asked for more.",
    shows=("count",),
    for_petitioner=True,
    petitioner_reads=("questions",),
):
    """The organisation or the petition office asked the petitioner something. No clock stops for it, and that nobody answers is no
    ground to refuse or to close (the Regulation names neither)."""

    org: str
    count: int
    questions: Texts = ()


class MediationOffered(_Department, zh="提出调解", en="Mediation was offered."):
    """The organisation offered mediation."""

    org: str


class MediationAgreed(_Department, zh="调解达成", en="Mediation led to an agreement."):
    """The mediation led to an agreement."""

    org: str
    text: Text = None


class MediationFailed(_Department, zh="调解未成", en="Mediation failed."):
    """The mediation ended without an agreement."""

    org: str


class HearingHeld(_Department, zh="听证", en="A hearing was held.", shows=("from", "to")):
    """A hearing was held (听证; Art. 31, 36), from one day to another, both included.

    Only during re-review are its days excluded from the period (Art. 36 ¶2).
    """

    org: str
    from_: Moment
    to: Moment


class ExtensionRequested(_Department, zh="申请延期", en="An extension was requested.", shows=("days",)):
    """The organisation requested an extension of `days` days."""

    org: str
    days: int
    person: str | None = None
    """The staff code of the person who asks; nobody approves their own request."""
    reason: Text = None


class ExtensionGranted(
    _Department, zh="批准延期", en="An extension was granted.", shows=("days",), petitioner_reads=("reason",)
):
    """An extension was granted (Art. 34): at most 30 days in total, approved by the head of the organ.

    The petitioner is notified of the reason.
    """

    days: int
    approver: Text = None
    reason: Text = None


class ExtensionRefused(_Department, zh="不批准延期", en="An extension was refused."):
    """The requested extension was refused."""

    reason: Text = None


class ExtensionNoticeServed(
    _Department, zh="延期告知", en="The petitioner was notified of the extension.", shows=("mode",), for_petitioner=True
):
    """The petitioner was notified of the extension, on the day that the proof shows."""

    mode: Mode = "post"
    proof: Proof | None = None
    reference: Text = None
    witnesses: Texts = ()


class DecisionIssued(
    _Department,
    zh="出具处理意见",
    en="The decision was issued.",
    shows=("result",),
    petitioner_reads_after_reply=("request", "facts", "text", "basis"),
):
    """The decision was issued (信访处理意见书; Art. 32): request, facts and reasons, opinion, legal basis.

    It states the right to a review, the body and the days (Art. 35), which are rendered from the policy."""

    org: str
    result: Literal["supported", "explained", "not_supported", "unknown"]
    """unknown: history only, the source does not say how it was decided."""
    execute_by: Moment | None = None
    """For supported: the date by which the organisation promised to carry it out (督促执行; Art. 32)."""
    basis: Texts = ()
    text: Text = None
    """The opinion; where `request` and `facts` are not given, the whole text."""
    request: Text = None
    facts: Text = None
    """Facts and reasons."""
    states_review_right: bool | None = None
    """None: not recorded."""
    review_body: str | None = None
    review_days: int | None = None
    review_choice: tuple[str, ...] = ()
    """Further bodies of which the petitioner may choose one instead of `review_body`."""
    with_lead: bool | None = None
    """True: taken over from the lead case; what it promises is carried out there."""


class SuggestionAnswered(
    _Department,
    zh="答复建议",
    en="The suggestion was answered.",
    shows=("result",),
    petitioner_reads_after_reply=("text",),
):
    """The organisation studied a suggestion and answered it (Art. 29)."""

    org: str
    result: Literal["adopted", "partly_adopted", "not_adopted", "unknown"]
    """unknown: history only."""
    text: Text = None
    with_lead: bool | None = None
    """True: taken over from the lead case; what it promises is carried out there."""


class DutyPerformed(
    _Department,
    zh="依法履行或者答复",
    en="The organisation dealt with the duty that the petition asks for.",
    shows=("result",),
    petitioner_reads_after_reply=("text", "basis"),
):
    """The organisation performed the duty that the petition asked for, refused it, or answered why none is due (Art. 31(5))."""

    org: str
    text: Text = None
    result: Literal["performed", "refused", "answered"] = "performed"
    basis: Texts = ()
    with_lead: bool | None = None
    """True: taken over from the lead case; what it promises is carried out there."""


class LedInto(
    _Department,
    zh="导入法定程序",
    en="The organisation opened the statutory procedure.",
    shows=("path",),
    for_petitioner=True,
    petitioner_reads=("procedure", "reference", "reason"),
):
    """The organisation, which has the statutory procedure itself, opened it for this matter (导入; Art. 31(1) to (4)).

    `reference` is the number of the procedure, `opened_on` its date.
    """

    org: str
    path: int
    opened_on: Moment
    procedure: Text = None
    reference: Text = None
    reason: Text = None


class ConsultationAnswered(
    _Department, zh="答复咨询", en="The consultation was answered.", petitioner_reads_after_reply=("text",)
):
    """The organisation answered a consultation. The petitioner has the answer with the delivery of the reply."""

    org: str
    text: Text = None
    with_lead: bool | None = None
    """True: taken over from the lead case; what it promises is carried out there."""


class AccusationHandled(
    _Department,
    zh="检举控告办结",
    en="The handling of the accusation ended.",
    petitioner_reads_after_reply=("text",),
):
    """The authorised organ ended the handling of an accusation. A real-name accuser is informed of the result within 15
    working days.

    Only the accuser and that organ read the result (Art. 30; 《纪检监察机关处理检举控告工作规则》).
    """

    org: str
    text: Text = None


class ReplyDelivered(
    _Department,
    zh="答复送达",
    en="The reply was delivered to the petitioner.",
    shows=("mode",),
    for_petitioner=True,
    petitioner_reads=("text",),
):
    """The written reply was served on the petitioner (送达), on the day that the proof shows. The duty to reply ends here.

    The 30 days for a review request start here only if the petitioner received the reply with it (Art. 35), and if the reply
    states that right, the body and the days.
    """

    org: str | None = None
    mode: Mode = "other"
    text: Text = None
    proof: Proof | None = None
    reference: Text = None
    """Where the proof is kept."""
    witnesses: Texts = ()
    states_review_right: bool | None = None
    """None: there is no such right, or it is not known."""
    without_text: bool | None = None
    """True: only the proof is sealed; the words are those of the decision."""


class PaperServed(
    _Department,
    zh="纸质送达",
    en="The document was served on paper.",
    shows=("document", "mode"),
    for_petitioner=True,
):
    """A reply, an opinion or a notice that the petitioner had not received was served on paper.

    `opens_window`: the petitioner's period for a request runs from here.
    """

    org: str | None = None
    document: Literal["reply", "opinion", "notice"]
    mode: Mode = "in_person"
    proof: Proof | None = None
    reference: Text = None
    witnesses: Texts = ()
    states_review_right: bool | None = None
    opens_window: bool = False


class ReplyCorrected(
    _Department,
    zh="更正答复",
    en="The reply was corrected; the first one stays.",
    for_petitioner=True,
    petitioner_reads=("text",),
):
    """The reply was corrected. A reply is never edited: the correction is recorded in addition to it."""

    org: str
    text: Text = None


class ExecutionConfirmed(_Department, zh="执行到位", en="What was decided has been carried out."):
    """The supported request was carried out (Art. 32)."""

    org: str | None = None
    text: Text = None


class ClosingReportFiled(_Department, zh="报送办结报告", en="The closing report was filed."):
    """The organisation filed the closing report that its assignment requires (办结报告; Art. 22)."""

    org: str
    text: Text = None


class ReviewAccepted(_Department, zh="受理复查", en="The review was accepted.", for_petitioner=True):
    """The review body accepted the review request. This ends no clock."""

    body: str


class ReviewRefused(
    _Department,
    zh="不予受理复查复核申请",
    en="The request for a review was not accepted.",
    shows=("reason_code",),
    petitioner_reads=("reason",),
):
    """The review body did not accept a request that came after its period: the reason given for the delay is no good reason."""

    body: str
    reason_code: Literal["late_without_reason"]
    reason: Text = None


class ReviewOpinionIssued(
    _Department,
    zh="复查意见",
    en="The review opinion was issued.",
    shows=("result", "decision"),
    petitioner_reads=("text",),
):
    """The review body issued its opinion (复查意见; Art. 35).

    `changed` replaces the first decision with `decision`; `redo` sends the case back to be handled again, with a new clock.
    """

    body: str
    result: Literal["upheld", "changed", "redo", "unknown"]
    """unknown: history only."""
    decision: Literal["supported", "explained", "not_supported"] | None = None
    text: Text = None


class OpinionDelivered(
    _Department,
    zh="复查意见送达",
    en="The review opinion was delivered to the petitioner.",
    shows=("mode",),
    for_petitioner=True,
):
    """The review opinion was served on the petitioner (送达), on the day that the proof shows.

    The 30 days for a re-review request start here if the petitioner received the opinion with it (Art. 36).
    """

    body: str
    mode: Mode = "other"
    proof: Proof | None = None
    reference: Text = None
    witnesses: Texts = ()
    states_review_right: bool | None = None


class ReReviewOpinionIssued(
    _Department,
    zh="复核意见",
    en="The re-review opinion was issued.",
    shows=("result", "decision"),
    petitioner_reads=("text",),
):
    """The re-review body issued its opinion, which is final (复核意见; Art. 36)."""

    body: str
    result: Literal["upheld", "changed", "unknown"]
    """unknown: history only."""
    decision: Literal["supported", "explained", "not_supported"] | None = None
    text: Text = None


class Concluded(_Department, zh="终结", en="It was concluded.", shows=("by",), for_petitioner=True):
    """The matter was concluded (终结) by a re-review opinion (Art. 36 ¶3). A period that lapsed concludes nothing."""

    by: Literal["re_review"]
