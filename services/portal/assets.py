"""The files that pages load: own style and scripts, and released packages (vendor.json). An address carries a hash of its file."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import NamedTuple

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
LIFE = 365 * 24 * 3600
"""Seconds for which a browser keeps a file: another content has another address."""


class Asset(NamedTuple):
    """One file."""

    content: bytes
    media_type: str
    address: str


@cache
def assets() -> dict[str, Asset]:
    """Name -> file, such as `portal.css` and `vendor/htmx.min.js`."""
    found: dict[str, Asset] = {}
    root = files("services.portal") / "static"
    for folder, prefix in ((root, ""), (root / "vendor", "vendor/")):
        for one in folder.iterdir():
            name = PurePosixPath(one.name)
            if not one.is_file() or name.suffix not in _TYPES:
                continue
            content = one.read_bytes()
            mark = hashlib.sha256(content).hexdigest()[:16]
            address = f"/assets/{prefix}{name.stem}.{mark}{name.suffix}"
            found[prefix + one.name] = Asset(content, _TYPES[name.suffix], address)
    return found


@cache
def by_address() -> dict[str, Asset]:
    """Address -> file."""
    return {one.address: one for one in assets().values()}


def address(name: str) -> str:
    """The address of a file, for a template."""
    return assets()[name].address
