"""The examples in the docstrings of the core modules run as written."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = (
    "shared.case.evolve",
    "shared.repositories.case_repository",
    "shared.commands.command",
    "shared.consumers.projection",
    "shared.eventstore.recorded_event",
    "shared.events.base",
    "shared.eventstore.hash_chain",
    "shared.commands.command_handler",
    "shared.consumers.consumer",
)


@pytest.mark.parametrize("name", MODULES)
def test_module_docstring_example_runs(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0, "the module has an example"
    assert result.failed == 0
