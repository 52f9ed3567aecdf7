"""Words for states and codes in Chinese and English. Those of events are on the event classes."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


STATE_WORDS: dict[str, Words] = {
    "registered": Words("已登记", "registered"),
    "dispatched": Words("待签收", "sent to the organisation, not signed for yet"),
    "signed": Words("已签收", "signed for by the organisation"),
    "return_requested": Words("申请退回", "the organisation requests to return it"),
    "returned": Words("已退回", "handed back, to be sent elsewhere"),
    "disputed": Words("管辖争议", "disputed, waiting for a ruling on the responsible organisation"),
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
    "led_into": Words("已导入法定程序", "led into the statutory procedure"),
    "closed": Words("办结", "closed"),
    "concluded": Words("终结", "concluded"),
    "barred": Words("不再受理", "no longer accepted"),
    "withdrawn": Words("撤回", "withdrawn"),
    "voided": Words("作废", "voided, registered by mistake"),
}

CODE_WORDS: dict[str, str] = {
    "claim": "申诉求决", "accusation": "检举控告", "suggestion": "意见建议", "litigation": "涉法涉诉", "consultation": "咨询",
    "supported": "支持", "explained": "解释说明", "not_supported": "不予支持",
    "resolved_confirmed": "化解，经确认", "resolved_unconfirmed": "化解，未经确认", "settled": "和解", "guided": "引导法定途径",
    "led_into": "导入法定程序", "guidance": "引导法定途径", "performed": "已履行", "refused": "不予履行", "answered": "已答复",
    "accusation_handled": "检举控告已办结", "reply": "答复", "opinion": "复查意见", "notice": "告知书",
    "in_person": "直接送达", "post": "邮寄送达", "electronic": "电子送达", "left": "留置送达", "public": "公告送达",
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
    "no_rule": "没有适用的派单规则", "unknown_place": "属地不明", "unknown_subject": "事项不明", "weak_keyword": "关键词依据不足",
    "litigation_visit": "来访反映涉法涉诉，应释法明理、引导", "guardian": "监护人", "authorised": "受托人",
    "ordinary": "一般", "urgent": "重大紧急", "urgency": "紧急程度", "path": "法定途径",
    "place": "属地", "subject": "事项", "class": "类别", "level": "层级", "channel": "渠道", "effective_at": "日期",
    "not_our_mandate": "不属于职责范围", "not_our_place": "不属于管辖区域",
    "another_organ_leads": "应由其他单位主办", "done": "已办完",
    "re_review": "复核", "review": "复查", "lapse": "逾期未申请",
    "account": "网上账户", "agreed": "达成协议", "assignment": "交办", "delay": "拖延", "email": "电子邮件",
    "evidence": "证据", "expert": "鉴定", "failed": "调解未成", "falsification": "弄虚作假", "hearing": "听证",
    "incomplete": "内容不完整", "inquiry": "调查询问", "letter": "来信", "mediation": "调解", "meeting": "会商",
    "misread": "辨认有误", "not_executed": "未履行", "offered": "提出调解", "perfunctory": "敷衍", "phone": "电话",
    "recalled": "收回", "recording": "录音录像", "refusal_to_execute": "拒不执行", "registered_twice": "重复登记",
    "shirking": "推诿", "signed_form": "签字表", "site_visit": "现场查看", "sms": "短信", "test": "测试",
    "typing": "录入有误", "witnessed_visit": "有见证的来访", "wrong_clock": "机器时钟有误", "wrong_content": "内容有误",
    "wrong_organisation": "单位有误", "wrong_source": "来源有误",
    "bounced": "退信", "unclaimed": "无人领取", "unknown_address": "地址不明", "unreachable": "联系不上",
    "receipt": "回执", "decision": "处理意见书", "extension": "延期告知书", "request_for_more": "补充材料告知书",
    "duty_performed": "履职结果告知书", "review_opinion": "复查意见书", "re_review_opinion": "复核意见书",
    "suggestion_answered": "建议答复书", "closing": "办结告知书", "publication": "公告",
    "named": "实名", "anonymous": "匿名", "confidential": "保密", "calendar": "自然日", "working": "工作日",
    "requested": "本人要求", "purpose_achieved": "处理目的已实现", "retention_over": "保存期限已届满", "unlawful": "违法处理",
    "consent_withdrawn": "撤回同意",
    "registrar": "登记人员", "clerk": "经办人", "supervisor": "督查人员", "petitioner": "信访人", "platform": "平台",
    "analyst": "统计人员", "operations": "运维人员", "service": "系统", "portal": "门户网站",
    "own_hand": "本人", "keyed": "单位录入", "yes": "是", "no": "否",
    "other": "其他", "zh": "中文", "en": "英文",
}  # fmt: skip
"""Chinese words for the codes of classes, results, kinds of closing and notice, grades and clock states."""


def state_words(state: str) -> Words:
    """The words for a case state; the code itself if it is unknown."""
    return STATE_WORDS.get(state, Words(state, state))


def with_words(code: str | None) -> str:
    """`中文 code`: the code stays as it is, with its Chinese word in front. Empty for None."""
    if code is None:
        return ""
    known = CODE_WORDS.get(code) or (STATE_WORDS[code].zh if code in STATE_WORDS else None)
    return f"{known} {code}" if known else code


def code_words(code: str) -> Words:
    """The words for a code inside a sentence."""
    return Words(CODE_WORDS.get(code, code), code.replace("_", " "))
