"""Identifiers of a case: its id, the number for people, and the query code on the receipt.

All three are keyed digests: the same item is the same case without any table, none of them can be guessed, and a receipt can
be issued again without stored data.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from uuid import UUID

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
_LIKENESS = str.maketrans({"O": "0", "I": "1", "L": "1"})
NUMBER_DIGITS = 12
CODE_DIGITS = 26


def _base32(data: bytes, digits: int) -> str:
    value = int.from_bytes(data, "big") >> (len(data) * 8 - digits * 5)
    return "".join(_DIGITS[(value >> (5 * place)) & 31] for place in reversed(range(digits)))


def _times_alpha(value: int) -> int:
    """Multiply by the generator of GF(32), whose polynomial is x^5 + x^2 + 1."""
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value


def _check(text: str) -> str:
    """A check digit over GF(32) with a different weight for each place: it detects every wrong digit and every swap of two."""
    total = 0
    for digit in text:
        total = _times_alpha(total ^ _DIGITS.index(digit))
    return _DIGITS[total]


def case_id(key: bytes, jurisdiction: str, channel: str, item: str) -> str:
    """32 hex digits; the same (jurisdiction, channel, item) always gives the same id."""
    named = b"\x1f".join(part.encode() for part in (jurisdiction, channel, item))
    return hmac.new(key, named, sha256).hexdigest()[:32]


def derived_id(*parts: str) -> str:
    """The same UUID (version 8) for the same parts: the id of an event that happens once, whichever process records it."""
    digest = int.from_bytes(sha256("\x1f".join(parts).encode()).digest()[:16], "big")
    return str(UUID(int=digest & ~(0xF << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62))


def number(case: str, year: int) -> str:
    """`2026-XXXX-XXXX-XXXX-C`: year, 12 base-32 digits of the id, a check digit."""
    digits = _base32(bytes.fromhex(case), NUMBER_DIGITS)
    grouped = "-".join(digits[start : start + 4] for start in range(0, NUMBER_DIGITS, 4))
    return f"{year}-{grouped}-{_check(str(year) + digits)}"


def read_number(text: str) -> str | None:
    """The number in its normal form, ignoring case, spaces and look-alikes; None if it is no number."""
    digits = "".join(digit for digit in text.upper().translate(_LIKENESS) if digit not in " -")
    year, middle, check = digits[:4], digits[4:-1], digits[-1:]
    if len(middle) != NUMBER_DIGITS or not year.isdigit() or any(digit not in _DIGITS for digit in middle + check):
        return None
    if _check(year + middle) != check:
        return None
    return f"{year}-{middle[:4]}-{middle[4:8]}-{middle[8:]}-{check}"


def query_code(key: bytes, case: str, generation: int = 0) -> str:
    """The secret on the receipt, 130 bits. A lost one is revoked by the next generation."""
    digits = _base32(hmac.new(key, f"{case}\x1f{generation}".encode(), sha256).digest(), CODE_DIGITS)
    return "-".join(digits[start : start + 5] for start in range(0, CODE_DIGITS, 5))


def code_matches(key: bytes, case: str, given: str, generation: int = 0) -> bool:
    """Compare in constant time, ignoring case, spaces, hyphens and look-alikes."""
    clean = "".join(digit for digit in given.upper().translate(_LIKENESS) if digit in _DIGITS)
    right = query_code(key, case, generation).replace("-", "")
    return hmac.compare_digest(clean.encode(), right.encode())


def request_digest(key: bytes, case: str, content: bytes) -> str:
    """A digest that is equal for equal requests under one cause. Keyed and bound to the case, so that it reveals no content."""
    return hmac.new(key, case.encode() + b"\x1f" + content, sha256).hexdigest()[:32]
