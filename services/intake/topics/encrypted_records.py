"""Encrypted records of a platform: JWE (RFC 7516, compact form) for intake's public key, decrypted in memory only."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from shared.kernel.refusals import Invalid

_LETTER = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")
_PEM = re.compile(r"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----.+?-----END (?:RSA |EC )?PRIVATE KEY-----", re.DOTALL)
ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW", "A256GCM", "A128GCM")
"""Without `zip`, because compressed data can expand without limit; without RSA1_5, because its padding allows attacks."""
LEAST_RSA = 2048
_OVERHEAD = 2
"""Largest ratio of the encrypted to the plain size, apart from a constant."""


class NoKey(ValueError):
    """The key file cannot be used. The message gives the reason and no content of the file."""


class EncryptedRecords:
    """Decrypts records with any of these private keys; there are several during a key rotation, none disables decryption."""

    def __init__(self, keys: Sequence[object]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def of(cls, path: Path) -> EncryptedRecords:
        """With the private keys of a PEM file, RSA or EC, one or several. Raises NoKey."""
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey, RSAKey

        try:
            text = path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise NoKey(f"cannot be read ({type(error).__name__})") from None
        found: list[object] = []
        for block in _PEM.findall(text):
            for kind in (RSAKey, ECKey):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # short keys are refused below
                        key = kind.import_key(block)
                except (JoseError, TypeError, ValueError):
                    continue
                if isinstance(key, RSAKey) and key.private_key is not None and key.private_key.key_size < LEAST_RSA:
                    raise NoKey(f"holds an RSA key of less than {LEAST_RSA} bits")
                found.append(key)
                break
        if not found:
            raise NoKey("holds no private key in PEM (RSA or EC, without a password)")
        return cls(found)

    def opened(self, data: bytes, limit: int) -> bytes:
        """The decrypted content; `data` itself if it is not encrypted. Raises Invalid `cannot_be_opened`."""
        if (
            not data.startswith(b"eyJ")
            or len(data) > limit * _OVERHEAD + 4096
            or _LETTER.fullmatch(data.strip()) is None
        ):
            return data
        from joserfc.errors import JoseError
        from joserfc.jwe import JWERegistry, decrypt_compact

        registry = JWERegistry(algorithms=ALGORITHMS)
        registry.max_ciphertext_length = limit * _OVERHEAD
        for key in self._keys:
            try:
                return bytes(decrypt_compact(data.strip(), key, registry=registry).plaintext or b"")  # type: ignore[arg-type]
            except (JoseError, AssertionError, LookupError, TypeError, ValueError):
                continue
        raise Invalid(
            "cannot_be_opened",
            "The record is encrypted (JWE), and no key of this server decrypts it. Encrypt it for intake's current public key,"
            f" with {', '.join(ALGORITHMS[:3])} and {' or '.join(ALGORITHMS[3:])}, without zip.",
            detail_zh="该记录已加密，但无法用受理方的密钥解开，请使用最新公布的公钥重新加密。",
            field="(body)",
        )
