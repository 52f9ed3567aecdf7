"""The version of this release."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("huiyin")
except PackageNotFoundError:  # run from a copy that was not installed
    VERSION = "0.0.0"
