"""Turns of filings from a network that sends too many: a place in a queue, or immediate acceptance for a proof of work. Never
a refusal.

A turn is a sealed token for one filing (its `command_id`), so nothing is stored for it. It is good from its time on, or at once
with an answer whose hash begins with so many zero bits. Turns of one network follow each other at the pace of its limit; the longer
its queue, the more work.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from hashlib import sha256
from math import log2
from typing import NamedTuple

from shared.application.sealed_tokens import open_token, seal_token
from shared.kernel.clock import Clock
from shared.queries.query_code_access import MINUTE

PREFIX = "hyt_"
"""Prefix of a turn."""
LEAST_BITS = 16
"""Zero bits of the answer at the beginning of an attack (own choice): about a second in a browser."""
MOST_BITS = 20
"""The most that is asked for (own choice): about a quarter of a minute in a browser."""
MOST_WAIT = 600.0
"""Seconds that a turn without work waits at most (own choice), however many filings the network sends."""
LIFE = 3600.0
"""Seconds for which a turn is good after its time has come."""
_MOST_NETWORKS = 10_000
_TURN = struct.Struct(">16sdB")
"""Content of a turn: hash of the filing's id, when its time comes in seconds since 1970, zero bits."""


class FilingTurn(NamedTuple):
    """A place in the queue. `wait`: seconds until it is good without work."""

    text: str
    wait: float
    bits: int


def zero_bits(turn: str, answer: str) -> int:
    """Zero bits at the beginning of SHA-256 of `turn:answer`.

    >>> zero_bits("a", "b") == 256 - int(sha256(b"a:b").hexdigest(), 16).bit_length()
    True
    """
    return 256 - int.from_bytes(sha256(f"{turn}:{answer}".encode()).digest(), "big").bit_length()


class FilingTurns:
    """Gives turns and takes them.

    Args:
        secret: 32 bytes; seals the turns of this deployment.
        pace: Filings of one network in a minute.
    """

    def __init__(self, clock: Clock, secret: bytes, pace: int) -> None:
        self._clock = clock
        self._secret = secret
        self._interval = MINUTE / pace
        self._last: OrderedDict[str, float] = OrderedDict()
        """Network -> when the time of its last turn comes."""

    def give(self, network: str, filing: str) -> FilingTurn:
        """The next turn of the network, for this filing."""
        self._last[network] = ready = self.after(self._last.get(network, 0.0))
        self._last.move_to_end(network)
        if len(self._last) > _MOST_NETWORKS:
            self._last.popitem(last=False)
        return self.at(ready, filing)

    def after(self, last: float) -> float:
        """When the time of the next turn comes, in seconds since 1970. `last`: that of the turn before, 0 for none."""
        now = self._now()
        return min(max(now, last) + self._interval, now + MOST_WAIT)

    def at(self, ready: float, filing: str) -> FilingTurn:
        """The turn whose time comes at `ready`, for this filing."""
        now = self._now()
        queue = (ready - now) / self._interval
        bits = min(MOST_BITS, LEAST_BITS + int(log2(max(1.0, queue))))
        return FilingTurn(seal_token(self._secret, PREFIX, _TURN.pack(_digest(filing), ready, bits)), ready - now, bits)

    def taken(self, text: str, filing: str, answer: str | None) -> FilingTurn | None:
        """The current turn of this filing: without a wait where its time has come or its work is done. None for a text
        that is no turn of this filing, or whose time is long over."""
        content = open_token(self._secret, PREFIX, text)
        if content is None or len(content) != _TURN.size:
            return None
        owner, ready, bits = _TURN.unpack(content)
        now = self._now()
        if owner != _digest(filing) or now > ready + LIFE:
            return None
        done = answer is not None and zero_bits(text, answer) >= bits
        return FilingTurn(text, 0.0 if done else max(0.0, ready - now), bits)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _digest(filing: str) -> bytes:
    return sha256(filing.encode()).digest()[:16]
