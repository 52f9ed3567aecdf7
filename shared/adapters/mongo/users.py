"""Users and roles of a MongoDB deployment: for `huiyin setup`, never for a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from shared.adapters.mongo.client import LONG_SECONDS, Driver, Mongo, ask
from shared.eventstore.errors import LoginRefused

_ADMIN = "admin"


class Privilege(NamedTuple):
    """Actions of MongoDB in one database; `collection` "": in each of its collections."""

    database: str
    collection: str
    actions: tuple[str, ...]


class MongoUsers:
    """The users and roles in the database `admin` of one deployment. `mongo` must be connected as an administrator."""

    def __init__(self, mongo: Mongo) -> None:
        self._admin = mongo.database(_ADMIN)

    async def role(self, name: str, privileges: Sequence[Privilege]) -> bool:
        """Create the role, or give it exactly these privileges. False if it has them. Raises StoreUnavailable."""
        found = (await self._ask({"rolesInfo": name, "showPrivileges": True}))["roles"]
        if found and not found[0]["roles"] and _held(found[0]["privileges"]) == set(privileges):
            return False
        wanted = [
            {"resource": {"db": one.database, "collection": one.collection}, "actions": list(one.actions)}
            for one in privileges
        ]
        await self._ask({"updateRole" if found else "createRole": name, "privileges": wanted, "roles": []})
        return True

    async def user(self, url: str, role: str, driver: Driver = "motor") -> bool:
        """Create the user of this URL, or give it exactly this role and the password of the URL. False if nothing had to change.

        Raises ValueError, StoreUnavailable."""
        parts = urlsplit(url)
        if not parts.username or not parts.password:
            raise ValueError("the URL names no user with a password")
        name, roles = unquote(parts.username), [{"role": role, "db": _ADMIN}]
        found = (await self._ask({"usersInfo": name}))["users"]
        if found and found[0]["roles"] == roles and await _enters(url, driver):
            return False
        command = "updateUser" if found else "createUser"
        await self._ask({command: name, "pwd": unquote(parts.password), "roles": roles})
        return True

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        return await ask(self._admin.command(command), LONG_SECONDS)


def _held(privileges: Sequence[dict[str, Any]]) -> set[Privilege]:
    return {
        Privilege(one["resource"].get("db", ""), one["resource"].get("collection", ""), tuple(sorted(one["actions"])))
        for one in privileges
    }


async def _enters(url: str, driver: Driver) -> bool:
    """True if the server accepts user and password of the URL."""
    mongo = Mongo(url, driver).hold()
    try:
        await ask(mongo.database(_ADMIN).command({"connectionStatus": 1}))
    except LoginRefused:
        return False
    else:
        return True
    finally:
        await mongo.close()
