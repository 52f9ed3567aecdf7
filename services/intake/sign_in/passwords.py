"""Passwords (argon2id) and one-time passwords (TOTP, RFC 6238)."""

from __future__ import annotations

import asyncio
import unicodedata
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from shared.kernel.refusals import Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 128
"""Length of a password in characters (own choice; NIST SP 800-63B asks for 8 with a second factor)."""
INTERVAL = 30
"""Seconds of one time step."""
WINDOW = 1
"""Steps before and after the present one that are accepted, for clocks that differ."""
AT_ONCE = 2
"""Hashes that are computed at the same time: each needs 64 MiB."""


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, profiles

    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


@cache
def nobodys_hash() -> str:
    """The hash of a password that nobody has: it is verified for unknown persons, so that their sign-in takes the same time."""
    import secrets

    return _hasher().hash(secrets.token_urlsafe(32))


class PasswordHashes:
    """Makes and verifies hashes in threads, a few at once."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def made(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(_hasher().hash, _normal(password))

    async def verified(self, stored: str | None, password: str) -> bool:
        """True if the password is that of the hash. None takes as long and is never true."""
        async with self._turns:
            right = await asyncio.to_thread(_verify, stored or nobodys_hash(), _normal(password))
        return right and stored is not None


def _verify(stored: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return _hasher().verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def check_password(password: str, person: str) -> None:
    """Raises Invalid for a password that is too short, too long, of few characters, or contains the staff code."""
    if not SHORTEST <= len(_normal(password)) <= LONGEST:
        raise Invalid(
            "password_length",
            f"A password has {SHORTEST} to {LONGEST} characters. A sentence of several words is easy to remember.",
            detail_zh=f"密码须为{SHORTEST}至{LONGEST}个字符，可以使用一句容易记住的话。",
            field="password",
        )
    if len(set(password)) < 5 or person.lower() in password.lower():
        raise Invalid(
            "password_easy",
            "This password is easy to guess: it repeats a few characters or contains your staff code. Choose another one.",
            detail_zh="该密码过于简单（字符重复过多或包含人员代码），请更换。",
            field="password",
        )


def new_secret() -> str:
    """A new shared secret in base 32."""
    import pyotp

    return pyotp.random_base32()


def provisioning_uri(secret: str, person: str, issuer: str) -> str:
    """The `otpauth:` address that an authenticator app reads as a QR code."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=person, issuer_name=issuer)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose one-time password `code` is; None if it is none of the present ones. All are always compared."""
    import pyotp

    digits = "".join(code.split())
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // INTERVAL
    found = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if pyotp.utils.strings_equal(digits, totp.generate_otp(step)):
            found = step
    return found
