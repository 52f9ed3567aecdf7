"""Users of Kafka and their passwords (SCRAM-SHA-512): for `huiyin setup` and `huiyin topics user`, never for a service.

aiokafka has no request for them, so that of Kafka's protocol is described here (KIP-554). The broker gets the salted hash, not the
password.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.topics import accept

_SHA_512 = 2
_ROUNDS = 8192
_SALT_BYTES = 32


class _Changed(Response):  # type: ignore[misc]
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Change(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _Changed
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterUserScramCredentials(Request[_Change]):  # type: ignore[misc]
    """Gives a user a password; the user is created if it does not exist."""

    API_KEY = 51

    def __init__(self, user: str, password: str) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
        self._upsertion: tuple[Any, ...] = (user, _SHA_512, _ROUNDS, salt, salted, {})

    def build(self, request_struct_class: type[_Change]) -> Any:
        return request_struct_class([], [self._upsertion], {})


class KafkaUsers:
    """The users of one cluster. `admin` must be connected as an administrator."""

    def __init__(self, admin: AIOKafkaAdminClient, connection: Connection) -> None:
        self._admin = admin
        self._connection = connection

    async def user(self, name: str, password: str) -> bool:
        """Create the user, or give it this password. False if it has this password. Raises Refusal."""
        own = replace(self._connection, user=name, password=password)
        if await own.refused() is None:
            return False
        answer = await self._admin._send_request(AlterUserScramCredentials(name, password))
        for _user, code, _message, _tags in answer.results:
            accept(code)
        return True
