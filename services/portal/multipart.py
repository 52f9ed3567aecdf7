"""Forms with files (multipart/form-data, RFC 7578), read as they arrive: a file is passed to the interface in chunks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from services.portal.api import Problem

MULTIPART = "multipart/form-data"
PARTS = 2000
BODY_BYTES = 1_100 * 1024 * 1024
"""Maximum size of a form with its files: a policy may allow a hundred files of ten MB."""
_HEADER_BYTES = 8192
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{1,70}")


class FormPart(NamedTuple):
    """The head of a part. `file`: the name of the file as the browser states it; None for a field."""

    name: str
    file: str | None


Keep = Callable[[Sequence[tuple[str, str]], FormPart, AsyncIterator[bytes]], Awaitable[None]]
"""Takes the fields so far, and a file of the form. What it leaves unread is skipped."""


class _Ended(Exception):
    """The form has no more parts."""


def unreadable() -> Problem:
    return Problem(422, "wrong_form", "The form cannot be read; send it again.", "表单无法读取，请重新提交。")


def too_large() -> Problem:
    return Problem(413, "too_large", "The form is too large. Shorten the text.", "内容过长，请缩短后再提交。")


class _Reader:
    """Turns the bytes of a request into events: a head, pieces of its content, and its end (None)."""

    def __init__(self, request: Request, boundary: bytes) -> None:
        self._stream = request.stream()
        self._events: list[FormPart | bytes | None] = []
        self._field, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._read = 0
        self._parts = 0
        self._done = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._longer(self._field, data[start:end]),
                "on_header_value": lambda data, start, end: self._longer(self._value, data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": self._head,
                "on_part_data": lambda data, start, end: self._events.append(bytes(data[start:end])),
                "on_part_end": lambda: self._events.append(None),
                "on_end": self._end,
            },
        )

    def _longer(self, text: bytearray, data: bytes) -> None:
        text += data
        if len(text) > _HEADER_BYTES:
            raise unreadable()

    def _begin(self) -> None:
        self._headers.clear()
        self._parts += 1
        if self._parts > PARTS:
            raise unreadable()

    def _header(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def _head(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name")
        if kind != b"form-data" or name is None:
            raise unreadable()
        file = options.get(b"filename")
        self._events.append(FormPart(_text(name), _text(file) if file is not None else None))

    def _end(self) -> None:
        self._done = True

    async def next(self) -> FormPart | bytes | None:
        """The next event. Raises Problem, and _Ended."""
        while not self._events:
            if self._done:
                raise _Ended
            try:
                piece = await anext(self._stream)
            except StopAsyncIteration:
                raise unreadable() from None  # the last boundary did not come
            self._read += len(piece)
            if self._read > BODY_BYTES:
                raise too_large()
            try:
                self._parser.write(piece)
            except FormParserError:
                raise unreadable() from None
        return self._events.pop(0)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise unreadable() from None


async def read_parts(request: Request, boundary: str, most: int, keep: Keep) -> list[tuple[str, str]]:
    """The fields of a form; each file is given to `keep`. Raises Problem.

    Args:
        most: Maximum number of bytes of all fields together.
    """
    raw = boundary.encode("latin-1", "replace")
    if _BOUNDARY.fullmatch(raw) is None:
        raise unreadable()
    reader = _Reader(request, raw)
    fields: list[tuple[str, str]] = []
    size = 0
    while True:
        try:
            head = await reader.next()
        except _Ended:
            return fields
        if not isinstance(head, FormPart):
            raise unreadable()
        if head.file is None:
            value = bytearray()
            while (piece := await reader.next()) is not None:
                assert isinstance(piece, bytes)
                size += len(piece)
                if size > most:
                    raise too_large()
                value += piece
            fields.append((head.name, _text(bytes(value))))
            continue
        ended = False

        async def content() -> AsyncIterator[bytes]:
            nonlocal ended
            while not ended:
                piece = await reader.next()
                if piece is None:
                    ended = True
                    return
                assert isinstance(piece, bytes)
                yield piece

        if head.file:
            await keep(fields, head, content())
        while not ended:  # what was left unread, or the empty content of a field without a file
            ended = await reader.next() is None
