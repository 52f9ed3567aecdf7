"""Codes that are written like a given text, for whoever misspelt one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches


def near_codes(given: str, known: Mapping[str, str]) -> list[str]:
    """At most three codes of `known` (code -> name) that are written like `given`, or whose names are.

    >>> near_codes("dh-ly", {"dh-yl": "杨柳街道", "xs": "西山区"}), near_codes("杨柳", {"dh-yl": "杨柳街道", "xs": "西山区"})
    (['dh-yl'], ['dh-yl'])
    """
    codes = get_close_matches(given, known, n=3)
    by_name = {name: code for code, name in known.items()}
    names = [by_name[name] for name in by_name if given in name or name in given]
    names += [by_name[name] for name in get_close_matches(given, by_name, n=3, cutoff=0.5)]
    return list(dict.fromkeys([*codes, *names]))[:3]
