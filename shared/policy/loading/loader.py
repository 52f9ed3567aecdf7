"""Reading a policy from files: one YAML file, or a directory of YAML and CSV files.

In YAML every top-level key is a section; `use: [cn-xf-2022, cn-calendar]` takes sections from files that come with
Huiyin (or from files next to this one). `organisations.csv`, `places.csv`, `subjects.csv`, `channels.csv`, `qr_codes.csv`,
`routing.csv` and `keywords.csv` hold one entry per line; lists inside a cell are separated by `;`. Each file of the folder
`mappings` is one mapping of a channel, named after the file. All errors are collected, each with file, line and column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import orjson

from shared.events.policy import PolicyActivated, Section
from shared.policy.documents import CalendarDocument, Document
from shared.policy.loading.files import SECTIONS, Reader, bundled_names, shipped
from shared.policy.validation.checks import check
from shared.policy.validation.finding import Finding
from shared.policy.validation.messages import finding


class LoadedSection(NamedTuple):
    """One section, ready to be activated."""

    section: Section
    document: dict[str, Any]
    hash: str

    def activation(self) -> PolicyActivated:
        return PolicyActivated(section=self.section, hash=self.hash, document=self.document)


class PolicyInvalid(ValueError):
    """The files are not a policy that can be activated; `findings` lists all errors."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(found) for found in findings))
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


def load(source: Traversable, base: Mapping[Section, Document] | None = None) -> list[LoadedSection]:
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
            loaded.append(LoadedSection(section, document, hash_of(document)))
    return loaded


def bundled(name: str) -> list[LoadedSection]:
    """A policy that comes with Huiyin: `demo`, `cn-xf-2022`, `cn-calendar`. Raises KeyError for another name."""
    found = shipped(name)
    if found is None:
        raise KeyError(f"no policy of that name comes with Huiyin; there are {', '.join(bundled_names())}")
    return load(found)


def read(
    source: Traversable, base: Mapping[Section, Document] | None = None
) -> tuple[dict[Section, Document], list[Finding]]:
    """The sections that could be read, and all findings."""
    reader = Reader()
    reader.read(source)
    documents = reader.documents()
    if not documents and not reader.findings:
        reader.findings.append(finding("policy", "no_section", file=source.name, sections=SECTIONS))
    broken = {found.where.split("[")[0].split(".")[0] for found in reader.findings}
    for found in check({**(base or {}), **documents}):
        if broken.isdisjoint(found.needs):  # else it only follows from a section that could not be read
            reader.findings.append(reader.placed(found))
    return documents, reader.findings


def read_calendar(
    source: Traversable, merge: Callable[[CalendarDocument], CalendarDocument]
) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The `calendar` section of a file as it was given, and the findings on the calendar that `merge` makes of it, with file
    and line."""
    reader = Reader()
    reader.read(source)
    given = reader.documents().get("calendar") if "calendar" in reader.raw else None
    if reader.raw.keys() - {"calendar"}:
        other = sorted(reader.raw.keys() - {"calendar"})[0]
        reader.findings.append(reader.placed(finding(other, "calendar_with_others")))
    if not isinstance(given, CalendarDocument):
        if not reader.findings:
            reader.findings.append(finding("calendar", "calendar_missing", file=source.name))
        return None, reader.findings
    reader.findings += [reader.placed(one) for one in check({"calendar": merge(given)})]
    return plain(given), reader.findings
