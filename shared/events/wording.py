"""Events in words: the sentence of an event type and the details that a line of a timeline shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.events import REGISTRY
from shared.events.base import Event
from shared.kernel.wording import Words, with_words

DETAILS = frozenset({
    "org", "to", "kind", "result", "grade", "object", "reason_code", "why", "due", "days", "mode", "step", "clock", "rung",
    "agreed", "ground", "decider", "body", "decision", "from_", "parties",
    "document", "document_number", "electronic", "opened_on", "party", "word", "evidence", "effective_on", "independent", "clerk",
    "class_", "path", "rule", "field", "old", "new", "of", "lead", "by", "reached", "satisfied", "times",
    "consent", "count", "relation",
})  # fmt: skip
"""Names of fields that a timeline shows of every event that has them: codes and dates, never text."""


def event_words(kind: str) -> Words:
    """The sentence of an event type; the type name itself if a newer release wrote it."""
    model = REGISTRY.get(kind)
    return Words(model.zh, model.en) if model is not None else Words(kind, kind)


def details(body: Event) -> dict[str, Any]:
    """The codes and dates of an event that a timeline shows besides its sentence; never text or personal data."""
    shown = body.model_dump(mode="json", include=set(DETAILS - body.personal.keys()), exclude_none=True)
    return {name.rstrip("_"): value for name, value in shown.items()}


def decisive(kind: str, told: Mapping[str, Any], say: Callable[[str], str] = with_words) -> str:
    """The details that a line of a timeline needs, as text: `支持 supported`, `zj, rule r-12`.

    Args:
        kind: the event type.
        told: its details, as `details` returns them.
        say: the words of a code.
    """
    model = REGISTRY.get(kind)
    parts = []
    for name in model.shows if model is not None else ():
        value = told.get(name)
        if isinstance(value, bool):
            parts.append(f"{name} {say('yes' if value else 'no')}")
        elif isinstance(value, str):
            parts.append(f"{name} {value}" if name == "rule" else say(value))
        elif value is not None:
            parts.append(f"{name} {value}")
    return ", ".join(parts)
