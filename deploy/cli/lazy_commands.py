"""Commands whose modules are imported only when they are used, so that `--help` and short commands start fast (ADR 18).

`main.py` lists every command with its place and its line of help. The module of a command imports what it needs at its top.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(NamedTuple):
    """Place of a command, `module:name` in this package (a function or a `typer.Typer`), and its line of help."""

    place: str
    help: str


class Commands(UserDict[str, Any]):
    """Name -> command. A command is imported when it is looked up."""

    def __init__(self, table: Mapping[str, LazyCommand]) -> None:
        super().__init__(table)
        self.table = table

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        module, _, attribute = self.table[name].place.partition(":")
        found = getattr(import_module(f"{__package__}.{module}"), attribute)
        command: TyperCommand | TyperGroup
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(name)(found)
            made = typer.main.get_command(alone)
            assert isinstance(made, TyperCommand)
            command = made
        command.name = name
        return command


class LazyGroup(TyperGroup):
    """A group of the commands in `table`."""

    table: Mapping[str, LazyCommand] = {}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Commands(self.table)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """Name and line of help, which is enough for a list of commands."""
        later = self.table.get(cmd_name)
        return None if later is None else TyperCommand(cmd_name, help=later.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run, with all its options."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, self.commands[name] if name is not None and listed is not None else None, rest
