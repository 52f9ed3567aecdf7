"""What a programmer of a platform or department reads in the contract: examples, known values, names, logins and operations."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

import deploy.modes.command_registry  # noqa: F401  # fills RULES
from deploy.contract import examples
from deploy.contract.asyncapi import DOCUMENT, SCHEMAS
from deploy.contract.json_schemas import schemas
from deploy.contract.known_values import BY_KIND, KINDS, VALUES, details
from deploy.kafka.topics import load
from tests.support.servers.fetch import NotHere, cache

ROOT = Path(__file__).parents[4]
GENERATOR = "datamodel-code-generator==0.89.0"
document: dict[str, Any] = yaml.load((ROOT / DOCUMENT).read_text("utf-8"), Loader=yaml.CSafeLoader)


def test_every_message_has_valid_examples() -> None:
    made = schemas()
    for name, message in document["components"]["messages"].items():
        path, _, inner = message["payload"]["$ref"].partition("#/$defs/")
        schema = made[path.removeprefix("schemas/")]
        if inner:
            schema = {"$ref": f"#/$defs/{inner}", "$defs": schema["$defs"]}
        rules = jsonschema_rs.validator_for(schema)
        assert message["examples"], name
        for example in message["examples"]:
            assert rules.is_valid(example["payload"]), (name, example, list(rules.iter_errors(example["payload"]))[:1])


@pytest.mark.parametrize(("name", "role"), [("Action", "organisation"), ("Submission", "platform")])
def test_each_command_has_an_example(name: str, role: Any) -> None:
    shown = {one["payload"].get("command") for one in document["components"]["messages"][name]["examples"]}
    file = {"Action": "actions.json", "Submission": "submissions.json"}[name]
    assert len(shown) == len(schemas()[file]["oneOf"])
    assert shown - {None} == {one["command"] for one in examples.commands(role)}


@pytest.mark.parametrize("entries", ["assignments", "updates"])
def test_kinds_and_details_of_entries_are_known(entries: Any) -> None:
    fields = schemas()[f"{entries}.json"]["properties"]
    assert fields["kind"][VALUES] == list(KINDS[entries])
    assert fields["detail"][BY_KIND] == details(entries)
    message = {"assignments": "Assignment", "updates": "Update"}[entries]
    for example in document["components"]["messages"][message]["examples"]:
        entry = example["payload"]
        known = details(entries).get(entry["kind"])
        assert entry["kind"] in KINDS[entries]
        assert known is None or entry["detail"] is None or entry["detail"] in known, entry


def _inner(schema: Any, top: bool = True) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if not top:
            yield schema
        for part in schema.values():
            yield from _inner(part, top=False)
    elif isinstance(schema, list):
        for part in schema:
            yield from _inner(part, top=False)


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_inner_object_and_list_of_values_has_its_own_name(name: str) -> None:
    schema = schemas()[name]
    nameless = [
        one
        for one in _inner(schema)
        if isinstance(one.get("properties"), dict) and "type" in one and "title" not in one
    ]
    assert nameless == []
    assert all("title" in one for one in _inner(schema) if isinstance(one.get("enum"), list))
    titles = [part["title"] for part in schema["$defs"].values()]
    assert len(set(titles)) == len(titles)


def test_server_needs_login_and_partners_have_operations() -> None:
    (server,) = document["servers"].values()
    (needed,) = server["security"]
    scheme = document["components"]["securitySchemes"][needed["$ref"].rpartition("/")[2]]
    assert scheme["type"] == "scramSha512" and server["protocol"] == "kafka-secure"
    operations = document["operations"]
    for topic in load():
        users = {*topic.read, *topic.write}
        found = {name.partition(".")[0] for name, one in operations.items() if _channel(one) == topic.name}
        assert found == {re.sub(r"-?\{.*$", "", user) for user in users}, topic.name
    assert all(one["messages"] for one in operations.values())


def _channel(operation: dict[str, Any]) -> str:
    address: str = document["channels"][operation["channel"]["$ref"].rpartition("/")[2]]["address"]
    return address


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_code_generator_makes_usable_models(tmp_path: Path) -> None:
    """No class has a number or a general name, and the generated models read every example."""
    for name in schemas():
        source = tmp_path / f"{name.removesuffix('.json').replace('-', '_')}_models.py"
        command = [str(_generator()), "-m", "datamodel_code_generator", "--input", str(ROOT / SCHEMAS / name)]
        command += ["--input-file-type", "jsonschema", "--use-title-as-name", "--output", str(source)]
        command += ["--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11"]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        classes = [node.name for node in ast.parse(source.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
        numbered = [one for one in classes if re.search(r"\d$", one) or re.match(r"(Model|Field\d?$|Anonymous)", one)]
        print(f"{name}: {len(classes)} classes, {len(numbered)} without a name of their own")
        assert numbered == []
        spec = importlib.util.spec_from_file_location(source.stem, source)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[source.stem] = module
        spec.loader.exec_module(module)
        model = getattr(module, schemas()[name]["title"])
        for message in document["components"]["messages"].values():
            if message["payload"]["$ref"].partition("#")[0] == f"schemas/{name}":
                for example in message["examples"]:
                    model.model_validate(example["payload"])


def _generator() -> Path:
    """The Python that has it, in an environment of its own in the cache."""
    folder = cache() / GENERATOR
    python, done = folder / "bin" / "python", folder / "installed"
    try:
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=120)
            install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", GENERATOR]
            subprocess.run(install, check=True, capture_output=True, timeout=300)
            done.touch()
    except (OSError, subprocess.SubprocessError) as error:
        missing = NotHere(f"{GENERATOR} from the package index ({type(error).__name__})")
        if os.environ.get("CI") == "true":
            pytest.fail(f"cannot run here, needs {missing}", pytrace=False)
        pytest.skip(f"not run: needs {missing}")
    return python
