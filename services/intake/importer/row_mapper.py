"""A row -> a history item by the mapping, or a RowError with line, field and code."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args

from services.intake.history.entries import name_of_entry
from services.intake.history.items import CODE_LIMIT, SHORT_LIMIT, TEXT_LIMIT, HistoryStep, organisation_name
from services.intake.history.step_types import without_date
from services.intake.importer.cells import cell_text, is_nothing
from services.intake.importer.damaged_cells import Damaged, LinkedText
from services.intake.importer.dates import BadDate, reader, surprise
from services.intake.importer.errors import MappingError, RowError
from services.intake.importer.excluded_columns import classifies_persons
from services.intake.importer.mapping import Mapping, Step, Value, normalized_name
from services.intake.importer.positions import BadPosition, located, position_of
from services.intake.importer.readers import Cell, Row, Table
from services.intake.importer.warnings import ImportWarnings
from shared.events import REGISTRY
from shared.events.fields import Class
from shared.events.trusted_build import converter_of
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Refused
from shared.kernel.text_normalization import identifier_form, is_empty, name_form, search_form, without_zero_width
from shared.kernel.validation_messages import WrongValue

_LIMITS = {
    "text": TEXT_LIMIT, "title": SHORT_LIMIT, "location": SHORT_LIMIT, "name": SHORT_LIMIT, "phone": SHORT_LIMIT,
    "media": TEXT_LIMIT, "id_number": SHORT_LIMIT, "address": SHORT_LIMIT, "organisation": 120,
}  # fmt: skip
_WHERE = ("latitude", "longitude", "position", "postcode")
_YES = frozenset(("true", "1", "yes", "y", "是", "有", "t"))
_NO = frozenset(("false", "0", "no", "n", "否", "无", "f"))
_CLASSES = frozenset(get_args(Class))

Get = Callable[[Sequence[Cell], int], str | None]
GetStep = Callable[[Sequence[Cell], int, str], dict[str, Any] | None]
"""(cells, line, when the case was filed) -> a step."""


class RowMapper:
    """Maps the rows of one table to history items. Column names are looked up once."""

    def __init__(self, mapping: Mapping, table: Table) -> None:
        self._mapping = mapping
        self._table = table
        self._empty = frozenset(map(name_form, mapping.source.empty))
        self._known = len(table.columns)
        self.warnings = ImportWarnings()
        self._compile()

    def _compile(self) -> None:
        mapping = self._mapping
        self._channel = self._getter(mapping.channel, "channel", required=True)
        self._item = self._getter(mapping.item, "item", required=True)
        values = mapping.filing.values
        self._joined = any(name in values for name in (*_WHERE, "media"))
        self._create = [name for name, value in values.items() if value.create]
        self._received = self._dates(values.pop("received_at"), "received_at")
        self._filing = [
            (name, self._getter(value, name), _LIMITS.get(name, CODE_LIMIT)) for name, value in values.items()
        ]
        self._organisation = None
        if mapping.organisation is not None:
            self._organisation = self._getter(
                mapping.organisation.model_copy(update={"table": None, "patterns": {}}), "organisation"
            )
        self._link = self._getter(mapping.link, "link") if mapping.link is not None else None
        self._steps = [self._step(step) for step in mapping.steps]
        self._due = None if mapping.due is None else self._dates(mapping.due.value, "due")
        self._columns_of = _columns_by_field(mapping)
        used = {
            place for column in (*mapping.columns, *mapping.ignore) if (place := self._table.place(column)) is not None
        }
        self._unmapped = [
            (place, column)
            for place, column in enumerate(self._table.columns)
            if column and place not in used and not classifies_persons(column)
        ]

    def check_columns(self) -> None:
        """Raise MappingError if the file lacks a column that the mapping uses, or has two of that name, so that it is unclear
        which one is meant. JSON lines may leave out any column."""
        if self._table.format == "jsonl":
            return
        used = sorted(column for column in self._mapping.columns if not classifies_persons(column))
        if twice := sorted(self._table.repeated.intersection(map(normalized_name, used))):
            raise MappingError("repeated_column", field="columns", columns=twice)
        if missing := [column for column in used if self._table.place(column) is None]:
            if self._table.format == "csv" and len(self._table.columns) == 1:
                raise MappingError("one_column", field="source.delimiter")
            raise MappingError("missing_column", field="columns", columns=missing)

    def columns_of(self, field: str) -> str:
        """The columns of the file that hold a field of a row, as an error names it; empty for an error of the whole row."""
        own = field.removeprefix("steps.")
        return self._columns_of.get(own) or (self._columns_of.get("column", "") if own.endswith(".org") else "")

    def dropped(self) -> list[str]:
        """The columns of the file that classify persons. They are never read."""
        return sorted({column for column in self._table.columns if classifies_persons(column)})

    # ------------------------------------------------------------ one row

    def item(self, row: Row, *, go_live: bool = False) -> dict[str, Any]:
        """The history item of a row. Raises RowError, and no other exception."""
        if row.problem is not None:
            raise RowError(row.line, "row", row.problem)
        if len(self._table.columns) != self._known:  # JSON lines brought new names
            self._known = len(self._table.columns)
            self._compile()
        try:
            return self._item_of(row.cells, row.line, go_live)
        except RowError:
            raise
        except Exception:
            raise RowError(row.line, "row", "unreadable") from None

    def _item_of(self, cells: Sequence[Cell], line: int, go_live: bool) -> dict[str, Any]:
        if _is_total(cells):
            raise RowError(line, "row", "total_row")
        item: dict[str, Any] = {
            "line": line,
            "channel": _needed(self._channel(cells, line), line, "channel", CODE_LIMIT),
            "item": _needed(self._item(cells, line), line, "item", CODE_LIMIT),
        }
        if self._mapping.channel.class_ is not None:
            item["channel_class"] = self._mapping.channel.class_
        filing: dict[str, Any] = {"received_at": _needed(self._received(cells, line), line, "received_at", CODE_LIMIT)}
        for name, get, limit in self._filing:
            value = get(cells, line)
            if value is not None:
                filing[name] = _typed(name, _needed(value, line, name, limit), line)
        if self._joined:
            _join(filing, line)
        item["filing"] = filing
        if self._organisation is not None and (org := self._organisation(cells, line)) is not None:
            item["organisation"] = self._org(_needed(org, line, "organisation", 120), line)
        if steps := [
            step for get_step in self._steps if (step := get_step(cells, line, filing["received_at"])) is not None
        ]:
            item["steps"] = steps
        if self._mapping.due is not None and self._due is not None and (due := self._due(cells, line)) is not None:
            item["due"] = {"clock": self._mapping.due.clock, "at": due}
        if self._link is not None and (original := self._link(cells, line)) is not None:
            assert self._mapping.link is not None
            if identifier_form(original) != identifier_form(item["item"]):  # some systems write the own number
                original = _needed(original, line, "link", CODE_LIMIT)
                item["link"] = {"item": original, "kind": self._mapping.link.kind}
        if go_live:
            item["go_live"] = True
        if self._create:
            item["create"] = self._create
            for name in self._create:
                if (given := filing.get(name)) is not None and name_of_entry(given) is None:
                    self.warnings.notice("not_created")
        if self._mapping.on_change != "correct":
            item["on_change"] = self._mapping.on_change
        for place, column in self._unmapped:
            if place < len(cells) and cells[place] not in (None, ""):
                self.warnings.unmapped[column] += 1
        return item

    def _org(self, name: str, line: int) -> dict[str, Any]:
        mapping = self._mapping.organisation
        assert mapping is not None
        name = without_zero_width(name)
        if mapping.create:
            try:
                organisation_name(name)
            except WrongValue:
                raise RowError(line, "organisation", "not_allowed_here") from None
        organisation: dict[str, Any] = {"name": name, "create": mapping.create}
        if mapping.translates:
            if (code := mapping.looked_up(name)) is not None:
                organisation["code"] = code
            else:
                self.warnings.note(mapping.columns, "organisation", name)
        return organisation

    # ------------------------------------------------------------ compiled parts

    def _places(self, columns: Iterable[str]) -> list[int]:
        return [
            place
            for column in columns
            if not classifies_persons(column) and (place := self._table.place(column)) is not None
        ]

    def _getter(self, value: Value, field: str, *, required: bool = False) -> Get:
        """A function that returns the text of a field from the cells of a row."""
        if value.hash or value.row:
            places = self._places(value.hash) if value.hash else None
            return lambda cells, _line: _made_number(cells, places)
        if value.constant is not None:
            constant = value.constant
            return lambda _cells, _line: constant
        first, *others = self._places(value.columns) or [sys.maxsize]
        translates, default = value.translates, value.default
        prose = translates  # what a table names has a meaning, even 无

        def get(cells: Sequence[Cell], line: int) -> str | None:
            text = self._text(cells[first], line, field, prose, part=bool(others)) if first < len(cells) else None
            if others:
                rest = (self._text(cells[at], line, field, prose, part=True) for at in others if at < len(cells))
                parts = [text, *rest]
                text = value.with_.join(part for part in parts if part is not None)
            if not text or not translates:
                return text or default
            found = value.looked_up(text)
            if found is not None:
                return found or None
            if is_nothing(text, field):
                self.warnings.empty(field, text)
                return default
            self.warnings.note(value.columns, field, text)
            if default is None and required:
                raise RowError(line, field, "value_not_in_table")
            return default

        return get

    def _text(self, cell: Cell, line: int, field: str, prose: bool = False, *, part: bool = False) -> str | None:
        """The text of a cell. `prose`: what people write for nothing is kept. `part`: it is one of several that are joined."""
        warnings = self.warnings
        if field == "media" and cell is not None:
            cell = _media(cell)
            if isinstance(cell, str) and not is_empty(cell) and not _LINK.search(cell):
                warnings.notice("media_without_link")
        text = cell_text(cell, line, field, warnings.clean, warnings.empty, warnings.notice, prose=prose, part=part)
        if text is not None and self._empty and name_form(text) in self._empty:
            self.warnings.empty(field, text)
            return None
        return text

    def _dates(self, value: Value, field: str) -> Get:
        """A function that returns a date or instant in its storage form."""
        source = self._mapping.source
        read = reader(source.zone, value.date_formats or source.date_formats, whole_days=value.as_ == "date")
        place = next(iter(self._places(value.columns)), sys.maxsize)
        get_text = self._getter(value, field) if value.column is None or value.translates else None

        def get(cells: Sequence[Cell], line: int) -> str | None:
            if get_text is not None:
                cell: Cell = get_text(cells, line)
            else:
                cell = cells[place] if place < len(cells) else None
                if isinstance(cell, str):
                    cell = self._text(cell, line, field)
                elif isinstance(cell, Damaged):
                    raise RowError(line, field, cell.code)
                cell = value.default if cell is None else cell
            if cell is None:
                return None
            try:
                found = read(cell)
                if (code := surprise(found, source.zone)) is not None:
                    self.warnings.notice(code)
                return to_text(found)
            except BadDate as bad:
                raise RowError(line, field, bad.code) from None

        return get

    def _step(self, step: Step) -> GetStep:
        """A function that returns the step of a row, or None if it did not occur."""
        date_of = self._dates(step.date, f"{step.event}.date") if step.date is not None else None
        conditions = [(self._condition(column), wanted) for column, wanted in step.when.items()]
        fields = [self._field(step, name, value) for name, value in step.fields.items()]

        told = [self._condition(column) for value in step.fields.values() for column in value.columns]
        texts = {
            column: self._condition(column)
            for name, value in step.fields.items()
            if name in REGISTRY[step.event].personal
            for column in value.columns
        }

        def get(cells: Sequence[Cell], line: int, filed: str) -> dict[str, Any] | None:
            at = date_of(cells, line) if date_of is not None else None
            if at is None and not step.undated:
                for column, text_of in texts.items():
                    if text_of(cells, line) is not None:
                        self.warnings.undated[column] += 1
                return None
            if not all(_holds(get_text(cells, line), wanted) for get_text, wanted in conditions):
                return None
            if at is None and not conditions and all(get_value(cells, line) is None for get_value in told):
                return None
            body: dict[str, Any] = {}
            for name, get_value, limit, required, many in fields:
                value = get_value(cells, line)
                if value is None and not required:
                    continue
                text = _needed(value, line, f"{step.event}.{name}", limit)
                body[name] = [text] if many else text
            try:
                if at is None:
                    return {
                        "type": "UndatedStepRecorded",
                        "effective_at": filed,
                        "body": without_date(step.event, body),
                    }
                found = {"type": step.event, "effective_at": at, "body": body}
                _ = HistoryStep.model_validate(found).event
            except Refused as refused:
                field = (refused.field or step.event).removeprefix("steps.")
                raise RowError(line, field, "not_allowed_here") from None
            return found

        return get

    def _condition(self, column: str) -> Get:
        """A function that returns the text of a column as it is: a condition may ask for 无."""
        place = next(iter(self._places((column,))), sys.maxsize)

        def get(cells: Sequence[Cell], line: int) -> str | None:
            return self._text(cells[place], line, column, prose=True) if place < len(cells) else None

        return get

    def _field(self, step: Step, name: str, value: Value) -> _StepField:
        model = REGISTRY[step.event]
        info = model.model_fields[name]
        many, required = "tuple" in str(info.annotation), info.is_required()
        if converter_of(info) is not None and not many:
            return _StepField(name, self._dates(value, f"{step.event}.{name}"), CODE_LIMIT, required, many)
        limit = TEXT_LIMIT if name in model.personal else CODE_LIMIT
        get = self._getter(value, f"{step.event}.{name}", required=required)
        return _StepField(name, get, limit, required, many)


_TOTAL = re.compile(
    r"(?:合计|总计|小计|共计|总数|(?:grand ?|sub-?)?totals?|sum)(?: ?[:：].{0,20}| ?[0-9]+ ?[件条行笔]?)?",
    re.IGNORECASE,
)
_LONGEST_TOTAL = 30
_FIRST = frozenset("合总總小共gGtTsSＧＴＳ")
"""How such a row begins: spares the comparison of all other rows."""


def _is_total(cells: Sequence[Cell]) -> bool:
    """True for a row below the data that adds them up, as reports and pivot tables have one."""
    first = next((cell for cell in cells if cell is not None and cell != ""), None)
    if not isinstance(first, str) or len(first) >= _LONGEST_TOTAL or first.strip()[:1] not in _FIRST:
        return False
    return _TOTAL.fullmatch(name_form(first)) is not None


_LINK = re.compile(r"https?://\S", re.IGNORECASE)


def _media(cell: Cell) -> Cell:
    """The links of a cell: also those that a workbook keeps behind a text, and the texts of a JSON list."""
    if isinstance(cell, LinkedText):
        return str(cell) if cell.target in cell else f"{cell} {cell.target}"
    if isinstance(cell, list) and all(isinstance(one, str) for one in cell):
        return "\n".join(cell)
    return cell


def _columns_by_field(mapping: Mapping) -> dict[str, str]:
    """Field, as errors name it -> the columns of the file that hold it."""
    found: dict[str, list[str]] = {}
    for path, value in mapping.values():
        if path[0] == "steps":
            event = mapping.steps[int(path[1])].event
            names = [f"{event}.{path[-1]}", *([f"{event}.effective_at"] if path[-1] == "date" else [])]
        else:
            names = [str(path[-1])]
        for name in (*names, *(["position"] if path[-1] in _WHERE else [])):
            found.setdefault(name, []).extend(one for one in value.columns if one not in found[name])
    if mapping.due is not None:
        found["due"] = [mapping.due.column]
    return {name: ", ".join(columns) for name, columns in found.items()}


def _join(filing: dict[str, Any], line: int) -> None:
    """Position and postcode become part of the location, and links to media part of the text: both are sealed."""
    own = {name: filing.pop(name) for name in _WHERE if name in filing}
    if own:
        try:
            found = located({**own, **({"location": filing["location"]} if "location" in filing else {})})
        except BadPosition:
            raise RowError(line, "position", "not_a_position") from None
        if found is not None:
            filing["location"] = _needed(found, line, "location", SHORT_LIMIT)
        if (where := position_of(own)) is not None:
            filing["position"] = where
    if (media := filing.pop("media", None)) is not None:
        text = filing.get("text")
        filing["text"] = _needed(media if text is None else f"{text}\n{media}", line, "text", TEXT_LIMIT)


def _made_number(cells: Sequence[Cell], places: list[int] | None) -> str | None:
    """The number of an item that the source does not number: the same content always gives the same number."""
    chosen = cells if places is None else [cells[place] for place in places if place < len(cells)]
    parts = ["" if cell is None else name_form(str(cell)) for cell in chosen]
    while parts and not parts[-1]:  # empty cells at the end, which some programs leave out
        parts.pop()
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest() if any(parts) else None


class _StepField(NamedTuple):
    """One field of a step. `limit`: characters; `many`: the event has a list there."""

    name: str
    get: Get
    limit: int
    required: bool
    many: bool


def _holds(text: str | None, wanted: tuple[str, ...] | Literal["filled", "empty"]) -> bool:
    """True if a cell meets a condition of a step."""
    if wanted == "filled":
        return text is not None
    return text is None if wanted == "empty" else text is not None and name_form(text) in map(name_form, wanted)


def _needed(value: str | None, line: int, field: str, limit: int) -> str:
    if value is None:
        raise RowError(line, field, "missing")
    if len(value) > limit:
        raise RowError(line, field, "too_long")
    return value


def _typed(name: str, value: str, line: int) -> str | bool:
    if name in ("anonymous", "confidential"):
        word = search_form(value)
        if word not in _YES and word not in _NO:
            raise RowError(line, name, "not_allowed_here")
        return word in _YES
    if name == "class":
        value = identifier_form(value)
        if value not in _CLASSES:
            raise RowError(line, name, "not_allowed_here")
    return value
