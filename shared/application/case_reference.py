"""Resolves a reference to a case: its id, its number, or CHANNEL:ITEM.

A reference of each kind costs the same whether or not the case exists, because the caller may not be allowed to know that.
"""

from __future__ import annotations

import re

from shared.application.ports import Ports
from shared.case import STREAM
from shared.commands.authorization import Principal
from shared.kernel.identifiers import case_id, id_prefix, read_number
from shared.kernel.refusals import Invalid, Unknown

WORKLIST = "worklist"
_ID = re.compile(r"[0-9a-f]{32}")


def unknown_case() -> Unknown:
    return Unknown(
        "unknown_case", "There is no such case among those you may see.", detail_zh="没有该信访件，或您无权查看。"
    )


def case_missing() -> Invalid:
    return Invalid(
        "case_missing",
        "Name the case by its id, number, or CHANNEL:ITEM.",
        detail_zh="请填写信访件（编号或“渠道:流水号”）。",
        field="case",
    )


def jurisdiction_needed() -> Invalid:
    """The refusal of a name that several jurisdictions have, where the caller belongs to none."""
    return Invalid(
        "jurisdiction_needed",
        "Several jurisdictions have this name. Use an access key of the jurisdiction, or act as ROLE:ORG@JURISDICTION.",
        detail_zh="多个辖区都有这一名称，请使用该辖区的访问密钥，或注明辖区（ROLE:ORG@JURISDICTION）。",
        field="jurisdiction",
    )


async def resolve(ports: Ports, principal: Principal, reference: str) -> str:
    """The case id that `reference` names for this principal. Does not check that the case exists or who may see it.

    Items are named within the jurisdiction of the principal. Raises Unknown for a number that no case has, Invalid
    `jurisdiction_needed` for an item that several jurisdictions have, where the principal belongs to none."""
    if _ID.fullmatch(reference):
        return reference
    number = read_number(reference)
    if number is not None:
        return await by_number(ports, number)
    channel, colon, item = reference.partition(":")
    if colon and channel and item:
        return await _by_item(ports, principal.jurisdiction, channel, item)
    raise unknown_case()


async def _by_item(ports: Ports, jurisdiction: str | None, channel: str, item: str) -> str:
    secret = ports.keys.secret("case-id")
    if jurisdiction is not None:
        return case_id(secret, jurisdiction, channel, item)
    named = [case_id(secret, one, channel, item) for one in sorted(await ports.policies.all())]
    having = [one for one in named if (await ports.cases.get(one))[0].exists] if len(named) > 1 else named
    if len(having) > 1:
        raise jurisdiction_needed()
    if not having:
        raise unknown_case()
    return having[0]


async def by_number(ports: Ports, number: str) -> str:
    """The id of the case with this number; for a number of no case, the id of none. A number holds the first 60 bits of the id,
    so the stream is found in the log itself, as soon as the case is registered."""
    begin = id_prefix(number)
    async for heads in ports.log.heads(STREAM + begin, batch=1):
        return heads[0][0].removeprefix(STREAM)
    return begin.ljust(32, "0")
