"""What an adapter says of a store that it must not open."""

from __future__ import annotations


class NewerData(Exception):
    """A newer release wrote this. Nothing was touched; start that release, or restore an older backup."""


class WrongData(Exception):
    """This is not what it is opened as."""
