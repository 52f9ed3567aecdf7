"""Codes of the policy for words of another system: by code, or by a name or alias that only one entry has."""

from __future__ import annotations

from collections.abc import Mapping

from shared.kernel.text_normalization import identifier_form, name_form
from shared.policy.documents import Entry

_by_name: dict[int, tuple[Mapping[str, Entry], dict[str, str | None]]] = {}
_MOST = 16
"""Lists whose names are kept: those of the policies in use."""


def listed_code(listed: Mapping[str, Entry], given: str) -> str | None:
    """The code of the entry that `given` names, None if there is none or more than one.

    >>> from shared.policy.documents import Place
    >>> listed = {"dh-yl": Place(code="dh-yl", name="育林社区", name_en="Yulin")}
    >>> listed_code(listed, " ｄｈ-yl"), listed_code(listed, "育林 社区"), listed_code(listed, "YULIN"), listed_code(listed, "x")
    ('dh-yl', None, 'dh-yl', None)
    """
    code = identifier_form(given)
    if code in listed:
        return code
    found = _by_name.get(id(listed))
    if found is None or found[0] is not listed:
        if len(_by_name) >= _MOST:
            _by_name.clear()
        names: dict[str, str | None] = {}
        for entry in listed.values():
            for name in {name_form(one) for one in (entry.name, entry.name_en or "", *entry.aliases)} - {""}:
                names[name] = None if name in names else entry.code
        found = _by_name[id(listed)] = (listed, names)
    return found[1].get(name_form(given))
