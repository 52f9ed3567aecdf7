"""Small files of every type, good ones and such as an attacker makes. All are made here; none is stored."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from PIL import Image, ImageDraw

GPS_LATITUDE, GPS_LONGITUDE = 30.259167, 120.130278
CANARY = "CANARY-zhao-liu-13800001111"


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture whose upper left quarter is red."""
    image = Image.new("RGB", (width, height), (10, 120, 200))
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=(220, 20, 20))
    return image.convert(mode)


def exif(orientation: int = 6, *, position: bool = True, maker: str = CANARY) -> Image.Exif:
    found = Image.Exif()
    found[0x0112], found[0x010F], found[0x9286] = orientation, maker, maker
    if position:
        gps = found.get_ifd(0x8825)
        gps.update({1: "N", 2: (30.0, 15.0, 33.0), 3: "E", 4: (120.0, 7.0, 49.0)})
    return found


def jpeg(width: int = 64, height: int = 48, *, meta: bool = True, mode: str = "RGB", **more: object) -> bytes:
    out = io.BytesIO()
    kept = {"exif": exif(), "comment": CANARY, "xmp": f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode()} if meta else {}
    picture(width, height, mode).save(out, "JPEG", **kept, **more)
    return out.getvalue()


def png(width: int = 64, height: int = 48, *, mode: str = "RGB", meta: bool = True) -> bytes:
    out = io.BytesIO()
    image = (
        picture(width, height, mode if mode != "I;16" else "I").convert(mode)
        if mode != "I;16"
        else Image.new("I;16", (width, height), 9)
    )
    image.save(out, "PNG", **({"exif": exif()} if meta else {}))
    data = out.getvalue()
    return with_chunk(data, b"tEXt", b"Author\0" + CANARY.encode()) if meta else data


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return data[:33] + png_chunk(kind, body) + data[33:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few kilobytes that has 2.5 billion pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def heic(width: int = 64, height: int = 48) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.register_heif_opener()
    picture(width, height).save(out, "HEIF", exif=exif(1).tobytes())
    return out.getvalue()


def pdf(*objects: bytes, tail: bytes = b"", trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of one page, with these further objects."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    ]
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate((*bodies, *objects), 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<</Size %d %b>>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, trailer, start) + tail)


def pdf_stream(content: bytes, *, dictionary: bytes = b"/Filter/FlateDecode", packed: bool = True) -> bytes:
    body = zlib.compress(content, 9) if packed else content
    return b"<</Length %d%b>>\nstream\n" % (len(body), dictionary) + body + b"\nendstream"


WORD = {
    "[Content_Types].xml": b'<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    b'wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>',
    "word/document.xml": "<w:document><w:body><w:p>路灯坏了</w:p></w:body></w:document>".encode(),
}


def packed(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()


def docx(**more: bytes) -> bytes:
    """A Word document; `more`: further parts, `__` in a name stands for `/`, `_dot_` for `.`."""
    return packed({**WORD, **{name.replace("__", "/").replace("_dot_", "."): body for name, body in more.items()}})


def xlsx() -> bytes:
    from openpyxl import Workbook

    out, book = io.BytesIO(), Workbook()
    book.active["A1"] = "路灯"
    book.save(out)
    return out.getvalue()


def ole(streams: Mapping[str, bytes]) -> bytes:
    """An OLE container with these streams. A name `a/b` is a stream in the storage `a`. MS-CFB, version 3."""
    nodes: list[tuple[str, int, bytes]] = [("Root Entry", 5, b"")]
    children: dict[int, list[int]] = {0: []}
    for path, body in streams.items():
        parent = 0
        *folders, name = path.split("/")
        for folder in folders:
            known = next((one for one in children[parent] if nodes[one][0] == folder), None)
            if known is None:
                nodes.append((folder, 1, b""))
                known = len(nodes) - 1
                children[parent].append(known)
                children[known] = []
            parent = known
        nodes.append((name, 2, body.ljust(4096, b"\0")))
        children[parent].append(len(nodes) - 1)
    free, end, fatsect = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    directory_sectors = (len(nodes) + 3) // 4
    fat, data, starts = [fatsect, *range(2, directory_sectors + 1), end], b"", {}
    for number, (_, kind, body) in enumerate(nodes):
        if kind == 2:
            count, start = (len(body) + 511) // 512, len(fat)
            starts[number] = start
            fat += [*range(start + 1, start + count), end]
            data += body.ljust(count * 512, b"\0")
    assert len(fat) <= 128
    entries = b""
    for number, (name, kind, body) in enumerate(nodes):
        raw = (name + "\0").encode("utf-16-le")
        own = children.get(number) or []
        sibling = next((line[line.index(number) + 1] for line in children.values() if number in line[:-1]), free)
        entries += raw.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(raw), kind, 1, free, sibling, own[0] if own else free
        )
        entries += bytes(16 + 4 + 16) + struct.pack("<IQ", starts.get(number, end if kind == 5 else 0), len(body))
    entries = entries.ljust(directory_sectors * 512, b"\0")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0, 0)[: 9 * 4 + 4]
    header = header.ljust(76, b"\0")[:76] + struct.pack("<I", 0) + struct.pack("<I", free) * 108
    table = struct.pack(f"<{len(fat)}I", *fat) + struct.pack("<I", free) * (128 - len(fat))
    return header + table + entries + data


def doc() -> bytes:
    return ole({"WordDocument": b"\xec\xa5\xc1\0" + bytes(20), "1Table": b""})


def xls(sheet_type: int = 0) -> bytes:
    bound = struct.pack("<IBB", 0, 0, sheet_type) + b"\x06\0Sheet1"
    book = struct.pack("<HH", 0x0809, 16) + bytes(16) + struct.pack("<HH", 0x85, len(bound)) + bound
    return ole({"Workbook": book})


def wav() -> bytes:
    body = (
        b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", 400) + bytes(400)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def mp3(frames: int = 8, tag: bytes = b"") -> bytes:
    frame = b"\xff\xfb\x90\x00".ljust(417, b"\0")  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz
    head = (
        b"ID3\x04\0\0" + bytes((len(tag) >> 21 & 127, len(tag) >> 14 & 127, len(tag) >> 7 & 127, len(tag) & 127)) + tag
        if tag
        else b""
    )
    return head + frame * frames


def amr(frames: int = 10) -> bytes:
    return b"#!AMR\n" + (bytes((0x3C,)) + bytes(31)) * frames


def ogg(codec: bytes = b"OpusHead\x01\x01") -> bytes:
    def page(flags: int, body: bytes) -> bytes:
        return b"OggS\0" + bytes((flags,)) + bytes(20) + bytes((1, len(body))) + body

    return page(2, codec) + page(4, b"sound")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def m4a(handler: bytes = b"soun") -> bytes:
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(12))))
    return box(b"ftyp", b"M4A \0\0\0\0M4A mp42") + box(b"moov", track) + box(b"mdat", bytes(64))


EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GIF_SCRIPT = b"GIF89a/*" + bytes(6) + b"*/=1;alert(1)"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
