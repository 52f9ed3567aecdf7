"""`python -m deploy.contract`: write docs/asyncapi.yaml and docs/schemas."""

from __future__ import annotations

import deploy.modes.command_registry  # noqa: F401  # fills RULES
from deploy.contract.asyncapi import files


def main() -> None:
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)  # noqa: T201


if __name__ == "__main__":
    main()
