"""The mapping: the meaning of the columns of an export. A YAML file that can be written without programming.

Its format is described in docs/import.md. Every error names the line and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from services.intake.history.items import OnChange
from services.intake.importer.dates import compile_format, contradicts, literal_zone
from shared.events.intake import LinkKind
from shared.kernel.legal_time import zone as zone_of
from shared.kernel.text_normalization import name_form
from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import ChannelClass

Column = Annotated[str, Field(min_length=1, max_length=400)]


def _short_form(value: Any) -> Any:
    """`title: 标题` is short for `title: {column: 标题}`."""
    return {"column": value} if isinstance(value, str) else value


def _usable(formats: tuple[str, ...]) -> tuple[str, ...]:
    for text in formats:
        compile_format(text)
    return formats


DateFormats = Annotated[tuple[str, ...], AfterValidator(_usable)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_Part):
    """The source of a field's value: exactly one of column, constant, join."""

    column: Column | None = None
    constant: str | None = None
    join: tuple[Column, ...] = ()
    with_: str = Field(" ", alias="with")
    table: dict[str, str] | None = None
    default: str | None = None
    as_: Literal["date"] | None = Field(None, alias="as")
    """`date`: the column holds days, so midnight is no time of day."""
    date_formats: DateFormats = ()
    """Date formats of this column; those of `source` if there are none."""
    patterns: dict[str, str] = Field(default_factory=dict)
    """Texts with `*` for any characters -> the value here, for what the table does not contain; the first that fits counts."""
    table_file: str | None = None
    """A CSV file beside the mapping: value in the file, value here. Its lines are further entries of the table."""
    create: bool = False
    """Of place and subject: add the value to the policy if it is not listed."""
    hash: tuple[Column, ...] = ()
    """Columns whose content together makes a number, where the source has none of its own."""
    row: bool = False
    """The content of all columns of the row makes a number."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is not None) + (self.constant is not None) + bool(self.join) + bool(self.hash) + self.row != 1:
            raise WrongValue(
                "needs exactly one of column, constant or join (or for item hash or row: true)",
                "须写明 column、constant、join（item 还可用 hash 或 row: true）之一，且只能写一个。",
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,) if self.column is not None else self.join or self.hash

    def looked_up(self, text: str) -> str | None:
        """The entry of the table for a text: as written, else with the same name form. None if there is none."""
        found = (self.table or {}).get(text)
        if found is None:
            form = name_form(text)
            found = self._by_form.get(form)
            if found is None:
                found = next((value for fits, value in self._by_pattern if fits(form)), None)
        return found

    @cached_property
    def _by_pattern(self) -> list[tuple[Callable[[str], object], str]]:
        return [
            (
                re.compile(
                    translate("*".join(map(name_form, text.split("*"))).replace("[", "[[]").replace("?", "[?]"))
                ).match,
                value,
            )
            for text, value in self.patterns.items()
        ]

    @property
    def translates(self) -> bool:
        """True if the value is looked up, so that one that is not found is reported."""
        return self.table is not None or bool(self.patterns)

    @cached_property
    def _by_form(self) -> dict[str, str]:
        return {name_form(key): value for key, value in reversed((self.table or {}).items())}


Field_ = Annotated[Value, BeforeValidator(_short_form)]


class Source(_Part):
    """The format of the file."""

    format: Literal["auto", "csv", "jsonl", "xlsx"] = "auto"
    encoding: Literal["auto", "utf-8", "gb18030", "utf-16", "big5"] = "auto"
    zone: str
    header_row: int = Field(1, ge=1, le=1000)
    sheet: str | None = None
    delimiter: str = "auto"
    date_formats: DateFormats = ()
    empty: tuple[str, ...] = ()
    """Texts that stand for an empty cell in this file, besides the usual ones."""

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @field_validator("delimiter")
    @classmethod
    def _delimiter(cls, value: str) -> str:
        value = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(value, value)
        if value != "auto" and (len(value) != 1 or value in "\"'\r\n\0" or value.isalnum()):
            raise WrongValue(
                "delimiter is auto, comma, semicolon, tab, or one character",
                "delimiter 须为 auto、comma、semicolon、tab 或单个符号。",
            )
        return value


class Channel(Value):
    """The channel of a filing. `class`: its class, for a channel that is not in the policy."""

    class_: ChannelClass | None = Field(None, alias="class")


class Organisation(Value):
    """The responsible organisation. `create`: add it to the policy if it is not listed. A table gives codes for names."""

    create: bool = False


class Link(Value):
    """The number of the filing that a row repeats. `kind`: as in the command `link`."""

    kind: LinkKind = "duplicate"


class Step(_Part):
    """One event of the case. It occurred if its date cell is filled and every condition holds.

    `undated`: it also occurred where the date is missing, if there is a condition or one of its fields is filled. It is then kept
    without a date."""

    event: str
    date: Field_ | None = None
    undated: bool = False
    when: dict[Column, tuple[str, ...] | Literal["filled", "empty"]] = Field(default_factory=dict)
    fields: dict[str, Field_] = Field(default_factory=dict)

    @field_validator("when", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            column: wanted if wanted in ("filled", "empty") or not isinstance(wanted, str) else (wanted,)
            for column, wanted in value.items()
        }

    @model_validator(mode="after")
    def _date_or_none(self) -> Self:
        if self.date is None and not self.undated:
            raise WrongValue(
                "needs a date: name its column; where the source has none, write undated: true",
                "须写明 date（日期列）；来源没有日期的，写 undated: true。",
            )
        if self.date is None and not self.when and not any(value.columns for value in self.fields.values()):
            raise WrongValue(
                "has no date, so it needs a condition (when) or a field with a column that says whether it occurred",
                "没有 date 的步骤，须有条件（when）或取自列的字段，以判断是否发生。",
            )
        return self


class DueDate(_Part):
    """A due date that the source states. `as: date`: it is a day, up to its end."""

    clock: str = Field(min_length=1, max_length=80)
    column: Column
    as_: Literal["date"] | None = Field(None, alias="as")
    date_formats: DateFormats = ()

    @property
    def value(self) -> Value:
        return Value.model_validate({"column": self.column, "as": self.as_, "date_formats": self.date_formats})


class Filing(_Part):
    """The filing. Only `received_at` is required."""

    received_at: Field_
    title: Field_ | None = None
    text: Field_ | None = None
    place: Field_ | None = None
    subject: Field_ | None = None
    level: Field_ | None = None
    class_: Field_ | None = Field(None, alias="class")
    location: Field_ | None = None
    latitude: Field_ | None = None
    longitude: Field_ | None = None
    position: Field_ | None = None
    """Latitude and longitude in one cell."""
    postcode: Field_ | None = None
    media: Field_ | None = None
    """Links to photographs and the like: they are kept with the text."""
    received_by: Field_ | None = None
    anonymous: Field_ | None = None
    confidential: Field_ | None = None
    name: Field_ | None = None
    phone: Field_ | None = None
    id_number: Field_ | None = None
    address: Field_ | None = None

    @property
    def values(self) -> dict[str, Value]:
        """Name of a field in an item -> the source of its value."""
        return {name.rstrip("_"): value for name, value in self if value is not None}


class Mapping(_Part):
    source: Source
    jurisdiction: str | None = None
    channel: Annotated[Channel, BeforeValidator(lambda value: {"constant": value} if isinstance(value, str) else value)]
    item: Field_
    filing: Filing
    organisation: Annotated[Organisation, BeforeValidator(_short_form)] | None = None
    steps: tuple[Step, ...] = ()
    due: DueDate | None = None
    link: Annotated[Link, BeforeValidator(_short_form)] | None = None
    ignore: tuple[Column, ...] = ()
    on_change: OnChange = "correct"
    """What becomes of content that a later export states otherwise."""

    @model_validator(mode="after")
    def _made_numbers_are_items(self) -> Self:
        """Only an item is made of the content of a row: elsewhere it would invent a value that nobody wrote."""
        if any((value.hash or value.row) and path != ("item",) for path, value in self.values()):
            raise WrongValue(
                "hash and row make the number of an item; use column, join or constant here",
                "hash 和 row 只用于 item，此处请用 column、join 或 constant。",
            )
        return self

    @model_validator(mode="after")
    def _created_in_lists(self) -> Self:
        allowed = (("filing", "place"), ("filing", "subject"), ("organisation",))
        if any(value.create and path not in allowed for path, value in self.values()):
            raise WrongValue(
                "create adds a place, a subject or an organisation; take it out here",
                "create 只用于属地、分类和承办单位，请在此处去掉。",
            )
        if any(value.table_file is not None for _, value in self.values()):
            raise WrongValue(
                "table_file is a file beside the mapping file; here write the entries as table",
                "table_file 是映射文件旁的文件；此处请直接写 table。",
            )
        return self

    @model_validator(mode="after")
    def _zone_as_in_formats(self) -> Self:
        """A format with the word of a zone, such as `hh:mm:ss UTC`, says what the times are; the zone may not
        say something else."""
        own = [text for _, value in self.values() for text in value.date_formats]
        for text in (*self.source.date_formats, *own, *(self.due.date_formats if self.due is not None else ())):
            word = literal_zone(text)
            if word is not None and contradicts(word, self.source.zone):
                raise WrongValue(
                    f"the date format names {word}, but source.zone is {self.source.zone}; write ZZ for the zone of each cell, "
                    "or correct source.zone",
                    f"日期格式写明 {word}，而 source.zone 为 {self.source.zone}；请用 ZZ 表示各单元格的时区，或更正 source.zone。",
                )
        return self

    @cached_property
    def columns(self) -> frozenset[str]:
        """All columns that are used."""
        found = {column for _, value in self.values() for column in value.columns}
        found.update(column for step in self.steps for column in step.when)
        if self.due is not None:
            found.add(self.due.column)
        return frozenset(found)

    def values(self) -> Iterator[tuple[tuple[str | int, ...], Value]]:
        """(path in the mapping, value) of all values."""
        yield ("channel",), self.channel
        yield ("item",), self.item
        for name, value in self.filing.values.items():
            yield ("filing", name), value
        if self.organisation is not None:
            yield ("organisation",), self.organisation
        if self.link is not None:
            yield ("link",), self.link
        for index, step in enumerate(self.steps):
            if step.date is not None:
                yield ("steps", index, "date"), step.date
            for name, value in step.fields.items():
                yield ("steps", index, "fields", name), value


def normalized_name(name: str) -> str:
    """A column name as it is compared: without outer blanks, with single inner blanks."""
    return re.sub(r"\s+", " ", name.replace("\ufeff", "")).strip()
