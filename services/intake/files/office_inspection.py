"""Office documents: OOXML in ZIP, and the binary formats in OLE containers. Neither may hold a program.

Sources: ECMA-376 part 2 (OPC), MS-OVBA 2.2 (storages of macros), MS-XLS 2.4.28 (BoundSheet8), MS-OFFCRYPTO 2.3 (encryption).
"""

from __future__ import annotations

import io
import re
import struct
from html import unescape
from typing import Any
from urllib.parse import unquote

from services.intake.files.media_types import DOC, DOCX, PPT, PPTX, XLS, XLSX, Budget, Limits, MediaType, Unfit
from services.intake.files.signatures import OLE, ZIP, program, starts_program
from services.intake.files.zip_structure import Entry, entries, inflated

_TYPES = "[Content_Types].xml"
_MAIN = {"word/document.xml": DOCX, "xl/workbook.xml": XLSX, "ppt/presentation.xml": PPTX}
_BY_CONTENT = (
    (b"wordprocessingml.document.main+xml", DOCX),
    (b"spreadsheetml.sheet.main+xml", XLSX),
    (b"presentationml.presentation.main+xml", PPTX),
)
_MACROS = re.compile(
    rb"macroEnabled|vbaProject|vbaData|macrosheet|ms-office\.activeX|intlmacrosheet|dialogsheet", re.IGNORECASE
)
_MACRO_PARTS = re.compile(
    r"(^|/)(vba(Project|Data)[^/]*|macrosheets|activeX|dialogsheets|intlmacrosheets|customUI\d*)(/|\.|$)", re.IGNORECASE
)
_MARKUP = (b"<!DOCTYPE", b"<!ENTITY")
_RELATION = re.compile(rb"<(?:[\w.-]+:)?Relationship\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*("[^"]*"|'[^']*')""")
_CHUNK = "afchunk"
"""A part in another format, such as HTML, that the reader inserts into the text when the document is opened."""
_FOLLOWED = "hyperlink"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):")
_LOCAL_FILE = re.compile(r"file:(?:/{0,3}[a-z]:/|///(?!/)|/(?!/)|(?!/))")
"""On the computer on which the document was made, such as its template; `file://host/` and `file:////host/` are servers."""
_FIELD = re.compile(
    rb"<(?:[\w.-]+:)?(?:instrText\b[^>]*>([^<]*)|fldSimple\b[^>]*?instr\s*=\s*(\"[^\"]*\"|'[^']*')|fldChar\b)"
)
_BETWEEN = b"\x13"
_COMMAND = re.compile(
    r"(?<!\w)DDE(?:AUTO)?\b|\bQUOTE(?:\s+\d{2,3}){3}|\b(?:INCLUDEPICTURE|INCLUDETEXT|INCLUDE|IMPORT|LINK|RD|DATABASE)\s"
    r'[^\x13]{0,400}?(?:https?:|ftp:|["\s](?:\\\\|//))',
    re.IGNORECASE,
)
"""Fields that start a program, that spell its name by numbers, or that fetch something from a server (ECMA-376 part 1, 17.16.5)."""
_STARTED = re.compile(
    rb"<(?:[\w.-]+:)?(?:ddeLink|webPr|dbPr|olapPr|DataMashup)\b|ppaction://(?:program|macro|ole)", re.IGNORECASE
)
"""Data that a workbook fetches, and actions of a presentation that start something."""
_XML = (".xml", ".rels", ".vml")
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emf", ".wmf", ".tif", ".tiff", ".svg", ".wdp", ".webp")
_RUN = re.compile(
    r"\.(?:x?html?|xht|mht|mhtml|jse?|vb[se]|ws[fh]?|hta|ps1|bat|cmd|com|exe|dll|scr|cpl|msi|lnk|url|reg|jar|swf|scf|inf|chm)$"
)
"""Parts that a browser or the operating system would run, whatever they hold."""
_NESTED = 1
"""Depth of documents within a document, as the table behind a chart; deeper is an archive."""

_OLE_MACROS = {"macros", "_vba_project_cur", "vba", "_vba_project", "vbaproject"}
_OLE_PROGRAMS = {"\x01ole10native", "package", "equation native"}
_OLE_KINDS = {"worddocument": DOC, "workbook": XLS, "book": XLS, "powerpoint document": PPT}
_BOUND_SHEET, _FILE_PASS, _MACRO_SHEET, _VISUAL_BASIC_SHEET = 0x0085, 0x002F, 1, 6


def office(data: bytes, limits: Limits, budget: Budget, depth: int = 0) -> MediaType:
    """The type of an OOXML document. Raises Unfit for another ZIP file, for programs in it, for a bomb."""
    listed = entries(data, limits)
    names = {entry.name: entry for entry in listed}
    if _TYPES not in names:
        raise Unfit("file_archive")
    types = inflated(data, names[_TYPES], budget, limits.part)
    types = _readable(types)
    if _MACROS.search(types):
        raise Unfit("file_macros")
    found = next((kind for mark, kind in _BY_CONTENT if mark in types), None)
    if found is None or next((kind for name, kind in _MAIN.items() if name in names), found) is not found:
        raise Unfit("file_archive")
    for entry in listed:
        _part(data, entry, limits, budget, depth)
    return found


def _part(data: bytes, entry: Entry, limits: Limits, budget: Budget, depth: int) -> None:
    if _MACRO_PARTS.search(entry.name):
        raise Unfit("file_macros")
    content = inflated(data, entry, budget, limits.part)
    name = entry.name.lower()
    if _RUN.search(name):
        raise Unfit(program(content) or "file_active_content")
    if content.startswith(ZIP):
        if depth >= _NESTED:
            raise Unfit("file_archive")
        office(content, limits, budget, depth + 1)
    elif content.startswith(OLE):
        ole(content, embedded=True)
    elif name.endswith(_XML):
        _markup(name, _readable(content))
    elif name.endswith(".svg"):
        if re.search(rb"<script|javascript:|\son\w+\s*=|<foreignObject|<!ENTITY", content, re.IGNORECASE):
            raise Unfit("file_active_content")
    elif (code := program(content)) is not None and not (name.endswith(_PICTURES) and code != "file_executable"):
        raise Unfit(code)


def _readable(content: bytes) -> bytes:
    """XML as UTF-8, so that a mark is found whatever its encoding is. Raises Unfit for an encoding that OPC forbids."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    if b"\0" in content[:4] or (
        re.match(rb"<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-8|utf8|us-ascii)", content, re.IGNORECASE)
    ):
        raise Unfit("file_damaged")
    return content


def _markup(name: str, content: bytes) -> None:
    if any(mark in content for mark in _MARKUP):
        raise Unfit("file_active_content")
    if name.endswith(".rels") and any(_loads(relation) for relation in _RELATION.findall(content)):
        raise Unfit("file_active_content")
    if _STARTED.search(content):
        raise Unfit("file_active_content")
    if _COMMAND.search(_text(b"".join(_field(found) for found in _FIELD.finditer(content)))):
        raise Unfit("file_active_content")


def _loads(relation: bytes) -> bool:
    """True if a reader fetches or starts something when it meets this relationship (ECMA-376 part 2, 6.5.3)."""
    given = {name.lower(): _text(value[1:-1]) for name, value in _ATTRIBUTE.findall(relation)}
    kind = given.get(b"type", "").rpartition("/")[2].casefold()
    if kind == _CHUNK:
        return True
    if given.get(b"targetmode", "").casefold() != "external":
        return False
    target = re.sub(r"[\x00-\x20]", "", unquote(given.get(b"target", ""))).replace("\\", "/").casefold()
    scheme = _SCHEME.match(target)
    if kind == _FOLLOWED:
        return starts_program(target)
    return target.startswith("//") if scheme is None else not _LOCAL_FILE.match(target)


def _field(found: re.Match[bytes]) -> bytes:
    """What the code of a field says in this element; a code may be spread over several."""
    if found[1] is not None:
        return found[1]
    return _BETWEEN + (found[2] or b"")[1:-1] + _BETWEEN


def _text(value: bytes) -> str:
    """The characters that an XML reader makes of it."""
    return unescape(value.decode("utf-8", "replace"))


def ole(data: bytes, *, embedded: bool = False) -> MediaType | None:
    """The type of an OLE container; None for an object inside a document. Raises Unfit for macros, programs, encryption."""
    import olefile  # takes as long to import as all else; few files need it

    try:
        with olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT) as container:
            return _container(container, len(data), embedded)
    except Unfit:
        raise
    except Exception:  # olefile raises whatever a broken container leads it to
        raise Unfit("file_damaged") from None


def _container(container: Any, size: int, embedded: bool) -> MediaType | None:
    import olefile

    sector = container.sector_size
    used = max((number for number, following in enumerate(container.fat) if following != olefile.FREESECT), default=0)
    if size % sector or size > (used + 2) * sector:  # the header is the sector before the first
        raise Unfit("file_polyglot")
    paths = [[part.lower() for part in path] for path in container.listdir(streams=True, storages=True)]
    parts = {part for path in paths for part in path}
    if parts & _OLE_MACROS:
        raise Unfit("file_macros")
    if parts & {"encryptedpackage", "encryptioninfo", "\x06dataspaces"}:
        raise Unfit("file_encrypted")
    if parts & _OLE_PROGRAMS:
        raise Unfit("file_embedded")
    if embedded:
        return None
    kinds = {kind for name, kind in _OLE_KINDS.items() if [name] in paths}
    if len(kinds) != 1:
        raise Unfit("file_type_refused" if not kinds else "file_polyglot")
    kind = kinds.pop()
    if kind is XLS:
        for name in ("Workbook", "Book"):
            if container.exists(name):
                _sheets(container.openstream(name).read())
    if kind is DOC:
        header = container.openstream("WordDocument").read(12)
        if len(header) == 12 and struct.unpack_from("<H", header, 10)[0] & 0x0100:  # MS-DOC 2.5.2: fEncrypted
            raise Unfit("file_encrypted")
    if kind is PPT and "encryptedsummary" in parts:
        raise Unfit("file_encrypted")
    return kind


def _sheets(stream: bytes) -> None:
    """Raises Unfit where a sheet of a workbook is a macro sheet of Excel 4.0."""
    at = 0
    while at + 4 <= len(stream):
        record, length = struct.unpack_from("<HH", stream, at)
        body = stream[at + 4 : at + 4 + length]
        if record == _FILE_PASS:
            raise Unfit("file_encrypted")
        if record == _BOUND_SHEET and length >= 6 and body[5] in (_MACRO_SHEET, _VISUAL_BASIC_SHEET):
            raise Unfit("file_macros")
        if record == 0 and length == 0:
            return
        at += 4 + length
