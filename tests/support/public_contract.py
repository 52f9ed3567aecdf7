"""The whole public contract as canonical JSON: what must not change when only the code is restructured.

`python -m tests.support.public_contract > contract.json` prints OpenAPI, AsyncAPI, all JSON Schemas, error codes, metrics,
commands with their options, and settings. Keys are sorted. Sentences are left out: `description`, `summary`, and the
sentences in examples, since wording may improve without breaking a client. Two commits keep the same contract if and only
if this prints the same bytes for both.
"""

from __future__ import annotations

import ast
import asyncio
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import typer
import yaml
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

import deploy.modes.composition  # noqa: F401  # registers every command
from deploy.cli.main import app
from deploy.contract.asyncapi import files
from services.intake.importer.errors import ROW_ERRORS
from shared.hosting.metrics import Metrics
from shared.kernel.settings import PREFIX, Settings
from tests.support.make_docs import ROOT, problem_codes
from tests.support.serving import served

SENTENCES = frozenset({"description", "summary"})
EXAMPLES = frozenset({"example", "examples"})
UNORDERED = frozenset({"required", "enum"})
"""Lists of a JSON Schema whose order says nothing."""
_CODE = re.compile(r"[A-Za-z0-9_.:/@+-]*")
"""An example that is no sentence: a code, a number, an instant, an address."""
_OPTION = ("name", "required", "nargs", "multiple", "is_flag", "envvar", "hidden")
_TYPE = (
    "name",
    "choices",
    "min",
    "max",
    "min_open",
    "max_open",
    "clamp",
    "case_sensitive",
    "exists",
    "dir_okay",
    "file_okay",
)


def contract() -> dict[str, Any]:
    """Every part of the contract by its name, without sentences."""
    return {
        "openapi": asyncio.run(openapi()),
        "files": documents(),
        "error_codes": {code: sorted(statuses) for code, (statuses, _text) in sorted(problem_codes().items())},
        "import_codes": import_codes(),
        "metrics": metrics(),
        "commands": commands(typer.main.get_command(app)),
        "settings": settings(),
    }


def canonical(value: Any, *, example: bool = False) -> Any:
    """`value` without sentences.

    Args:
        value: Any JSON value.
        example: True inside of an example, where a text that is a sentence becomes `…`.
    """
    if isinstance(value, Mapping):
        return {
            key: sorted(inner, key=str)
            if key in UNORDERED and isinstance(inner, list)
            else canonical(inner, example=example or key in EXAMPLES)
            for key, inner in value.items()
            if not (key in SENTENCES and isinstance(inner, str))
        }
    if isinstance(value, list | tuple):
        return [canonical(inner, example=example) for inner in value]
    if example and isinstance(value, str) and not _CODE.fullmatch(value):
        return "…"
    return value


async def openapi() -> dict[str, Any]:
    """The OpenAPI documents of the public application, and of the one on the socket in the data folder."""
    async with served() as here:
        return {"public": here.app.openapi(), "local": here.local.openapi()}


def documents() -> dict[str, Any]:
    """The generated AsyncAPI document and JSON Schemas, by path."""
    return {str(path): yaml.safe_load(text) for path, text in files().items()}


def import_codes() -> list[str]:
    """Codes of what can be wrong with an imported file or with one of its rows."""
    found = set(ROW_ERRORS.sentences)
    for path in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FileError":
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    return sorted(found)


def metrics() -> dict[str, Any]:
    """Type, labels and, of a histogram, buckets of each metric family, by its name."""
    return dict(sorted(_metrics()))


def _metrics() -> Iterator[tuple[str, dict[str, Any]]]:
    for collector in list(Metrics().registry._collector_to_names):
        if isinstance(collector, MetricWrapperBase):
            one: dict[str, Any] = {"type": collector._type, "labels": sorted(collector._labelnames)}
            if isinstance(collector, Histogram):
                one["buckets"] = [str(bound) for bound in collector._upper_bounds]
            yield collector._name, one
        else:  # a custom collector: its families name their labels themselves
            for family in collector.collect():
                labels = family.__dict__.get("_labelnames", ())
                yield family.name, {"type": family.type, "labels": sorted(labels)}


def commands(command: Any) -> dict[str, Any]:
    """The parameters of a command and, by name, its inner commands."""
    found: dict[str, Any] = {
        "parameters": [_parameter(one) for one in sorted(command.params, key=lambda one: (one.name or "", one.opts))]
    }
    inner = getattr(command, "commands", None)
    if inner:
        found["commands"] = {name: commands(inner[name]) for name in sorted(inner)}
    return found


def _parameter(parameter: Any) -> dict[str, Any]:
    """Typer's own classes differ from release to release: what is not there is left out."""
    given = {name: getattr(parameter, name, None) for name in _OPTION}
    kind = {name: getattr(parameter.type, name, None) for name in _TYPE}
    default = parameter.default
    return {
        **{name: value for name, value in given.items() if value not in (None, False)},
        "options": sorted([*parameter.opts, *parameter.secondary_opts]),
        "kind": parameter.param_type_name,
        "type": {name: value for name, value in kind.items() if value is not None},
        "default": None if default is None or callable(default) else str(default),
    }


def settings() -> dict[str, Any]:
    """Schema of each setting, by the name of its environment variable."""
    schema = Settings.model_json_schema()
    return {f"{PREFIX}{name.upper()}": one for name, one in sorted(schema["properties"].items())}


def main() -> None:
    text = orjson.dumps(canonical(contract()), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2, default=str)
    sys.stdout.buffer.write(text + b"\n")


if __name__ == "__main__":
    main()
