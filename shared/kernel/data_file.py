"""Data files: YAML next to the code that uses it."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Any

import yaml

from shared.kernel.bounded_yaml import LOADER


def load(path: Traversable) -> Any:
    """The content of the file: only lists, mappings, texts, numbers and dates."""
    text = path.read_text(encoding="utf-8")
    return yaml.load(text, LOADER)  # noqa: S506 - a safe loader
