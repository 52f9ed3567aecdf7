"""What counts as a line of code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.line_count import files, lines_of_code


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("", 0),
        ('"""Docstring\nof two lines."""\n\nimport os  # why\n', 1),
        ("# a comment\n\nx = 1\n", 1),
        ('def f():\n    """What."""\n    return 1\n', 2),
        ('class A:\n    x: int = 1\n    """What x is."""\n', 2),
        ("x = [\n    1,\n\n    2,\n]\n", 4),
        ('x = """two\nlines"""\n', 2),
    ],
)
def test_lines_of_code_are_counted(source: str, count: int) -> None:
    assert lines_of_code(source) == count


def test_file_named_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "one.py"
    file.write_text("x = 1\n")
    assert files([tmp_path, tmp_path / "inner", file]) == [file]
