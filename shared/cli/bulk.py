"""`huiyin act --file`: the commands of a file, in order, up to 1,000 in a request; what was refused is listed with its line."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import httpx
import orjson
import typer

from shared import unambiguous
from shared.cli import showing
from shared.cli.connecting import DONE, REFUSED, WRONG_USE, check, run

AT_ONCE = 1_000
_TOO_MANY = {
    "status": 422,
    "code": "too_many_cells",
    "detail": "The line has more cells than the first line has columns. Put a text with commas between quotation marks.",
    "detail_zh": "该行的列数多于表头；含逗号的内容请加引号。",
}
_OWN = {"case", "command", "command_id", "effective_at", "expected_version"}


class Row(NamedTuple):
    """One command of the file. `line` counts from 1, a heading included. `problem`: it cannot be sent."""

    line: int
    content: bytes
    problem: dict[str, Any] | None = None


class BadFile(Exception):
    """The file cannot be read as a whole; the text says why."""


def act_file(file: Path, *, data: Path | None, as_: str | None) -> NoReturn:
    """Carry the commands of `file` out and end the process: 0 when all were, 1 when one was refused, 2 for a bad file."""
    if as_ is None and not os.environ.get("HUIYIN_URL"):
        showing.complain("Say as whom: --as ROLE or --as ROLE:ORG.", "请用 --as 注明以谁的身份办理。")
        raise typer.Exit(WRONG_USE)
    try:
        rows = list(read(file))
    except BadFile as why:
        showing.complain(str(why))
        raise typer.Exit(WRONG_USE) from None

    async def work(client: httpx.AsyncClient) -> int:
        refused = repeated = done = 0
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            answers = iter(await _sent(client, [row for row in part if row.problem is None]))
            for row in part:
                result = next(answers) if row.problem is None else {"problem": row.problem}
                if showing.wants_json():
                    print(orjson.dumps({**result, "line": row.line}).decode())
                if "answer" not in result:
                    refused += 1
                    _show_refused(row.line, result["problem"])
                elif result["answer"]["repeated"]:
                    repeated += 1
                else:
                    done += 1
        if not showing.wants_json():
            showing.line(f"done 已办理 {done}, done before 此前已办 {repeated}, refused 被拒绝 {refused}")
        return REFUSED if refused else DONE

    run(work, data, as_=as_)


async def _sent(client: httpx.AsyncClient, rows: Sequence[Row]) -> list[dict[str, Any]]:
    body = b"\n".join(row.content for row in rows)
    answer = await client.post("/v1/commands:batch", content=body, headers={"content-type": "application/x-ndjson"})
    check(answer)
    return [orjson.loads(line) for line in answer.content.splitlines()]


def _show_refused(line: int, problem: dict[str, Any]) -> None:
    if showing.wants_json():
        return
    showing.err.print(f"line 第 {line} 行: ", end="", markup=False)
    showing.problem(problem)


def read(file: Path) -> Iterator[Row]:
    """The commands of a CSV file (by its name) or of NDJSON. Raises BadFile.

    A line without `command_id` gets one made of its content, so that the same file sent again does nothing twice."""
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise BadFile(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadFile(f"{file} is not UTF-8; save it as “CSV UTF-8”. 请另存为 UTF-8 编码。") from None
    yield from _of_csv(text) if file.suffix.lower() == ".csv" else _of_lines(text)


def _of_lines(text: str) -> Iterator[Row]:
    """What is not JSON is sent as it stands: the server says what is wrong with it, and the others go on."""
    seen: Counter[bytes] = Counter()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Row(number, _with_id(unambiguous.loads(line.encode()), seen))
        except ValueError:
            yield Row(number, line.encode())


def _of_csv(text: str) -> Iterator[Row]:
    """Empty cells are left out; a field that is a list takes its values separated by commas."""
    from shared.cli.acting import known_rules, put, typed

    rules = known_rules()
    seen: Counter[bytes] = Counter()
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        lacking = {"case", "command"} - set(reader.fieldnames or ())
        if lacking:
            raise BadFile(f"The first line must name the columns; missing: {', '.join(sorted(lacking))}. 缺少列。")
        for row in reader:
            if None in row:
                yield Row(reader.line_num, b"", _TOO_MANY)
                continue
            rule = rules.get(row["command"] or "")
            value = {name: cell for name, cell in row.items() if cell not in (None, "")}
            if rule is not None:
                cells, value = value, {}
                for name, cell in cells.items():
                    put(value, name, cell if name in _OWN else typed(rule, name, cell))
            if value:
                yield Row(reader.line_num, _with_id(value, seen))
    except csv.Error as error:
        raise BadFile(f"line {reader.line_num}: {error}. 第 {reader.line_num} 行格式有误。") from None


def _with_id(value: Any, seen: Counter[bytes]) -> bytes:
    if isinstance(value, dict) and "command_id" not in value:
        content = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        seen[content] += 1
        value["command_id"] = f"file-{hashlib.sha256(content).hexdigest()[:20]}-{seen[content]}"
    return orjson.dumps(value)
