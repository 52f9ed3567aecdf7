"""Lines of code: `python -m tests.support.line_count [FOLDER or FILE ...]` counts them by folder; without: the product.

A line counts if it holds a token of code. Blank lines, comments and docstrings do not count, nor does any other string
that is a statement of its own, such as the description below a field.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

PRODUCT = ("shared", "services", "deploy")
_NO_CODE = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


def lines_of_code(source: str) -> int:
    """How many lines of `source`, the text of a Python file, are code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines.difference(_texts(source)))


def _texts(source: str) -> Iterator[int]:
    """Numbers of the lines of strings that are statements."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def files(paths: Sequence[Path]) -> list[Path]:
    """The Python files among and below `paths`, each once."""
    found = {each for path in paths for each in (path.rglob("*.py") if path.is_dir() else (path,))}
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=[Path(one) for one in PRODUCT])
    parser.add_argument("--files", action="store_true", help="each file instead of folders of two levels")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    for path in files(given.paths):
        name = str(path) if given.files else "/".join(path.parts[:2])
        counts[name] += lines_of_code(path.read_text(encoding="utf-8"))
    for name, count in sorted(counts.items()):
        print(f"{count:>7,}  {name}")
    print(f"{counts.total():>7,}  in all")


if __name__ == "__main__":
    main()
