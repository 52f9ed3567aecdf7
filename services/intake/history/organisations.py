"""Which organisations a row of history names, and whether it may: known ones only, and of an accusation only organs for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from services.intake.history import HistoryItem, HistoryStep, other_organisation
from shared.case import Case
from shared.deadlines import DISPATCHES
from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook

_NAMING = ("org", "body", "decider", "assist", "by_office")
"""Fields of steps that hold codes of organisations."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
"""What an export may call an organisation that the policy never had: one that is gone, one of another level."""
_OF_A_PERSON = re.compile(r"1\d{10}|\d{6}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]")
"""Looks like a mobile telephone's or an identity number (with a date of birth in it), whatever column it stands in."""
_LEFT_OUT = "-"
"""Stands in a step for the responsible organisation."""
_HAVE_IT_NOT = frozenset({"received_by", "steps.SupervisionOpened.decider", "steps.InstructionRecorded.by_office"})
"""Fields whose organisation does not get to see the case by it."""
_HAVE_IT = frozenset(
    {"organisation", *(f"steps.{name}.org" for name in DISPATCHES), "steps.JurisdictionRuled.assist"}
) | {f"steps.{name}.body" for name in ("ReviewOpinionIssued", "ReReviewOpinionIssued", "OpinionDelivered")}
"""Fields whose organisation has it from then on; in the others the petition office may stand, which acted."""


def check_organs(item: HistoryItem, steps: Sequence[HistoryStep], case: Case, book: PolicyBook) -> None:
    """`steps`: those of the row that the case does not have yet.

    Raises Invalid, with the field, where an organisation is not in the policy: who is responsible must be, and what else is
    named must at least look like a code, for any other cell could say anything, a name too, and is not kept in clear. And
    for an accusation that would lie with an ordinary organisation (Art. 30)."""
    named = list(_named(item, steps, case))
    for field, code in named:
        if field == "organisation":
            unknown = bool(book.organisations) and book.organisation(code) is None
        else:
            unknown = not _looks_like_a_code(code) and not book.ever_listed(code)
        if unknown:
            raise unknown_organisation(field)
    known = case.filing.class_ == "accusation" and all(mended.field != "class_" for mended in case.corrections)
    if case.accusation.sealed and not accuses(item) and not known:
        raise other_organisation()  # that it is one is not for whoever imports to know
    if not (accuses(item) or known):
        return
    moved = any(step.type in DISPATCHES for step in steps)
    ruled = any(step.type == "JurisdictionRuled" for step in steps)
    has = [*(() if moved else case.handlers), *(() if ruled else case.assignment.assist)]
    has += [case.review.reviewer] if case.review.reviewer else []
    for field, code in (*named, *(("organisation", org) for org in has)):
        if field in _HAVE_IT_NOT or book.takes_accusations(code):
            continue
        if field not in _HAVE_IT and (found := book.organisation(code)) is not None and found.kind == "petition_office":
            continue
        raise Invalid(
            "accusation_needs_sealed_organ",
            "An accusation goes only to an organisation marked for them that is not the respondent (Art. 30).",
            why_zh="检举控告只能转送有权处理且非被反映人的机关。",
            field=field,
        )


def accuses(item: HistoryItem) -> bool:
    """Is it an accusation, or does one of its steps make it one?"""
    return item.filing.class_ == "accusation" or any(
        getattr(step.event, "class_", None) == "accusation" for step in item.steps
    )


def unknown_organisation(field: str, *, accused: bool = False) -> Invalid:
    """What to say of a code that the policy does not have. `accused`: of an accusation, for which none is created."""
    if accused:
        how = "an accusation creates none, name the one marked for them, or none"
        how_zh = "检举控告件不新增单位，请写明有权处理的机关，或不写单位"
    elif field == "organisation":
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


def _named(item: HistoryItem, steps: Sequence[HistoryStep], case: Case) -> Iterator[tuple[str, str]]:
    """(field of the row, code)."""
    if item.filing.received_by is not None and not case.exists:
        yield "received_by", item.filing.received_by
    if item.org is not None:
        yield "organisation", item.org
    for step in steps:
        for name in _NAMING:
            told = getattr(step.event, name, None)
            for code in told if isinstance(told, tuple) else (told,):
                if isinstance(code, str) and code != _LEFT_OUT:
                    yield f"steps.{step.type}.{name}", code


def _looks_like_a_code(code: str) -> bool:
    return _CODE.fullmatch(code) is not None and _OF_A_PERSON.fullmatch(code) is None
