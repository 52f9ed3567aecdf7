"""The refusals of uploads."""

from __future__ import annotations

import re

from shared.application.problem import TooLarge
from shared.kernel.refusals import Invalid, Refused, Unavailable, Unknown

_SHA256 = re.compile(r"[0-9a-f]{64}")


def checked_digest(sha256: str) -> str:
    """The digest. Raises Invalid where it is none."""
    if _SHA256.fullmatch(sha256) is None:
        raise Invalid(
            "wrong_digest",
            "A digest is the SHA-256 of the file: 64 hexadecimal digits in lower case.",
            detail_zh="摘要应为文件的 SHA-256 值（64 位小写十六进制）。",
            field="sha256",
        )
    return sha256


def unknown() -> Unknown:
    """The owner has no such upload."""
    return Unknown(
        "upload_unknown",
        "There is no such upload of yours, or it has expired after a day. Begin it again.",
        detail_zh="没有该上传，或其已超过一天有效期。请重新开始上传。",
        field="upload",
    )


def wrong_offset(offset: int) -> Refused:
    """A part does not begin at the offset of the upload."""
    return Refused(
        "wrong_offset",
        "This part does not begin at the end of what was received. Continue from the given offset.",
        detail_zh="该分段的起始位置与已收到的不一致，请从给定位置继续上传。",
        field="offset",
        offset=offset,
    )


def too_large() -> Refused:
    """More bytes than allowed or stated."""
    return TooLarge(
        "file_too_large",
        "The file has more bytes than allowed or stated. Send a smaller one.",
        detail_zh="文件超过允许或所声明的大小，请压缩后重新上传。",
        field="file",
    )


def incomplete() -> Refused:
    """Not all bytes are here."""
    return Refused(
        "upload_incomplete",
        "The upload is not complete yet. Send the rest and finish it, then send the command.",
        detail_zh="文件尚未上传完成，请完成上传后再提交。",
        field="files",
    )


def mismatch() -> Invalid:
    """Other bytes than those of the stated digest."""
    return Invalid(
        "digest_mismatch",
        "The bytes that arrived do not have the stated digest. Upload the file again.",
        detail_zh="收到的内容与所声明的摘要不符，请重新上传该文件。",
        field="sha256",
    )


def used(field: str = "files") -> Refused:
    """Another command has attached the file."""
    return Refused(
        "file_used",
        "This upload is already attached by another command. Upload the file again to attach it elsewhere.",
        detail_zh="该上传文件已被使用，如需再次提交请重新上传。",
        field=field,
    )


def busy() -> Unavailable:
    """Another request writes to the upload."""
    return Unavailable(
        "upload_busy",
        "This upload is being written or used by another request. Try again in a moment.",
        detail_zh="该上传正在处理中，请稍后重试。",
        field="upload",
    )
