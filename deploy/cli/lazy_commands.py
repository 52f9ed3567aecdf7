"""Commands whose modules are imported only when they are used, so that `--help` and short commands start fast (ADR 18).

`main.py` lists every command with its place and its line of help. The module of a command imports what it needs at its top.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer._types import TyperChoice
from typer.core import TyperCommand, TyperGroup, TyperOption

from deploy.cli import output as terminal
from deploy.cli.help_language import explained, shown, translate
from shared.kernel.version import VERSION


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
            alone.command(name, cls=getattr(found, "command_class", None))(found)
            made = typer.main.get_command(alone)
            assert isinstance(made, TyperCommand)
            command = made
        command.name = name
        with_common_options(command)
        return command


def _language(_ctx: object, _parameter: object, value: str | None) -> str | None:
    if value in ("zh", "en"):
        terminal.use_language("zh" if value == "zh" else "en")
    return value


def print_version(ctx: Any, _parameter: object, wanted: bool) -> None:
    """Print the release and end, for `--version`."""
    if wanted:
        print(VERSION)
        ctx.exit()


def with_common_options(command: Any) -> None:
    """Give a command, and those inside it, the options that every command has, `--lang` and `--version`, and its Chinese help."""
    for inner in getattr(command, "commands", {}).values() if not isinstance(command, LazyGroup) else ():
        with_common_options(inner)
    known = {option for parameter in command.params for option in parameter.opts}
    if "--lang" not in known:
        choice = TyperOption(
            param_decls=["--lang", "lang_"], type=TyperChoice(["zh", "en"]), envvar="HUIYIN_LANG", callback=_language,
            expose_value=False, is_eager=True, help="Language of the answer. Default: both",
        )  # fmt: skip
        command.params.append(choice)
    if "--version" not in known:
        release = TyperOption(
            param_decls=["--version", "release_"], is_flag=True, callback=print_version, expose_value=False, is_eager=True,
            help="Show the release and exit",
        )  # fmt: skip
        command.params.append(release)
    translate(command)


class LazyGroup(TyperGroup):
    """A group of the commands in `table`."""

    table: Mapping[str, LazyCommand] = {}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Commands(self.table)
        with_common_options(self)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """Name and line of help, which is enough for a list of commands."""
        later = self.table.get(cmd_name)
        return None if later is None else TyperCommand(cmd_name, help=shown(later.help))

    def make_context(self, *given: Any, **more: Any) -> Any:
        """The context of a call. An error of use is in the chosen language."""
        with explained():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. An error of use is in the chosen language."""
        with explained():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run, with all its options."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, self.commands[name] if name is not None and listed is not None else None, rest
