"""Items of a channel in the platform's own form, read by a mapping of the policy in the language of imports.

A mapping for a channel has `source` (its zone and date formats), `item` and `filing`. Fields that it does not name are never
read, and columns that classify persons cannot be mapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from services.intake.importer.errors import RowError
from services.intake.importer.excluded_columns import classifies_persons
from services.intake.importer.mapping import Mapping as Reading
from services.intake.importer.mapping_file import problems_of
from services.intake.importer.readers import Row, Table
from services.intake.importer.row_mapper import RowMapper
from services.intake.listed_codes import listed_code
from shared.kernel.refusals import Invalid, Refused
from shared.policy.book import PolicyBook
from shared.policy.documents import Entry
from shared.policy.validation.checks import checks_mappings

_PERSON = ("name", "phone", "id_number", "address")
_OF_IMPORTS = ("channel", "jurisdiction", "organisation", "steps", "due", "link")
_parsed: WeakKeyDictionary[PolicyBook, dict[str, Reading]] = WeakKeyDictionary()


class MappedItem(NamedTuple):
    """A submission, and the platform's names of its fields."""

    submission: dict[str, Any]
    names: dict[str, str]


def mapped_item(book: PolicyBook, channel: str, value: Any) -> MappedItem:
    """The submission of an item. Raises Refused `no_mapping`, and Invalid that names the platform's own field."""
    reading = _reading(book, channel)
    if not isinstance(value, dict):
        raise Invalid(
            "not_an_object", "An item is a JSON object.", detail_zh="每一项须为 JSON 对象，请更正。", field="(body)"
        )
    names = _names(reading)
    table = Table(Path("item"), reading.source)
    plain = {
        name: value.model_copy(update={"table": None, "default": None})
        for name, value in reading.filing.values.items()
        if name in ("place", "subject")
    }
    codes_apart = reading.model_copy(update={"filing": reading.filing.model_copy(update=plain)})
    try:
        cells = table.cells_of(value)
        found = RowMapper(codes_apart, table).item(Row(1, cells))
    except RowError as error:
        field = names.get(error.field, error.field)
        raise Invalid(error.code, f"{field}: {error.why}", detail_zh=f"{field}：{error.why_zh}", field=field) from None
    filing = dict(found["filing"])
    position = filing.pop("position", None)
    for name in plain:
        filing[name] = _code(book, reading, name, filing.get(name))
    if position is not None and filing.get("place") is None:
        filing["place"] = book.place_at(*map(float, position.split(", ")))
    person = {name: filing.pop(name) for name in _PERSON if filing.get(name) is not None}
    submission = {
        "channel": channel,
        "item": found["item"],
        **{key: one for key, one in filing.items() if one is not None},
    }
    if person:
        submission["petitioner"] = person
    return MappedItem(submission, names)


def _reading(book: PolicyBook, channel: str) -> Reading:
    known = book.known_channels.get(channel)
    if known is None:
        raise Invalid(
            "unknown_channel",
            "This channel is not in the policy of the jurisdiction. Use a code of the list or have it added.",
            detail_zh="该渠道不在本辖区的渠道目录中，请使用目录中的代码或先添加。",
            field="channel",
        )
    raw = book.mapping(known.mapping)
    if raw is None:
        raise Refused(
            "no_mapping",
            "This channel has no mapping; file with POST /v1/submissions, or have a mapping added to the policy.",
            detail_zh="该渠道没有登记映射，请使用 POST /v1/submissions，或在规则中添加映射。",
            field="channel",
        )
    of_book = _parsed.setdefault(book, {})
    if channel not in of_book:
        of_book[channel] = _read(channel, raw)
    return of_book[channel]


def _read(channel: str, raw: Mapping[str, object]) -> Reading:
    source = raw.get("source")
    own: dict[str, object] = {**source, "format": "jsonl"} if isinstance(source, dict) else {}
    return Reading.model_validate({**raw, "source": own or source, "channel": {"constant": channel}})


def _names(reading: Reading) -> dict[str, str]:
    """Field of a submission -> the platform's name for it."""
    found = {"item": ", ".join(reading.item.columns)}
    for name, value in reading.filing.values.items():
        if value.columns:
            found[name] = found[f"petitioner.{name}" if name in _PERSON else name] = ", ".join(value.columns)
    return {name: columns for name, columns in found.items() if columns}


def _code(book: PolicyBook, reading: Reading, name: str, given: str | None) -> str | None:
    """The code of a place or subject: by the mapping's table, else by its name in the policy. Unknown words are registered as
    they are, and a person corrects them."""
    value = reading.filing.values[name]
    if given is None:
        return value.default
    if value.table is not None and (found := value.looked_up(given)) is not None:
        return found or None
    listed: Mapping[str, Entry] = book.places if name == "place" else book.subjects
    return listed_code(listed, given) or value.default or given


@checks_mappings
def check(name: str, raw: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """The errors of a mapping for the items of a channel: (field, what is wrong, the same in Chinese)."""
    for key in _OF_IMPORTS:
        if key in raw:
            yield (
                key,
                "belongs to imports of another system's history; remove it: an item is a new filing",
                "用于导入其他系统的历史数据，请删除：渠道的每一项都是新的来件。",
            )
    try:
        reading = _read(name, {key: value for key, value in raw.items() if key not in _OF_IMPORTS})
    except ValidationError as error:
        yield from problems_of(error)
        return
    if reading.filing.text is None:
        yield (
            "filing.text",
            "is missing; a filing needs its text: name the field that holds it",
            "缺失；来件须有正文，请写明正文所在的字段。",
        )
    for path, value in reading.values():
        for column in value.columns:
            if classifies_persons(column):
                yield (
                    ".".join(str(part) for part in path),
                    f"{column!r} classifies persons; such fields are never read: remove it",
                    f"{column!r} 是对人的标记，本系统不读取此类字段，请删除。",
                )
