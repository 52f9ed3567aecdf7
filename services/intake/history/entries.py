"""Entries of the lists of the policy that a row names: matched by code, name or alias, or created. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.intake.history.case_of_row import organisation_code
from services.intake.history.items import HistoryItem, organisation_name
from services.intake.history.organisations import ORG_FIELDS
from services.intake.listed_codes import listed_code
from shared.events.policy import EntryAdded
from shared.kernel.text_normalization import without_zero_width
from shared.kernel.validation_messages import WrongValue
from shared.policy.book import PolicyBook

_PREFIX = {"place": "PLACE", "subject": "SUBJECT"}
_LONGEST = 120
"""Characters of the name of an entry; what is longer is a text."""


def created_names(item: HistoryItem) -> list[tuple[str, str]]:
    """(list, name) of the entries that a row adds where the policy does not list them."""
    found = []
    for name in item.create:
        given = getattr(item.filing, name)
        if given is not None and (shown := name_of_entry(given)) is not None:
            found.append((f"{name}s", shown))
    if item.organisation is not None and item.organisation.create:
        found.append(("organisations", item.organisation.name))
    return found


def name_of_entry(given: str) -> str | None:
    """The name of an entry; None for a text that is none."""
    if len(given) > _LONGEST:
        return None
    try:
        return organisation_name(without_zero_width(given))
    except WrongValue:
        return None


def new_entries(items: Iterable[HistoryItem], book: PolicyBook, most: int) -> list[EntryAdded]:
    """The places and subjects that rows name and the policy does not list, at most `most`. Their names are kept in clear, so a text
    that has not the form of a name is none."""
    found: dict[tuple[str, str], EntryAdded] = {}
    listed: dict[str, Any] = {"place": book.places, "subject": book.subjects}
    for item in items:
        for name in item.create:
            given = getattr(item.filing, name)
            if given is None or listed_code(listed[name], given) is not None or (shown := name_of_entry(given)) is None:
                continue
            code = organisation_code(given, _PREFIX[name])
            if code not in listed[name] and len(found) < most:
                section: Any = f"{name}s"
                found.setdefault((name, code), EntryAdded(section=section, code=code, name=shown))
    return list(found.values())


def with_codes(item: HistoryItem, book: PolicyBook) -> HistoryItem:
    """The row with the codes of the organisations that it names by name or alias."""
    listed = book.organisations
    changes: dict[str, Any] = {}
    given = item.filing.received_by
    if given is not None and given not in listed and (code := listed_code(listed, given)) is not None:
        changes["filing"] = item.filing.model_copy(update={"received_by": code})
    steps = []
    for step in item.steps:
        own = {
            name: code
            for name in ORG_FIELDS
            if isinstance(value := step.body.get(name), str)
            and value not in listed
            and (code := listed_code(listed, value)) is not None
        }
        steps.append(
            type(step)(type=step.type, effective_at=step.effective_at, body={**step.body, **own}) if own else step
        )
    if any(new is not old for new, old in zip(steps, item.steps, strict=True)):
        changes["steps"] = tuple(steps)
    if not changes:
        return item
    changed = item.model_copy(update=changes)
    changed.__dict__.pop("distinct_steps", None)
    return changed
