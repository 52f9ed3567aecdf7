"""Links of duplicates that a source states: why one cannot be recorded. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.intake.history.items import LeftOut
from shared.case import Case, line_of, older
from shared.events.intake import LinkKind

_UNKNOWN = (
    "original_unknown",
    "There is no case of this number yet to which the filing could be linked. It is linked as soon as the original is imported.",
    "尚无该编号的件，未建立关联。原件导入后自动关联。",
)
_YOUNGER = (
    "original_is_younger",
    "The source names an original that was not filed before this one, and only an older case leads. Correct the number, or write "
    "kind: related.",
    "来源所指原件并不早于本件，只有较早的件可作主件。请更正编号，或改用 kind: related。",
)
_OTHER = (
    "follows_another",
    "The filing follows another case already, or that case follows this one. Unlink it first, or correct the number.",
    "该件已并入其他件，或所指件已并入本件。请先解除并案，或更正编号。",
)
_GONE = (
    "lead_voided",
    "The case that the source names as the original was voided or withdrawn here.",
    "来源所指原件在本系统已作废或撤回。",
)


def refused_link(code: str) -> LeftOut:
    """A link that the case does not take. `code`: of the refusal, whose words may quote a value."""
    return LeftOut(
        "link",
        code,
        "The link was not recorded; the rest of the row was. Link the case with the command link.",
        "未建立关联，该行其余内容已导入。请用命令 link 关联。",
    )


def not_linked(case: Case, lead: Case, lines: Mapping[str, Case], kind: LinkKind, zone: str) -> LeftOut | None:
    """Why a case is not linked to the original that its source names; None if it may be. `lines`: the original, and what it
    follows."""
    if not lead.exists or lead.id == case.id or lead.accusation.sealed != case.accusation.sealed:
        return LeftOut("link", *_UNKNOWN)  # the importing person does not learn which cases are accusations (Art. 30)
    if lead.state in ("voided", "withdrawn") and kind != "related":
        return LeftOut("link", *_GONE)
    if kind == "related":
        return None
    if case.matter.lead is not None or any(one.matter.lead == case.id for one in line_of(lead.id, lines)):
        return LeftOut("link", *_OTHER)
    return None if older(lead, case, zone) else LeftOut("link", *_YOUNGER)
