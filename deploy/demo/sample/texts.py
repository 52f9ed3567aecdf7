"""The invented texts of the sample: complaints and replies."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

from pydantic import BaseModel

from shared.kernel import data_file


class _Complaint(BaseModel, extra="forbid", frozen=True):
    title: str
    text: str


class Texts(BaseModel, extra="forbid", frozen=True):
    """The file texts.yaml, which explains the fields."""

    names: tuple[str, ...]
    phone: str
    spots: dict[str, tuple[str, ...]]
    issues: dict[str, tuple[_Complaint, ...]]
    other_kinds: dict[str, tuple[_Complaint, ...]]
    complete_subjects: tuple[str, ...]
    durations: tuple[str, ...]
    requests: tuple[str, ...]
    late_letter: str
    sentences: dict[str, tuple[str, ...]]

    def say(self, kind: str, dice: Random) -> str:
        """One of the sentences of that kind."""
        return dice.choice(self.sentences[kind])

    def phone_number(self, dice: Random) -> str:
        return f"{self.phone}{dice.randint(0, 9999):04d}"

    def complaint(self, kind: str, subject: str, place: str, dice: Random) -> tuple[str, str]:
        """Title and text of a filing. `kind` is a key of `other_kinds`; any other kind is an issue of its subject."""
        found = dice.choice(self.other_kinds.get(kind) or self.issues[subject])
        where = dice.choice(self.spots[place])
        text = found.text.format(where=where)
        if kind not in self.other_kinds and subject not in self.complete_subjects:
            text += (dice.choice(self.durations) if dice.random() < 0.7 else "") + dice.choice(self.requests)
        return found.title.format(where=where), text


@cache
def sample_texts() -> Texts:
    """The content of texts.yaml."""
    return Texts.model_validate(data_file.load(Path(__file__).parent / "data" / "texts.yaml"))
