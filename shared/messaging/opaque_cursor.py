"""Cursors of a stream for a reader who does not see every entry: encrypted positions, which reveal neither that an entry is
hidden nor how many there are."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.kernel.refusals import Invalid

BEGINNING = "0"
"""The cursor before the first entry, for every reader."""
SECRET = "cursor"  # noqa: S105 - the name of a derived secret
_BYTES = 8


class OpaqueCursor:
    """The cursors of one stream for one reader. The same position always has the same text, so that an entry that is read twice
    has the same id; the texts of another stream or of another reader are refused.

    >>> cursor = OpaqueCursor(bytes(32), "inbox/cn-demo/zj", "xfj")
    >>> cursor.position(cursor.text(7))
    7
    """

    def __init__(self, secret: bytes, stream: str, reader: str) -> None:
        """`secret`: 32 bytes of the deployment. `reader`: the organisation that reads."""
        self._cipher = AESSIV(secret)
        self._bound = [stream.encode(), reader.encode()]

    def text(self, position: int) -> str:
        """The cursor after the entry at this position: 32 characters."""
        sealed = self._cipher.encrypt(position.to_bytes(_BYTES, "big"), self._bound)
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def position(self, text: str) -> int:
        """The position of a cursor; 0 for BEGINNING. Raises Invalid `wrong_cursor`."""
        if text == BEGINNING:
            return 0
        try:
            found = self._cipher.decrypt(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)), self._bound)
        except (ValueError, InvalidTag):
            raise wrong_cursor() from None
        position = int.from_bytes(found, "big")
        if self.text(position) != text:  # another spelling of the same bytes
            raise wrong_cursor()
        return position


def wrong_cursor() -> Invalid:
    """The refusal of a cursor that this reader was not given for this stream."""
    return Invalid(
        "wrong_cursor",
        "after is not a cursor of this stream for this key. Use 0 for the beginning, then the cursor of the previous page.",
        detail_zh="读取位置标记无效，请从 0 开始，或使用上一页返回的标记。",
        field="after",
    )
