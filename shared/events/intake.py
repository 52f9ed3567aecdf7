"""Events of intake: filing, parties, links, corrections, evaluation and withdrawal; also access keys."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import AgentRelation, Class, Evidence, Identity, Moment, Service, Text, Texts, Urgency, Word

EvaluationObject = Literal["petition_office", "organisation"]
Grade = Literal["satisfied", "basically_satisfied", "dissatisfied"]


Unclear = Literal["place", "subject", "qr", "received_at"]


class _Intake(Event):
    owner: ClassVar[Service] = "intake"


class _PetitionersWord(_Intake):
    """What the petitioner says or decides, and how it reached us."""

    author: ClassVar[str | None] = "p1"
    word: Word | None = None
    """None: recorded before this was stated, or imported: not known."""
    code_with_staff: bool = False
    """With `own_hand`: a member of staff had printed or fetched the query code, so its use proves nothing."""
    evidence: Evidence | None = None
    reference: Text = None
    """Where the evidence is kept."""


class CaseRegistered(_Intake, zh="登记", en="The filing was registered.", for_petitioner=True):
    """A petition was registered (登记; Regulation Art. 22, 23).

    Its `effective_at` is the legal filing time: the postmark or the click.
    """

    author: ClassVar[str | None] = "p1"
    number: str
    channel: str
    channel_class: str
    platform: str | None = None
    """The platform that feeds this channel."""
    place: str | None = None
    subject: str | None = None
    level: str | None = None
    class_: Class | None = None
    urgency: Urgency = "ordinary"
    received_by: str | None = None
    """The organ that received the petition directly (Art. 23); None if the petition office received it (Art. 22)."""
    org: str | None = None
    """History only: the responsible organisation named by the source; the time of the transfer is unknown."""
    anonymous: bool = False
    confidential: bool = False
    filed_by_agent: bool = False
    unclear: tuple[Unclear, ...] = ()
    """What a person has to look at: the petition is registered and queued, never refused. Place, subject or QR code were given,
    but are not in the policy; `received_at` is so long ago that a second person confirms it."""
    qr: str | None = None
    """The scanned code, where the policy knows it; place and grid are derived from it."""
    grid: str | None = None
    item: Text = None
    title: Text = None
    text: Text = None
    location: Text = None
    place_text: Text = None
    """The unclear place in the words of the submitter."""
    qr_text: Text = None
    """The scanned code, where the policy does not know it; it may hold anything."""
    subject_text: Text = None
    level_text: Text = None


class PartyRecorded(_Intake, zh="登记当事人", en="A party was recorded.", shows=("relation",)):
    """A party of the case was recorded: petitioner, co-petitioner, representative, filing agent or respondent."""

    party: str
    role: Literal["petitioner", "co_petitioner", "representative", "agent", "respondent"]
    relation: AgentRelation | None = None
    """Of an agent: as whom they file."""
    respondent_org: str | None = None
    named: bool = False
    """True if a name was given: an accusation with a name is a real-name one (实名检举控告)."""
    public_office: bool = False
    """True for a respondent that is an organisation of the policy, its staff, or a holder of a public post: the filing may be an
    accusation (Art. 30)."""
    names: tuple[str, ...] = ()
    """Organisations of the policy that the words about a respondent without a code name: nobody of them sees the case while it is
    sealed (Art. 30)."""
    name: Identity = None
    phone: Identity = None
    id_number: Identity = None
    address: Identity = None


class PartyCorrected(_PetitionersWord, zh="更正当事人信息", en="A party's data were corrected.", shows=("word",)):
    """A party's personal data were corrected (PIPL Art. 46). Fields that are left out keep their values."""

    party: str
    name: Identity = None
    phone: Identity = None
    id_number: Identity = None
    address: Identity = None


CodeIssuer = Literal["own", "staff"]
"""Who has had the query code in hand: only the petitioner and the channel, or a member of staff who printed or reissued it."""


class ReceiptIssued(_Intake, zh="出具回执", en="A receipt was issued."):
    """A receipt with the query code was printed again. `code_issued_by` staff: a member of staff has seen the code."""

    code_issued_by: CodeIssuer


class DeliveryAddressConfirmed(
    _PetitionersWord,
    zh="送达地址确认",
    en="The petitioner decided on electronic service.",
    shows=("electronic",),
    for_petitioner=True,
):
    """The petitioner confirmed an electronic address and agreed to be served there (送达地址确认), or took that back.

    Without it there is no electronic service.
    """

    electronic: bool
    kind: Literal["sms", "email", "account"] | None = None
    address: Identity = None


class DocumentRead(_Intake, zh="查阅文书", en="The petitioner read a document.", shows=("document",)):
    """The petitioner opened a notice, a reply or an opinion with number and query code.

    It is a receipt only with a code that no member of staff printed or reissued. `of`: version of the event that holds the text.
    `opens_window`: the petitioner's period for a request runs from here.
    """

    document: Literal["reply", "opinion", "notice"]
    of: int
    code_issued_by: CodeIssuer
    opens_window: bool = False


class RepresentativesNamed(_Intake, zh="推选代表", en="Representatives were named.", for_petitioner=True):
    """The representatives of a joint petition were named: recorded parties of the case, at most five (代表人; Art. 20 ¶3)."""

    parties: tuple[str, ...]


class ConfidentialityRequested(
    _PetitionersWord, zh="请求保密", en="The petitioner asked for confidentiality.", for_petitioner=True
):
    """The petitioner asked for confidentiality: the handling organisation sees the petition, but no identity."""


class ReceiptDateConfirmed(_Intake, zh="确认收到日期", en="The date of receipt was confirmed."):
    """A second person confirmed that the filing was received on the day on which it says it was (Art. 22)."""

    reason: Text = None


class MaterialAdded(_PetitionersWord, zh="补充材料", en="Material was added.", for_petitioner=True):
    """The petitioner added material to the case, also in answer to questions."""

    text: Text = None
    asked: int | None = None
    """Version of the event with the questions that it answers."""
    answers: Texts = ()
    """The answers, in the order of the questions; an empty text where one was left out."""


class MessageConsentGiven(
    _PetitionersWord,
    zh="消息接收设置",
    en="The petitioner decided on messages.",
    shows=("consent",),
    for_petitioner=True,
):
    """The petitioner decided whether messages about the case may be sent by a channel (PIPL Art. 14, 15)."""

    channel: Literal["sms", "email", "account"]
    consent: bool
    language: Literal["zh", "en"] | None = None
    address: Identity = None


class Nudged(_PetitionersWord, zh="催问", en="The petitioner asked about the progress.", for_petitioner=True):
    """The petitioner asked about the progress of the case (催问). At most one in a calendar day is counted."""

    text: Text = None


class NudgedAgain(
    _PetitionersWord, zh="当日再次催问", en="The petitioner asked again on the same day.", shows=("times",)
):
    """The petitioner asked again on a day on which a nudge was counted: it is joined to that one, and its text is kept.

    `times`: how often the petitioner asked on that day, with this time. `to`: version of the counted nudge.
    """

    times: int = 2
    to: int | None = None
    text: Text = None


LinkKind = Literal["same_matter", "related", "duplicate"]


class CaseLinked(
    _Intake, zh="并入同一事项", en="It was joined to an older case of the same matter.", shows=("kind", "lead")
):
    """This petition was linked to the older case `lead`.

    For `same_matter` and `duplicate` the lead case handles the matter, with one responsible organisation. `related` is only a
    reference. The event is appended to the follower's stream only.
    """

    lead: str
    kind: LinkKind
    reason: Text = None


class CaseUnlinked(_Intake, zh="解除并案", en="It was unlinked again.", shows=("reason_code",)):
    """The link to `lead` ended; this petition is handled separately again. `kind` is the kind of the link that ended."""

    lead: str
    kind: LinkKind | None = None
    reason_code: Literal["lead_gone"] | None = None
    """lead_gone: unlinked automatically because the lead case can no longer lead."""
    reason: Text = None


class CaseCorrected(_Intake, zh="更正登记事项", en="A registered fact was corrected.", shows=("field", "old", "new")):
    """A registered fact was corrected; the original event stays in the log.

    With `field` = `effective_at` the date of the event with version `of` is corrected; `wrong_clock`: a machine with a wrong clock
    recorded it.
    """

    field: Literal["effective_at", "place", "subject", "class_", "path", "level", "channel", "urgency"]
    of: int | None = None
    old: str | None = None
    new: str | None = None
    reason_code: Literal["typing", "misread", "wrong_source", "other"] = "other"
    reason: Text = None
    wrong_clock: bool = False


class SourceRestated(_Intake, zh="来源更正登记内容", en="The source now states it otherwise.", shows=("org",)):
    """History only: a later export of the source states other content of an imported case. The original event is kept.

    `fields`: what changed. `of`: version of the step whose text changed; None for the filing. `org`: the responsible organisation
    that the source names now, without saying since when.
    """

    author: ClassVar[str | None] = "p1"
    fields: tuple[str, ...]
    of: int | None = None
    org: str | None = None
    received_at: Moment | None = None
    """The time of filing that the source states now, where it would shorten a delay: reported, not applied."""
    title: Text = None
    text: Text = None
    location: Text = None
    place_text: Text = None
    subject_text: Text = None
    level_text: Text = None


class UndatedStepRecorded(
    _Intake, zh="来源未注明日期的步骤", en="The source states a step without its date.", shows=("step", "kind")
):
    """History only: the source says that a step occurred and not when. It is kept, and its date stays unknown: it ends no clock and
    counts as unknown in every figure. `effective_at` is the filing, before which it cannot have occurred.

    `step`: type of the event. `kind`: its kind, result or grade. `reason` and `text` as in that event.
    """

    author: ClassVar[str | None] = "p1"
    step: str
    org: str | None = None
    kind: str | None = None
    mode: str | None = None
    object: EvaluationObject | None = None
    reason: Text = None
    text: Text = None


class SourceStatedOpen(_Intake, zh="来源显示未办结", en="The source stated that the case was open."):
    """History only: on this day the source listed the case as not closed, as an export does for all its open cases. Until that day
    the case is known to have been open; afterwards nothing is known. A case that it had stated as closed before is open again."""


class OriginalNamed(
    _Intake, zh="来源所指原件尚未收到", en="The source names an original that was not known.", shows=("kind",)
):
    """History only: the source names the case `original` as the one that this filing repeats, and it is not known. When it is
    recorded, this case is linked to it."""

    original: str
    kind: LinkKind = "duplicate"


class CaseVoided(
    _Intake, zh="作废", en="It was voided: registered by mistake.", shows=("reason_code",), for_petitioner=True
):
    """The case was voided because it was registered by mistake.

    Its number stays assigned; it is counted separately and appears in no other figure.
    """

    reason_code: Literal["test", "registered_twice", "wrong_content", "other"] = "other"
    reason: Text = None


class PartyErased(
    _Intake, zh="删除个人信息", en="The personal data of a party were erased.", shows=("party", "ground")
):
    """The keys of a party are destroyed (PIPL Art. 47): what the party wrote, its identity and its files do not open any more. The
    event is recorded first, so that an interrupted erasure is continued."""

    party: str
    ground: Literal["requested", "purpose_achieved", "retention_over", "unlawful", "consent_withdrawn"]


class ErasureRequested(
    _PetitionersWord,
    zh="申请删除个人信息",
    en="The petitioner asked for the erasure of their data.",
    shows=("party", "word", "evidence"),
    for_petitioner=True,
):
    """A party asked for the erasure of its personal data (PIPL Art. 47, 50). A supervisor decides on it."""

    party: str
    text: Text = None


class ErasureDeclined(
    _Intake,
    zh="未予删除个人信息",
    en="The erasure of personal data was declined.",
    shows=("party",),
    for_petitioner=True,
    petitioner_reads=("text",),
):
    """The request for erasure was declined, with the reason that the petitioner reads (PIPL Art. 50 ¶2)."""

    party: str
    text: Text = None


class AnsweredAtOnce(
    _Intake, zh="直接答复", en="It was answered at once.", for_petitioner=True, petitioner_reads=("text",)
):
    """The hotline answered a consultation itself (直接答复). `entry`, `entry_version`: the knowledge that it was filled from."""

    text: Text = None
    entry: str | None = None
    entry_version: int | None = None


class EvaluationInvited(_Intake, zh="邀请评价", en="The petitioner was invited to evaluate.", shows=("object",)):
    """The petitioner was invited to evaluate the petition office or the organisation.

    A follower is invited after its matter was answered and it was closed with the lead. `org` is then the organisation that
    handled the matter in the lead case; otherwise the organisation that replied is evaluated.
    """

    object: EvaluationObject
    org: str | None = None


class EvaluationSubmitted(
    _PetitionersWord,
    zh="评价",
    en="The petitioner evaluated.",
    shows=("object", "grade", "word", "evidence"),
    for_petitioner=True,
):
    """The petitioner evaluated the petition office or the organisation with one of three grades (Art. 21)."""

    object: EvaluationObject
    grade: Grade
    text: Text = None


class ReviewRequested(
    _PetitionersWord, zh="申请复查", en="A review was requested.", shows=("word", "evidence"), for_petitioner=True
):
    """The petitioner requested a review (复查; Art. 35), within 30 days of the written reply."""

    late: bool = False
    """After the period, with a reason (不可抗力、正当理由) on which the review body decides."""
    body: str | None = None
    """The body that the petitioner chose, where the law gives a choice; None: the one that the policy names."""
    text: Text = None
    late_reason: Text = None


class ReReviewRequested(
    _PetitionersWord, zh="申请复核", en="A re-review was requested.", shows=("word", "evidence"), for_petitioner=True
):
    """The petitioner requested a re-review (复核; Art. 36)."""

    late: bool = False
    """After the period, with a reason (不可抗力、正当理由) on which the review body decides."""
    body: str | None = None
    """The body that the petitioner chose, where the law gives a choice; None: the one that the policy names."""
    text: Text = None
    late_reason: Text = None


class WithdrawalRequested(
    _PetitionersWord,
    zh="申请撤回",
    en="A petitioner asked to withdraw it.",
    shows=("party", "effective_on", "word", "evidence"),
    for_petitioner=True,
):
    """A petitioner asked to withdraw. It takes effect at the end of `effective_on`, unless it is cancelled before; the case stays
    open, and its clocks run, until then. In a joint filing each petitioner withdraws only their own name."""

    party: str
    effective_on: Moment
    present: Text = None
    """Who was present when the petitioner said so."""
    text: Text = None


class WithdrawalConfirmed(
    _Intake, zh="核实撤回", en="A third unit confirmed the request to withdraw.", shows=("party",)
):
    """A unit without a part in the case confirmed with the petitioner that the recorded request to withdraw is theirs."""

    party: str
    text: Text = None


class WithdrawalTakenBack(
    _PetitionersWord, zh="取消撤回", en="The request to withdraw was taken back.", shows=("party",), for_petitioner=True
):
    """The petitioner took the request to withdraw back before it took effect; nothing has changed."""

    party: str
    text: Text = None


class NameWithdrawn(
    _Intake, zh="退出联名", en="A petitioner left the joint filing.", shows=("party",), for_petitioner=True
):
    """The withdrawal of one petitioner of a joint filing took effect. The matter continues while one petitioner remains."""

    also: ClassVar[tuple[Service, ...]] = ("supervision",)
    party: str


class CaseWithdrawn(_Intake, zh="撤回", en="The petitioner withdrew it.", for_petitioner=True):
    """The withdrawal of the last remaining petitioner took effect. The same matter may be filed again."""

    author: ClassVar[str | None] = "p1"
    also: ClassVar[tuple[Service, ...]] = ("supervision",)
    text: Text = None


class SealedWithdrawalDeclined(_Intake, zh="未予撤回", en="It was not withdrawn."):
    """The requested withdrawal of a sealed case was declined, because it is not the petitioner's own free decision."""

    party: str
    reason: Text = None


class QueryCodeRenewed(_Intake, zh="更换查询码", en="The query code was renewed.", for_petitioner=True):
    """The query code of the case was renewed: codes of an earlier generation open nothing from now on."""

    generation: int
    reason: Text = None


class WentLive(_Intake, zh="转为在本系统办理", en="It is handled in this system from now on."):
    """An imported open case is handled in this system from now on. Earlier escalation rungs never fire."""


class KeyIssued(_Intake, zh="签发密钥", en="An access key was issued."):
    """An access key of a principal was issued; only its hash is stored. Stream `principals`."""

    key: str
    digest: str
    role: str
    org: str | None = None
    jurisdiction: str | None = None
    person: str | None = None
    """The staff code of the person who holds it, never a name."""
    head: bool = False
    """The person is head (负责人) of the organisation."""
    expires: Moment | None = None


class KeyRevoked(_Intake, zh="吊销密钥", en="An access key was revoked."):
    """An access key was revoked. Stream `principals`."""

    key: str
