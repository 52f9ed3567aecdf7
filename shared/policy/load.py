"""Reading a policy from files: one YAML file, or a directory of YAML and CSV files.

In YAML every top-level key is a section; `use: [cn-xf-2022, cn-calendar]` takes sections from files that come with
Huiyin (or lie beside this one). `organisations.csv`, `places.csv`, `subjects.csv`, `channels.csv`, `qr_codes.csv`,
`routing.csv` and `keywords.csv` hold one entry a line; lists inside a cell are separated by `;`. Each file of the folder
`mappings` is one mapping of a channel, named like the file. All errors are collected, each with file, line and column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import orjson

from shared.events.policy import PolicyActivated, Section
from shared.policy.documents import CalendarDocument, Document
from shared.policy.files import SECTIONS, Reader, bundled_names, shipped
from shared.policy.finding import Finding
from shared.policy.findings import check

__all__ = [
    "SECTIONS",
    "Loaded",
    "PolicyInvalid",
    "bundled",
    "bundled_names",
    "canonical",
    "hash_of",
    "load",
    "plain",
    "read",
    "read_calendar",
]


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
    found = shipped(name)
    if found is None:
        raise KeyError(f"no policy of that name comes with Huiyin; there are {', '.join(bundled_names())}")
    return load(found)


def read(
    source: Traversable, base: Mapping[Section, Document] | None = None
) -> tuple[dict[Section, Document], list[Finding]]:
    """The sections that could be read, and everything that is wrong with them."""
    reader = Reader()
    reader.read(source)
    documents = reader.documents()
    if not documents and not reader.findings:
        what = f"no section found; use one of {', '.join(SECTIONS)}"
        zh = f"没有找到政策的任何部分，请使用以下之一：{'、'.join(SECTIONS)}。"
        reader.findings.append(Finding("policy", what, zh, source.name))
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
    reader = Reader()
    reader.read(source)
    given = reader.documents().get("calendar") if "calendar" in reader.raw else None
    if reader.raw.keys() - {"calendar"}:
        other = sorted(reader.raw.keys() - {"calendar"})[0]
        what, zh = "a calendar is published by itself; remove this section", "日历须单独公布，请删除这一部分。"
        reader.findings.append(reader.placed(Finding(other, what, zh)))
    if not isinstance(given, CalendarDocument):
        if not reader.findings:
            what = "there is no section calendar; name the years in it"
            zh = "缺少 calendar 部分，请在其中列出年份。"
            reader.findings.append(Finding("calendar", what, zh, source.name))
        return None, reader.findings
    reader.findings += [reader.placed(one) for one in check({"calendar": merge(given)})]
    return plain(given), reader.findings


def _follows(finding: Finding, broken: set[str]) -> bool:
    """Is this only because another section could not be read?"""
    if finding.what.startswith("a gap"):
        return not broken.isdisjoint(("places", "subjects", "routing"))
    return any(f"is not in {section}" in finding.what for section in broken)
