"""Everything that a petitioner reads has a heading in words."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import shared.events
from services.portal.pages.track import labels_of
from shared.events.base import Event

_NEVER_SHOWN = {"answer", "channel", "content", "key", "private_key", "secret", "url"}
"""Fields of streams that are no cases, and of keys."""


def personal_fields() -> set[str]:
    """The fields of all events that hold what somebody wrote."""
    modules = [import_module(f"shared.events.{one.name}") for one in iter_modules(shared.events.__path__)]
    events = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    return {
        name
        for event in events
        if issubclass(event, Event)
        for name, info in event.model_fields.items()
        if any(type(mark).__name__ == "Personal" for mark in info.metadata)
    }


def test_every_text_of_an_event_has_a_heading_on_the_pages_of_citizens() -> None:
    fields = personal_fields() - _NEVER_SHOWN
    assert {"text", "questions", "witnesses"} <= fields
    for own in (False, True):
        labels = labels_of("zh", own=own)
        assert fields - labels.keys() == set()
        assert [label for label in labels.values() if label.isascii()] == []
