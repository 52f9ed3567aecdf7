"""The vendored files are those of the lock file, and a changed archive or file is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from typing import Any

import pytest

from deploy.vendor import ROOT, WrongArchive, checked, packages
from services.portal.assets import assets, by_address


def test_vendored_files_have_the_hashes_of_the_lock_file() -> None:
    for package in packages():
        assert package["licence"] and package["integrity"].startswith("sha512-")
        for file in package["files"]:
            found = hashlib.sha256((ROOT / file["to"]).read_bytes()).hexdigest()
            assert found == file["sha256"], file["to"]


def test_no_vendored_file_is_missing_in_the_lock_file() -> None:
    known = {file["to"] for package in packages() for file in package["files"]}
    for folder in ("services/portal/static/vendor", "tests/support/vendor"):
        assert {str(path.relative_to(ROOT)) for path in (ROOT / folder).iterdir()} <= known


def test_addresses_carry_the_hash_of_the_content() -> None:
    for found in assets().values():
        assert hashlib.sha256(found.content).hexdigest()[:16] in found.address
        assert by_address()[found.address] is found
    assert not any(".LICENSE" in address or ".py" in address for address in by_address())


def archive(content: bytes) -> tuple[bytes, dict[str, Any]]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("package/a.js")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    data = out.getvalue()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    files = [{"from": "a.js", "to": "x/a.js", "sha256": hashlib.sha256(b"good").hexdigest()}]
    return data, {"name": "a", "version": "1", "integrity": integrity, "files": files}


def test_good_archive_gives_its_files() -> None:
    data, package = archive(b"good")
    assert checked(data, package) == {"x/a.js": b"good"}


def test_changed_archive_or_file_is_refused() -> None:
    data, package = archive(b"bad")
    with pytest.raises(WrongArchive, match="another content"):
        checked(data, package)
    with pytest.raises(WrongArchive, match="integrity"):
        checked(data + b"x", package)
