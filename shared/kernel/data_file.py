"""Data files: YAML next to the code that uses it."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Any

import yaml


def load(path: Traversable) -> Any:
    """The content of the file: only lists, mappings, texts, numbers and dates."""
    text = path.read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader) if yaml.__with_libyaml__ else yaml.safe_load(text)
