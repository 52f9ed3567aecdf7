"""Response models of the citizen status."""

from __future__ import annotations

from pydantic import Field

from shared.application.response import Answer
from shared.queries.office_contact import OfficeContact


class ReviewBody(Answer):
    """A body that you may choose."""

    code: str = Field(description="Give it as `body` with the request")
    zh: str = Field(description="Its name in Chinese")
    en: str = Field(description="Its name in English, where the policy has one")


class MayAsk(Answer):
    """A right that is open now (Art. 35, 36)."""

    command: str = Field(description="request_review or request_re_review")
    until: str | None = Field(description="Last day; null until the receipt of the opinion is recorded")
    provisional: bool = Field(
        False, description="True if that day may still move, since the days off of its year are not published yet"
    )
    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    article: str = Field(description="Article of the law")
    bodies: list[ReviewBody] = Field(
        description="Where the law gives a choice: the bodies of which you may choose one; the first reviews it otherwise"
    )


class OpenQuestions(Answer):
    """Questions of the office that are not answered yet. Answering is free: the case is handled in any case."""

    asked: int = Field(description="Give it as `asked` with the answers (add_material)")
    day: str = Field(description="Day on which they were asked")
    questions: list[str] = Field(description="The questions, in the order of the answers")


class StatusAnswer(Answer):
    """The status of a case for its petitioner, in plain sentences."""

    number: str = Field(description="Number of the case")
    state: str = Field(description="State as a code")
    zh: str = Field(description="State, responsible organisation, next step and due day with its article, in Chinese")
    en: str = Field(description="The same in English")
    org: str | None = Field(description="Name of the responsible organisation")
    contact: OfficeContact | None = Field(
        description="Whom to call: the responsible organisation, or the petition office where the policy has no number of it"
    )
    due_day: str | None = Field(description="Day by which the next step is due")
    provisional: bool = Field(
        False, description="True if due_day may still move, since the days off of its year are not published yet"
    )
    due_because: str | None = Field(description="Article of the law")
    notice_due: str | None = Field(description="Day by which a written notice is due that is not the next step itself")
    may_ask: MayAsk | None = Field(description="The review that may be requested now")
    questions: list[OpenQuestions] = Field(description="Questions to you that are not answered yet")
    today: str = Field(description="Today in the zone of the jurisdiction")
    days_left: int | None = Field(
        description="Days from today to due_day in the unit of its clock; negative once it has passed; null without due_day"
    )
    days_unit: str | None = Field(description="calendar or working")
    allowed: list[str] = Field(description="Commands that you may give now with POST /v1/citizens/commands")
    documents: int = Field(description="Number of texts that can be read with /v1/status/documents")
    withdrawal: str | None = Field(
        description="Last day before your request to withdraw takes effect; until then you may take it back. Null: none"
    )
    erasure: str | None = Field(
        description="Day on which you asked for the erasure of your data and were not answered yet. Null: you did not ask"
    )
    events: list[dict[str, str]] = Field(description="The latest events, oldest first: day, zh, en; at most 100")
    events_before: int | None = Field(
        None, description="Give it as `before` to get the events before these; null: there are none"
    )
