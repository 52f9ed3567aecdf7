"""The headers of uploads and downloads: their forms, and what is refused of them."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as WrongBase64
from urllib.parse import quote, unquote_to_bytes
from uuid import uuid4

from fastapi import Request

from services.intake.files.media_types import BY_NAME
from shared.application.problem import TooLarge
from shared.kernel.refusals import Invalid
from shared.policy.file_rules import FileRules

FILING_ID = re.compile(r"[A-Za-z0-9_-]{16,100}")
UPLOAD_ID = re.compile(r"[A-Za-z0-9._-]{1,80}")
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))", re.IGNORECASE)
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{1,100}):\s*(?:,|$)")
_NAME = re.compile(
    r";\s*filename\*\s*=\s*utf-8'[^']{0,20}'([^;\s]{1,4000})|;\s*filename\s*=\s*(?:\"((?:[^\"\\]|\\.){0,2000})\"|([^;\s\"]{1,1000}))",
    re.IGNORECASE,
)


def filing_id(text: str) -> str:
    """The id of a filing that is not sent yet. It has to be random, because anyone who knows it may add files. Raises Invalid."""
    if FILING_ID.fullmatch(text) is None:
        raise Invalid(
            "wrong_filing_id",
            "Filing-Id is the command_id of the filing: 16 to 100 letters, digits, - and _, chosen at random.",
            detail_zh="Filing-Id 应为本次提交的 command_id：16 至 100 个字母、数字、- 或 _，须随机生成。",
            field="filing-id",
        )
    return text


def upload_id(text: str | None) -> str:
    """The id of an upload. Raises Invalid; a colon is kept for uploads that Huiyin makes."""
    if text is None:
        return uuid4().hex
    if UPLOAD_ID.fullmatch(text) is None:
        raise Invalid(
            "wrong_upload_id",
            "An upload id has 1 to 80 letters, digits, and . _ -",
            detail_zh="上传编号由 1 至 80 个字母、数字或 . _ - 组成。",
            field="upload",
        )
    return text


def byte_count(request: Request, name: str) -> int | None:
    """A header with a number of bytes; None if it is missing. Raises Invalid."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid("wrong_header", f"{name} is a number of bytes.", detail_zh=f"{name} 应为字节数。", field=name)
    return int(text)


def ends_file(request: Request) -> bool:
    text = request.headers.get("upload-complete", "?1").strip()
    if text not in ("?0", "?1"):
        raise Invalid(
            "wrong_header",
            "upload-complete is ?1 or ?0.",
            detail_zh="upload-complete 应为 ?1 或 ?0。",
            field="upload-complete",
        )
    return text == "?1"


def stated_digest(request: Request) -> str | None:
    """SHA-256 of the file in hex, as the sender states it. Raises Invalid."""
    text = request.headers.get("repr-digest")
    if text is None:
        return None
    found = _DIGEST.search(text)
    try:
        raw = b64decode(found[1], validate=True) if found is not None else b""
    except WrongBase64:
        raw = b""
    if len(raw) != 32:
        raise Invalid(
            "wrong_digest",
            "Repr-Digest is sha-256=:BASE64: of the whole file.",
            detail_zh="Repr-Digest 应为 sha-256=:BASE64:（整个文件的 SHA-256 值）。",
            field="repr-digest",
        )
    return raw.hex()


def check_size(size: int, limits: FileRules) -> None:
    """Raises TooLarge before a body is read."""
    if size > limits.most_bytes:
        most = limits.megabytes_per_file.value
        raise TooLarge(
            "file_too_large",
            f"A file has at most {most} MB. Send a smaller one, or several.",
            detail_zh=f"单个文件不得超过 {most} MB，请压缩或者分成几份后上传。",
            field="file",
        )


def stated_name(disposition: str) -> str:
    """The name in Content-Disposition; "" if there is none. Headers are Latin-1: a plain `filename` in UTF-8 is read as such."""
    best = ""
    for extended, quoted, bare in _NAME.findall(disposition):
        if extended:
            return unquote_to_bytes(extended).decode("utf-8", "replace")
        plain = re.sub(r"\\(.)", r"\1", quoted) or bare
        try:
            best = plain.encode("latin-1").decode("utf-8")
        except UnicodeError:
            best = plain
    return best


def disposition(name: str | None, media: str, version: int) -> str:
    kind = BY_NAME.get(media)
    plain = f"file-{version}{kind.extension if kind is not None else ''}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or plain, safe='')}"


def wanted_part(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte; the first is `size` where the file has no such part. None: to be ignored (RFC 9110, 14.2)."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        return (size - length, size - 1) if length else (size, size)
    begin, end = int(first), int(last) if last is not None else size - 1
    if last is not None and end < begin:
        return None
    return (begin, min(end, size - 1)) if begin < size else (size, size)
