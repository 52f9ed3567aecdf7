"""Sentences and examples of the operations in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

NDJSON = "application/x-ndjson"
JSON = "application/json"


def describe(operation: dict[str, Any]) -> None:
    """Give the operation a description and a summary: the docstring of its route, and its first sentence."""
    text = " ".join(str(operation.get("description") or operation["summary"]).split())
    operation["description"] = text
    operation["summary"] = text.partition(". ")[0].removesuffix(".")


def illustrate(operation: dict[str, Any], known: Mapping[str, Any]) -> None:
    """Add the examples of this operation.

    Args:
        known: `operations`: examples by operation id (`body` or `bodies`, `lines`, `answer`, `parameters`); and `parameters`:
            examples of parameters that have the same meaning everywhere, by name.
    """
    own: Mapping[str, Any] = known["operations"].get(operation["operationId"], {})
    named = {**known["parameters"], **own.get("parameters", {})}
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in named:
            parameter["example"] = named[parameter["name"]]
    content = operation.get("requestBody", {}).get("content", {})
    if JSON in content and "bodies" in own:
        content[JSON]["examples"] = {name: {"value": value} for name, value in own["bodies"].items()}
    elif JSON in content and "body" in own:
        content[JSON]["example"] = own["body"]
    elif NDJSON in content and "lines" in own:
        content[NDJSON]["example"] = b"\n".join(orjson.dumps(line) for line in own["lines"]).decode()
    if "answer" in own:
        status = next(status for status in operation["responses"] if status.startswith("2"))
        operation["responses"][status]["content"][JSON]["example"] = own["answer"]
