"""Files of released npm packages that pages and tests load: `python -m deploy.vendor` fetches and checks them (`make vendor`).

`deploy/vendor.json` names each package with version, licence and the integrity of its archive as npm publishes it, and each file
with its hash. The files are used as released; nothing is built. A user of Huiyin needs neither npm nor node: the files are committed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "deploy/vendor.json"


class WrongArchive(Exception):
    """What npm gave is not what the lock file names."""


def packages() -> list[dict[str, Any]]:
    """The packages of the lock file."""
    found: list[dict[str, Any]] = json.loads(LOCK.read_text("utf-8"))["packages"]
    return found


def checked(archive: bytes, package: dict[str, Any]) -> dict[str, bytes]:
    """Place in the project -> content, from the archive of a package. Raises WrongArchive."""
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if integrity != package["integrity"]:
        raise WrongArchive(f"{package['name']}@{package['version']}: the archive has the integrity {integrity}")
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for file in package["files"]:
            member = tar.extractfile(f"package/{file['from']}")
            content = member.read() if member is not None else b""
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise WrongArchive(f"{package['name']}: {file['from']} has another content")
            found[file["to"]] = content
    return found


def main() -> int:
    for package in packages():
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", "--silent", f"{package['name']}@{package['version']}"]
            name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
            archive = (Path(folder) / name).read_bytes()
        for place, content in checked(archive, package).items():
            path = ROOT / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            sys.stdout.write(f"{package['name']}@{package['version']} {place}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
