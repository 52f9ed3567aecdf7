"""Values of all fields of notices, for tests of their form."""

from __future__ import annotations

from services.routing.notices.notice_document import NoticeDocument, composed
from shared.events.notices import Language
from shared.policy.templates import Templates, template_of

VALUES: dict[str, str | tuple[str, ...]] = {
    "addressee": "李明",
    "case_number": "2026-7F3K-9Q2M-ABCD-P",
    "filed_on": "2026年3月2日",
    "matter": "育才路积水问题",
    "request": "请求修复直属骨干道路，刃角处优先。",
    "organ": "县住房和城乡建设局",
    "address": "县城关镇建设路12号",
    "sent_on": "2026年3月3日",
    "accepted_on": "2026年3月5日",
    "days": "60",
    "due_on": "2026年5月4日",
    "ground": "不属于本机关、单位职权范围",
    "reason": "涉及地下管线产权争议。\n需要补充鉴定。",
    "remedy": "可以依法提起诉讼。",
    "approver": "局长",
    "questions": ("房屋所有权证复印件", "积水的具体时间"),
    "facts": "路基沉降，多处破损。",
    "result": "对您的信访请求予以支持。",
    "opinion": "于四月底前修复。",
    "legal_basis": ("《信访工作条例》第三十二条", "《城市道路管理条例》第二十三条"),
    "execute_by": "2026年4月30日",
    "review_body": "县人民政府",
    "review_days": "30",
    "procedure": "行政裁决",
    "reference": "裁〔2026〕7号",
    "opened_on": "2026年3月6日",
    "time_limit": "自知道之日起60日内",
    "how_to": "当面提出申请。",
    "concluded_on": "2025年1月8日",
    "closed_on": "2026年6月1日",
    "contact": "0572-0000000",
    "remarks": "附件一份。",
    "document_title": "处理意见书",
    "document_reference": "住建信访复字〔2026〕2号",
}


def sample(kind: str, language: Language = "zh", **changed: str | tuple[str, ...]) -> NoticeDocument:
    """A complete notice of that kind, with these fields changed."""
    return composed(
        template_of(Templates(), kind),
        language,
        {**VALUES, **changed},
        number="住建信访复字〔2026〕3号",
        office="县住房和城乡建设局",
        date="2026年4月8日",
    )
