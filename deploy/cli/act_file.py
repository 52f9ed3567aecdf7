"""`huiyin act --file`: the commands of a file, in order, up to 1,000 in a request. Refused commands are listed with their
lines."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, get_origin

import httpx
import orjson

from deploy.cli import output as terminal
from deploy.cli.client import check, run
from deploy.cli.output import DONE, REFUSED
from deploy.cli.text_files import bytes_of
from shared.kernel import strict_json as unambiguous

if TYPE_CHECKING:
    from shared.commands.command import Decider

AT_ONCE = 1_000
_TOO_MANY = {
    "status": 422,
    "code": "too_many_cells",
    "detail": "The line has more cells than the first line has columns. Put a text with commas between quotation marks.",
    "detail_zh": "该行的列数多于表头；含逗号的内容请加引号。",
}
_OWN = {"case", "command", "command_id", "effective_at", "expected_version"}


class Row(NamedTuple):
    """One command of the file. `line` counts from 1, with the heading. `problem`: why it cannot be sent."""

    line: int
    content: bytes
    problem: dict[str, Any] | None = None


def act_file(file: Path, *, data: Path | None, as_: str | None) -> NoReturn:
    """Carry out the commands of `file` and end the process: 0 if all were done, 1 if one was refused, 2 for a bad file."""
    if as_ is None and not os.environ.get("HUIYIN_URL"):
        terminal.stop(
            "Name the role: --as ROLE or --as ROLE:ORG.", "请用 --as 注明办理角色：--as 角色 或 --as 角色:单位。"
        )
    rows = list(read(file))

    async def work(client: httpx.AsyncClient) -> int:
        counts = Counter(done=0, repeated=0, refused=0)
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            answers = iter(await _sent(client, [row for row in part if row.problem is None]))
            for row in part:
                result = next(answers) if row.problem is None else {"problem": row.problem}
                if "answer" in result:
                    counts["repeated" if result["answer"]["repeated"] else "done"] += 1
                else:
                    counts["refused"] += 1
                if terminal.wants_json():
                    print(terminal.escaped(orjson.dumps({**result, "line": row.line}).decode()))
                elif "answer" not in result:
                    terminal.err.print(f"line 第 {row.line} 行: ", end="", markup=False)
                    terminal.problem(result["problem"])
        if not terminal.wants_json():
            terminal.line(
                f"done 已办理 {counts['done']}, done before 此前已办 {counts['repeated']},"
                f" refused 被拒绝 {counts['refused']}"
            )
        return REFUSED if counts["refused"] else DONE

    run(work, data, as_=as_)


async def _sent(client: httpx.AsyncClient, rows: Sequence[Row]) -> list[dict[str, Any]]:
    body = b"\n".join(row.content for row in rows)
    answer = await client.post("/v1/commands:batch", content=body, headers={"content-type": "application/x-ndjson"})
    check(answer)
    return [orjson.loads(line) for line in answer.content.splitlines()]


def read(file: Path) -> Iterator[Row]:
    """The commands of a CSV file (by its name) or of NDJSON. Ends the command if the file cannot be read as a whole.

    A line without `command_id` gets one that is derived from its content, so sending the same file again does nothing."""
    try:
        text = bytes_of(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        terminal.stop(f"{file} is not UTF-8; save it as “CSV UTF-8”.", f"{file} 不是 UTF-8 编码，请另存为 UTF-8 编码。")
    yield from _of_csv(text) if file.suffix.lower() == ".csv" else _of_lines(text)


def _of_lines(text: str) -> Iterator[Row]:
    """A line that is not JSON is sent as it is: the server reports it, and the other lines are carried out."""
    seen: Counter[bytes] = Counter()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield Row(number, _with_id(unambiguous.loads(line.encode()), seen))
            except ValueError:
                yield Row(number, line.encode())


def _of_csv(text: str) -> Iterator[Row]:
    """Empty cells are left out; the values of a field that is a list are separated by commas."""
    rules = known_rules()
    seen: Counter[bytes] = Counter()
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        lacking = ", ".join(sorted({"case", "command"} - set(reader.fieldnames or ())))
        if lacking:
            terminal.stop(
                f"The first line must name the columns; missing: {lacking}.", f"首行须为列名，缺少：{lacking}。"
            )
        for row in reader:
            if None in row:
                yield Row(reader.line_num, b"", _TOO_MANY)
                continue
            rule = rules.get(row["command"] or "")
            value: dict[str, Any] = {}
            for name, cell in row.items():
                if cell and (rule is None or name in _OWN):
                    value[name] = cell
                elif cell and rule is not None:
                    set_field(value, name, field_value(rule, name, cell))
            if value:
                yield Row(reader.line_num, _with_id(value, seen))
    except csv.Error as error:
        terminal.stop(f"line {reader.line_num}: {error}.", f"第 {reader.line_num} 行格式有误。")


def _with_id(value: Any, seen: Counter[bytes]) -> bytes:
    if isinstance(value, dict) and "command_id" not in value:
        content = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        seen[content] += 1
        value["command_id"] = f"file-{hashlib.sha256(content).hexdigest()[:20]}-{seen[content]}"
    return orjson.dumps(value)


def known_rules() -> dict[str, Decider]:
    """The commands that people and other systems may give, by name."""
    import deploy.modes.command_registry  # noqa: F401  # fills RULES
    from shared.commands.command import RULES

    return {rule.name: rule for rule in RULES.values() if set(rule.roles) != {"service"}}


def set_field(values: dict[str, Any], name: str, value: Any) -> None:
    """Set a field. The name `respondent.org` means the field `org` of `respondent`."""
    outer, _dot, inner = name.partition(".")
    within = values.setdefault(outer, {}) if inner else None
    if isinstance(within, dict):
        within[inner] = value
    else:  # also a name that is not possible, which the server refuses
        values[name] = value


def field_value(rule: Decider, name: str, value: str) -> Any:
    """The text of a field as the command takes it: a list if the field is a list."""
    by_alias = {field.alias or own: field for own, field in rule.model.model_fields.items()}
    info = by_alias.get(name) or by_alias.get(f"{name}_")
    return value.split(",") if info is not None and get_origin(info.annotation) is tuple else value
