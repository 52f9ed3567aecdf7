"""Tokens that this deployment seals and later opens again: nothing is stored, and nobody else can make or read one (AES-256-GCM).

>>> token = seal_token(b"k" * 32, "hyc_", b"payload")
>>> token.startswith("hyc_"), open_token(b"k" * 32, "hyc_", token), open_token(b"x" * 32, "hyc_", token)
(True, b'payload', None)
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_MOST = 4096
"""Longest token that is looked at, in characters."""


def seal_token(secret: bytes, prefix: str, payload: bytes) -> str:
    """`prefix` and the sealed payload in base64url. The prefix is authenticated, so that a token of one kind is none of another.

    Args:
        secret: 32 bytes, a secret of the deployment for this kind of token.
    """
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(secret).encrypt(nonce, payload, prefix.encode())
    return prefix + urlsafe_b64encode(sealed).decode().rstrip("=")


def open_token(secret: bytes, prefix: str, token: str) -> bytes | None:
    """The payload; None for a text that is no token of this kind and deployment, or was changed."""
    if not token.startswith(prefix) or len(token) > _MOST or not token.isascii():
        return None
    text = token.removeprefix(prefix)
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if urlsafe_b64encode(sealed).decode().rstrip("=") != text:  # one token has one spelling
            return None
        return AESGCM(secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], prefix.encode())
    except (ValueError, InvalidTag):
        return None
