"""Which organisations a row of history names, and whether it may: known ones only, and of an accusation only organs for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.case import Case
from shared.history import HistoryItem
from shared.policy.book import PolicyBook
from shared.refusals import Invalid

_NAMING = ("org", "body", "decider", "assist")
"""Fields of steps that hold codes of organisations."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
"""What an export may call an organisation that the policy never had: one that is gone, one of another level."""
_LEFT_OUT = "-"
"""Stands in a step for the responsible organisation."""


def check_organs(item: HistoryItem, case: Case, book: PolicyBook) -> None:
    """Raises Invalid, with the field, where an organisation is not in the policy: who is responsible must be, and what else is
    named must at least look like a code, for any other cell could say anything, a name too, and is not kept in clear. And
    for an accusation that would go to an ordinary organisation (Art. 30)."""
    for field, code in _named(item):
        if field == "organisation":
            unknown = bool(book.organisations) and book.organisation(code) is None
        else:
            unknown = not _CODE.fullmatch(code) and not book.ever_listed(code)
        if unknown:
            raise unknown_organisation(field)
    if not (case.sealed_track or _accuses(item)):
        return
    for field, code in _named(item):
        if field != "received_by" and not book.takes_accusations(code):
            raise Invalid(
                "accusation_needs_sealed_organ",
                "An accusation is imported with an organisation marked for accusations, or with none (Art. 30).",
                why_zh="检举控告件只能导入给有权处理检举控告的机关，或不写单位（《信访工作条例》第三十条）。",
                field=field,
            )


def _named(item: HistoryItem) -> Iterator[tuple[str, str]]:
    """(field of the row, code)."""
    if item.filing.received_by is not None:
        yield "received_by", item.filing.received_by
    if item.org is not None:
        yield "organisation", item.org
    for step in item.steps:
        for name in _NAMING:
            told = getattr(step.event, name, None)
            for code in told if isinstance(told, tuple) else (told,):
                if isinstance(code, str) and code != _LEFT_OUT:
                    yield f"steps.{step.type}.{name}", code


def _accuses(item: HistoryItem) -> bool:
    return item.filing.class_ == "accusation" or any(
        getattr(step.event, "class_", None) == "accusation" for step in item.steps
    )


def unknown_organisation(field: str) -> Invalid:
    """What to say of a code that the policy does not have."""
    if field == "organisation":
        how = "add it there, list it in the mapping's table, or set create: true"
        how_zh = "请先添加，或写入映射文件的对照表，或设置 create: true"
    else:
        how, how_zh = "add it there, or list it in the mapping's table", "请先添加，或写入映射文件的对照表"
    return Invalid(
        "unknown_organisation",
        f"The policy has no such organisation: {how}.",
        why_zh=f"规则中没有该单位：{how_zh}。",
        field=field,
    )
