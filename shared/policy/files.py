"""The files of a policy, read into raw sections: what each holds, where every entry stands, and what cannot be read.

All errors are collected, each with file, line and column.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from shared.events.policy import Section
from shared.policy.book import MODELS
from shared.policy.documents import Document
from shared.policy.finding import Finding, of_error
from shared.policy.tables import LISTS, read_table

SECTIONS: tuple[Section, ...] = get_args(Section)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def bundled_names() -> list[str]:
    return sorted(entry.name.removesuffix(".yaml") for entry in _data().iterdir())


def _data() -> Traversable:
    return resources.files("shared.policy").joinpath("data")


def shipped(name: str) -> Traversable | None:
    """Never a path: names are looked up among the entries that exist."""
    return next((entry for entry in _data().iterdir() if entry.name in (name, f"{name}.yaml")), None)


class Reader:
    """Collects raw sections, where each of their entries stands, and findings."""

    def __init__(self) -> None:
        self.raw: dict[str, Any] = {}
        self.lines: dict[str, tuple[str, int, str | None]] = {}
        """Where -> file, line, column (a number in YAML)."""
        self.columns: dict[tuple[str, str], str] = {}
        """(table, heading) -> the letter that a spreadsheet shows."""
        self.findings: list[Finding] = []

    # ------------------------------------------------------------ files

    def read(self, source: Traversable, seen: tuple[str, ...] = ()) -> None:
        if source.is_dir():
            for entry in sorted(source.iterdir(), key=lambda one: one.name):
                if entry.name.endswith((".yaml", ".yml", ".csv")):
                    self._file(entry, source, seen)
                elif entry.name == "mappings" and entry.is_dir():
                    self._mappings(entry)
        elif source.is_file():
            self._file(source, None, seen)
        else:
            self.findings.append(
                Finding("policy", "there is no such file or directory", "没有该文件或文件夹，请核对路径。", source.name)
            )

    def _file(self, file: Traversable, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        text = self._text(file)
        if text is None:
            return
        if file.name.endswith(".csv"):
            self._csv(file.name, text)
        else:
            self._yaml(file.name, text, folder, seen)

    def _text(self, file: Traversable) -> str | None:
        """Spreadsheets in China save tables as GB 18030 unless they are told otherwise."""
        data = file.read_bytes()
        for encoding in ("utf-8-sig", "gb18030") if file.name.endswith(".csv") else ("utf-8-sig",):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        self.findings.append(
            Finding("policy", "is not UTF-8; save it as UTF-8", "不是 UTF-8 编码，请另存为 UTF-8。", file.name)
        )
        return None

    def _mappings(self, folder: Traversable) -> None:
        """Texts only, as imports read them: `1: x` in a table is a text, too."""
        found: dict[str, Any] = {}
        for entry in sorted(folder.iterdir(), key=lambda one: one.name):
            if not entry.name.endswith((".yaml", ".yml")):
                continue
            code, file = entry.name.rpartition(".")[0], f"{folder.name}/{entry.name}"
            text = self._text(entry)
            try:
                node = yaml.compose(text or "{}", Loader=yaml.BaseLoader)
                content = yaml.load(text or "{}", Loader=yaml.BaseLoader)  # noqa: S506 - makes texts only
            except yaml.YAMLError as error:
                self.findings.append(_no_yaml(error, file))
                continue
            if not isinstance(content, dict) or not isinstance(node, yaml.MappingNode):
                self.findings.append(
                    Finding("mappings", "a mapping begins with: source:", "映射文件应以 source: 开头。", file, 1)
                )
                continue
            self.lines.setdefault(f"mappings[{code}]", (file, 1, "1"))
            self._locate(file, node, f"mappings[{code}]")
            found[code] = content
        if found:
            self.lines.setdefault("mappings", (folder.name, 1, None))
            self._add("mappings", {"mappings": found}, folder.name)

    def _yaml(self, name: str, text: str, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        try:
            node = yaml.compose(text, Loader=_LOADER)
            content = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            self.findings.append(_no_yaml(error, name))
            return
        except ValueError as error:  # 2025-02-30 is a timestamp to YAML and no date to Python
            zh = f"YAML 中有无法读取的值（{error}），请更正。"
            self.findings.append(Finding("policy", f"is no YAML: {error}", zh, name))
            return
        if not isinstance(content, dict) or not isinstance(node, yaml.MappingNode):
            zh = f"须按名称逐项写明政策的各部分：{'、'.join(SECTIONS)}。"
            self.findings.append(Finding("policy", "must hold sections by name", zh, name, 1))
            return
        self._locate(name, node, "")
        for used in content.pop("use", None) or ():
            self._use(str(used), name, folder, seen)
        for section, value in content.items():
            self._add(str(section), value, name)

    def _use(self, used: str, name: str, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        found = shipped(used)
        if found is None and folder is not None:
            found = next((entry for entry in folder.iterdir() if entry.name == used), None)
        if found is None or used in seen:
            what = f"{used!r} is not there; use one of {', '.join(bundled_names())}"
            zh = f"没有 {used!r}，请使用以下之一：{'、'.join(bundled_names())}。"
            self.findings.append(Finding("use", what, zh, name))
            return
        self.read(found, (*seen, used))

    def _add(self, section: str, value: Any, file: str) -> None:
        if section not in SECTIONS:
            what = f"is no section; use one of {', '.join(SECTIONS)}"
            zh = f"不是政策的部分，请使用以下之一：{'、'.join(SECTIONS)}。"
            self.findings.append(self.placed(Finding(section, what, zh, file, 1)))
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
            _file, line, column = self.lines.get(section, (file, 1, None))
            self.findings.append(
                Finding(
                    section,
                    "is given twice; keep one of the two",
                    "重复给出，请只保留一处。",
                    file,
                    *((line, column) if _file == file else (1, None)),
                )
            )

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

    # ------------------------------------------------------------ where things stand

    def _locate(self, file: str, node: yaml.Node, where: str) -> None:
        """Remember the line of every entry, and find keys that stand twice: YAML would keep the last in silence."""
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                inner = (
                    f"{where}[{name}]" if where.endswith((".years", ".by_subject")) else f"{where}.{name}".lstrip(".")
                )
                line, column = key.start_mark.line + 1, str(key.start_mark.column + 1)
                if name in seen:
                    what, zh = "stands twice; keep one of the two", "重复出现，请只保留一处。"
                    self.findings.append(Finding(inner, what, zh, file, line, column))
                seen.add(name)
                self.lines.setdefault(inner, (file, line, column))
                self._locate(file, value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                inner = f"{where}[{_identity(item, index)}]"
                mark = item.start_mark
                self.lines.setdefault(inner, (file, mark.line + 1, str(mark.column + 1)))
                self._locate(file, item, inner)

    def placed(self, finding: Finding) -> Finding:
        """The finding with the file and line of the innermost thing it names."""
        where = finding.where
        while where:
            if where in self.lines:
                file, line, column = self.lines[where]
                if file.endswith(".csv"):
                    column = self.columns.get((file, finding.where[len(where) :].lstrip(".").partition("[")[0]))
                return finding._replace(file=file, line=line, column=column)
            where = where[: max(where.rfind("."), where.rfind("["))] if "." in where or "[" in where else ""
        return finding

    # ------------------------------------------------------------ documents

    def documents(self) -> dict[Section, Document]:
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


def _no_yaml(error: yaml.YAMLError, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "cannot be read"
    zh = f"YAML 格式有误（{what}），请检查缩进（用空格）、冒号后的空格和引号。"
    at = (mark.line + 1, str(mark.column + 1)) if mark else (None, None)
    return Finding("policy", f"is no YAML: {what}", zh, file, *at)


def _identity(item: yaml.Node, index: int) -> str:
    if isinstance(item, yaml.MappingNode):
        for key, value in item.value:
            if key.value in ("id", "code") and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return str(index)


def _where(section: str, loc: tuple[int | str, ...], raw: Any) -> str:
    """pydantic's location in the words of findings: `clocks.rules[C1].period.days`."""
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
