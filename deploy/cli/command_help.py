"""`huiyin act ID COMMAND --help`: the fields of one command in words, and the completion of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

from deploy.cli import output as terminal
from deploy.cli.act_file import known_rules
from deploy.cli.help_language import told
from shared.kernel.wording import code_words


class ActCommand(TyperCommand):
    """`huiyin act`, whose help after a command is about that command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Print the help of a command and end, where one is named and help is asked for."""
        if "--help" in args:
            named = next((one for one in self._positionals(args) if one in known_rules()), None)
            if named is not None:
                show_fields(named)
                ctx.exit()
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def _positionals(self, args: Sequence[str]) -> list[str]:
        """The arguments that are neither options nor their values."""
        valued = {name for one in self.params for name in one.opts if not getattr(one, "is_flag", True)}
        found, skip = [], False
        for one in args:
            if skip:
                skip = False
            elif one.startswith("-"):
                skip = one in valued
            else:
                found.append(one)
        return found


def command_names(incomplete: str) -> list[tuple[str, str]]:
    """The commands that begin like this, with their words, for the completion of a shell."""
    return [(name, rule.zh) for name, rule in sorted(known_rules().items()) if name.startswith(incomplete)]


def show_fields(name: str) -> None:
    """Print what a command does, who may give it, and its fields."""
    rule = known_rules()[name]
    schema = rule.model.model_json_schema()
    inner: Mapping[str, Any] = schema.get("$defs", {})
    needed = set(schema.get("required", ()))
    terminal.line(f"huiyin act ID {name} [FIELD=VALUE]...", style="bold")
    terminal.line(terminal.told(rule.zh, rule.en))
    roles = [one for one in rule.roles if one != "service"]
    terminal.line(terminal.heading("roles 角色: ") + ", ".join(terminal.told(code_words(one).zh, one) for one in roles))
    rows = [
        row
        for field, given in schema.get("properties", {}).items()
        for row in _rows(field, given, inner, field in needed)
    ]
    if not rows:
        terminal.line(terminal.told("该命令没有字段。", "This command has no fields."))
        return
    terminal.table(
        ("field 字段", "needed 必填", "values 取值", "meaning 含义"), rows, whole=2, width=terminal.list_width()
    )
    terminal.line(
        terminal.told(
            "长文本可从文件读取：字段=@文件；列表用逗号分隔。",
            "A long text can be read from a file: field=@FILE.\nThe values of a list are separated by commas.",
            "\n",
        )
    )


def _rows(
    name: str, given: Mapping[str, Any], inner: Mapping[str, Any], needed: bool, outer: str = ""
) -> list[tuple[str, ...]]:
    """The row of a field, and those of the fields inside it."""
    shape = _plain(given, inner)
    properties: Mapping[str, Any] = shape.get("properties", {})
    if properties and not outer:
        return [
            row
            for field, one in properties.items()
            for row in _rows(field, one, inner, needed and field in shape.get("required", ()), f"{name}.")
        ]
    meaning = str(given.get("description") or shape.get("description") or "")
    return [(outer + name, terminal.told("是", "yes") if needed else "", _values(shape, inner), told(meaning))]


def _plain(given: Mapping[str, Any], inner: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a value that is there: without the null of an optional one, and with what it refers to."""
    choices = [one for one in given.get("anyOf", ()) if one.get("type") != "null"]
    shape: Mapping[str, Any] = choices[0] if len(choices) == 1 else given
    reference = shape.get("$ref", "")
    return inner.get(reference.rpartition("/")[2], shape) if reference else shape


def _values(shape: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    """The possible values of a field in words."""
    if "const" in shape:
        return _choice(shape["const"])
    if "enum" in shape:
        return "; ".join(_choice(one) for one in shape["enum"])
    kind = shape.get("type")
    if kind == "array":
        return terminal.told("列表", "list") + f": {_values(_plain(shape.get('items', {}), inner), inner)}"
    if kind == "integer":
        least, most = shape.get("minimum"), shape.get("maximum")
        limits = (
            f" {least if least is not None else ''}–{most if most is not None else ''}"
            if (least, most) != (None, None)
            else ""
        )
        return terminal.told("整数", "number") + limits
    if kind == "boolean":
        return "true, false"
    several = [_values(_plain(one, inner), inner) for one in shape.get("anyOf", ()) if one.get("type") != "null"]
    if several:
        return " / ".join(dict.fromkeys(several))
    if shape.get("format") in ("date", "date-time"):
        return terminal.told("日期或时刻", "date or instant")
    return terminal.told("文字", "text")


def _choice(code: Any) -> str:
    """A code with its word."""
    words = code_words(str(code))
    word = words.en if terminal.language() == "en" else words.zh
    return str(code) if word == str(code) else f"{code} {word}"
