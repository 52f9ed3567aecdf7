"""The command list shows the help of each command without importing any of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from deploy.cli.main import COMMANDS, app

LOADED = """
import sys
from deploy.cli.main import app
try:
    app({arguments})
except SystemExit:
    pass
print(" ".join(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""
HEAVY = {"pydantic", "pydantic_settings", "httpx", "fastapi", "uvicorn", "duckdb", "pyarrow", "openpyxl", "services"}


def loaded(*arguments: str) -> set[str]:
    """Top-level packages that a process has loaded once it has carried the command out."""
    code = LOADED.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_command_list_agrees_with_command_help(name: str) -> None:
    commands = typer.main.get_group(app).commands
    assert commands[name].name == name
    assert commands[name].help == COMMANDS[name].help


def test_no_argument_has_the_name_of_an_option() -> None:
    """Otherwise one takes the value of the other, as `--version` took the number of `huiyin file get`."""
    commands = [typer.main.get_group(app)]
    for command in commands:
        names = [parameter.name for parameter in command.params]
        assert len(names) == len(set(names)), command.name
        commands += getattr(command, "commands", {}).values()
    assert len(commands) > 50


def test_help_imports_no_command() -> None:
    assert loaded("--help") & HEAVY == set()


def test_command_on_served_folder_imports_no_models() -> None:
    """Imports of `case show` before it knows whether a server runs; it uses httpx to find out."""
    assert loaded("case", "show", "--help") & HEAVY == {"httpx"}


def test_unknown_command_is_refused_with_closest_match() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", "cas"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "Did you mean 'case'?" in done.stderr


@pytest.mark.parametrize(("where", "code", "told"), [("/dev/full", 1, "space"), ("&-", 0, "")])
def test_output_that_nobody_can_take_is_no_traceback(where: str, code: int, told: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m deploy.cli.main --help >{where}', sys.executable],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert told in done.stderr
