"""Tables that are kept as TOML files next to the code that uses them."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def load(package: str, path: str) -> dict[str, Any]:
    """The content of the TOML file at `path`, relative to the folder of `package`."""
    return tomllib.loads(files(package).joinpath(path).read_text("utf-8"))
