"""How a client reaches Kafka: addresses, who we are, encryption. The same for every client of this process."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.helpers import create_ssl_context
from faststream.security import BaseSecurity, SASLScram512

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
LARGEST = 4 * 1024 * 1024
"""Bytes of the largest record. A line of imported history may have 2 MB; `deploy/kafka/topics.yaml` says the same to the broker."""


_NO_LOGIN = (AuthenticationFailedError, IllegalSaslStateError, SaslAuthenticationFailed, UnsupportedSaslMechanismError)


def _of_one(given: dict[str, Any]) -> dict[str, Any]:
    """What a single connection takes of a client's arguments."""
    return {name: value for name, value in given.items() if name != "metadata_max_age_ms"}


@dataclass(frozen=True)
class Connection:
    """Where the brokers are and how to log in. A user needs SCRAM-SHA-512; a password is never shown."""

    bootstrap: str
    """`host:port`, several with commas."""
    security: Security = "PLAINTEXT"
    user: str | None = None
    password: str | None = None
    ca: Path | None = None
    """Certificates of the authority that signed the brokers'; None takes the system's."""

    def __repr__(self) -> str:
        return f"Connection({self.bootstrap}, {self.security})"

    def client(self) -> dict[str, Any]:
        """Arguments for any client of aiokafka. Raises OSError when `ca` cannot be read."""
        given: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": "huiyin",
            "metadata_max_age_ms": 30_000,
            "security_protocol": self.security,
        }
        if (context := self._ssl()) is not None:
            given["ssl_context"] = context
        if self.security.startswith("SASL"):
            given |= {
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return given

    def broker(self) -> dict[str, Any]:
        """The same for a broker of FastStream."""
        context = self._ssl()
        security: BaseSecurity | None = None
        if self.security.startswith("SASL"):
            use_ssl = context is not None
            security = SASLScram512(self.user or "", self.password or "", ssl_context=context, use_ssl=use_ssl)
        elif context is not None:
            security = BaseSecurity(ssl_context=context, use_ssl=True)
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": "huiyin",
            "metadata_max_age_ms": 30_000,
            "security": security,
        }

    async def refused(self) -> bool:
        """Does a broker answer, and refuse the login? A client of aiokafka says of both only that it could not connect."""
        if not self.security.startswith("SASL"):
            return False
        given = self.client()
        for place in given.pop("bootstrap_servers"):
            host, _, port = place.rpartition(":")
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=2000, **_of_one(given))
            except _NO_LOGIN:
                return True
            except (KafkaError, OSError):
                continue
            connection.close()
            return False
        return False

    def _ssl(self) -> ssl.SSLContext | None:
        if not self.security.endswith("SSL"):
            return None
        context: ssl.SSLContext = create_ssl_context(cafile=str(self.ca) if self.ca is not None else None)
        return context
