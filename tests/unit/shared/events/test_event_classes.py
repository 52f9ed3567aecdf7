"""Every event class states what it is: documentation, words in two languages, and the details that people see."""

from __future__ import annotations

import pytest

from shared.events import REGISTRY, Event
from shared.events.wording import DETAILS

EVENTS = pytest.mark.parametrize("model", REGISTRY.values(), ids=list(REGISTRY))


@EVENTS
def test_event_has_documentation_and_wording(model: type[Event]) -> None:
    assert "__doc__" in vars(model)
    assert model.zh
    assert model.en.endswith(".")


@EVENTS
def test_shown_details_are_timeline_fields(model: type[Event]) -> None:
    known = {name.rstrip("_") for name in DETAILS & model.model_fields.keys() if name not in model.personal}
    assert set(model.shows) <= known


@EVENTS
def test_petitioner_readable_fields_contain_text_but_no_identity(model: type[Event]) -> None:
    readable = (*model.petitioner_reads, *model.petitioner_reads_after_reply)
    assert all(model.personal[name] == "text" for name in readable)


def test_event_without_wording_is_refused() -> None:
    with pytest.raises(TypeError, match="needs an owner, and words"):
        type("Wordless", (Event,), {"owner": "intake", "__module__": __name__})
