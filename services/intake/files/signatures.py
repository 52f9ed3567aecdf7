"""The first bytes of formats: those that are accepted, and those that are named when they are refused."""

from __future__ import annotations

import re
from html import unescape

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PDF = b"%PDF-"
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
_EARLY = 1024
"""Readers of PDF look for the header so far into a file, browsers for HTML."""

_EXECUTABLES = (
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"dex\n",
    b"\0asm",
    b"L\0\0\0\x01\x14\x02\0",
    b"ITSF",
)
"""Windows, Linux, macOS, Java, Android, WebAssembly, a shortcut of Windows, compiled help."""
_ARCHIVES = (
    ZIP,
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\x1f\x9d",
    b"\x1f\xa0",
    b"MSCF",
    b"xar!",
    b"!<arch>\n",
    b"ISc(",
    b"LZIP",
    b"\x60\xea",
    b"Cr24",
)
_SCRIPTS = (
    b"#!",
    b"<?php",
    b"@echo",
    b"{\\rtf",
    b"%!ps",
    b"\xc5\xd0\xd3\xc6",
    b"[internetshortcut]",
    b"[desktop entry]",
    b"windows registry editor",
    b"regedit4",
)
"""In lower case. RTF and PostScript, also with the header of DOS, are programs to their readers; shortcuts and settings of a
computer start some."""
_CODE = re.compile(
    rb"<(?:!doctype|html|head|body|script|iframe|object|embed|applet|svg|meta|link|form|style|base|\w{1,20}:script)\b|"
    rb"<[\w:.-]{1,40}[\s/][^<>]{0,500}?\bon[a-z]{3,20}\s{0,9}=|<\?(?:php|=|xml)|javascript:|vbscript:|<%|"
    rb"data:text/html|<!entity|<!--#|\bhta:application\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"[=(\"']\s*([^\s=(\"'<>][^\"'<>]{0,100}?(?:script|data)[^\"'<>]{0,20}?:)", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):")
_FOLLOWED = frozenset(("http", "https", "mailto", "tel", "sms", "ftp", "ftps", "file"))


def program(data: bytes) -> str | None:
    """The code of a refusal where the data begins as a program or an archive."""
    if data.startswith(_EXECUTABLES):
        return "file_executable"
    if data.startswith(_ARCHIVES) or data[257:262] == b"ustar" or data[32769:32774] == b"CD001" or data[2:5] == b"-lh":
        return "file_archive"
    return "file_active_content" if script(data) else None


def script(data: bytes) -> bool:
    """True if an interpreter takes the data for a program by its first bytes."""
    return data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_SCRIPTS)


def code(text: bytes) -> bool:
    """True if a browser or an interpreter could execute something in the text."""
    if _CODE.search(text) is not None:
        return True
    if b"<" not in text or b"&" not in text:
        return False
    shown = unescape(text.decode("utf-8", "replace"))
    return any(starts_program(link) for link in _LINK.findall(shown))


def starts_program(link: str) -> bool:
    """True if something else than a page, a letter or a file opens when somebody follows the link."""
    scheme = _SCHEME.match(re.sub(r"[\x00-\x20]", "", link).casefold())
    return scheme is not None and scheme[1] not in _FOLLOWED


def second_header(data: bytes) -> bool:
    """True if the data, which is of another type, is also a PDF to readers that search for its header."""
    return PDF in data[: _EARLY + len(PDF)]
