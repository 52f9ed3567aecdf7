"""The access rights (ACLs) of Kafka's brokers: for `huiyin topics acls`, never for a service."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from shared.adapters.kafka.topics import accept

_KINDS = {2: "topic", 3: "group", 4: "cluster", 5: "transactional-id", 6: "delegation-token", 7: "user"}
_OPERATIONS = {
    2: "All", 3: "Read", 4: "Write", 5: "Create", 6: "Delete", 7: "Alter", 8: "Describe", 9: "ClusterAction",
    10: "DescribeConfigs", 11: "AlterConfigs", 12: "IdempotentWrite", 13: "CreateTokens", 14: "DescribeTokens",
}  # fmt: skip
"""Numbers of Kafka's protocol -> names in its tools."""
_ANY, _ALLOW = 1, 3
_LITERAL, _PREFIXED = 3, 4
_USER = "User:"
EVERYBODY = "*"


class Acl(NamedTuple):
    """`user` may do this with the topic or group of that name, or with all whose names have that prefix. Reading and writing
    include Describe; without either, the user cannot see that a topic exists."""

    user: str
    kind: str
    name: str
    prefixed: bool
    operation: str
    host: str = "*"


class AclAdmin:
    """The access rights of one cluster."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def of(self, users: Collection[str]) -> frozenset[Acl]:
        """The rights of these users and of all users. Raises Refusal, also if the brokers check no rights."""
        found: set[Acl] = set()
        for user in sorted({*users, EVERYBODY}):
            answer = await self._ask(DescribeAclsRequest(_ANY, None, _ANY, _USER + user, None, _ANY, _ALLOW))
            accept(answer.error_code)
            for kind, name, pattern, given in answer.resources:
                for _principal, host, operation, _permission in given:
                    does = _OPERATIONS.get(operation, str(operation))
                    found.add(Acl(user, _KINDS.get(kind, str(kind)), name, pattern == _PREFIXED, does, host))
        return frozenset(found)

    async def give(self, rights: Iterable[Acl]) -> None:
        """Grant them; existing ones stay. Raises Refusal."""
        for one in rights:
            pattern = _PREFIXED if one.prefixed else _LITERAL
            kind, does = _number(_KINDS, one.kind), _number(_OPERATIONS, one.operation)
            answer = await self._ask(
                CreateAclsRequest(kind, one.name, pattern, _USER + one.user, one.host, does, _ALLOW)
            )
            for code, _message in answer.creation_responses:
                accept(code)

    async def _ask(self, request: Any) -> Any:
        # aiokafka's admin client can send these requests, but has no method for them.
        return await self._admin._send_request(request)


def _number(names: Mapping[int, str], name: str) -> int:
    return next(number for number, known in names.items() if known == name)
