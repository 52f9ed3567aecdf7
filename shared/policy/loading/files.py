"""The files of a policy, read into raw sections with the place of every entry, and what cannot be read.

All errors are collected, each with file, line and column.
"""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from shared.events.policy import Section
from shared.kernel import bounded_yaml
from shared.policy.book import MODELS
from shared.policy.documents import Document
from shared.policy.loading.spreadsheets import LISTS, TABLES, read_table
from shared.policy.validation.finding import Finding, of_error
from shared.policy.validation.messages import finding

SECTIONS: tuple[Section, ...] = get_args(Section)


def bundled_names() -> list[str]:
    """Names of the policies that come with Huiyin."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _data().iterdir())


def _data() -> Traversable:
    return resources.files("shared.policy").joinpath("data")


def shipped(name: str) -> Traversable | None:
    """The bundled file or folder of that name, never a path: only entries that exist are found."""
    return next((entry for entry in _data().iterdir() if entry.name in (name, f"{name}.yaml")), None)


class _AsWritten(bounded_yaml.LOADER):  # type: ignore[misc]
    """Reads a number that YAML would change as the text that was written: YAML takes 0102 for 66 and 17:30 for 1050."""


def _number(loader: Any, node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    return int(text) if _DECIMAL.fullmatch(text) else text


_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_AsWritten.add_constructor("tag:yaml.org,2002:int", _number)
_UNREAD = (".xlsx", ".xlsm", ".xls", ".et", ".ods", ".txt", ".tsv", ".json")
"""Endings of files that somebody may take for a table of the policy."""


class Reader:
    """Collects raw sections, the place of each of their entries, and findings."""

    def __init__(self) -> None:
        self.raw: dict[str, Any] = {}
        self.texts: dict[str, list[str]] = {}
        """File in YAML -> its lines."""
        self.lines: dict[str, tuple[str, int, str | None]] = {}
        """Where -> file, line, column (a number in YAML)."""
        self.ends: dict[str, int] = {}
        """Where -> the last line of the entry."""
        self.columns: dict[tuple[str, str], str] = {}
        """(table, heading) -> the letter that a spreadsheet shows."""
        self.findings: list[Finding] = []

    # ------------------------------------------------------------ files

    def read(self, source: Traversable, seen: tuple[str, ...] = ()) -> None:
        if source.is_dir():
            for entry in sorted(source.iterdir(), key=lambda one: one.name):
                if entry.name.startswith((".", "~$")):  # of the system, or of a program that has the file open
                    continue
                ending = entry.name.lower()
                if ending.endswith((".yaml", ".yml", ".csv")):
                    self._file(entry, source, seen)
                elif ending.endswith(_UNREAD) and entry.is_file():
                    stem = entry.name.rpartition(".")[0]
                    if stem.lower() in (*SECTIONS, *TABLES):
                        self.findings.append(finding(stem, "unread_file", file=entry.name))
                elif entry.name == "mappings" and entry.is_dir():
                    self._mappings(entry)
        elif source.is_file():
            self._file(source, None, seen)
        else:
            self.findings.append(finding("policy", "no_such_path", file=source.name))

    def _file(self, file: Traversable, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        text = self._text(file)
        if text is None:
            return
        if file.name.lower().endswith(".csv"):
            self._csv(file.name, text)
        else:
            self._yaml(file.name, text, folder, seen)

    def _text(self, file: Traversable) -> str | None:
        """The text of a file; tables may be GB 18030, which spreadsheets in China write by default."""
        data = file.read_bytes()
        for encoding in ("utf-8-sig", "gb18030") if file.name.lower().endswith(".csv") else ("utf-8-sig",):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        self.findings.append(finding("policy", "not_utf8", file=file.name))
        return None

    def _mappings(self, folder: Traversable) -> None:
        """Read the mappings as imports do: all values are texts, also `1: x` in a table."""
        found: dict[str, Any] = {}
        for entry in sorted(folder.iterdir(), key=lambda one: one.name):
            if not entry.name.endswith((".yaml", ".yml")):
                continue
            code, file = entry.name.rpartition(".")[0], f"{folder.name}/{entry.name}"
            text = self._text(entry)
            parsed = self._parsed(text or "{}", file, yaml.BaseLoader)
            if parsed is None:
                continue
            node, content = parsed
            if node is None or not isinstance(content, dict):
                self.findings.append(finding("mappings", "not_a_mapping", file=file, line=1))
                continue
            self.lines.setdefault(f"mappings[{code}]", (file, 1, "1"))
            self._locate(file, node, f"mappings[{code}]")
            found[code] = content
        if found:
            self.lines.setdefault("mappings", (folder.name, 1, None))
            self._add("mappings", {"mappings": found}, folder.name)

    def _yaml(self, name: str, text: str, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        parsed = self._parsed(text, name, _AsWritten)
        if parsed is None:
            return
        node, content = parsed
        if node is None or not isinstance(content, dict):
            self.findings.append(finding("policy", "not_sections", file=name, line=1, sections=SECTIONS))
            return
        self.texts.setdefault(name, text.splitlines())
        self._locate(name, node, "")
        for used in content.pop("use", None) or ():
            self._use(str(used), name, folder, seen)
        for section, value in content.items():
            self._add(str(section), value, name)

    def _parsed(self, text: str, file: str, loader: Any) -> tuple[yaml.Node | None, Any] | None:
        """The nodes of a YAML text and the values in it; None where that is a finding."""
        try:
            bounded_yaml.check(text)
            return yaml.compose(text, Loader=loader), yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            marked = error if isinstance(error, yaml.MarkedYAMLError) else yaml.MarkedYAMLError()
            mark = marked.problem_mark
            line, column = (mark.line + 1, str(mark.column + 1)) if mark else (None, None)
            problem = marked.problem or "cannot be read"
            self.findings.append(
                finding("policy", "invalid_yaml", file=file, line=line, column=column, problem=problem)
            )
        except ValueError as error:  # 2025-02-30 is a timestamp in YAML and no date in Python
            self.findings.append(finding("policy", "unreadable_value", file=file, problem=error))
        return None

    def _use(self, used: str, name: str, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        found = shipped(used)
        if found is None and folder is not None:
            found = next((entry for entry in folder.iterdir() if entry.name == used), None)
        if found is None or used in seen:
            self.findings.append(finding("use", "no_such_policy", file=name, name=used, names=bundled_names()))
            return
        self.read(found, (*seen, used))

    def _add(self, section: str, value: Any, file: str) -> None:
        if section not in SECTIONS:
            wrong = finding(section, "not_a_section", file=file, line=1, sections=SECTIONS)
            self.findings.append(self.placed(wrong))
            return
        if section in LISTS and isinstance(value, list):
            value = {section: value}
        known = self.raw.setdefault(section, value)
        if known is value:
            return
        both = isinstance(known, dict) and isinstance(value, dict)
        if section in ("routing", "keywords") and both:
            rules = [*known.get("rules", ()), *value.get("rules", ())]
            self.raw[section] = {**known, **value, "rules": rules}
        elif both and known.keys().isdisjoint(value):  # channels.csv and qr_codes.csv
            self.raw[section] = {**known, **value}
        else:
            known_file, line, column = self.lines.get(section, (file, 1, None))
            if known_file != file:
                line, column = 1, None
            self.findings.append(finding(section, "repeated_section", file=file, line=line, column=column))

    def _csv(self, name: str, text: str) -> None:
        table = read_table(name, text)
        self.findings += table.findings
        if table.section is None:
            return
        for where, line in table.lines.items():
            self.lines.setdefault(where, (name, line, None))
        for heading, letter in table.columns.items():
            self.columns.setdefault((name, heading), letter)
        self._add(table.section, {table.inner: table.entries}, name)

    # ------------------------------------------------------------ places of entries

    def _locate(self, file: str, node: yaml.Node, where: str) -> None:
        """Remember the line of every entry, and find repeated keys, of which YAML would silently keep the last."""
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                inner = (
                    f"{where}[{name}]" if where.endswith((".years", ".by_subject")) else f"{where}.{name}".lstrip(".")
                )
                line, column = key.start_mark.line + 1, str(key.start_mark.column + 1)
                if name in seen:
                    self.findings.append(finding(inner, "repeated_key", file=file, line=line, column=column))
                seen.add(name)
                self.lines.setdefault(inner, (file, line, column))
                self.ends.setdefault(inner, value.end_mark.line + 1)
                self._locate(file, value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                inner = f"{where}[{_identity(item, index)}]"
                mark = item.start_mark
                self.lines.setdefault(inner, (file, mark.line + 1, str(mark.column + 1)))
                self.ends.setdefault(inner, item.end_mark.line + 1)
                self._locate(file, item, inner)

    def placed(self, found: Finding) -> Finding:
        """The finding with the file and line of the innermost entry or field it names."""
        where = found.where
        while where:
            if where in self.lines:
                file, line, column = self.lines[where]
                if file.endswith(".csv"):
                    column = self.columns.get((file, found.where[len(where) :].lstrip(".").partition("[")[0]))
                if found.token is not None:
                    line, column = self._word(file, line, column, self.ends.get(where, line), found.token)
                return found._replace(file=file, line=line, column=column)
            where = where[: max(where.rfind("."), where.rfind("["))] if "." in where or "[" in where else ""
        return found

    def _word(self, file: str, line: int, column: str | None, last: int, word: str) -> tuple[int, str | None]:
        """Line and column of the word in that part of the file; those of the part where it is not found."""
        wanted = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])")
        for number, text in enumerate(self.texts.get(file, ())[line - 1 : last], line):
            found = wanted.search(text, int(column) - 1 if number == line and column else 0)
            if found is not None:
                return number, str(found.start() + 1)
        return line, column

    # ------------------------------------------------------------ documents

    def documents(self) -> dict[Section, Document]:
        """The sections that are valid in themselves; the errors of the others become findings."""
        found: dict[Section, Document] = {}
        for section in SECTIONS:
            if section not in self.raw:
                continue
            raw = self.raw[section]
            try:
                found[section] = MODELS[section].model_validate(raw)
            except ValidationError as error:
                for problem in error.errors(include_url=False, include_input=False):
                    where = _where(section, problem["loc"], raw)
                    self.findings.append(self.placed(of_error(where, problem)))
        return found


def _identity(item: yaml.Node, index: int) -> str:
    if isinstance(item, yaml.MappingNode):
        for key, value in item.value:
            if key.value in ("id", "code") and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return str(index)


def _where(section: str, loc: tuple[int | str, ...], raw: Any) -> str:
    """A location of pydantic as findings write it: `clocks.rules[C1].period.days`."""
    where, value = section, raw
    for index, part in enumerate(loc):
        if index == 0 and part == section and section in (*LISTS, "mappings"):
            value = value.get(section) if isinstance(value, dict) else None
        elif isinstance(part, int) and isinstance(value, list) and part < len(value):
            value = value[part]
            own = value if isinstance(value, dict) else {}
            where += f"[{own.get('id') or own.get('code') or part}]"
        elif where.endswith((".years", ".by_subject")):
            where += f"[{part}]"
            value = value.get(part) if isinstance(value, dict) else None
        else:
            where += f".{part}"
            value = value.get(part) if isinstance(value, dict) else None
    return where
