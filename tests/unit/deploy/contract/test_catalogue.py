"""The catalogue is current and complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.contract.catalogue import appends, catalogue, refusals
from shared.case import STATES
from shared.commands.command import RULES
from shared.events import REGISTRY

ROOT = Path(__file__).parents[4]


def test_contract_catalogue_is_current() -> None:
    written = (ROOT / "docs" / "catalogue.md").read_text("utf-8")
    assert written == catalogue(), "run: python -m deploy.contract.catalogue"


def test_contract_catalogue_is_complete() -> None:
    text = catalogue()
    assert RULES
    for name in (*REGISTRY, *STATES, *RULES):
        assert f"`{name}`" in text, name


@pytest.mark.parametrize("name", sorted(RULES))
def test_rules_append_events_of_their_own_service(name: str) -> None:
    rule = RULES[name]
    assert appends(rule), "a rule that appends nothing is no rule"
    models = [REGISTRY[kind] for kind in appends(rule)]
    assert all(rule.service in (model.owner, *model.also) for model in models)


def test_refusals_are_collected_from_source() -> None:
    assert {"due_needed", "unknown_organisation", "has_an_organisation", "not_in_this_state"} <= set(
        refusals(RULES["dispatch"])
    )
    assert {"not_executed", "report_missing", "not_confirmed", "handling_unit"} <= set(refusals(RULES["close"]))


def test_rule_table_is_complete_without_service_imports() -> None:
    """The registry of short commands fills the table as the services do."""
    count = "; from shared.commands.command import RULES; print(sorted(RULES))"
    alone, whole = (
        subprocess.run(
            [sys.executable, "-c", f"import deploy.{module}{count}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for module in ("modes.command_registry", "modes.composition")
    )
    assert alone == whole
