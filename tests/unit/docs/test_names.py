"""Names that the restructuring replaced by terms of the field do not come back."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
REPLACED = frozenset({
    "Answering", "Behind", "Carrying", "CaseView", "Consumer", "Done", "Feed", "Fresh", "Given", "Handling", "Head", "Kept",
    "Keys", "Letter", "Log", "LogAway", "Misses", "Part", "Recorded", "Rising", "Route", "Rule", "Runtime", "SameCause", "Sink",
    "Spread", "Stamp", "Turn", "Views", "When", "Where",
})  # fmt: skip
"""Class names of the first design; each has a standard term instead (docs/adr/0032)."""


def test_no_public_class_has_a_replaced_name() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for folder in ("shared", "services", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name in REPLACED
    }
    assert found == set()


def test_shared_holds_folders_only() -> None:
    flat = [path.name for path in (ROOT / "shared").glob("*.py") if path.name != "__init__.py"]
    assert flat == []
