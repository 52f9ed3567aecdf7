"""A finding: one error in a policy, with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.events.policy import Section
from shared.kernel.validation_messages import told


class Finding(NamedTuple):
    """`where`: section and field, such as `routing.rules[r12].org`. `what`: what is wrong and what to do; `zh`: the same in
    Chinese. `file` and `line`: set by the loader where it knows them."""

    where: str
    what: str
    zh: str
    file: str | None = None
    line: int | None = None
    column: str | None = None
    """A letter in a table, as spreadsheets show it; a number in YAML."""
    needs: tuple[Section, ...] = ()
    """Sections that must be readable for this to be an error of its own."""
    token: str | None = None
    """The word inside the text of the field that is wrong: the loader gives its line and column."""

    def __str__(self) -> str:
        parts = [part for part in (self.file, self.line, self.column) if part]
        return f"{':'.join(map(str, parts))}{': ' if parts else ''}{self.where}: {self.what} {self.zh}"

    def shown(self) -> dict[str, Any]:
        """The finding as JSON values, for programs."""
        return {
            "where": self.where,
            "what": self.what,
            "what_zh": self.zh,
            "file": self.file,
            "line": self.line,
            "column": self.column,
        }

    def problem(self) -> dict[str, str]:
        """The finding as one of the `errors` of a problem answer."""
        return {"field": self.where, "problem": self.what, "problem_zh": self.zh}


def of_error(where: str, error: Mapping[str, Any]) -> Finding:
    """The finding for an error that pydantic reports of a field of a document."""
    if error["type"] == "extra_forbidden":
        return Finding(
            where,
            "is not a field of this section; remove it or correct its name",
            "不是这一部分的字段，请删除，或改正名称。",
        )
    what, zh = told(error)
    return Finding(where, error["msg"].removeprefix("Value error, ") if error["type"] == "value_error" else what, zh)
