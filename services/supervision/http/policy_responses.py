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
    """A jurisdiction and its policy."""

    jurisdiction: str = Field(description="Code")
    name: str | None = Field(description="Name")
    zone: str = Field(description="Time zone")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="Reference of the policy that decisions store")
    organisations: int = Field(description="Number of organisations")
    channels: int = Field(description="Number of channels")
    sections: list[PolicySection] = Field(description="Sections in force")
    scheduled: list[PolicySection] = Field(description="Sections that come into force later")


class PolicyList(Answer):
    """All jurisdictions."""

    policies: list[PolicySummary] = Field(description="One each")


class ProfileValue(Answer):
    """A value that rules use, with its source."""

    name: str = Field(description="Name")
    value: int | bool | str = Field(description="Value")
    source: str = Field(description="Law or local document that sets it; `own choice`: a proposal to be confirmed")


class PolicyAnswer(PolicySummary):
    """One jurisdiction with its documents."""

    profile: list[ProfileValue] = Field(description="Values of the profile, with their sources")

    documents: dict[str, Any] = Field(description="Section -> document in force")
    names: dict[str, str] = Field(description="Code -> name, of organisations, places, subjects and channels")


class PolicyFinding(Answer):
    """One error in a policy."""

    where: str = Field(description="Section and field")
    what: str = Field(description="What is wrong and what to do")
    what_zh: str = Field(validation_alias="zh", description="The same in Chinese")


class PolicyChecked(Answer):
    """The errors of a policy; without errors it can be activated."""

    valid: bool = Field(description="No findings")
    findings: list[PolicyFinding] = Field(description="All of them")
    warnings: list[PolicyFinding] = Field(description="Warnings, which do not prevent activation")


class PolicyActivatedAnswer(Answer):
    """The result of an activation."""

    jurisdiction: str = Field(description="Code")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="Reference of the policy that decisions will store")
    activated: list[str] = Field(description="Changed sections; empty if all were in force already")
    warnings: list[PolicyFinding] = Field(description="To be known")


class DueMoved(Answer):
    """A running clock whose due instant has changed."""

    case: str = Field(description="Id of the case")
    number: str = Field(description="Its number")
    clock: str = Field(description="Clock")
    episode: int = Field(description="Episode of the clock, from 1")
    org: str | None = Field(description="Organisation that has the duty")
    old_due: TimeText = Field(description="Due instant by the previous calendar")
    new_due: TimeText = Field(description="Due instant now")
    provisional: bool = Field(description="True if it is after the last published year")


class CalendarPublishedAnswer(Answer):
    """The result of publishing a calendar."""

    jurisdiction: str = Field(description="Code")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="Reference of the policy that decisions will store")
    changed: bool = Field(description="False if it was in force already")
    published_until: int | None = Field(description="Last year that is published")
    confirmed: int = Field(description="Provisional dates that did not change and are final now")
    moved_in_all: int = Field(description="Number of due dates that moved")
    moved: list[DueMoved] = Field(description="Due dates that moved, earliest first; at most 10,000")
