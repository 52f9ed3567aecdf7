"""Reads the data files of the sample."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml


def read_data(name: str) -> Any:
    """The content of a YAML file of deploy/demo/sample/data."""
    text = (files("deploy.demo.sample") / "data" / name).read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader) if yaml.__with_libyaml__ else yaml.safe_load(text)
