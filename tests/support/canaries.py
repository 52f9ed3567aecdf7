"""Canaries: unique words in Chinese and digits, so that one search finds every place where they leaked."""

from __future__ import annotations

from typing import Any


class Canaries:
    """Makes them, and finds them again in every form in which text is usually kept."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def new(self, name: str) -> str:
        """A canary; the same name gives the same one."""
        if name not in self._words:
            number = 7_310_000 + len(self._words) * 7919
            self._words[name] = f"金丝雀{chr(0x9000 + len(self._words))}{number}"
        return self._words[name]

    def fill(self, value: Any) -> Any:
        """`value` with every `{name}` replaced by its canary."""
        if isinstance(value, str):
            return self.new(value[1:-1]) if value.startswith("{") else value
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return value

    def found_in(self, text: str) -> list[str]:
        return self.found_in_bytes(text.encode())

    def found_in_bytes(self, data: bytes) -> list[str]:
        """Names of the canaries that are there: plain, escaped as in JSON or Python, or as UTF-16."""
        return [
            name
            for name, bird in self._words.items()
            if any(
                form in data
                for form in (
                    bird.encode(),
                    bird.encode("unicode_escape"),
                    bird.encode("utf-16-le"),
                    bird[-7:].encode(),
                )
            )
        ]
