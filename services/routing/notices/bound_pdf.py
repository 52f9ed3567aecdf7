"""Several documents as one PDF: the notices of a day, and the file of a case with its index (一案一档, 卷宗目录)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from services.routing.notices.pdf_form import available, compiled, pdf_missing


class BoundDocument(NamedTuple):
    """A document of a file: what the index calls it, its number, its date, and its pages."""

    title: str
    number: str
    date: str
    pdf: bytes


def merged(documents: Iterable[bytes]) -> bytes:
    """The pages of all documents, one after the other. Raises Refused `pdf_not_installed`."""
    if not available():
        raise pdf_missing()
    from pypdf import PdfWriter

    writer = PdfWriter()
    for document in documents:
        writer.append(BytesIO(document), import_outline=False)
    return _written(writer)


def bound(cover: dict[str, Any], parts: Sequence[BoundDocument], language: str) -> bytes:
    """The file of a case: cover, index, then the parts. Each page has the number by which the index names it; the outline leads to
    the parts. Raises Refused `pdf_not_installed`."""
    if not available():
        raise pdf_missing()
    from pypdf import PdfReader, PdfWriter

    readers = [PdfReader(BytesIO(part.pdf)) for part in parts]
    rows, page = [], 1
    for part, reader in zip(parts, readers, strict=True):
        last = page + len(reader.pages) - 1
        rows.append({
            "title": part.title, "number": part.number, "date": part.date,
            "pages": str(page) if page == last else f"{page}–{last}",
        })  # fmt: skip
        page = last + 1
    total = page - 1
    values = {**cover, "rows": rows, "total": total, "language": language}
    writer = PdfWriter()
    writer.append(BytesIO(compiled("dossier.typ", dossier=values)), import_outline=False)
    numbers = PdfReader(BytesIO(compiled("page_numbers.typ", total=total))) if total else None
    at = 0
    for part, reader in zip(parts, readers, strict=True):
        first = len(writer.pages)
        for sheet in reader.pages:
            added = writer.add_page(sheet)
            assert numbers is not None
            added.merge_page(numbers.pages[at])
            at += 1
        writer.add_outline_item(title=" ".join(filter(None, (part.title, part.number))), page_number=first)
    return _written(writer)


def _written(writer: Any) -> bytes:
    writer.metadata = None
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
