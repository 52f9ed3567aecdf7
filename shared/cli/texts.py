"""A text out of a file, as people save it."""

from __future__ import annotations

from pathlib import Path

import typer

from shared.cli import showing
from shared.cli.connecting import WRONG_USE

_ENCODINGS = ("utf-8-sig", "gb18030")
"""With or without a mark in front; and what Chinese Windows writes."""


def text_of(file: Path) -> str:
    """What the file says. Ends the command with what is wrong."""
    try:
        data = file.read_bytes()
    except OSError as error:
        showing.complain(f"{file} cannot be read: {error.strerror}.", f"无法读取文件 {file}。")
        raise typer.Exit(WRONG_USE) from None
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, which would be read as something else
        for encoding in _ENCODINGS:
            try:
                return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
            except UnicodeDecodeError:
                continue
    showing.complain(
        f"{file} is no text in UTF-8 or GB 18030; save it as UTF-8.",
        f"{file} 不是 UTF-8 或 GB18030 文本，请另存为 UTF-8。",
    )
    raise typer.Exit(WRONG_USE)
