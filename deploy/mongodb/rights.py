"""The privileges of each service's MongoDB user, from rights.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.adapters.mongo.users import Privilege
from shared.events.fields import Service
from shared.kernel import data_file

FILE = Path(__file__).with_name("rights.yaml")
Database = Literal["log", "views", "keys", "files", "candidates"]
_EVERY = "*"


class _Rights(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    rights: dict[str, dict[str, tuple[str, ...]]]
    services: dict[Service, dict[Database, str]]


def rights(name: str, path: Path = FILE) -> dict[Service, tuple[Privilege, ...]]:
    """Service -> its privileges.

    Args:
        name: first part of the names of the databases (`HUIYIN_MONGODB_NAME`).

    Raises OSError, ValueError.
    """
    found = _Rights.model_validate(data_file.load(path))
    return {
        service: tuple(
            sorted(
                Privilege(f"{name}_{database}", "" if collection == _EVERY else collection, tuple(sorted(actions)))
                for database, given in databases.items()
                for collection, actions in found.rights[given].items()
            )
        )
        for service, databases in found.services.items()
    }
