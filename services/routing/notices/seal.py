"""The port of electronic seals (电子印章). A provider of seals is an adapter; without one there is a place for a wet seal."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from shared.kernel.refusals import Unavailable


class Sealed(NamedTuple):
    """A document with its seal. `seal`: the seal as the provider names it; None: it has none."""

    pdf: bytes
    seal: str | None


class Seal(Protocol):
    """Promises: the pages and words of the document are unchanged. Raises SealUnavailable where the provider does not answer now;
    the notice is then issued later."""

    async def seal(self, pdf: bytes, jurisdiction: str, office: str, document_number: str) -> Sealed: ...


class SealUnavailable(Unavailable):
    """The provider does not answer; the same document is sealed later, automatically."""

    def __init__(self) -> None:
        super().__init__(
            "busy",
            "The provider of electronic seals does not answer. The notice is issued as soon as it does.",
            detail_zh="电子印章服务暂不可用，恢复后将自动出具文书。",
        )


class NoSeal:
    """Seals nothing: the printed document is stamped by hand."""

    async def seal(self, pdf: bytes, jurisdiction: str, office: str, document_number: str) -> Sealed:
        return Sealed(pdf, None)
