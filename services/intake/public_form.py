"""What a person needs in order to file: the places, subjects and channels of a jurisdiction, and what has to be said beforehand."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from services.intake.commands.parties import PARTIES_LIMIT
from shared.application.response import Answer
from shared.commands.command_fields import TEXT_LIMIT
from shared.kernel import data_file
from shared.kernel.text_normalization import identifier_form
from shared.policy.book import PolicyBook
from shared.policy.documents import ChannelClass, Entry, ancestry
from shared.policy.file_rules import FileRules

OPEN_CLASSES: tuple[ChannelClass, ...] = ("web", "app", "mini_program", "qr")
"""Classes of channels in which people file for themselves. The others are recorded by an office or sent by a platform."""
Identity = Literal["named", "anonymous", "confidential"]


class Choice(Answer):
    """An entry of a list of the policy."""

    code: str = Field(description="Stable code")
    name: str = Field(description="Name")
    name_en: str | None = Field(description="Name in English, if the policy has one")


class TreeChoice(Choice):
    """An entry of a list that is a tree."""

    parent: str | None = Field(description="Code of the entry above it")


class ChannelChoice(Choice):
    """A channel in which people file for themselves."""

    class_: ChannelClass = Field(serialization_alias="class", description="web, app, mini_program or qr")


class Notice(Answer):
    """A text for the petitioner."""

    code: str = Field(description="Stable code, such as emergency, privacy, anonymous")
    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    source: str = Field(description="The article, or `own choice`")


class ScannedSign(Answer):
    """A QR code on a sign, such as on a street lamp."""

    qr: str = Field(description="The code, as it was asked for")
    channel: str | None = Field(description="Channel of the sign; null: no sign of this jurisdiction has the code")
    place: str | None = Field(description="Code of the place of the sign; null: not known")


class SubjectGuesses(Answer):
    """Likely subjects of a text."""

    subjects: list[Choice] = Field(description="At most three, the likeliest first. A guess: the person chooses")


class FormAnswer(Answer):
    """The lists and texts of the form."""

    jurisdictions: list[Choice] = Field(description="All jurisdictions in which one can file")
    jurisdiction: str | None = Field(description="The one whose lists follow; null: several, and none was named")
    petition_office: Choice | None = Field(description="Its petition office")
    channels: list[ChannelChoice] = Field(description="Channels; the first is used where a filing names none")
    places: list[TreeChoice] = Field(description="Places")
    map: bool = Field(description="True if GET /v1/public/map has a map of the places")
    subjects: list[TreeChoice] = Field(description="Subjects")
    organisations: list[Choice] = Field(description="Organisations, for the respondent of an accusation")
    identities: list[Identity] = Field(description="Ways to file; the notice of the same code says what each means")
    scanned: ScannedSign | None = Field(description="What is known of the QR code that was asked for; null: none was")
    notices: list[Notice] = Field(description="What has to be said before and while filing")
    text_limit: int = Field(description="Most characters of the text")
    files_limit: int = Field(description="Most files of a filing")
    file_megabytes: int = Field(description="Most MB of a file")
    file_types: list[str] = Field(description="Accepted types of files: jpeg, png, heic, pdf, office, text, audio")
    co_petitioners_limit: int = Field(description="Most co-petitioners")
    representatives_limit: int = Field(description="Most representatives of a joint filing")


@cache
def notices() -> tuple[Notice, ...]:
    path = files("services.intake") / "data" / "public_notices.yaml"
    return tuple(Notice.model_validate(one) for one in data_file.load(path)["notices"])


def choice(entry: Entry) -> Choice:
    return Choice(code=entry.code, name=entry.name, name_en=entry.name_en)


def open_channels(book: PolicyBook) -> list[str]:
    """Codes of the channels in which people file for themselves, in the order of the policy."""
    return [
        code
        for code, channel in book.channels.items()
        if channel.class_ in OPEN_CLASSES and channel.platform is None and channel.received_by is None
    ]


def channel_of_sign(book: PolicyBook, qr: str) -> str | None:
    """The open channel to which a scanned QR code belongs."""
    code = identifier_form(qr)
    return next((one for one in open_channels(book) if (one, code) in book.qr_codes), None)


def scanned_sign(book: PolicyBook, qr: str) -> ScannedSign:
    """The entry of the policy for a scanned QR code."""
    channel = channel_of_sign(book, qr)
    sign = book.qr_codes[(channel, identifier_form(qr))] if channel is not None else None
    return ScannedSign(qr=qr, channel=channel, place=sign.place if sign is not None else None)


MOST_GUESSES = 3
"""Subjects that are offered for a text (own choice)."""


def guesses(book: PolicyBook, title: str, text: str) -> SubjectGuesses:
    """The likeliest subjects by the keyword rules of the policy. A subject is left out where one below it is offered."""
    subjects = book.subjects
    found = [one for one in book.keywords.likely_subjects(title, text) if one in subjects]
    above = {higher for one in found for higher in ancestry_of(book, one)}
    offered = [one for one in found if one not in above][:MOST_GUESSES]
    return SubjectGuesses(subjects=[choice(subjects[one]) for one in offered])


def ancestry_of(book: PolicyBook, subject: str) -> tuple[str, ...]:
    """The subjects above a subject."""
    return ancestry({one.code: one.parent for one in book.subjects.values()}).get(subject, (subject,))[1:]


def form(books: dict[str, PolicyBook], chosen: PolicyBook | None, qr: str | None = None) -> FormAnswer:
    """The form of the chosen jurisdiction; without one, only the list to choose from. `qr`: a scanned QR code."""
    named = [
        Choice(code=code, name=book.settings.name, name_en=book.settings.name_en)
        for code, book in sorted(books.items())
        if book.settings is not None and open_channels(book)
    ]
    office = chosen.organisation(chosen.petition_office) if chosen is not None and chosen.petition_office else None
    limits = chosen.files if chosen is not None else FileRules()
    return FormAnswer(
        jurisdictions=named,
        jurisdiction=chosen.jurisdiction if chosen is not None else None,
        petition_office=choice(office) if office is not None else None,
        channels=[
            ChannelChoice(**choice(chosen.channels[code]).model_dump(), class_=chosen.channels[code].class_)
            for code in open_channels(chosen)
        ]
        if chosen is not None
        else [],
        places=_tree(chosen.places) if chosen is not None else [],
        map=chosen is not None and len(chosen.boundaries) > 1,
        subjects=_tree(chosen.subjects) if chosen is not None else [],
        organisations=[choice(one) for one in chosen.organisations.values()] if chosen is not None else [],
        identities=["named", "confidential", "anonymous"],
        scanned=scanned_sign(chosen, qr) if chosen is not None and qr else None,
        notices=list(notices()),
        text_limit=TEXT_LIMIT,
        files_limit=limits.files_per_filing.value,
        file_megabytes=limits.megabytes_per_file.value,
        file_types=list(limits.types.value),
        co_petitioners_limit=PARTIES_LIMIT,
        representatives_limit=chosen.profile.representatives.value if chosen is not None else 5,
    )


def _tree(entries: object) -> list[TreeChoice]:
    assert isinstance(entries, dict)
    return [TreeChoice(**choice(one).model_dump(), parent=one.parent) for one in entries.values()]
