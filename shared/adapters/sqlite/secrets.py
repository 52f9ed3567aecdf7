"""The two secret files of a deployment, beside its key store: `kek` wraps the data keys, `root` is what names come from.

Danger: without `kek` all sealed texts are lost, without `root` every case id would change. Back them up apart from the
data. They are made once, when there is nothing yet, and never again: a missing one is refused, not replaced.
"""

from __future__ import annotations

import os
from pathlib import Path

from shared.adapters.sqlite.connection import sync_folder

SIZE = 32


class KeysLost(Exception):
    """A secret file is missing, damaged or of another deployment. Restore it from the backup."""


def read_secret(path: Path) -> bytes:
    """Raises KeysLost when it is not there or not whole."""
    try:
        secret = path.read_bytes()
    except FileNotFoundError as error:
        raise KeysLost(f"{path.name} is missing") from error
    if len(secret) != SIZE:
        raise KeysLost(f"{path.name} is damaged")
    return secret


def make_secret(path: Path) -> None:
    """Make the file unless it is there. Whole or not at all, durable, and never over another one."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        os.write(handle, os.urandom(SIZE))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)  # fails when another process was first, and then its file counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)
