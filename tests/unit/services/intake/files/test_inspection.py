"""What a file is by its content, and what is refused: the types, programs, two types at once, bombs."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.files.inspection import inspect
from services.intake.files.media_types import Limits, Unfit
from tests.support import sample_files as files

GOOD: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg": (files.jpeg, "image/jpeg"),
    "png": (files.png, "image/png"),
    "heic": (files.heic, "image/heic"),
    "pdf": (files.pdf, "application/pdf"),
    "docx": (files.docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xlsx": (files.xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "doc": (files.doc, "application/msword"),
    "xls": (files.xls, "application/vnd.ms-excel"),
    "text": ("路灯坏了，已经三个月。\n".encode, "text/plain"),
    "gb18030": (lambda: "路灯坏了，已经三个月。\r\n".encode("gb18030"), "text/plain"),
    "utf-16": (lambda: "路灯坏了".encode("utf-16"), "text/plain"),
    "mp3": (files.mp3, "audio/mpeg"),
    "mp3 tagged": (lambda: files.mp3(tag=b"TIT2" + bytes(40)), "audio/mpeg"),
    "m4a": (files.m4a, "audio/mp4"),
    "wav": (files.wav, "audio/wav"),
    "amr": (files.amr, "audio/amr"),
    "ogg": (files.ogg, "audio/ogg"),
}
MADE = {name: make() for name, (make, _media_type) in GOOD.items()}
"""Made once: a packed file names the second it was made in."""
ZIP = files.packed({"evil.js": b"alert(1)"})
JAVASCRIPT = b"<</S/JavaScript/JS(app.alert(1))>>"
OBJECT_STREAM = b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode"


def verdict(data: bytes, limits: Limits = Limits()) -> str:
    try:
        return inspect(data, limits).name
    except Unfit as unfit:
        return unfit.code


def image(kind: str, width: int = 64, **more: object) -> bytes:
    out = io.BytesIO()
    files.picture(width, width).save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize("name", GOOD)
def test_accepted_by_its_content(name: str) -> None:
    make, media_type = GOOD[name]
    assert verdict(make()) == media_type


def related(kind: str, target: str) -> bytes:
    """A document with one relationship to something outside of it."""
    relation = f"<Relationship Id='r' Type='http://x/{kind}' TargetMode='External' Target='{target}'/>"
    return files.docx(word___rels__a_dot_xml_dot_rels=f"<Relationships>{relation}</Relationships>".encode())


def with_field(text: str) -> bytes:
    return files.docx(word__a_dot_xml=f"<w:instrText>{text}</w:instrText>".encode())


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("hyperlink", "https://example.org/a?b=1"),
        ("hyperlink", "mailto:a@example.org"),
        ("hyperlink", "#heading"),
        ("attachedTemplate", "file:///C:\\Users\\a\\Normal.dotm"),
        ("attachedTemplate", "file:///Users/a/Normal.dotm"),
        ("attachedTemplate", "Normal.dotm"),
        ("image", "file:///C:\\DOCUME~1\\clip_image001.gif"),
        ("image", "NULL"),
        ("externalLinkPath", "2026%E5%B9%B4.xlsx"),
    ],
)
def test_document_may_name_what_no_reader_fetches(kind: str, target: str) -> None:
    assert verdict(related(kind, target)).endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("image", "http://evil.example/pixel.png"),
        ("image", "\\\\evil.example\\share\\a.png"),
        ("image", "file://evil.example/share/a.png"),
        ("attachedTemplate", "file:///\\evil\\a.dotm"),
        ("attachedTemplate", " http://evil.example/a.dotm"),
        ("attachedTemplate", "&#x9;HTTPS://evil.example/a.dotm"),
        ("attachedTemplate", "smb://evil/a.dotm"),
        ("oleObject", "&#104;ttp://evil.example/a"),
        ("oleObject", "mhtml:http://evil.example/a!x-usc:http://evil.example/a"),
        ("externalLinkPath", "https://evil.example/a.xlsx"),
        ("video", "https://evil.example/a.mp4"),
        ("hyperlink", "javascript:alert(1)"),
        ("hyperlink", "ms-msdt:/id PCWDiagnostic"),
        ("hyperlink", "search-ms:query=a"),
        ("aFChunk", "a.html"),
    ],
)
def test_document_that_fetches_or_starts_something_is_refused(kind: str, target: str) -> None:
    assert verdict(related(kind, target)) == "file_active_content"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (' PAGE \\* MERGEFORMAT </w:instrText><w:instrText>HYPERLINK "http://x.cn/a"', True),
        ('INCLUDEPICTURE "C:\\\\Users\\\\a.png" \\* MERGEFORMATINET', True),
        ('TOC \\o "1-3" </w:instrText><w:fldChar/><w:instrText> _TocADDED', True),
        ("DDE</w:instrText><w:r/><w:instrText>AUTO c:\\\\cmd.exe", False),
        ("D</w:instrText><w:instrText></w:instrText><w:instrText>DE cmd", False),
        ("&#68;DEAUTO cmd", False),
        ("QUOTE 68 68 69 65", False),
        ('INCLUDEPICTURE "http://evil.example/a" \\d', False),
        ('INCLUDETEXT "\\\\\\\\evil\\\\a"', False),
        ('LINK Excel.Sheet.8 "\\\\\\\\evil\\\\a.xlsx" ""', False),
    ],
)
def test_fields_that_start_or_fetch_something_are_refused(text: str, passes: bool) -> None:
    assert (verdict(with_field(text)) != "file_active_content") is passes


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "file_empty"),
    "noise": (lambda: bytes(range(256)), "file_type_refused"),
    "archive": (lambda: ZIP, "file_archive"),
    "an empty archive": (lambda: b"PK\x05\x06" + bytes(18), "file_archive"),
    "rar": (lambda: b"Rar!\x1a\x07\x01\0" + bytes(20), "file_archive"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(20), "file_archive"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(20), "file_archive"),
    "tar": (lambda: bytes(257) + b"ustar\0" + bytes(300), "file_archive"),
    "windows program": (lambda: b"MZ\x90\0" + bytes(60), "file_executable"),
    "linux program": (lambda: b"\x7fELF" + bytes(60), "file_executable"),
    "svg": (lambda: files.SVG, "file_active_content"),
    "svg without declaration": (lambda: b" \n<svg xmlns='http://www.w3.org/2000/svg'/>", "file_active_content"),
    "svg in utf-16": (lambda: files.SVG.decode().encode("utf-16"), "file_active_content"),
    "html": (lambda: b"<!DOCTYPE html><p>x</p>", "file_active_content"),
    "html with a mark": (lambda: b"\xef\xbb\xbf<HTML><body>", "file_active_content"),
    "handler": (lambda: b"see <img src=x onerror=alert(1)>", "file_active_content"),
    "shell script": (lambda: b"#!/bin/sh\nrm -rf /\n", "file_active_content"),
    "batch file": (lambda: b"@echo off\r\ndel *\r\n", "file_active_content"),
    "php": (lambda: b"hello <?php system('id');", "file_active_content"),
    "rtf": (lambda: rb"{\rtf1\ansi{\object\objocx}}", "file_active_content"),
    "gif with script": (lambda: files.GIF_SCRIPT, "file_type_refused"),
    "gif": (lambda: image("GIF"), "file_type_refused"),
    "bmp": (lambda: image("BMP"), "file_type_refused"),
    "tiff bomb": (lambda: image("TIFF", 8000, compression="tiff_deflate"), "file_type_refused"),
    "webp": (lambda: image("WEBP"), "file_type_refused"),
    "film": (lambda: files.m4a(b"vide"), "file_type_refused"),
    "film in ogg": (lambda: files.ogg(b"\x80theora"), "file_type_refused"),
    # PDF
    "pdf with script": (lambda: files.pdf(JAVASCRIPT), "file_active_content"),
    "pdf with an escaped name": (lambda: files.pdf(b"<</S/J#61vaScr#69pt/JS(x)>>"), "file_active_content"),
    "pdf with a hidden script": (
        lambda: files.pdf(files.pdf_stream(b"5 0 " + JAVASCRIPT, dictionary=OBJECT_STREAM)),
        "file_active_content",
    ),
    "pdf with a script in an object stream that does not say so": (
        lambda: files.pdf(files.pdf_stream(b"5 0 " + JAVASCRIPT, dictionary=b"/Type 9 0 R/Filter/FlateDecode")),
        "file_active_content",
    ),
    "pdf with a script behind two filters": (
        lambda: files.pdf(
            files.pdf_stream(
                zlib.compress(b"5 0 " + JAVASCRIPT).hex().encode() + b">",
                dictionary=b"/Type/ObjStm/N 1/First 4/Filter[/ASCIIHexDecode/FlateDecode]",
                packed=False,
            )
        ),
        "file_active_content",
    ),
    "pdf that starts a program": (lambda: files.pdf(b"<</S/Launch/F(cmd.exe)>>"), "file_active_content"),
    "pdf with a form of scripts": (lambda: files.pdf(b"<</XFA 9 0 R>>"), "file_active_content"),
    "pdf with an attachment": (lambda: files.pdf(b"<</Type/EmbeddedFile>>"), "file_embedded"),
    "pdf with a password": (lambda: files.pdf(trailer=b"/Root 1 0 R/Encrypt 4 0 R"), "file_encrypted"),
    "pdf with an attachment that does not say so": (lambda: files.pdf(b"<</EF<</F 5 0 R>>>>"), "file_embedded"),
    "pdf with an attached file on a page": (
        lambda: files.pdf(b"<</Subtype/FileAttachment/FS 5 0 R>>"),
        "file_embedded",
    ),
    "pdf that opens another file": (
        lambda: files.pdf(b"<</S/GoToR/F(\\\\\\\\evil\\\\a)/D[0/Fit]>>"),
        "file_active_content",
    ),
    "pdf with a film": (lambda: files.pdf(b"<</S/Movie>>"), "file_active_content"),
    "pdf with a scripted model": (lambda: files.pdf(b"<</Subtype /3D/3DD 5 0 R>>"), "file_active_content"),
    "pdf with a link that is a script": (lambda: files.pdf(b"<</URI (JavaScript:alert(1))>>"), "file_active_content"),
    "pdf whose content is elsewhere": (
        lambda: files.pdf(b"<</Length 0/F(http://evil/a)>>\nstream\n\nendstream"),
        "file_active_content",
    ),
    "pdf without an object": (lambda: b"%PDF-1.7\nhello\n%%EOF\n", "file_damaged"),
    "pdf that is also a page": (
        lambda: files.pdf().replace(b"%PDF-1.7\n", b"%PDF-1.7\n%<html><script>alert(1)</script>\n"),
        "file_polyglot",
    ),
    "text before a pdf": (lambda: b" " * 1020 + files.pdf(), "file_polyglot"),
    "pdf cut off": (lambda: files.pdf()[:-8], "file_damaged"),
    "pdf with a tail": (lambda: files.pdf(tail=b"alert(1)"), "file_polyglot"),
    # Office
    "macros": (lambda: files.docx(word__vbaProject_dot_bin=b"x"), "file_macros"),
    "docm": (
        lambda: files.packed(
            {
                **files.WORD,
                "[Content_Types].xml": files.WORD["[Content_Types].xml"].replace(
                    b"vnd.openxmlformats-officedocument.wordprocessingml.document.main",
                    b"vnd.ms-word.document.macroEnabled.main",
                ),
            }
        ),
        "file_macros",
    ),
    "macros of word 97": (lambda: files.ole({"WordDocument": bytes(32), "Macros/VBA/dir": b"x"}), "file_macros"),
    "macros of excel 97": (lambda: files.ole({"Workbook": b"", "_VBA_PROJECT_CUR/VBA/dir": b"x"}), "file_macros"),
    "macros of excel 4": (lambda: files.xls(1), "file_macros"),
    "macros inside": (
        lambda: files.docx(word__embeddings__a_dot_bin=files.ole({"Macros/VBA/dir": b"x"})),
        "file_macros",
    ),
    "macros in a document inside": (
        lambda: files.docx(word__embeddings__a_dot_docx=files.docx(word__vbaProject_dot_bin=b"x")),
        "file_macros",
    ),
    "packaged program": (
        lambda: files.ole({"WordDocument": bytes(32), "ObjectPool/_1/\x01Ole10Native": b"x"}),
        "file_embedded",
    ),
    "office with a password": (lambda: files.ole({"EncryptedPackage": b"", "EncryptionInfo": b""}), "file_encrypted"),
    "program in a document": (lambda: files.docx(word__media__a_dot_png=b"MZ\x90\0" + bytes(60)), "file_executable"),
    "archive in a document": (lambda: files.docx(word__a_dot_bin=ZIP), "file_archive"),
    "documents three deep": (
        lambda: files.docx(a__a_dot_docx=files.docx(a__a_dot_docx=files.docx())),
        "file_archive",
    ),
    "entities": (lambda: files.docx(word__a_dot_xml=b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"), "file_active_content"),
    "remote template": (
        lambda: files.docx(
            word___rels__settings_dot_xml_dot_rels=b'<Relationships><Relationship Id="r" Type="http://x/attachedTemplate" '
            b'Target="https://evil.example/a.dotm" TargetMode="External"/></Relationships>'
        ),
        "file_active_content",
    ),
    "field that starts a program": (
        lambda: files.docx(word__a_dot_xml=b'<w:instrText xml:space="preserve"> DDEAUTO c:\\\\cmd.exe</w:instrText>'),
        "file_active_content",
    ),
    "path in a document": (lambda: files.packed({**files.WORD, "../../etc/passwd": b"x"}), "file_damaged"),
    "container that is no document": (lambda: files.ole({"Contents": b"x"}), "file_type_refused"),
    "page in a document": (lambda: files.docx(word__a_dot_htm=b"<p>x</p>"), "file_active_content"),
    "script in a document": (lambda: files.docx(word__a_dot_js=b"alert(1)"), "file_active_content"),
    "letter in mime in a document": (
        lambda: files.docx(word__a_dot_mht=b"MIME-Version: 1.0\r\n\r\nx"),
        "file_active_content",
    ),
    "postscript in a document": (
        lambda: files.docx(word__media__a_dot_eps=b"%!PS-Adobe\n(%pipe%id)"),
        "file_active_content",
    ),
    "query of a workbook": (
        lambda: files.docx(customXml__a_dot_xml=b"<DataMashup xmlns='http://x'>AA</DataMashup>"),
        "file_active_content",
    ),
    # texts that are programs to some reader
    "postscript": (lambda: b"%!PS-Adobe-3.0\n(%pipe%id) (r) file", "file_active_content"),
    "postscript with the header of dos": (lambda: b"\xc5\xd0\xd3\xc6" + bytes(40), "file_active_content"),
    "shortcut": (lambda: b"[InternetShortcut]\r\nURL=file://evil/a.exe\r\n", "file_active_content"),
    "starter": (lambda: b"[Desktop Entry]\nType=Application\nExec=id\n", "file_active_content"),
    "registry": (lambda: b"Windows Registry Editor Version 5.00\r\n", "file_active_content"),
    "application of html": (lambda: b"<hta:application id=x>", "file_active_content"),
    "svg by a prefix": (
        lambda: b"<s:svg xmlns:s='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "file_active_content",
    ),
    "document type": (lambda: b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''><g/>", "file_active_content"),
    "directive of a server": (lambda: b"<!--#exec cmd='id' -->", "file_active_content"),
    "link spelled by numbers": (lambda: b"<math href='java&#115;cript:alert(1)'>x</math>", "file_active_content"),
    "link with a hidden tab": (lambda: b"<a href='java&Tab;script&colon;alert(1)'>x</a>", "file_active_content"),
    # bombs
    "png of 2.5 billion pixels": (files.png_bomb, "file_pixels"),
    "pdf bomb": (lambda: files.pdf(files.pdf_stream(bytes(300_000_000))), "file_bomb"),
    "pdf bomb in a bomb": (
        lambda: files.pdf(
            files.pdf_stream(zlib.compress(bytes(1 << 28), 9), dictionary=b"/Filter[/FlateDecode/FlateDecode]")
        ),
        "file_bomb",
    ),
    "pdf bomb of lzw": (
        lambda: files.pdf(files.pdf_stream(bytes(400_000), dictionary=b"/Filter/LZWDecode", packed=False)),
        "file_bomb",
    ),
    "docx bomb": (lambda: files.docx(word__a_dot_xml=b" " * 70_000_000), "file_bomb"),
    "docx bomb in parts": (
        lambda: files.packed({**files.WORD, **{f"word/{number}.xml": b" " * 60_000_000 for number in range(5)}}),
        "file_bomb",
    ),
    "docx of 6,000 parts": (
        lambda: files.packed({**files.WORD, **{f"w/{n}.xml": b"" for n in range(6000)}}),
        "file_bomb",
    ),
}


LINKS = {
    b"(https://example.org/a\\(1\\))": True,
    b"(mailto:a@example.org)": True,
    b"(a.html#place:1)": True,
    b"<68747470733a2f2f61>": True,
    b"(\\152avascript:alert\\(1\\))": False,
    b"( java\\\nscript:1)": False,
    b"(JAVA\\tSCRIPT:1)": False,
    b"<6a6176617363726970743a31>": False,
    b"<FEFF006A0061007600610073006300720069007000740 03A>": False,
    b"(data:text/html,x)": False,
    b"(ms-msdt:/id x)": False,
    b"(vbscript:x)": False,
}


@pytest.mark.parametrize("link", LINKS)
def test_link_of_a_pdf_is_read_as_its_reader_does(link: bytes) -> None:
    assert (verdict(files.pdf(b"<</S/URI/URI" + link + b">>")) == "application/pdf") is LINKS[link]


@pytest.mark.parametrize(
    ("objects", "passes"),
    [
        ([b"<</OpenAction[3 0 R/Fit]>>"], True),
        ([b"<</OpenAction<</S/GoTo/D[3 0 R/Fit]>>>>"], True),
        ([b"<</A<</S/URI/URI(http://example.org)>>>>"], True),
        ([b"<</OpenAction<</S/URI/URI(http://evil.example)>>>>"], False),
        ([b"<</OpenAction 9 0 R>>\nendobj\n9 0 obj\n<</Type/Action/S/URI/URI(http://evil.example)>>"], False),
        ([b"<</#41A<</O<</S /#55RI/URI(http://evil.example)>>>>>>"], False),
        ([b"<</JS(app.alert(1))>>"], False),
        ([b"<</Type/3D/Subtype/U3D>>"], False),
        ([b"<</Subtype/PS>>"], False),
        ([b"<</Subtype/Form/Ref<</Page 0/F(other.pdf)>>>>"], False),
        ([b"<</OPI<</2.0<</F(other)>>>>>>"], False),
    ],
)
def test_pdf_that_does_something_by_itself_is_refused(objects: list[bytes], passes: bool) -> None:
    assert verdict(files.pdf(*objects)) == ("application/pdf" if passes else "file_active_content")


@pytest.mark.parametrize(
    "text",
    ["价格 <500 元 & 税", "a < b && c > d (data: 3)", "<张三> 说：见附件 &amp; 照片", "<http://example.org/a?b=1&c=2>"],
)
def test_text_with_signs_of_markup_stays_a_text(text: str) -> None:
    assert verdict(text.encode()) == "text/plain"


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_code(name: str) -> None:
    make, code = REFUSED[name]
    assert verdict(make()) == code


def test_a_part_that_states_less_than_it_holds_is_refused() -> None:
    data = bytearray(files.docx(word__a_dot_xml=bytes(1_000_000)))
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)
    assert verdict(bytes(data)) in ("file_bomb", "file_damaged")


def test_entries_that_share_their_bytes_are_a_bomb() -> None:
    data = files.docx(word__a_dot_xml=b"<a/>")
    end = data.rfind(b"PK\x05\x06")
    total, size = struct.unpack_from("<HI", data, end + 10)
    last = data.rfind(b"PK\x01\x02")
    again = data[last:end].replace(b"word/a.xml", b"word/b.xml")
    joined = bytearray(data[:end] + again + data[end:])
    end += len(again)
    struct.pack_into("<HHI", joined, end + 8, total + 1, total + 1, size + len(again))
    assert verdict(bytes(joined)) in ("file_bomb", "file_polyglot")


TAILS = [
    ZIP,
    files.docx(),
    b"<script>alert(1)</script>",
    b"MZ" + bytes(80),
    b"#!/bin/sh\n",
    files.pdf(),
    b"Rar!\x1a\x07\x01\0" + bytes(30),
]
CLOSED = [name for name in GOOD if name not in ("text", "gb18030", "utf-16")]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("tail", range(len(TAILS)))
def test_nothing_may_follow_a_file(name: str, tail: int) -> None:
    made, same = GOOD[name][0]() + TAILS[tail], (name, TAILS[tail][:4]) == ("pdf", b"%PDF")
    assert same or verdict(made).startswith("file_")  # a PDF after a PDF is a revision of it


@pytest.mark.parametrize(
    ("first", "second"), [pair for pair in combinations(CLOSED, 2) if pair != ("mp3", "mp3 tagged")]
)
def test_two_files_in_one_are_refused(first: str, second: str) -> None:
    one, other = GOOD[first][0](), GOOD[second][0]()
    assert verdict(one + other).startswith("file_")
    assert verdict(other + one).startswith("file_")


def test_a_camera_may_append_a_second_picture() -> None:
    assert verdict(files.jpeg() + files.jpeg()) == "image/jpeg"


@pytest.mark.parametrize("hide", ["comment", "exif"])
def test_an_archive_inside_an_image_is_found(hide: str) -> None:
    segment = (b"\xff\xfe" if hide == "comment" else b"\xff\xe1") + struct.pack(">H", len(ZIP) + 2) + ZIP
    data = files.jpeg(meta=False)
    assert verdict(data[:2] + segment + data[2:]) == "file_polyglot"
    assert verdict(files.with_chunk(files.png(), b"prVt", ZIP)) == "file_polyglot"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CLOSED), st.binary(min_size=1, max_size=64), st.data())
def test_bytes_that_belong_to_nothing_never_pass_beside_a_program(name: str, junk: bytes, data: st.DataObject) -> None:
    """Put junk, then a program or an archive, at any place of a good file: never accepted as it is, unless the place lies in data
    that is decoded (an image, sound), where no reader of the other type finds it."""
    good = GOOD[name][0]()
    at = data.draw(st.sampled_from([0, len(good)]))
    made = good[:at] + junk + ZIP + good[at:]
    assert verdict(made).startswith("file_")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*GOOD]), st.data())
def test_damage_gives_a_code_and_never_an_error(name: str, data: st.DataObject) -> None:
    good = bytearray(MADE[name])
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    for made in (bytes(good), bytes(good[:cut])):
        assert re.fullmatch(r"file_[a-z_]+|(image|audio|application|text)/[a-z0-9.+-]+", verdict(made))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_code(noise: bytes) -> None:
    for start in (
        b"",
        b"%PDF-1.4\n",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
        b"ID3\x04\0\0\0\0\0\x01",
        b"OggS\0",
        b"RIFF",
    ):
        assert verdict(start + noise)


def test_an_office_document_with_every_method_and_a_descriptor() -> None:
    assert verdict(files.packed(files.WORD, zipfile.ZIP_STORED)).endswith("wordprocessingml.document")
    assert verdict(files.packed({**files.WORD, "a.xml": b"<a/>"}, zipfile.ZIP_BZIP2)) == "file_damaged"


def test_pixels_are_counted_before_anything_is_decoded() -> None:
    assert verdict(files.jpeg(200, 200), Limits(pixels=39_999)) == "file_pixels"
    assert verdict(files.png(200, 200), Limits(pixels=39_999)) == "file_pixels"
    assert verdict(files.heic(200, 200), Limits(pixels=39_999)) == "file_pixels"
