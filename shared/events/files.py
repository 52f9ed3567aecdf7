"""Events of files: what was attached to a case."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import FileSecret, Service, Text

FileKind = Literal[
    "letter", "photo", "minutes", "certificate", "evidence", "reply", "notice", "proof", "recording", "other"
]
"""What a file is to the case: 来信、照片、笔录、证明、证据、答复、文书、送达凭证、录音、其他."""

FileForm = Literal["thumbnail", "redacted"]


class FileAttached(
    Event,
    zh="附件",
    en="A file was attached.",
    shows=("kind",),
    for_petitioner=True,
):
    """A file was attached to the case. Its content is a blob that was durable before this event, encrypted under a key of its own;
    that key is sealed here under the key of the party, so that erasing the party closes the file."""

    owner: ClassVar[Service] = "intake"
    also: ClassVar[tuple[Service, ...]] = ("routing", "supervision")
    blob: str
    """Address: the hash of the ciphertext, `sha256:…`."""
    media_type: str
    size: int
    """Bytes of the content."""
    kind: FileKind = "other"
    party: str | None = None
    """Whose personal data it is; None: those of the acting organisation."""
    original: str | None = None
    """The blob that this one was made of."""
    form: FileForm | None = None
    name: Text = None
    key: FileSecret = None
    """Cipher and key of the blob."""
