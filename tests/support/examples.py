"""One valid body for each public command. A new command requires an example in deploy/contract/command_examples.yaml."""

from __future__ import annotations

from typing import Any

from deploy.contract.examples import command_bodies
from shared.application.command_dispatch import open_rules

EXAMPLES: dict[str, dict[str, Any]] = command_bodies()


def example(command: str) -> dict[str, Any]:
    """Fields of a good body. Raises KeyError for a command without an example."""
    return EXAMPLES[command]


def commands() -> list[str]:
    """The public commands; each has an example."""
    names = sorted(rule.name for rule in open_rules())
    without = sorted(set(names) - EXAMPLES.keys())
    assert not without, f"add an example for: {', '.join(without)}"
    return names
