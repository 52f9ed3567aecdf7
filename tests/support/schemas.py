"""The published schemas of topics, for messages that tests observe."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.validator_for(orjson.loads((FOLDER / f"{name}.json").read_bytes()))


def unfit(name: str, values: Iterable[bytes]) -> list[str]:
    """The violations of `docs/schemas/NAME.json` by these values of a topic."""
    return [
        f"{name}: {orjson.loads(value).get('kind')} /{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
        for value in values
        for error in _validator(name).iter_errors(orjson.loads(value))
    ]
