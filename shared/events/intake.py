"""The petitioner's side: filing, parties, evaluation, withdrawal, and mending what was registered wrongly."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Class, Event, Identity, Moment, Service, Text

EvaluationObject = Literal["petition_office", "organisation"]
Grade = Literal["satisfied", "basically_satisfied", "dissatisfied"]


class _Intake(Event):
    owner: ClassVar[Service] = "intake"


class CaseRegistered(_Intake):
    """A filing was registered (登记; Regulation Art. 22, 23). `effective_at`: the postmark, the click."""

    author: ClassVar[str | None] = "p1"
    number: str
    channel: str
    channel_class: str
    platform: str | None = None
    """The platform that feeds this channel."""
    place: str | None = None
    subject: str | None = None
    level: str | None = None
    class_: Class | None = None
    received_by: str | None = None
    """The organ that received it itself (Art. 23), None when the petition office did (Art. 22)."""
    org: str | None = None
    """History only: who was responsible, as the source says; when it was sent there is unknown."""
    anonymous: bool = False
    confidential: bool = False
    filed_by_agent: bool = False
    unclear: tuple[Literal["place", "subject"], ...] = ()
    """Given in words that the policy does not know: registered and queued for a person, never refused."""
    qr: str | None = None
    """The code that was scanned, where the policy knows it; place and grid come from there."""
    grid: str | None = None
    item: Text = None
    title: Text = None
    text: Text = None
    location: Text = None
    place_text: Text = None
    """The words for an unclear place, as they were given."""
    subject_text: Text = None
    level_text: Text = None


class PartyRecorded(_Intake):
    """Somebody takes part in the case: petitioner, co-petitioner, representative, filing agent, respondent."""

    party: str
    role: Literal["petitioner", "co_petitioner", "representative", "agent", "respondent"]
    respondent_org: str | None = None
    name: Identity = None
    phone: Identity = None
    id_number: Identity = None
    address: Identity = None


class PartyCorrected(_Intake):
    """A party's data were mended (PIPL Art. 46). Fields left out stay as they were."""

    party: str
    name: Identity = None
    phone: Identity = None
    id_number: Identity = None
    address: Identity = None


class RepresentativesNamed(_Intake):
    """Who speaks for a joint filing: recorded parties of the case, at most five (代表人; Art. 20 ¶3)."""

    parties: tuple[str, ...]


class ConfidentialityRequested(_Intake):
    """From now on the handling organisation sees what was filed, and not who filed it."""


class MaterialAdded(_Intake):
    author: ClassVar[str | None] = "p1"
    text: Text = None


class Nudged(_Intake):
    """The citizen asks how it goes (催问)."""

    author: ClassVar[str | None] = "p1"
    text: Text = None


LinkKind = Literal["same_matter", "related", "duplicate"]


class CaseLinked(_Intake):
    """This filing follows the older `lead` of the same matter: one matter, one responsible organisation. Stands in the
    follower's stream only. `related` is a reference and nothing more."""

    lead: str
    kind: LinkKind
    reason: Text = None


class CaseUnlinked(_Intake):
    """The filing stands by itself again. `kind`: of the link that ended."""

    lead: str
    kind: LinkKind | None = None
    reason_code: Literal["lead_gone"] | None = None
    """lead_gone: without a person, because the lead can lead no longer."""
    reason: Text = None


class CaseCorrected(_Intake):
    """A registered fact was wrong; the original stays. `field` `effective_at` mends the date of version `of`."""

    field: Literal["effective_at", "place", "subject", "class_", "level", "channel"]
    of: int | None = None
    old: str | None = None
    new: str | None = None
    reason_code: Literal["typing", "misread", "wrong_source", "other"] = "other"
    reason: Text = None


class CaseVoided(_Intake):
    """Registered by mistake: the number stays, the case is counted apart and in no figure."""

    reason_code: Literal["test", "registered_twice", "wrong_content", "other"] = "other"
    reason: Text = None


class AnsweredAtOnce(_Intake):
    """The hotline answered a consultation itself (直接答复)."""

    text: Text = None


class EvaluationInvited(_Intake):
    """Of a filing that was joined to another one: once the matter was answered and the filing ended with it. `org`: the
    organisation that handled the matter there; otherwise the one that replied is meant."""

    object: EvaluationObject
    org: str | None = None


class EvaluationSubmitted(_Intake):
    """The petitioner's judgement of the petition office or of the organisation, in three grades (Art. 21)."""

    author: ClassVar[str | None] = "p1"
    object: EvaluationObject
    grade: Grade
    text: Text = None


class ReviewRequested(_Intake):
    """Review 复查 (Art. 35), within 30 days of the written reply."""

    author: ClassVar[str | None] = "p1"
    text: Text = None


class ReReviewRequested(_Intake):
    """Re-review 复核 (Art. 36)."""

    author: ClassVar[str | None] = "p1"
    text: Text = None


class CaseWithdrawn(_Intake):
    author: ClassVar[str | None] = "p1"
    text: Text = None


class WentLive(_Intake):
    """An imported open case is from now on worked on here. Rungs before this moment never fire."""


class KeyIssued(_Intake):
    """A principal's access key, of which only a hash is kept. Stream `principals`."""

    key: str
    digest: str
    role: str
    org: str | None = None
    jurisdiction: str | None = None
    expires: Moment | None = None


class KeyRevoked(_Intake):
    key: str
