"""Digests come from a registry that answers, and from nowhere else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from deploy.compose.pin_images import NotPinned, digest, images, with_images

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
COMPOSE = Path(__file__).parents[4] / "docker-compose.yml"


def registry(request: httpx.Request) -> httpx.Response:
    """One that gives a token to anybody, as Docker Hub does."""
    if request.url.path == "/token":
        assert dict(request.url.params)["scope"] == "repository:library/mongo:pull"
        return httpx.Response(200, json={"token": "t"})
    if request.headers.get("authorization") != "Bearer t":
        challenge = 'Bearer realm="https://auth.test/token",service="r",scope="repository:library/mongo:pull"'
        return httpx.Response(401, headers={"www-authenticate": challenge})
    assert request.url.path == "/v2/library/mongo/manifests/7.0" and "index" in request.headers["accept"]
    return httpx.Response(200, content=MANIFEST, headers={"docker-content-digest": DIGEST})


def client(handler: httpx.MockTransport) -> httpx.Client:
    return httpx.Client(transport=handler)


def test_digest_is_that_of_the_manifest() -> None:
    assert digest(client(httpx.MockTransport(registry)), "mongo:7.0") == DIGEST


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.ConnectError("x"), "cannot be reached"),
        (httpx.ReadTimeout("x"), "cannot be reached"),
        (httpx.Response(404), "answers 404"),
        (httpx.Response(200, content=b"{}", headers={"docker-content-digest": DIGEST}), "another digest"),
        (httpx.Response(401, headers={"www-authenticate": 'Basic realm="x"'}), "needs a login"),
        (httpx.Response(401, headers={"www-authenticate": 'Bearer realm="file:///etc"'}), "needs a login"),
    ],
)
def test_registry_without_digest_is_named(answer: httpx.Response | Exception, why: str) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(NotPinned, match=why) as raised:
        digest(client(httpx.MockTransport(handler)), "ghcr.io/a/b:1")
    assert ".env is unchanged" in str(raised.value)


def test_images_of_compose_file_are_pinned_and_other_lines_stay() -> None:
    found = dict(images(COMPOSE.read_text("utf-8")))
    assert found.keys() == {"GRAFANA_IMAGE", "KAFKA_IMAGE", "MONGO_IMAGE", "PROMETHEUS_IMAGE", "PYTHON_IMAGE"}
    text = with_images("A=1\nKAFKA_IMAGE=old\n# b\n", {"KAFKA_IMAGE": f"{found['KAFKA_IMAGE']}@{DIGEST}"})
    assert text == f"A=1\n# b\nKAFKA_IMAGE=apache/kafka:4.1.0@{DIGEST}\n"
