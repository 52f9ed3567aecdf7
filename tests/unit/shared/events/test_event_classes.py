"""Every event class states what it is: documentation, words in two languages, and the details that people see."""

from __future__ import annotations

import pytest

from shared.events import REGISTRY, Event
from shared.events.wording import DETAILS

EVENTS = pytest.mark.parametrize("model", REGISTRY.values(), ids=list(REGISTRY))


@EVENTS
def test_an_event_has_documentation_and_words(model: type[Event]) -> None:
    assert "__doc__" in vars(model)
    assert model.zh
    assert model.en.endswith(".")


@EVENTS
def test_shown_details_are_fields_that_a_timeline_shows(model: type[Event]) -> None:
    known = {name.rstrip("_") for name in DETAILS & model.model_fields.keys() if name not in model.personal}
    assert set(model.shows) <= known


@EVENTS
def test_the_petitioner_reads_text_and_no_identity(model: type[Event]) -> None:
    readable = (*model.petitioner_reads, *model.petitioner_reads_after_reply)
    assert all(model.personal[name] == "text" for name in readable)


def test_an_event_without_words_is_refused() -> None:
    with pytest.raises(TypeError, match="needs an owner, and words"):
        type("Wordless", (Event,), {"owner": "intake", "__module__": __name__})
