"""Signing only what a colleague has checked, where the policy asks for it (`clocks`, `signing`).

The texts of the command have to be those of the draft that somebody else agreed to. The comparison opens the draft and shows
nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from shared.application.ports import Ports
from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import Decider
from shared.events.desk import DraftChecked, DraftDiscarded, DraftSaved, DraftSigned
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook
from shared.policy.signing_rules import SigningKind, SigningRules

STREAM = "drafts/"
KINDS: dict[str, SigningKind] = {
    "decide": "decision",
    "issue_review_opinion": "opinion",
    "issue_re_review_opinion": "opinion",
    "answer_at_once": "reply",
    "answer_suggestion": "reply",
    "answer_consultation": "reply",
    "perform_duty": "reply",
    "finish_accusation": "reply",
    "deliver_reply": "reply",
    "correct_reply": "reply",
}
"""Command -> the kind of the draft whose text it signs."""
_OF_DRAFTS = DraftSaved | DraftChecked | DraftSigned | DraftDiscarded
_TEXTS = ("text", "request", "facts", "result", "basis")
"""Fields that have to be those of the draft."""


def asked(book: PolicyBook, principal: Principal, rule: Decider) -> bool:
    """True if the policy asks for a check before this principal may sign with this command."""
    return KINDS.get(rule.name) in book.signing.check and principal.role in book.signing.roles


async def unchecked(
    ports: Ports, principal: Principal, case: Case, rule: Decider, values: Mapping[str, Any]
) -> Refused | None:
    """Why the text of this command may not be signed yet; None where it may, or where the policy asks for no check."""
    book = await ports.policies.book(case.jurisdiction)
    if not values.get("text") or not asked(book, principal, rule):
        return None
    kind, rules = KINDS[rule.name], book.signing
    saved, agreed = await _present(ports, principal.org, case, kind)
    if saved is None or not any(_somebody_else(saved, one, rules) for one in agreed):
        return _not_checked(kind, rules)
    opened = {one.version: one.values for one in await open_sealed(ports.keys, [saved])}
    text = opened.get(saved.version, {}).get("content")
    content = orjson.loads(text) if text is not None else None
    if not isinstance(content, dict) or any(_plain(content.get(one)) != _plain(values.get(one)) for one in _TEXTS):
        return Refused(
            "other_than_checked",
            f"This is not the text of the draft ({kind}) that a colleague approved. Send that text unchanged, or"
            " save the new one"
            " as a draft and have it checked.",
            detail_zh="内容与审核通过的拟稿不一致。请按审核稿提交，或者另存拟稿并重新审核。",
            field="text",
        )
    return None


def _not_checked(kind: str, rules: SigningRules) -> Refused:
    who, who_zh = ("person", "其他人员") if rules.by == "person" else ("colleague", "其他同事")
    return Refused(
        "not_checked",
        f"The policy requires that another {who} checks this text before it is signed. Save it as a draft"
        f" ({kind}), and have a colleague approve it.",
        detail_zh=f"按规则，签发前须由{who_zh}审核。请先保存拟稿（{kind}），由其审核同意后再提交。",
        field="text",
        draft=kind,
    )


async def _present(
    ports: Ports, org: str | None, case: Case, kind: str
) -> tuple[RecordedEvent | None, list[RecordedEvent]]:
    """The draft of this kind of the unit, and the checks and signatures that agreed to it since it was last sent back."""
    saved: RecordedEvent | None = None
    agreed: list[RecordedEvent] = []
    for commit in await ports.log.load(STREAM + case.id):
        for event in commit.recorded:
            body = event.body
            if not isinstance(body, _OF_DRAFTS) or (body.org, body.kind) != (org, kind):
                continue
            if isinstance(body, DraftSaved):
                saved, agreed = event, []
            elif isinstance(body, DraftDiscarded):
                saved, agreed = None, []
            elif saved is not None and body.of == saved.version:
                agreed = [*agreed, event] if body.agreed else []
    return saved, agreed


def _somebody_else(saved: RecordedEvent, agreed: RecordedEvent, rules: SigningRules) -> bool:
    writer, checker = saved.actor, agreed.actor
    if rules.by == "person":
        return None not in (writer.person, checker.person) and writer.person != checker.person
    return writer.ref != checker.ref


def _plain(value: Any) -> str:
    """A field of a draft or a command as one text: lists as lines, without blanks at the ends."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "\n".join(str(one).strip() for one in value)
    return str(value).replace("\r\n", "\n").strip()
