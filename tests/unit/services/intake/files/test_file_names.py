"""Names that strangers choose: what is kept of them opens on any system, and is never a path, an option or a formula."""

from __future__ import annotations

import pytest

from services.intake.files.file_names import LONGEST, clean_name
from services.intake.files.media_types import PDF

NAMES = {
    "../../../etc/passwd": "passwd.pdf",
    "..\\..\\boot.ini": "boot.ini.pdf",
    "\\\\?\\C:\\con": "_con.pdf",
    "C:\\投诉信.PDF": "投诉信.pdf",
    "a／b＼c": "c.pdf",
    "ＣＯＮ．pdf": "_CON.pdf",
    "com¹.pdf": "_com¹.pdf",
    "nul .pdf": "_nul.pdf",
    "a\x00.pdf.exe": "a.pdf.exe.pdf",
    "a\r\nSet-Cookie: x": "aSet-Cookie_ x.pdf",
    '"; filename=x.exe': "_; filename=x.exe.pdf",
    "a\u202egpj.exe": "agpj.exe.pdf",
    "\u200b\u2066": "file-1.pdf",
    "...": "file-1.pdf",
    ".htaccess": "htaccess.pdf",
    "-rf": "_-rf.pdf",
    "--output=x": "_--output=x.pdf",
    "=SUM(1)": "_=SUM(1).pdf",
    "@SUM(1)": "_@SUM(1).pdf",
    "＋1": "_+1.pdf",
    "~root": "_~root.pdf",
    "a::$DATA": "a__$DATA.pdf",
    "%2e%2e%2f": "_2e_2e_2f.pdf",
}


@pytest.mark.parametrize("name", NAMES)
def test_name_as_it_is_kept(name: str) -> None:
    assert clean_name(name, PDF) == NAMES[name]


@pytest.mark.parametrize("name", ["x" * 300, "照" * 300, "👨‍👩‍👧‍👦" * 80, "e\u0301" * 300, "ﷺ" * 300, "-" * 300 + "a"])
def test_long_name_fits_every_file_system(name: str) -> None:
    kept = clean_name(name, PDF)
    assert len(kept) <= LONGEST and len(kept.encode()) <= 240 and kept.endswith(".pdf")
