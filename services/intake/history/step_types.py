"""The event types that an export may contain, and the event of one of its steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shared.events import REGISTRY, Event
from shared.kernel.refusals import Invalid

STEPS: tuple[str, ...] = (
    "CaseReopened",
    "RedoOrdered",
    "Nudged",
    "MaterialAdded",
    "InstructionRecorded",
    "CaseClassified",
    "CaseTransferred",
    "CaseAssigned",
    "AssignmentDelivered",
    "SignedFor",
    "ReturnRequested",
    "ReturnVerified",
    "JurisdictionDisputed",
    "JurisdictionRuled",
    "ReRegistrationBarred",
    "StatutoryPathGuided",
    "NotCompetentDeclared",
    "NotAccepted",
    "AcceptanceOrdered",
    "Accepted",
    "NoticeServed",
    "InvestigationStepRecorded",
    "HearingHeld",
    "MediationOffered",
    "ExtensionRequested",
    "ExtensionGranted",
    "ExtensionNoticeServed",
    "ExtensionRefused",
    "MediationAgreed",
    "SuggestionAnswered",
    "DutyPerformed",
    "ConsultationAnswered",
    "AccusationHandled",
    "LedInto",
    "DecisionIssued",
    "AnsweredAtOnce",
    "ReplyDelivered",
    "PaperServed",
    "ReplyCorrected",
    "ExecutionConfirmed",
    "ClosingReportFiled",
    "Urged",
    "SupervisionOpened",
    "SupervisionClosed",
    "ReviewRequested",
    "ReviewOpinionIssued",
    "OpinionDelivered",
    "ReReviewRequested",
    "ReReviewOpinionIssued",
    "EvaluationInvited",
    "EvaluationSubmitted",
    "FollowUpRecorded",
    "CaseWithdrawn",
    "CaseVoided",
    "CaseClosed",
    "Concluded",
    "SourceStatedOpen",
    "UndatedStepRecorded",
)
"""Event types that an export may contain, in the usual order of a case, which orders the steps of one day whose time is not
known. Events that only this system writes are not among them."""
RANK = {name: rank for rank, name in enumerate(STEPS)}
_OF_THIS_SYSTEM = frozenset({"word", "code_with_staff", "evidence", "reference", "independent"})
"""Fields by which a fact would confirm something in the petitioner's name; an export proves nothing."""
BY_KIND = frozenset({
    "NoticeServed", "EvaluationInvited", "EvaluationSubmitted", "InvestigationStepRecorded", "UndatedStepRecorded",
})  # fmt: skip
"""Types whose kind identifies one of several parallel steps, not the result of a step."""
WITHOUT_DATE = frozenset({
    "ReplyDelivered", "AnsweredAtOnce", "CaseClosed", "DecisionIssued", "SuggestionAnswered", "ConsultationAnswered",
    "DutyPerformed", "MediationAgreed", "Accepted", "NotAccepted", "NoticeServed", "SignedFor", "MaterialAdded", "Nudged",
    "InvestigationStepRecorded", "ClosingReportFiled", "ExecutionConfirmed", "EvaluationSubmitted", "Urged",
})  # fmt: skip
"""Types that may be recorded without a date. Who may see a case, and who handles it, is never decided by one of them."""
_UNDATED_FIELDS = {
    "kind": "kind", "result": "kind", "grade": "kind", "reason_code": "kind", "step": "kind", "mode": "mode",
    "object": "object", "org": "org", "text": "text", "reason": "reason",
}  # fmt: skip
"""Field of a step -> field of UndatedStepRecorded that keeps it."""
NEEDS_ORG = frozenset(
    name for name in STEPS if (org := REGISTRY[name].model_fields.get("org")) is not None and org.is_required()
)
"""Types with an organisation, which is the responsible one if the step names none."""


def body_of(type_: str, fields: Mapping[str, Any], org: str | None = None) -> Event:
    """The validated event of a step. `org`: the responsible organisation, for a step that names none.

    Raises Invalid with the field; the message never quotes a value.
    """
    if type_ not in RANK:
        raise Invalid(
            "step_not_importable",
            "This event type cannot come from an export. The types that can are listed in docs/import.md.",
            detail_zh="该事件类型不能由导入产生，可用的类型见 docs/import.md。",
            field="steps.type",
        )
    model = REGISTRY[type_]
    states_word = "word" in model.model_fields or "independent" in model.model_fields
    if claimed := _OF_THIS_SYSTEM & fields.keys() if states_word else set():
        raise Invalid(
            "word_not_importable",
            "The author of a fact and the unit that followed up are recorded only in this system. Remove the"
            " field from the mapping.",
            detail_zh="该字段（何人陈述、何方回访）只由本系统记录，请从映射文件中去掉。",
            field=f"steps.{type_}.{min(claimed)}",
        )
    if unknown := fields.keys() - model.model_fields.keys():
        raise Invalid(
            "unknown_field",
            f"{type_} has no such field.",
            detail_zh=f"事件 {type_} 没有该字段。",
            field=f"steps.{type_}.{min(unknown)[:60]}",
        )
    body = {name: value for name, value in fields.items() if value is not None}
    if org is not None and type_ in NEEDS_ORG:
        body.setdefault("org", org)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if field == "org" and first["type"] == "missing":
            raise Invalid(
                "invalid_step",
                f"{type_} needs its organisation, and the row names none: the cell is empty.",
                detail_zh=f"{type_} 须有单位，而该行没有写明单位。",
                field=f"steps.{type_}.org",
            ) from None
        raise Invalid(
            "invalid_step",
            f"A field of {type_} is missing or has a wrong value; docs/import.md lists what is allowed.",
            detail_zh=f"事件 {type_} 的字段缺失或取值不对，可用的取值见 docs/import.md。",
            field=f"steps.{type_}.{field[:60]}",
        ) from None


def kept_without_date(type_: str, field: str) -> bool:
    """True if this field of a step of this type is kept where the date is missing."""
    return type_ in WITHOUT_DATE and field in _UNDATED_FIELDS


def without_date(type_: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the UndatedStepRecorded that represents a step without a date.

    Raises Invalid for a value that the step cannot have."""
    body_of(type_, fields, "-")
    return {"step": type_, **{_UNDATED_FIELDS[name]: value for name, value in fields.items()}}
