"""Messages as data: a YAML file with the sentence of each message in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.resources.abc import Traversable

from shared.kernel import data_file


class Messages:
    """The messages of one file, which is read on first use."""

    def __init__(self, path: Traversable) -> None:
        self._path = path

    @cached_property
    def sentences(self) -> dict[str, dict[str, str]]:
        """Name of a message -> its sentence by language, `en` and `zh`."""
        found: dict[str, dict[str, str]] = data_file.load(self._path)
        return found

    def filled(self, name: str, values: Mapping[str, object]) -> tuple[str, str]:
        """The English and the Chinese sentence with `values` filled in.

        A list `names` is joined by commas; the Chinese sentence refers to it as `names_zh`. Raises KeyError for an unknown
        message and for a missing value."""
        shown = dict(values)
        for key, value in values.items():
            if isinstance(value, tuple | list):
                shown |= {key: ", ".join(value), f"{key}_zh": "、".join(value)}
        sentence = self.sentences[name]
        return sentence["en"].format(**shown), sentence["zh"].format(**shown)
