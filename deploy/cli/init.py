"""`huiyin init DIR`: the files of a first policy, which a clerk opens in a spreadsheet."""

from __future__ import annotations

import csv
import io
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import output as terminal
from deploy.cli.output import REFUSED
from deploy.cli.text_files import stopping_for_file

_MARK = "\ufeff"
"""Byte order mark. Without it Excel reads a table as GBK."""


def init(folder: Annotated[Path, typer.Argument(help="A new or an empty folder", metavar="DIR")]) -> None:
    """Write a small first policy, as files that open in a spreadsheet."""
    with stopping_for_file(folder, "written", REFUSED):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            terminal.stop(
                f"{folder} is not empty; name a new folder. Nothing was written.",
                "文件夹不是空的，未写入，请指定新的文件夹。",
                REFUSED,
            )
        folder.mkdir(parents=True, exist_ok=True)
        _copy(resources.files("shared.policy").joinpath("starter"), folder)
    terminal.line(f"{folder}: README.md explains every file and column 各文件、各列的含义见 README.md")
    terminal.line(f"  huiyin policy validate {folder}")
    terminal.line(f"  huiyin policy activate {folder}")


def _copy(source: Traversable, folder: Path) -> None:
    for entry in source.iterdir():
        target = folder / entry.name
        if entry.is_dir():
            target.mkdir()
            _copy(entry, target)
        elif entry.name.endswith(".csv"):
            table = io.StringIO(newline="")
            csv.writer(table, lineterminator="\r\n").writerows(csv.reader(entry.read_text("utf-8").splitlines()))
            target.write_bytes((_MARK + table.getvalue()).encode())
        else:
            target.write_bytes(entry.read_bytes())
