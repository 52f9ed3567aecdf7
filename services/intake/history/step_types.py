"""What an export may tell of, and the event that a step of it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from shared.case import Fact, fold
from shared.commands.authorization import Principal
from shared.events import REGISTRY, Event
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime, instant_of
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
    "NotAccepted",
    "AcceptanceOrdered",
    "Accepted",
    "NoticeServed",
    "InvestigationStepRecorded",
    "HearingHeld",
    "MediationOffered",
    "ExtensionRequested",
    "ExtensionGranted",
    "ExtensionRefused",
    "MediationAgreed",
    "SuggestionAnswered",
    "DutyPerformed",
    "DecisionIssued",
    "AnsweredAtOnce",
    "ReplyDelivered",
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
)
"""Event types that an export may tell of, in the usual order of a case: the order of steps of one day whose hour is not
known. What only our own machinery writes is not among them."""
RANK = {name: rank for rank, name in enumerate(STEPS)}
BY_KIND = frozenset({"NoticeServed", "EvaluationInvited", "EvaluationSubmitted", "InvestigationStepRecorded"})
"""Types whose kind says *which* of several parallel things happened, not how one thing ended."""
_ACTOR = Principal("service", None, "history").actor


class StepReader(Protocol):
    """A step, as `services.intake.history.items` models it."""

    @property
    def type(self) -> str: ...
    @property
    def effective_at(self) -> LegalTime: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


class _Shape(NamedTuple):
    model: type[Event]
    fields: frozenset[str]
    needs_org: bool


@cache
def _shape(kind: str) -> _Shape:
    model = REGISTRY[kind]
    org = model.model_fields.get("org")
    return _Shape(model, frozenset(model.model_fields), org is not None and org.is_required())


def lacks_org(step: StepReader) -> bool:
    """Is the responsible organisation the one that the step does not name?"""
    return step.type in RANK and _shape(step.type).needs_org and step.body.get("org") is None


def body_of(step: StepReader, org: str | None = None) -> Event:
    """The event of a step, validated. A required `org` that the step leaves out is the responsible organisation.

    Raises Invalid with the field; the message never quotes a value.
    """
    if step.type not in RANK:
        raise Invalid(
            "step_not_importable",
            "This event type cannot come from an export. The types that can are listed in docs/import.md.",
            why_zh="该事件类型不能由导入产生，可用的类型见 docs/import.md。",
            field="steps.type",
        )
    model, fields, needs_org = _shape(step.type)
    if not step.body.keys() <= fields:
        unknown = min(step.body.keys() - fields)
        raise Invalid(
            "unknown_field",
            f"{step.type} has no such field.",
            why_zh=f"事件 {step.type} 没有该字段。",
            field=f"steps.{step.type}.{unknown[:60]}",
        )
    body = {name: value for name, value in step.body.items() if value is not None}
    if needs_org and org is not None:
        body.setdefault("org", org)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if field == "org" and first["type"] == "missing":
            raise Invalid(
                "invalid_step",
                f"{step.type} needs its organisation, and the row names none: the cell is empty.",
                why_zh=f"{step.type} 须有单位，而该行没有写明单位。",
                field=f"steps.{step.type}.org",
            ) from None
        raise Invalid(
            "invalid_step",
            f"A field of {step.type} is missing or has a wrong value; docs/import.md lists what is allowed.",
            why_zh=f"事件 {step.type} 的字段缺失或取值不对，可用的取值见 docs/import.md。",
            field=f"steps.{step.type}.{field[:60]}",
        ) from None


def as_fact(step: StepReader, body: Event) -> Fact:
    """What the step will be among the facts of a case."""
    at = step.effective_at
    now = instant_of(at, "UTC")
    event = RecordedEvent("", "", 1, step.type, 1, "", at, now, "history", _ACTOR, "", None, None, None, body, ())
    return fold((event,)).facts[-1]
