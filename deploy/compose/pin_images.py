"""`make pin-images`: ask the registries for the digests of the images of docker-compose.yml, and write them to `.env`.

A digest is written only if it is the SHA-256 of the manifest that the registry sent. Without an answer nothing is changed.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

import httpx

COMPOSE, ENVIRONMENT = Path("docker-compose.yml"), Path(".env")
HUB = "https://registry-1.docker.io"
_OURS = "huiyin"
_VARIABLE = re.compile(r"\$\{(\w+_IMAGE):-([^}\s]+)\}")
_NAME = re.compile(r"(?:(?P<host>[^/]+[.:][^/]*)/)?(?P<path>[a-z0-9._/-]+):(?P<tag>[\w.-]+)")
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_SECONDS = 20


class NotPinned(Exception):
    """A registry does not give a digest; the message is a sentence."""


class Image(NamedTuple):
    """An image of the compose file: `variable` replaces `name`, which ends with a tag."""

    variable: str
    name: str


def images(text: str) -> list[Image]:
    """The images of others in the compose file, each once."""
    found = dict(_VARIABLE.findall(text))
    return [Image(*one) for one in sorted(found.items()) if not one[1].startswith(f"{_OURS}:")]


def digest(client: httpx.Client, name: str, hub: str = HUB) -> str:
    """The digest of the image `[HOST/]PATH:TAG` in its registry. Raises NotPinned."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise NotPinned(f"{name} is not an image with a tag. Correct docker-compose.yml.")
    path = parts["path"] if parts["host"] or "/" in parts["path"] else f"library/{parts['path']}"
    registry = f"https://{parts['host']}" if parts["host"] else hub
    url, headers = f"{registry}/v2/{path}/manifests/{parts['tag']}", {"accept": _MANIFESTS}
    try:
        answer = client.get(url, headers=headers)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            headers["authorization"] = f"Bearer {_token(client, answer.headers.get('www-authenticate', ''))}"
            answer = client.get(url, headers=headers)
    except httpx.HTTPError as error:
        raise NotPinned(
            f"The registry of {name} cannot be reached ({type(error).__name__}). Run this where it can be reached; .env is"
            " unchanged."
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise NotPinned(f"The registry answers {answer.status_code} for {name}. Check its tag; .env is unchanged.")
    found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if answer.headers.get("docker-content-digest", found) != found:
        raise NotPinned(
            f"The manifest of {name} has another digest than the registry says. Do not use it; .env is unchanged."
        )
    return found


def _token(client: httpx.Client, challenge: str) -> str:
    """A token for reading, from the place that the registry names."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not given.get("realm", "").startswith(("https://", "http://127.0.0.1:")):
        raise NotPinned("The registry needs a login. Pin this image by hand; .env is unchanged.")
    answer = client.get(given.pop("realm"), params=given)
    try:
        found = answer.json()
        return str(found.get("token") or found["access_token"])
    except (ValueError, KeyError, AttributeError):
        raise NotPinned("The registry gives no token for reading. Pin this image by hand; .env is unchanged.") from None


def with_images(text: str, pinned: dict[str, str]) -> str:
    """The text of `.env` with these variables; all other lines stay."""
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in pinned]
    return "\n".join([*kept, *(f"{name}={value}" for name, value in pinned.items())]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hub", default=HUB, help="registry of images without a host")
    wanted = parser.parse_args()
    try:
        with httpx.Client(timeout=_SECONDS, follow_redirects=True) as client:
            pinned = {
                one.variable: f"{one.name}@{digest(client, one.name, wanted.hub)}"
                for one in images(COMPOSE.read_text("utf-8"))
            }
    except NotPinned as error:
        sys.exit(str(error))
    before = ENVIRONMENT.read_text("utf-8") if ENVIRONMENT.exists() else ""
    ENVIRONMENT.write_text(with_images(before, pinned), "utf-8")
    for name, value in pinned.items():
        sys.stdout.write(f"{name}={value}\n")


if __name__ == "__main__":
    main()
