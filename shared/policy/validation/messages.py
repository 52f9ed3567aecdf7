"""The findings of the checks, whose sentences are data (`messages.yaml`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from shared.events.policy import Section
from shared.kernel.messages import Messages
from shared.policy.validation.finding import Finding

MESSAGES = Messages(Path(__file__).with_name("messages.yaml"))
_KINDS: dict[Section, tuple[str, str]] = {
    "organisations": ("organisation", "单位"),
    "places": ("place", "属地"),
    "subjects": ("subject", "分类"),
    "mappings": ("mapping", "映射"),
}


def finding(
    where: str,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    column: str | None = None,
    needs: tuple[Section, ...] = (),
    **values: object,
) -> Finding:
    """The finding that reports `message`, filled in with `values`. The other arguments are fields of Finding."""
    return Finding(where, *MESSAGES.filled(message, values), file, line, column, needs)


def unlisted(
    where: str, section: Section, code: str | None, known: Container[str], message: str = "unlisted"
) -> Iterator[Finding]:
    """The finding that `code` is not an entry of `section`; nothing where there is no code or it is known."""
    if code is not None and code not in known:
        kind, kind_zh = _KINDS[section]
        yield finding(where, message, needs=(section,), kind=kind, kind_zh=kind_zh, code=code, section=section)


def repeated(where: str, identities: Iterable[str], name: str, message: str) -> Iterator[Finding]:
    """One finding for each identity that more than one entry of the list `where` has in its field `name`."""
    for identity, times in Counter(identities).items():
        if times > 1:
            yield finding(f"{where}[{identity}].{name}", message, times=times)
