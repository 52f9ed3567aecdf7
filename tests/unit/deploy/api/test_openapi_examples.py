"""Every operation is explained: a description, a known tag, and an example that its schema accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import orjson
import pytest_asyncio

from deploy.api.app import TAGS, examples
from tests.support.serving import served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def documents() -> list[dict[str, Any]]:
    async with served() as here:
        return [app.openapi() for app in (here.app, here.operations, here.local)]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def shown(part: dict[str, Any]) -> Iterator[Any]:
    """The examples of a parameter or of one content."""
    if "example" in part:
        yield part["example"]
    for one in part.get("examples", {}).values():
        yield one["value"]


def illustrated(operation: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each example of the operation with its schema."""
    for parameter in operation.get("parameters", ()):
        yield from ((value, parameter["schema"]) for value in shown(parameter))
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [answer.get("content", {}) for answer in operation["responses"].values()]
    for content in contents:
        for part in content.values():
            yield from ((value, part["schema"]) for value in shown(part))


def test_every_operation_has_description_summary_and_known_tag(documents: list[dict[str, Any]]) -> None:
    for document in documents:
        for name, operation in operations(document):
            assert len(operation["description"]) > 10, name
            assert operation["summary"] and len(operation["summary"]) <= len(operation["description"]), name
            assert operation["tags"] and set(operation["tags"]) <= TAGS.keys(), name
        assert {tag["name"] for tag in document["tags"]} == TAGS.keys()


def test_every_public_operation_has_an_example(documents: list[dict[str, Any]]) -> None:
    without = []
    for name, operation in operations(documents[0]):
        body = operation.get("requestBody", {}).get("content", {})
        if not list(illustrated(operation)) or not all(list(shown(part)) for part in body.values()):
            without.append(name)
    assert without == [], "add the operation to deploy/api/examples.yaml"


def test_every_example_is_one_of_its_schema(documents: list[dict[str, Any]]) -> None:
    document = documents[0]
    checked = 0
    for name, operation in operations(document):
        for value, schema in illustrated(operation):
            validator = jsonschema_rs.validator_for({"components": document["components"], **schema})
            errors = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]
            assert errors == [], (name, value)
            checked += 1
    assert checked > 60


def test_lines_are_objects_of_their_models(documents: list[dict[str, Any]]) -> None:
    schemas = documents[0]["components"]["schemas"]
    for name, operation in operations(documents[0]):
        part = operation.get("requestBody", {}).get("content", {}).get("application/x-ndjson")
        if part is not None:
            model = part["schema"]["description"].rpartition("like ")[2]
            for line in part["example"].splitlines():
                schema = {"components": documents[0]["components"], "$ref": f"#/components/schemas/{model}"}
                assert model in schemas and jsonschema_rs.is_valid(schema, orjson.loads(line)), (name, line)


def test_no_example_is_left_over(documents: list[dict[str, Any]]) -> None:
    known = {operation["operationId"] for document in documents for _name, operation in operations(document)}
    assert examples()["operations"].keys() <= known
