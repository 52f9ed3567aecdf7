"""The ciphers for files, by the names that keys and settings use."""

from __future__ import annotations

from typing import Literal

FileCipher = Literal["AES-256-GCM", "SM4-GCM"]
"""SM4 (GB/T 32907) where the deployment has to use national algorithms. Each key names its own, so that a deployment can change."""
