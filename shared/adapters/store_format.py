"""Errors about stored data that this release must not open."""

from __future__ import annotations


class NewerData(Exception):
    """A newer release wrote the data. Nothing was changed. Start that release, or restore an older backup."""


class OlderData(Exception):
    """An earlier format, which this release cannot read. Nothing was changed."""


class WrongData(Exception):
    """The data belong to something else than what they were opened as."""
