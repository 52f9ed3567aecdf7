"""The connection to Kafka: addresses, login, encryption. The same for every client of this process."""

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
Refused = Literal["login", "certificate"]
LARGEST = 4 * 1024 * 1024
"""Maximum size of a record in bytes, as in `deploy/kafka/topics.yaml`. A line of imported history may have 2 MB."""
_NO_LOGIN = (AuthenticationFailedError, IllegalSaslStateError, SaslAuthenticationFailed, UnsupportedSaslMechanismError)


@dataclass(frozen=True)
class Connection:
    """Addresses and login of the brokers. The login uses SCRAM-SHA-512; the password is never shown."""

    bootstrap: str
    """`host:port`, separated by commas."""
    security: Security = "PLAINTEXT"
    user: str | None = None
    password: str | None = None
    ca: Path | None = None
    """CA certificates for the brokers; None: those of the system."""

    def __repr__(self) -> str:
        return f"Connection({self.bootstrap}, {self.security})"

    def client(self) -> dict[str, Any]:
        """Arguments for any client of aiokafka. Raises OSError when `ca` cannot be read."""
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": "huiyin",
            "metadata_max_age_ms": 30_000,
            "security_protocol": self.security,
            "ssl_context": self._ssl(),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }

    def broker(self) -> dict[str, Any]:
        """The same for a broker of FastStream."""
        given = self.client()
        ssl: dict[str, Any] = {"ssl_context": given["ssl_context"], "use_ssl": self.security.endswith("SSL")}
        if self.security.startswith("SASL"):
            security: BaseSecurity = SASLScram512(self.user or "", self.password or "", **ssl)
        else:
            security = BaseSecurity(**ssl)
        return {
            "security": security,
            **{name: given[name] for name in ("bootstrap_servers", "client_id", "metadata_max_age_ms")},
        }

    async def refused(self) -> Refused | None:
        """What prevents a connection to a broker that answers: it refuses the login, or its certificate is not trusted. A client
        of aiokafka reports only that it could not connect."""
        if self.security == "PLAINTEXT":
            return None
        given = self.client()
        del given["metadata_max_age_ms"]
        for address in given.pop("bootstrap_servers"):
            host, _, port = address.rpartition(":")
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=2000, **given)
            except _NO_LOGIN:
                return "login"
            except ssl.SSLCertVerificationError:
                return "certificate"
            except (KafkaError, OSError):
                continue
            connection.close()
            return None
        return None

    def _ssl(self) -> ssl.SSLContext | None:
        if not self.security.endswith("SSL"):
            return None
        context: ssl.SSLContext = create_ssl_context(cafile=str(self.ca) if self.ca is not None else None)
        return context
