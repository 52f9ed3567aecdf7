"""Response models of policies and calendars."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.application.response import Answer, TimeText


class PolicySection(Answer):
    """A section in force."""

    section: str = Field(description="Name of the section")
    hash: str = Field(description="sha256 of the document")
    since: TimeText = Field(validation_alias="start", description="In force since")


class PolicySummary(Answer):
    """What a jurisdiction has decided about itself."""

    jurisdiction: str = Field(description="Code")
    name: str | None = Field(description="Name")
    zone: str = Field(description="Time zone")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="What decisions name as the policy they used")
    organisations: int = Field(description="How many organisations it names")
    channels: int = Field(description="How many channels it names")
    sections: list[PolicySection] = Field(description="Sections in force")
    scheduled: list[PolicySection] = Field(description="Sections that begin later")


class PolicyList(Answer):
    """All jurisdictions."""

    policies: list[PolicySummary] = Field(description="One each")


class PolicyAnswer(PolicySummary):
    """One jurisdiction with its documents."""

    documents: dict[str, Any] = Field(description="Section -> document in force")
    names: dict[str, str] = Field(description="Code -> name, of organisations, places, subjects and channels")


class PolicyFinding(Answer):
    """Something that is wrong with a policy."""

    where: str = Field(description="Section and field")
    what: str = Field(description="What is wrong and what to do")
    what_zh: str = Field(validation_alias="zh", description="The same in Chinese")


class PolicyChecked(Answer):
    """What is wrong with a policy; nothing: it can be activated."""

    valid: bool = Field(description="No findings")
    findings: list[PolicyFinding] = Field(description="All of them")
    warnings: list[PolicyFinding] = Field(description="To be known, and no reason not to activate it")


class PolicyActivatedAnswer(Answer):
    """What was activated."""

    jurisdiction: str = Field(description="Code")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="What decisions will name")
    activated: list[str] = Field(description="Sections that changed; empty: all was in force already")
    warnings: list[PolicyFinding] = Field(description="To be known")


class DueMoved(Answer):
    """A running clock that is due at another time now."""

    case: str = Field(description="Id of the case")
    number: str = Field(description="Its number")
    clock: str = Field(description="Clock")
    episode: int = Field(description="Which run of the clock, from 1")
    org: str | None = Field(description="Who bears the duty")
    old_due: TimeText = Field(description="Due instant by the calendar before")
    new_due: TimeText = Field(description="Due instant now")
    provisional: bool = Field(description="Reaches beyond what is published")


class CalendarPublishedAnswer(Answer):
    """What a published calendar changed."""

    jurisdiction: str = Field(description="Code")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="What decisions will name")
    changed: bool = Field(description="False: it was in force already")
    published_until: int | None = Field(description="Last year that is published")
    confirmed: int = Field(description="Provisional dates that stand and are certain now")
    moved_in_all: int = Field(description="How many moved")
    moved: list[DueMoved] = Field(description="Those that moved, the earliest first; at most 10,000")
