"""Resolves a reference to a case: its id, its number, or CHANNEL:ITEM.

A reference of each kind costs the same whether or not the case exists, because the caller may not be allowed to know that.
"""

from __future__ import annotations

import re

from shared.application.ports import Ports
from shared.case import STREAM
from shared.kernel.identifiers import case_id, id_prefix, read_number
from shared.kernel.refusals import Invalid, Unknown

WORKLIST = "worklist"
_ID = re.compile(r"[0-9a-f]{32}")


def unknown_case() -> Unknown:
    return Unknown("unknown_case", "There is no such case among those you may see.", detail_zh="没有您可以查看的该件。")


def case_missing() -> Invalid:
    return Invalid(
        "case_missing",
        "Name the case by its id, number, or CHANNEL:ITEM.",
        detail_zh="请注明案件（编号或 CHANNEL:ITEM）。",
        field="case",
    )


async def resolve(ports: Ports, reference: str) -> str:
    """The case id that `reference` names. Does not check that the case exists or who may see it.

    Raises Unknown for a text that is no reference."""
    if _ID.fullmatch(reference):
        return reference
    number = read_number(reference)
    if number is not None:
        return await _by_number(ports, number)
    channel, colon, item = reference.partition(":")
    if colon and channel and item:
        return case_id(ports.keys.secret("case-id"), channel, item)
    raise unknown_case()


async def _by_number(ports: Ports, number: str) -> str:
    """The id of the case with this number; for a number of no case, the id of none. A number holds the first 60 bits of the id,
    so the stream is found in the log itself, as soon as the case is registered."""
    begin = id_prefix(number)
    async for heads in ports.log.heads(STREAM + begin, batch=1):
        return heads[0][0].removeprefix(STREAM)
    return begin.ljust(32, "0")
