"""One valid body for each public command. A new command requires an example here."""

from __future__ import annotations

from typing import Any

from shared.application.command_dispatch import open_rules

EXAMPLES: dict[str, dict[str, Any]] = {
    "add_material": {"text": "补充材料"},
    "nudge": {},
    "evaluate": {"object": "organisation", "grade": "satisfied"},
    "withdraw": {"text": "问题已解决"},
    "answer_at_once": {"text": "办事地点为政务大厅二楼"},
    "correct": {"field": "subject", "new": "0103"},
    "void": {"reason_code": "test"},
    "go_live": {},
    "sign_off": {},
    "accept": {"path": 6},
    "not_accept": {"reason_code": "outside_mandate", "reason": "不属于职权范围", "remedy": "可以向上级机关反映"},
    "serve_notice": {"kind": "acceptance"},
    "record_step": {"step": "site_visit"},
    "ask_extension": {"days": 5, "reason": "情况复杂"},
    "decide": {"result": "supported", "basis": ["条例第三十二条"], "text": "予以支持"},
    "answer_suggestion": {"result": "adopted", "text": "建议已采纳"},
    "deliver_reply": {"mode": "in_person"},
    "correct_reply": {"text": "更正日期"},
    "confirm_execution": {},
    "file_report": {"text": "办结报告"},
    "grant_extension": {"days": 5, "approver": "zj"},
    "refuse_extension": {"reason": "不予延期"},
    "serve_extension_notice": {"mode": "in_person"},
    "record_mediation": {"outcome": "offered"},
    "refuse_review": {"reason": "无正当理由"},
    "no_longer_accept": {"concluded": "0" * 32, "reason": "没有新的事实和理由"},
    "confirm_receipt_date": {"reason": "收文登记簿"},
    "dispatch": {"org": "zj"},
    "recall": {},
    "guide": {"path": 4, "how_to": "可以申请行政复议"},
    "request_return": {"reason_code": "not_our_mandate", "reason": "不属于我单位职责"},
    "verify_return": {"agreed": True},
    "refer_dispute": {"reason": "两单位意见不一"},
    "rule_jurisdiction": {"org": "zj"},
    "follow_up": {"reached": True, "satisfied": True},
    "order_redo": {"ground": "dissatisfied"},
    "order_acceptance": {"path": 6, "text": "属于职权范围，应予受理"},
    "urge": {},
    "open_supervision": {"ground": "delay", "text": "逾期未办"},
    "close": {"kind": "explained"},
    "close_supervision": {"text": "已整改"},
    "request_review": {"text": "对处理意见不服"},
    "request_re_review": {"text": "对复查意见不服"},
    "name_review_body": {"body": "fc"},
    "accept_review": {},
    "issue_review_opinion": {"result": "upheld", "text": "维持原处理意见"},
    "deliver_opinion": {"mode": "post"},
    "issue_re_review_opinion": {"result": "upheld", "text": "维持复查意见"},
    "record_hearing": {"from": "2026-03-02", "to": "2026-03-02"},
    "forward_down": {"to": "dhyl"},
    "hand_back": {"reason_code": "done"},
    "confirm_accusation": {},
    "clear_suspicion": {"reason": "不是检举控告"},
    "link": {"lead": "0" * 32, "reason": "同一事项"},
    "unlink": {"reason": "并非同一事项"},
    "name_representatives": {"parties": ["p1"]},
    "request_confidentiality": {},
}


def example(command: str) -> dict[str, Any]:
    """Fields of a good body. Raises KeyError for a command without an example."""
    return EXAMPLES[command]


def commands() -> list[str]:
    """The public commands; each has an example."""
    names = sorted(rule.name for rule in open_rules())
    without = sorted(set(names) - EXAMPLES.keys())
    assert not without, f"add an example for: {', '.join(without)}"
    return names
