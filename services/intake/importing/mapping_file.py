"""The file of a mapping: read, checked, and every error with its line and what to do."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from services.intake.importing.mapping import Channel, DueDate, Filing, Mapping, Organisation, Source, Step, Value
from services.intake.importing.marks import marks_a_person
from services.intake.importing.problems import MappingError
from shared.events import REGISTRY
from shared.history import STEPS
from shared.wrong_value import told

LARGEST = 1_000_000
"""Bytes of a mapping file."""


def load(path: Path) -> Mapping:
    """The mapping in a file. Raises MappingError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MappingError(
            f"The mapping file cannot be read ({error.strerror}).", why_zh="无法读取映射文件。"
        ) from None
    if len(data) > LARGEST:
        raise MappingError(
            "The mapping file is larger than 1 MB; is it the right file?",
            why_zh="映射文件超过 1 MB，请确认是否选错文件。",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise MappingError(
                "The mapping file is no text; save it as UTF-8.", why_zh="映射文件不是文本，请保存为 UTF-8。"
            ) from None
    return parse(text)


def parse(text: str) -> Mapping:
    """The mapping in a text. Raises MappingError with the line."""
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.BaseLoader)):
            raise MappingError(
                "Anchors (&, *) are not used in mappings; write the part again.",
                why_zh="映射文件不使用 & 和 *，请直接写出。",
            )
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        _lines(node, (), lines)
        raw = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  (BaseLoader makes texts only)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise MappingError(
            "This is no valid YAML: look at indentation (spaces, no tabs), colons followed by a space, and quotes.",
            why_zh="YAML 格式有误：请检查缩进（用空格）、冒号后的空格和引号。",
            line=line,
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise MappingError("This is no valid YAML.", why_zh="YAML 格式有误。") from None
    if not isinstance(raw, dict):
        raise MappingError("A mapping begins with: source:", why_zh="映射文件应以 source: 开头。", line=1)
    try:
        mapping = Mapping.model_validate(raw)
    except ValidationError as error:
        raise _explained(error, lines) from None
    _check(mapping, lines)
    return mapping


def _lines(node: yaml.Node | None, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> None:
    """Note the line of each part, and refuse a key that stands twice."""
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise MappingError(
                    "This key stands twice here; keep one.",
                    why_zh="同一处重复出现同名键，请只保留一个。",
                    line=key.start_mark.line + 1,
                    field=".".join(str(part) for part in path),
                )
            seen.add(name)
            lines[(*path, name)] = key.start_mark.line + 1
            _lines(value, (*path, name), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _lines(value, (*path, index), lines)


def _line(lines: dict[tuple[str | int, ...], int], path: tuple[str | int, ...]) -> int | None:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


_ALLOWED: dict[str, type[BaseModel]] = {
    "": Mapping,
    "source": Source,
    "channel": Channel,
    "organisation": Organisation,
    "filing": Filing,
    "due": DueDate,
    "steps": Step,
}


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _explained(error: ValidationError, lines: dict[tuple[str | int, ...], int]) -> MappingError:
    path, field, why, why_zh = problems_of(error)[0]
    return MappingError(why, why_zh=why_zh, line=_line(lines, path), field=field)


def problems_of(error: ValidationError) -> list[tuple[tuple[str | int, ...], str, str, str]]:
    """(path, field, what is wrong and what to do, the same in Chinese) of all that is wrong with the form of a mapping."""
    return [_problem(one) for one in error.errors(include_url=False, include_input=False)]


def _problem(first: Any) -> tuple[tuple[str | int, ...], str, str, str]:
    path = tuple(part for part in first["loc"] if not str(part).startswith(("function-", "tuple[", "literal[")))
    field = ".".join(str(part) for part in path)
    kind = first["type"]
    if kind == "extra_forbidden":
        within = [part for part in path[:-1] if isinstance(part, str)]
        model = _ALLOWED.get(within[0] if len(within) == 1 else "" if not within else "?", Value)
        known = _keys(model)
        close = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        why = f"{field} is not a key that is known here.{hint} Possible: {', '.join(known)}."
        why_zh = f"{field} 不是可用的键。可用：{'、'.join(known)}。"
    elif kind == "missing":
        why = f"{field} is missing; write it."
        why_zh = f"缺少 {field}，请补充。"
        if field == "source.zone":
            why = "source.zone is missing: the time zone of the times in the file, for example Asia/Shanghai."
            why_zh = "缺少 source.zone：文件中时间所在的时区，例如 Asia/Shanghai。"
    else:
        why = f"{field}: {first['msg'].removeprefix('Value error, ')}"
        why_zh = f"{field}：{told(first)[1]}写法见 docs/import.md。"
    return path, field, why, why_zh


_SURE = ("channel", "item", "organisation")


def _check(mapping: Mapping, lines: dict[tuple[str | int, ...], int]) -> None:
    """What needs the list of events, and what must not depend on a mark of a person."""
    for index, step in enumerate(mapping.steps):
        path: tuple[str | int, ...] = ("steps", index)
        if step.event not in STEPS:
            close = difflib.get_close_matches(step.event, STEPS, n=3, cutoff=0.4)
            raise MappingError(
                "This event cannot come from an export."
                + (f" Did you mean {' or '.join(close)}?" if close else " docs/import.md lists those that can."),
                why_zh="该事件不能由导入产生。可用的事件见 docs/import.md。",
                line=_line(lines, (*path, "event")),
                field=f"steps.{index}.event",
            )
        model = REGISTRY[step.event]
        known = list(model.model_fields)
        for name in step.fields:
            if name not in known:
                raise MappingError(
                    f"{step.event} has no field {name}. Possible: {', '.join(known) or 'none'}.",
                    why_zh=f"事件 {step.event} 没有字段 {name}。可用：{'、'.join(known) or '无'}。",
                    line=_line(lines, (*path, "fields", name)),
                    field=f"steps.{index}.fields.{name}",
                )
        for name, info in model.model_fields.items():
            if info.is_required() and name not in step.fields and name != "org":
                raise MappingError(
                    f"{step.event} needs the field {name}; give it under fields.",
                    why_zh=f"事件 {step.event} 需要字段 {name}，请在 fields 下写明。",
                    line=_line(lines, path),
                    field=f"steps.{index}.fields.{name}",
                )
        for column in step.when:
            if marks_a_person(column):
                raise _marked(("steps", index, "when", column), lines)
    for path, value in mapping.values():
        sure = path[0] in _SURE or path[-1] in ("date", "received_at")
        if sure and any(marks_a_person(column) for column in value.columns):
            raise _marked(path, lines)
    if mapping.due is not None and marks_a_person(mapping.due.column):
        raise _marked(("due", "column"), lines)


def _marked(path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> MappingError:
    return MappingError(
        "This column marks what kind of person somebody is. Such columns are never read; use another one.",
        why_zh="该列是对人的标记，本系统不读取此类列，请改用其他列。",
        line=_line(lines, path),
        field=".".join(str(part) for part in path),
    )
