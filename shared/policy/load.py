"""Reading a policy from files: one YAML file, or a directory of YAML and CSV files.

In YAML every top-level key is a section; `use: [cn-xf-2022, cn-calendar]` takes sections from files that come with
Huiyin (or lie beside this one). `organisations.csv`, `places.csv`, `subjects.csv`, `channels.csv`, `qr_codes.csv`,
`routing.csv` and `keywords.csv` hold one entry a line; lists inside a cell are separated by `;`. Each file of the folder
`mappings` is one mapping of a channel, named like the file. All errors are collected, each with file, line and column.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple, get_args

import orjson
import yaml
from pydantic import ValidationError

from shared.events.policy import PolicyActivated, Section
from shared.policy.book import MODELS
from shared.policy.documents import CalendarDocument, Channel, Document, Organisation, Place, QrCode, Subject
from shared.policy.findings import Finding, check
from shared.policy.keywords import KeywordRule
from shared.policy.routing import RoutingRule

SECTIONS: tuple[Section, ...] = get_args(Section)
_LISTS: tuple[Section, ...] = ("organisations", "places", "subjects", "channels")
_TABLES: dict[str, tuple[Section, str]] = {
    **{section: (section, section) for section in _LISTS},
    "qr_codes": ("channels", "qr_codes"),
    "routing": ("routing", "rules"),
    "keywords": ("keywords", "rules"),
}
"""Table -> section and the list in it that its lines are."""
_ROWS: dict[str, type[Document]] = {
    "organisations": Organisation,
    "places": Place,
    "subjects": Subject,
    "channels": Channel,
    "qr_codes": QrCode,
    "routing": RoutingRule,
    "keywords": KeywordRule,
}
_CELL_LISTS = ("places", "any", "all", "none")
_CELL_FLAGS = ("queue", "suspected")
_SEPARATORS = re.compile("[;；]")
_FLAGS = {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loaded(NamedTuple):
    """One section, ready to be activated."""

    section: Section
    document: dict[str, Any]
    hash: str

    def activation(self) -> PolicyActivated:
        return PolicyActivated(section=self.section, hash=self.hash, document=self.document)


class PolicyInvalid(ValueError):
    """The files are no policy that could be activated; `findings` says all that is wrong."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def canonical(document: dict[str, Any]) -> bytes:
    """Canonical JSON: UTF-8, keys sorted, no spaces."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def hash_of(document: dict[str, Any]) -> str:
    """`sha256:<hex>` over the canonical JSON."""
    return f"sha256:{hashlib.sha256(canonical(document)).hexdigest()}"


def plain(document: Document) -> dict[str, Any]:
    """The document as JSON values, defaults left out: a field that is added later does not change its hash."""
    return document.model_dump(mode="json", exclude_defaults=True)


def load(source: Traversable, base: Mapping[Section, Document] | None = None) -> list[Loaded]:
    """The sections in a file or directory (a `pathlib.Path` is fine). Raises PolicyInvalid with every finding.

    `base`: sections that are in force already (`PolicyBook.documents`), for a file that brings only some of them.
    """
    documents, findings = read(source, base)
    if findings:
        raise PolicyInvalid(findings)
    loaded = []
    for section in SECTIONS:
        if section in documents:
            document = plain(documents[section])
            loaded.append(Loaded(section, document, hash_of(document)))
    return loaded


def bundled(name: str) -> list[Loaded]:
    """A policy that comes with Huiyin: `demo`, `cn-xf-2022`, `cn-calendar`. Raises KeyError for another name."""
    found = _bundled(name)
    if found is None:
        raise KeyError(f"no policy of that name comes with Huiyin; there are {', '.join(bundled_names())}")
    return load(found)


def bundled_names() -> list[str]:
    return sorted(entry.name.removesuffix(".yaml") for entry in _data().iterdir())


def _data() -> Traversable:
    return resources.files("shared.policy").joinpath("data")


def _bundled(name: str) -> Traversable | None:
    """Never a path: names are looked up among the entries that exist."""
    return next((entry for entry in _data().iterdir() if entry.name in (name, f"{name}.yaml")), None)


def read(
    source: Traversable, base: Mapping[Section, Document] | None = None
) -> tuple[dict[Section, Document], list[Finding]]:
    """The sections that could be read, and everything that is wrong with them."""
    reader = _Reader()
    reader.read(source)
    documents = reader.documents()
    if not documents and not reader.findings:
        reader.findings.append(Finding("policy", f"no section found; use one of {', '.join(SECTIONS)}", source.name))
    broken = {finding.where.split("[")[0].split(".")[0] for finding in reader.findings}
    for finding in check({**(base or {}), **documents}):
        if not _follows(finding, broken):
            reader.findings.append(reader.placed(finding))
    return documents, reader.findings


def read_calendar(
    source: Traversable, merge: Callable[[CalendarDocument], CalendarDocument]
) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The `calendar` section of a file as it was given, and what is wrong with the calendar that `merge` makes of it, each
    finding with file and line."""
    reader = _Reader()
    reader.read(source)
    given = reader.documents().get("calendar") if "calendar" in reader.raw else None
    if reader.raw.keys() - {"calendar"}:
        other = sorted(reader.raw.keys() - {"calendar"})[0]
        reader.findings.append(reader.placed(Finding(other, "a calendar is published by itself; remove this section")))
    if not isinstance(given, CalendarDocument):
        if not reader.findings:
            reader.findings.append(
                Finding("calendar", "there is no section calendar; name the years in it", source.name)
            )
        return None, reader.findings
    reader.findings += [reader.placed(one) for one in check({"calendar": merge(given)})]
    return plain(given), reader.findings


def _follows(finding: Finding, broken: set[str]) -> bool:
    """Is this only because another section could not be read?"""
    if finding.what.startswith("a gap"):
        return not broken.isdisjoint(("places", "subjects", "routing"))
    return any(f"is not in {section}" in finding.what for section in broken)


class _Reader:
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
            self.findings.append(Finding("policy", "there is no such file or directory", source.name))

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
        self.findings.append(Finding("policy", "is not UTF-8; save it as UTF-8", file.name))
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
                self.findings.append(Finding("mappings", "a mapping begins with: source:", file, 1))
                continue
            self.lines.setdefault(f"mappings[{code}]", (file, 1, "1"))
            self._locate(file, node, f"mappings[{code}]")
            found[code] = content
        if found:
            self.lines.setdefault("mappings", (folder.name, 1, None))
            self._add("mappings", {"mappings": found}, folder.name)

    def _yaml(self, name: str, text: str, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        try:
            node = yaml.compose(text, Loader=_Loader)
            content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            self.findings.append(_no_yaml(error, name))
            return
        except ValueError as error:  # 2025-02-30 is a timestamp to YAML and no date to Python
            self.findings.append(Finding("policy", f"is no YAML: {error}", name))
            return
        if not isinstance(content, dict) or not isinstance(node, yaml.MappingNode):
            self.findings.append(Finding("policy", "must hold sections by name", name, 1))
            return
        self._locate(name, node, "")
        for used in content.pop("use", None) or ():
            self._use(str(used), name, folder, seen)
        for section, value in content.items():
            self._add(str(section), value, name)

    def _use(self, used: str, name: str, folder: Traversable | None, seen: tuple[str, ...]) -> None:
        found = _bundled(used)
        if found is None and folder is not None:
            found = next((entry for entry in folder.iterdir() if entry.name == used), None)
        if found is None or used in seen:
            known = ", ".join(bundled_names())
            self.findings.append(Finding("use", f"{used!r} is not there; use one of {known}", name))
            return
        self.read(found, (*seen, used))

    def _add(self, section: str, value: Any, file: str) -> None:
        if section not in SECTIONS:
            what = f"is no section; use one of {', '.join(SECTIONS)}"
            self.findings.append(self.placed(Finding(section, what, file, 1)))
            return
        if section in _LISTS and isinstance(value, list):
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
                    file,
                    *((line, column) if _file == file else (1, None)),
                )
            )

    def _csv(self, name: str, text: str) -> None:
        table = name.removesuffix(".csv")
        if table not in _TABLES:
            allowed = ", ".join(f"{known}.csv" for known in _TABLES)
            self.findings.append(Finding(table, f"is no table of a policy; use one of {allowed}", name))
            return
        section, inner = _TABLES[table]
        prefix = inner if inner == section else f"{section}.{inner}"
        rows = csv.DictReader(io.StringIO(text))
        unknown = self._headings(name, table, [heading.strip() for heading in rows.fieldnames or ()])
        entries: list[dict[str, Any]] = []
        for row in rows:
            line = rows.line_num
            if None in row or None in row.values():
                what = f"has {'more' if None in row else 'fewer'} cells than the heading; mend the row"
                self.findings.append(Finding(table, what, name, line))
                continue
            entry = {
                _field(key.strip()): _cell(key.strip(), value.strip())
                for key, value in row.items()
                if value.strip() and key.strip() not in unknown
            }
            if not entry:
                continue
            where = f"{prefix}[{entry.get('id') or entry.get('code') or len(entries)}]"
            self.lines.setdefault(where, (name, line, None))
            entries.append(entry)
        self.lines.setdefault(section, (name, 1, None))
        self._add(section, {inner: entries}, name)

    def _headings(self, name: str, table: str, headings: list[str]) -> set[str]:
        """Note the columns; returns those that mean nothing here, each of which is a finding."""
        known = list(_ROWS[table].model_fields)
        unknown = set()
        for place, heading in enumerate(headings):
            letter = _letter(place)
            self.columns.setdefault((name, _field(heading)), letter)
            if _field(heading) not in known:
                unknown.add(heading)
                allowed = ", ".join(field.rstrip("_") for field in known)
                what = f"is no column of this table; remove it or correct its name: {allowed}"
                self.findings.append(Finding(f"{table}.{heading or letter}", what, name, 1, letter))
        for field, info in _ROWS[table].model_fields.items():
            if info.is_required() and field not in map(_field, headings):
                what = f"the column {field.rstrip('_')!r} is missing; add it"
                self.findings.append(Finding(table, what, name, 1))
        return unknown

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
                    self.findings.append(Finding(inner, "stands twice; keep one of the two", file, line, column))
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
                    self.findings.append(self.placed(Finding(where, _plainly(problem["type"], problem["msg"]))))
        return found


def _field(heading: str) -> str:
    """`class` is a word of Python: the field has another name."""
    return "class_" if heading == "class" else heading


def _letter(place: int) -> str:
    """What a spreadsheet calls the column: A to Z, then AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _no_yaml(error: yaml.YAMLError, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "cannot be read"
    at = (mark.line + 1, str(mark.column + 1)) if mark else (None, None)
    return Finding("policy", f"is no YAML: {what}", file, *at)


def _cell(column: str, value: str) -> Any:
    if column in _CELL_LISTS:
        return [part.strip() for part in _SEPARATORS.split(value) if part.strip()]
    if column in _CELL_FLAGS:
        return _FLAGS.get(value.lower(), value)
    return value


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
        if index == 0 and part == section and section in (*_LISTS, "mappings"):
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


def _plainly(kind: str, message: str) -> str:
    """pydantic's message with what to do."""
    if kind == "extra_forbidden":
        return "is no field of this section; remove it or correct its name"
    if kind == "missing":
        return "is missing; add it"
    return message.removeprefix("Value error, ")
