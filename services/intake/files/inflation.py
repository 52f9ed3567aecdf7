"""Decompression within a budget: input and output go in small steps, so no size that a file states is ever trusted."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from services.intake.files.media_types import Budget, Unfit

_STEP = 64 * 1024
RAW, WRAPPED = -15, 15
"""Deflate as in ZIP, and with the header of zlib as in PDF."""


class Inflation:
    """One compressed stream. After it was read, `ended` tells whether it was complete, `used` how long it was."""

    def __init__(self, form: int) -> None:
        self._unpack = zlib.decompressobj(form)
        self.ended = False
        self.used = 0

    def pieces(self, data: memoryview, budget: Budget, most: int) -> Iterator[bytes]:
        """The decompressed pieces. Raises Unfit at a limit, zlib.error where the stream is broken."""
        unpack, made = self._unpack, 0
        for at in range(0, len(data), _STEP):
            packed = bytes(data[at : at + _STEP])
            more = True
            while more and not unpack.eof:
                piece = unpack.decompress(packed, _STEP)
                packed = unpack.unconsumed_tail
                more = bool(packed) or len(piece) == _STEP  # output may wait though all input was taken
                made += len(piece)
                budget.take(len(piece))
                if made > most:
                    raise Unfit("file_bomb")
                yield piece
            if unpack.eof:
                self.used = min(at + _STEP, len(data)) - len(unpack.unused_data)
                self.ended = True
                return
