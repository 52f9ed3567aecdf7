"""The file of a mapping: reading and checking it. Every error has its line and the remedy."""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.intake.history.step_types import STEPS, WITHOUT_DATE, kept_without_date
from services.intake.importer.errors import MAPPING_ERRORS, MappingError
from services.intake.importer.excluded_columns import classifies_persons
from services.intake.importer.mapping import Channel, DueDate, Filing, Link, Mapping, Organisation, Source, Step, Value
from shared.events import REGISTRY
from shared.kernel import bounded_yaml
from shared.kernel.validation_messages import told

LARGEST = 1_000_000
"""Bytes of a mapping file."""
_LARGEST_TABLE = 5_000_000
"""Bytes of a table file."""

Path_ = tuple[str | int, ...]
"""Keys and indices from the top of a mapping to one of its parts."""


def load(path: Path) -> Mapping:
    """The mapping in a file. Raises MappingError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MappingError("cannot_read", reason=error.strerror) from None
    if len(data) > LARGEST:
        raise MappingError("too_large")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return parse(text, path.parent)
    raise MappingError("not_text")


def _with_table_files(part: Any, path: Path_, folder: Path, lines: dict[Path_, int]) -> Any:
    """A part of a mapping with the entries of its table files in its tables. Raises MappingError."""
    if isinstance(part, list):
        return [_with_table_files(one, (*path, at), folder, lines) for at, one in enumerate(part)]
    if not isinstance(part, dict):
        return part
    found = {key: _with_table_files(one, (*path, key), folder, lines) for key, one in part.items()}
    name = found.get("table_file")
    if path and isinstance(name, str):
        del found["table_file"]
        where = (*path, "table_file")
        try:
            entries = _table_of(folder / name)
        except MappingError as error:
            error.line, error.field = _line(lines, where), _dotted(where)
            raise
        own = found.get("table")
        found["table"] = {**entries, **(own if isinstance(own, dict) else {})}
    return found


def _table_of(path: Path) -> dict[str, str]:
    """The entries of a table file: CSV with two columns. Raises MappingError, which names the line of that file."""
    try:
        if path.stat().st_size > _LARGEST_TABLE:
            raise MappingError("table_file_too_large")
        data = path.read_bytes()
    except OSError as error:
        raise MappingError("cannot_read", reason=error.strerror) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise MappingError("not_text")
    found: dict[str, str] = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            if len(row) < 2 or not row[0] or not row[1] or any(row[2:]):
                raise MappingError("table_file_row", number=reader.line_num)
            if found.setdefault(row[0], row[1]) != row[1]:
                raise MappingError("table_file_twice", number=reader.line_num)
    except csv.Error:
        raise MappingError("table_file_row", number=reader.line_num) from None
    return found


def parse(text: str, folder: Path | None = None) -> Mapping:
    """The mapping in a text. `folder`: that of its table files. Raises MappingError with the line."""
    lines: dict[Path_, int] = {}
    try:
        bounded_yaml.check(text, aliases=False)
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        _find_lines(node, (), lines)
        raw = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  (BaseLoader makes texts only)
    except bounded_yaml.Unbounded:
        raise MappingError("anchors") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise MappingError("broken_yaml", line=line) from None
    except (yaml.YAMLError, RecursionError):
        raise MappingError("not_yaml") from None
    if not isinstance(raw, dict):
        raise MappingError("no_source", line=1)
    if folder is not None:
        raw = _with_table_files(raw, (), folder, lines)
    try:
        mapping = Mapping.model_validate(raw)
    except ValidationError as error:
        first = _form_errors(error)[0]
        raise MappingError(first.message, line=_line(lines, first.path), field=first.field, **first.values) from None
    _check(mapping, lines)
    return mapping


def _find_lines(node: yaml.Node | None, path: Path_, lines: dict[Path_, int]) -> None:
    """Note the line of each part. Raises MappingError for a repeated key."""
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise MappingError("repeated_key", line=key.start_mark.line + 1, field=_dotted(path))
            seen.add(name)
            lines[(*path, name)] = key.start_mark.line + 1
            _find_lines(value, (*path, name), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _find_lines(value, (*path, index), lines)


def _line(lines: dict[Path_, int], path: Path_) -> int | None:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _dotted(path: Path_) -> str:
    return ".".join(map(str, path))


_ALLOWED: dict[str, type[BaseModel]] = {
    "": Mapping,
    "source": Source,
    "channel": Channel,
    "organisation": Organisation,
    "filing": Filing,
    "due": DueDate,
    "link": Link,
    "steps": Step,
}


class _FormError(NamedTuple):
    """One error of the form of a mapping: its place, a message of MAPPING_ERRORS, and the values of that message."""

    path: Path_
    field: str
    message: str
    values: dict[str, Any]


def _form_errors(error: ValidationError) -> list[_FormError]:
    return [_form_error(one) for one in error.errors(include_url=False, include_input=False)]


def problems_of(error: ValidationError) -> list[tuple[str, str, str]]:
    """(field, what is wrong and what to do, the same in Chinese) of each error of the form of a mapping."""
    return [
        (one.field, *MAPPING_ERRORS.filled(one.message, {**one.values, "field": one.field}))
        for one in _form_errors(error)
    ]


def _form_error(error: ErrorDetails) -> _FormError:
    path = tuple(part for part in error["loc"] if not str(part).startswith(("function-", "tuple[", "literal[")))
    field = _dotted(path)
    if error["type"] == "extra_forbidden":
        within = [part for part in path[:-1] if isinstance(part, str)]
        model = _ALLOWED.get(within[0] if len(within) == 1 else "" if not within else "?", Value)
        known = [info.alias or name for name, info in model.model_fields.items()]
        close = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        return _FormError(path, field, "unknown_key", {"hint": hint, "known": known})
    if error["type"] == "missing":
        return _FormError(path, field, "zone_missing" if field == "source.zone" else "missing", {})
    problem = error["msg"].removeprefix("Value error, ")
    return _FormError(path, field, "wrong_value", {"problem": problem, "problem_zh": told(error)[1]})


_IDENTIFYING = ("channel", "item", "organisation", "link")


def _check(mapping: Mapping, lines: dict[Path_, int]) -> None:
    """Check steps against the list of events, and that nothing depends on a column that classifies persons."""
    for index, step in enumerate(mapping.steps):
        _check_step(step, ("steps", index), lines)
    for path, value in mapping.values():
        needed = path[0] in _IDENTIFYING or path[-1] in ("date", "received_at")
        _refuse_excluded(value.columns if needed else (), path, lines)
    if mapping.due is not None:
        _refuse_excluded((mapping.due.column,), ("due", "column"), lines)


def _check_step(step: Step, path: Path_, lines: dict[Path_, int]) -> None:
    def error(message: str, line_of: Path_, field: Path_, **values: object) -> MappingError:
        return MappingError(message, line=_line(lines, (*path, *line_of)), field=_dotted((*path, *field)), **values)

    if step.event not in STEPS:
        close = difflib.get_close_matches(step.event, STEPS, n=3, cutoff=0.4)
        hint = f" Did you mean {' or '.join(close)}?" if close else " docs/import.md lists those that can."
        raise error("unknown_event", ("event",), ("event",), hint=hint)
    fields = REGISTRY[step.event].model_fields
    for name in step.fields:
        if name not in fields:
            known = {"known": ", ".join(fields) or "none", "known_zh": "、".join(fields) or "无"}
            raise error("unknown_field", ("fields", name), ("fields", name), event=step.event, name=name, **known)
    if step.undated:
        unkept = [name for name in step.fields if not kept_without_date(step.event, name)]
        if step.event not in WITHOUT_DATE:
            raise error(
                "not_without_date", ("undated",), ("undated",), event=step.event, known=", ".join(sorted(WITHOUT_DATE))
            )
        if unkept:
            raise error(
                "field_needs_date", ("fields", unkept[0]), ("fields", unkept[0]), event=step.event, name=unkept[0]
            )
    for name, info in fields.items():
        if info.is_required() and name not in step.fields and name != "org":
            raise error("field_missing", (), ("fields", name), event=step.event, name=name)
    for column in step.when:
        _refuse_excluded((column,), (*path, "when", column), lines)


def _refuse_excluded(columns: tuple[str, ...], path: Path_, lines: dict[Path_, int]) -> None:
    if any(classifies_persons(column) for column in columns):
        raise MappingError("excluded_column", line=_line(lines, path), field=_dotted(path))
