"""Derives shared/kernel/data/character_variants.txt from the Unicode Character Database.

    python -m tests.support.make_variants FOLDER

FOLDER holds Unihan_Variants.txt (or .bz2) and EquivalentUnifiedIdeograph.txt of Unicode 15.0.0, for example
/usr/share/unicode of Debian's package unicode-data. Other files are refused by their SHA-256.
"""

from __future__ import annotations

import bz2
import hashlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from shared.kernel.text_normalization import VARIANTS

SOURCES = {
    "Unihan_Variants.txt": "eaf54a2a5ea0df3e030cabe7917b04b7556e539874668eaaa106fce7c4b8bf46",
    "EquivalentUnifiedIdeograph.txt": "f2e04bae8c856fad3a16353a99d4cc2de6c72770260379f5e4974a97548aad2a",
}
HEAD = """\
# Characters that are the same for comparison: the first of each line replaces the others.
# Derived by tests/support/make_variants.py from Unicode 15.0.0 (kSimplifiedVariant, kTraditionalVariant, kZVariant,
# unambiguous kSemanticVariant; EquivalentUnifiedIdeograph). Modified: reduced to classes of characters.
{hashes}
# Copyright (c) 1991-2022 Unicode, Inc. All rights reserved. Distributed under the Terms of Use in
# https://www.unicode.org/copyright.html: the data files may be used, modified and distributed free of charge if this notice
# is kept and modified files say so. They are provided "as is", without warranty of any kind.
"""


def read(folder: Path, name: str) -> str:
    """The text of a source file. Raises SystemExit if it is not the pinned one."""
    path = folder / name
    data = path.read_bytes() if path.exists() else bz2.decompress((folder / f"{name}.bz2").read_bytes())
    if hashlib.sha256(data).hexdigest() != SOURCES[name]:
        raise SystemExit(f"{name} is not that of Unicode 15.0.0")
    return data.decode()


def variants(text: str) -> Iterator[tuple[str, str, str]]:
    """(property, character, its variant)."""
    for line in text.splitlines():
        if line.startswith("U+"):
            character, kind, values = line.split("\t")
            for value in values.split():
                yield kind, chr(int(character[2:], 16)), chr(int(value.partition("<")[0][2:], 16))


def radicals(text: str) -> Iterator[tuple[str, str]]:
    """(radical or stroke, the unified ideograph)."""
    for first, last, ideograph in re.findall(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*([0-9A-F]+)", text, re.MULTILINE):
        for code in range(int(first, 16), int(last or first, 16) + 1):
            yield chr(code), chr(int(ideograph, 16))


class Classes:
    """Disjoint classes of characters."""

    def __init__(self) -> None:
        self._class: dict[str, set[str]] = {}

    def __contains__(self, character: str) -> bool:
        return character in self._class

    def of(self, character: str) -> set[str]:
        return self._class.setdefault(character, {character})

    def join(self, one: str, other: str) -> None:
        if self.of(one) is self.of(other):
            return
        both = self.of(one) | self.of(other)
        self._class.update(dict.fromkeys(both, both))

    def differ(self, one: str, other: str) -> bool:
        """True if each has a common character in its class: to join them would make two words one."""
        return any(map(common, self.of(one))) and any(map(common, self.of(other)))

    def members(self) -> list[set[str]]:
        return [
            members for members in {id(known): known for known in self._class.values()}.values() if len(members) > 1
        ]


def classes(folder: Path) -> list[str]:
    """One text for each class: its simplified character, then the others."""
    known = list(variants(read(folder, "Unihan_Variants.txt")))
    joined = Classes()
    for kind, one, other in known:
        if kind in ("kSimplifiedVariant", "kTraditionalVariant"):
            joined.join(one, other)
    for kind, one, other in known:
        if kind == "kZVariant" and not joined.differ(one, other):
            joined.join(one, other)
    meanings: dict[str, set[str]] = defaultdict(set)
    for kind, one, other in known:
        if kind == "kSemanticVariant" and one not in joined:
            meanings[one].add(other)
    for one, others in sorted(meanings.items()):
        other = min(others)
        if all(another in joined.of(other) for another in others) and not joined.differ(one, other):
            joined.join(one, other)
    for one, other in radicals(read(folder, "EquivalentUnifiedIdeograph.txt")):
        joined.join(one, other)
    lines = []
    for members in joined.members():
        first = min(members, key=lambda one: (not common(one), not 0x4E00 <= ord(one) < 0xA000, one))
        lines.append(first + "".join(sorted(members - {first})))
    return sorted(lines)


def common(character: str) -> bool:
    """True for the 6,763 characters of GB 2312, the common simplified ones."""
    try:
        return bool(character.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def main() -> None:
    lines = classes(Path(sys.argv[1]))
    hashes = "\n".join(f"# {name} sha256:{known}" for name, known in SOURCES.items())
    VARIANTS.write_text(HEAD.format(hashes=hashes) + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(lines), "classes,", sum(map(len, lines)), "characters")


if __name__ == "__main__":
    main()
