"""Events of the daily work of a unit on a case: internal notes and drafts. Streams `notes/<case>` and `drafts/<case>`."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Service, Text

DraftKind = Literal["reply", "decision", "notice", "opinion", "letter", "form"]


class _Desk(Event):
    owner: ClassVar[Service] = "routing"


class NoteAdded(_Desk, zh="内部备注", en="An internal note was added."):
    """A unit noted something about the matter, for itself. Nobody else reads it."""

    org: str
    text: Text = None


class DraftSaved(_Desk, zh="保存拟稿", en="A draft was saved."):
    """A draft of this kind replaces the one before. `content`: the fields of the form as JSON, sealed. `ready`: its writer hands it
    over to be checked."""

    org: str
    kind: DraftKind
    content: Text = None
    entry: str | None = None
    """The entry of the knowledge that it was filled from, and its version."""
    entry_version: int | None = None
    ready: bool = True


class DraftChecked(_Desk, zh="审核拟稿", en="A draft was checked."):
    """A colleague checked the draft with version `of` of the stream."""

    org: str
    kind: DraftKind
    of: int
    agreed: bool
    remark: Text = None


class DraftSigned(_Desk, zh="签发拟稿", en="A draft was signed."):
    """Somebody else than the writer signed the checked draft with version `of` of the stream, or sent it back."""

    org: str
    kind: DraftKind
    of: int
    agreed: bool
    remark: Text = None


class DraftDiscarded(_Desk, zh="删除拟稿", en="A draft was discarded."):
    """The draft was sent as a command, or is not needed."""

    org: str
    kind: DraftKind
