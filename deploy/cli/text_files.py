"""Files that a command reads or writes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from deploy.cli import output as terminal
from deploy.cli.output import WRONG_USE

_ENCODINGS = ("utf-8-sig", "gb18030")
"""UTF-8 with or without a byte order mark; and the encoding of Windows in Chinese."""


def bytes_of(file: Path) -> bytes:
    """The bytes of a file, or of standard input for `-`. Ends the command if the file cannot be read."""
    if str(file) == "-":
        return sys.stdin.buffer.read() if sys.stdin is not None else b""  # closed by the shell
    return _read(file)


def text_of(file: Path) -> str:
    """The text of a file. Ends the command if the file cannot be read or is not text."""
    data = _read(file)
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, which may be valid GB 18030 with another meaning
        for encoding in _ENCODINGS:
            try:
                return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
            except UnicodeDecodeError:
                continue
    return terminal.stop(
        f"{file} is not text in UTF-8 or GB 18030; save it as UTF-8.",
        f"{file} 不是 UTF-8 或 GB18030 文本，请另存为 UTF-8。",
    )


def _read(file: Path) -> bytes:
    with stopping_for_file(file, "read"):
        return file.read_bytes()


@contextmanager
def stopping_for_file(path: Path, how: Literal["read", "written"], exit_code: int = WRONG_USE) -> Iterator[None]:
    """End the command if a file or folder cannot be read or written."""
    try:
        yield
    except OSError as error:
        how_zh = "读取" if how == "read" else "写入"
        terminal.stop(f"{path} cannot be {how}: {error.strerror}.", f"无法{how_zh} {path}。", exit_code)


def write_private(path: Path, content: bytes) -> None:
    """Write a result that only its owner may read, also where the file exists and others could read it. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, 0o600)
        file.write(content)


def private_file(path: Path) -> BinaryIO:
    """A new file that only its owner may read. Raises OSError where there is one of that name."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
