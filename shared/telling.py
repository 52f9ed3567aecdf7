"""Events and states in words, Chinese and English: for timelines, the status page and notices. Codes stay beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Words(NamedTuple):
    """The same in both languages."""

    zh: str
    en: str


STATE_WORDS: dict[str, Words] = {
    "registered": Words("已登记", "registered"),
    "dispatched": Words("待签收", "sent to the organisation, not signed for yet"),
    "signed": Words("已签收", "signed for by the organisation"),
    "return_requested": Words("申请退回", "the organisation asks to hand it back"),
    "returned": Words("已退回", "handed back, to be sent elsewhere"),
    "disputed": Words("管辖争议", "disputed, waiting for a ruling on who is responsible"),
    "accepted": Words("已受理", "accepted"),
    "handling": Words("办理中", "being handled"),
    "decided": Words("已出具意见", "decided"),
    "replied": Words("已答复", "answered"),
    "in_review": Words("复查中", "under review"),
    "reviewed": Words("已复查", "reviewed"),
    "in_re_review": Words("复核中", "under re-review"),
    "redo_ordered": Words("重办", "to be handled again"),
    "not_accepted": Words("不予受理", "not accepted"),
    "guided": Words("已引导法定途径", "guided to the statutory path"),
    "closed": Words("办结", "closed"),
    "concluded": Words("终结", "concluded"),
    "barred": Words("不再受理", "no longer accepted"),
    "withdrawn": Words("撤回", "withdrawn"),
    "voided": Words("作废", "voided, registered by mistake"),
}

EVENT_WORDS: dict[str, Words] = {
    "CaseRegistered": Words("登记", "The filing was registered."),
    "PartyRecorded": Words("登记当事人", "A party was recorded."),
    "PartyCorrected": Words("更正当事人信息", "A party's data were corrected."),
    "RepresentativesNamed": Words("推选代表", "Representatives were named."),
    "ConfidentialityRequested": Words("请求保密", "The petitioner asked not to be named."),
    "MaterialAdded": Words("补充材料", "Material was added."),
    "Nudged": Words("催问", "The petitioner asked how it goes."),
    "CaseLinked": Words("并入同一事项", "It was joined to an older case of the same matter."),
    "CaseUnlinked": Words("解除并案", "It was separated again."),
    "CaseCorrected": Words("更正登记事项", "A registered fact was corrected."),
    "CaseVoided": Words("作废", "It was voided: registered by mistake."),
    "AnsweredAtOnce": Words("直接答复", "It was answered at once."),
    "EvaluationInvited": Words("邀请评价", "The petitioner was invited to evaluate."),
    "EvaluationSubmitted": Words("评价", "The petitioner evaluated."),
    "ReviewRequested": Words("申请复查", "A review was requested."),
    "ReReviewRequested": Words("申请复核", "A re-review was requested."),
    "CaseWithdrawn": Words("撤回", "The petitioner withdrew it."),
    "WentLive": Words("转为在本系统办理", "From here on it is worked on in this system."),
    "CaseClassified": Words("分类", "It was classified."),
    "AccusationSuspected": Words("疑似检举控告", "By a rule it may be an accusation; a person decides."),
    "AccusationConfirmed": Words("确认为检举控告", "A person confirmed that it is an accusation."),
    "SuspicionCleared": Words("排除检举控告", "A person found that it is no accusation."),
    "QueuedForDispatch": Words("待人工派单", "It waits for a registrar to dispatch it."),
    "CaseTransferred": Words("转送", "It was transferred."),
    "CaseAssigned": Words("交办", "It was assigned with a due date."),
    "CaseRoutedToSealedChannel": Words("转入密封渠道", "It went to the sealed channel."),
    "AssignmentDelivered": Words("送达承办单位", "It was delivered to the organisation's inbox."),
    "AssignmentWithdrawn": Words("收回", "It was recalled from the organisation."),
    "ForwardedDown": Words("下转", "It was forwarded to a subordinate organisation."),
    "HandedBack": Words("退回下转单位", "The subordinate organisation handed it back."),
    "ReviewBodyNamed": Words("确定复查复核机关", "It was decided who reviews it."),
    "ReturnVerified": Words("退回核实", "The request to hand it back was checked."),
    "JurisdictionDisputed": Words("管辖争议", "Who is responsible is in dispute."),
    "JurisdictionRuled": Words("指定管辖", "It was ruled who is responsible."),
    "StatutoryPathGuided": Words("引导法定途径", "The petitioner was guided to the statutory path."),
    "ReRegistrationBarred": Words("不再受理", "Same facts, already concluded: not accepted again."),
    "FirstResponderFixed": Words("确定首接首办单位", "The first responder was fixed."),
    "RoutingQuestioned": Words("路由待核", "A person has to look at the routing."),
    "SignedFor": Words("签收", "The organisation signed for it."),
    "ReturnRequested": Words("申请退回", "The organisation asked to hand it back."),
    "Accepted": Words("受理", "The organisation accepted it."),
    "NotAccepted": Words("不予受理", "The organisation did not accept it."),
    "NoticeServed": Words("书面告知", "A written notice was served."),
    "RecusalDeclared": Words("回避", "Somebody stepped back from handling it."),
    "InvestigationStepRecorded": Words("调查核实", "A step of the investigation was recorded."),
    "MediationOffered": Words("提出调解", "Mediation was offered."),
    "MediationAgreed": Words("调解达成", "Mediation led to an agreement."),
    "MediationFailed": Words("调解未成", "Mediation failed."),
    "HearingHeld": Words("听证", "A hearing was held."),
    "ExtensionRequested": Words("申请延期", "An extension was requested."),
    "ExtensionGranted": Words("批准延期", "An extension was granted."),
    "ExtensionRefused": Words("不批准延期", "An extension was refused."),
    "ExtensionNoticeServed": Words("延期告知", "The petitioner was told of the extension."),
    "DecisionIssued": Words("出具处理意见", "The decision was issued."),
    "SuggestionAnswered": Words("答复建议", "The suggestion was answered."),
    "DutyPerformed": Words("履行职责", "The duty was performed."),
    "ReplyDelivered": Words("答复送达", "The reply was delivered to the petitioner."),
    "ReplyCorrected": Words("更正答复", "The reply was corrected; the first one stays."),
    "ExecutionConfirmed": Words("执行到位", "What was decided has been carried out."),
    "ClosingReportFiled": Words("报送办结报告", "The closing report was filed."),
    "ReviewAccepted": Words("受理复查", "The review was accepted."),
    "ReviewOpinionIssued": Words("复查意见", "The review opinion was issued."),
    "OpinionDelivered": Words("复查意见送达", "The review opinion was delivered to the petitioner."),
    "ReReviewOpinionIssued": Words("复核意见", "The re-review opinion was issued."),
    "Concluded": Words("终结", "It was concluded."),
    "DeadlineAtRisk": Words("期限临近", "A deadline is at risk."),
    "Reminded": Words("提醒", "The organisation was reminded."),
    "DeadlineBreached": Words("超期", "A deadline passed."),
    "BreachLifted": Words("撤销超期", "A late record shows that the deadline was met."),
    "Urged": Words("催办", "The organisation was urged."),
    "SupervisionOpened": Words("督办", "Supervision was opened."),
    "SupervisionClosed": Words("督办结束", "Supervision was closed."),
    "InstructionRecorded": Words("领导批示", "An instruction was recorded."),
    "AcceptanceOrdered": Words("责令受理", "Acceptance was ordered."),
    "FollowUpRecorded": Words("回访", "A follow-up was recorded."),
    "RedoOrdered": Words("责令重办", "It is to be handled again."),
    "CaseClosed": Words("办结", "It was closed."),
    "CaseReopened": Words("重新启动", "New facts: it was reopened."),
}

CODE_WORDS: dict[str, str] = {
    "claim": "申诉求决", "accusation": "检举控告", "suggestion": "意见建议", "litigation": "涉法涉诉", "consultation": "咨询",
    "supported": "支持", "explained": "解释说明", "not_supported": "不予支持",
    "resolved_confirmed": "化解，经确认", "resolved_unconfirmed": "化解，未经确认", "settled": "和解", "guided": "引导法定途径",
    "not_accepted": "不予受理", "closed_unresolved": "未解决而办结", "withdrawn": "撤回", "merged": "并案",
    "concluded": "终结", "barred": "不再受理", "petition_office": "信访部门", "organisation": "承办单位",
    "met": "按期", "late": "逾期完成", "running": "计时中", "overdue": "超期", "cancelled": "取消", "unknown": "未知",
    "window_open": "期限内可提出", "window_lapsed": "已过提出期限",
    "acceptance": "受理", "non_acceptance": "不予受理", "transfer": "转送", "no_longer_accepted": "不再受理", "exempt": "免予告知",
    "joined": "并案", "same_matter": "同一事项", "duplicate": "重复件", "related": "相关",
    "lead_gone": "主件失效", "following": "并案办理中",
    "satisfied": "满意", "basically_satisfied": "基本满意", "dissatisfied": "不满意",
    "adopted": "采纳", "partly_adopted": "部分采纳", "not_adopted": "不采纳",
    "upheld": "维持", "changed": "变更", "redo": "重新办理",
    "outside_mandate": "不属于职责范围", "in_progress_elsewhere": "正由其他机关处理", "no_facts": "没有具体事实",
    "suspected_accusation": "疑似检举控告，待确认",
    "place": "属地", "subject": "事项", "class": "类别", "level": "层级", "channel": "渠道", "effective_at": "日期",
    "not_our_mandate": "不属于职责范围", "not_our_place": "不属于管辖区域",
    "another_organ_leads": "应由其他单位主办", "done": "已办完",
    "re_review": "复核", "review": "复查", "lapse": "逾期未申请",
    "other": "其他",
}  # fmt: skip
"""What a person reads beside the codes of classes, results, kinds of closing and notice, grades, states of clocks."""

DECISIVE: dict[str, tuple[str, ...]] = {
    "CaseLinked": ("kind", "lead"), "CaseCorrected": ("field", "old", "new"), "CaseVoided": ("reason_code",),
    "CaseUnlinked": ("reason_code",), "EvaluationInvited": ("object",), "EvaluationSubmitted": ("object", "grade"),
    "CaseClassified": ("class", "path", "rule"), "AccusationSuspected": ("rule",),
    "QueuedForDispatch": ("why",), "CaseTransferred": ("org", "rule"), "CaseAssigned": ("org", "due", "rule"),
    "CaseRoutedToSealedChannel": ("org",), "AssignmentDelivered": ("org",), "AssignmentWithdrawn": ("org", "reason_code"),
    "ForwardedDown": ("to",), "HandedBack": ("to", "reason_code"), "ReviewBodyNamed": ("body",), "HearingHeld": ("from", "to"),
    "ReturnRequested": ("reason_code",), "ReturnVerified": ("agreed",),
    "JurisdictionRuled": ("org",), "StatutoryPathGuided": ("path",), "Accepted": ("path",), "NotAccepted": ("reason_code",),
    "NoticeServed": ("kind", "mode"), "InvestigationStepRecorded": ("step",), "ExtensionRequested": ("days",),
    "ExtensionGranted": ("days",), "ExtensionNoticeServed": ("mode",), "DecisionIssued": ("result",),
    "SuggestionAnswered": ("result",), "ReplyDelivered": ("mode",), "ReviewOpinionIssued": ("result", "decision"),
    "OpinionDelivered": ("mode",),
    "ReReviewOpinionIssued": ("result", "decision"), "Concluded": ("by",), "DeadlineAtRisk": ("clock", "rung"),
    "Reminded": ("clock", "rung"), "DeadlineBreached": ("clock",), "BreachLifted": ("clock",),
    "Urged": ("clock",), "SupervisionOpened": ("ground", "decider"),
    "FollowUpRecorded": ("reached", "satisfied"), "RedoOrdered": ("ground",),
    "CaseClosed": ("kind",),
}  # fmt: skip
"""Of each type, the details without which its sentence says too little, as `details` names them."""

DETAILS = (
    "org", "to", "kind", "result", "grade", "object", "reason_code", "why", "due", "days", "mode", "step", "clock", "rung",
    "agreed", "ground", "decider", "body", "decision", "from_", "parties",
    "class_", "path", "rule", "field", "old", "new", "of", "lead", "by", "reached", "satisfied",
)  # fmt: skip
"""Fields of a body that a timeline shows: codes and dates, never text."""


def state_words(state: str) -> Words:
    return STATE_WORDS.get(state, Words(state, state))


def with_words(code: str | None) -> str:
    """`中文 code`: a code is never translated, only explained."""
    if code is None:
        return ""
    known = CODE_WORDS.get(code) or (STATE_WORDS[code].zh if code in STATE_WORDS else None)
    return f"{known} {code}" if known else code


def code_words(code: str) -> Words:
    """A code as part of a sentence."""
    return Words(CODE_WORDS.get(code, code), code.replace("_", " "))


def decisive(kind: str, told: Mapping[str, Any]) -> str:
    """The details of an event that a line of a timeline needs: `支持 supported`, `zj, rule r-12`."""
    parts = []
    for name in DECISIVE.get(kind, ()):
        value = told.get(name)
        if isinstance(value, bool):
            parts.append(f"{name} {'yes 是' if value else 'no 否'}")
        elif isinstance(value, str):
            parts.append(f"{name} {value}" if name == "rule" else with_words(value))
        elif value is not None:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def event_words(kind: str) -> Words:
    return EVENT_WORDS.get(kind, Words(kind, kind))
