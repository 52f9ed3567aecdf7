"""A row -> a history item by the mapping, or a RowError with line, field and code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args

from services.intake.history import CODE_LIMIT, SHORT_LIMIT, TEXT_LIMIT, HistoryStep, body_of
from services.intake.importer.cells import of_cell
from services.intake.importer.dates import BadDate, reader
from services.intake.importer.errors import MappingError, RowError
from services.intake.importer.excluded_columns import marks_a_person
from services.intake.importer.mapping import Mapping, Step, Value, spell
from services.intake.importer.readers import Cell, Row, Table
from services.intake.importer.warnings import ImportWarnings
from shared.events import REGISTRY
from shared.events.fields import Class
from shared.events.trusted_build import converter_of
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Refused

_LIMITS = {
    "text": TEXT_LIMIT, "title": SHORT_LIMIT, "location": SHORT_LIMIT, "name": SHORT_LIMIT, "phone": SHORT_LIMIT,
    "id_number": SHORT_LIMIT, "address": SHORT_LIMIT, "organisation": 200,
}  # fmt: skip
_YES = frozenset(("true", "1", "yes", "y", "是", "有", "t"))
_NO = frozenset(("false", "0", "no", "n", "否", "无", "f"))
_CLASSES = frozenset(get_args(Class))

Get = Callable[[Sequence[Cell], int], str | None]
GetStep = Callable[[Sequence[Cell], int], dict[str, Any] | None]


class Rows:
    """Reads the rows of one table by a mapping. Column names are looked up once."""

    def __init__(self, mapping: Mapping, table: Table) -> None:
        self._mapping = mapping
        self._table = table
        self._read_date = reader(mapping.source.zone, mapping.source.date_formats)
        self._known = len(table.columns)
        self.noticed = ImportWarnings()
        self._compile()

    def _compile(self) -> None:
        mapping = self._mapping
        self._channel = self._getter(mapping.channel, "channel", required=True)
        self._item = self._getter(mapping.item, "item", required=True)
        values = mapping.filing.values
        self._received = self._dates(values.pop("received_at"), "received_at")
        self._filing = [
            (name, self._getter(value, name), _LIMITS.get(name, CODE_LIMIT)) for name, value in values.items()
        ]
        self._organisation = None
        if mapping.organisation is not None:
            self._organisation = self._getter(mapping.organisation.model_copy(update={"table": None}), "organisation")
        self._steps = [self._step(step) for step in mapping.steps]
        self._due = None if mapping.due is None else self._dates(Value(column=mapping.due.column), "due")
        used = {spell(column) for column in (*mapping.columns, *mapping.ignore)}
        self._unmapped = [
            (place, column)
            for place, column in enumerate(self._table.columns)
            if column and column not in used and not marks_a_person(column)
        ]

    def check_columns(self) -> None:
        """Raise MappingError if the file lacks a column that the mapping uses, or has two of that name, so that it is unclear
        which one is meant. JSON lines may leave out any column."""
        if self._table.format == "jsonl":
            return
        used = sorted(column for column in self._mapping.columns if not marks_a_person(column))
        if twice := sorted(self._table.repeated.intersection(map(spell, used))):
            raise MappingError("repeated_column", field="columns", columns=twice)
        if missing := [column for column in used if self._table.place(column) is None]:
            raise MappingError("missing_column", field="columns", columns=missing)

    def dropped(self) -> list[str]:
        """The columns of the file that classify persons. They are never read."""
        return sorted({column for column in self._table.columns if marks_a_person(column)})

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
        item: dict[str, Any] = {
            "line": line,
            "channel": _needed(self._channel(cells, line), line, "channel", CODE_LIMIT),
            "item": _needed(self._item(cells, line), line, "item", CODE_LIMIT),
        }
        if self._mapping.channel.class_ is not None:
            item["channel_class"] = self._mapping.channel.class_
        received = self._received(cells, line)
        if received is None:
            raise RowError(line, "received_at", "missing")
        filing: dict[str, Any] = {"received_at": received}
        for name, get, limit in self._filing:
            value = get(cells, line)
            if value is None:
                continue
            if len(value) > limit:
                raise RowError(line, name, "too_long")
            filing[name] = _typed(name, value, line)
        item["filing"] = filing
        if self._organisation is not None:
            named = self._organisation(cells, line)
            if named is not None:
                item["organisation"] = self._org(_needed(named, line, "organisation", 200))
        steps = [step for get_step in self._steps if (step := get_step(cells, line)) is not None]
        if steps:
            item["steps"] = steps
        if self._due is not None and self._mapping.due is not None:
            due = self._due(cells, line)
            if due is not None:
                item["due"] = {"clock": self._mapping.due.clock, "at": due}
        if go_live:
            item["go_live"] = True
        for place, column in self._unmapped:
            if place < len(cells) and cells[place] not in (None, ""):
                self.noticed.unmapped[column] += 1
        return item

    def _org(self, name: str) -> dict[str, Any]:
        mapping = self._mapping.organisation
        assert mapping is not None
        code = None
        if mapping.table is not None:
            code = mapping.table.get(name)
            if code is None:
                self.noticed.note(mapping.columns, "organisation", name)
        found: dict[str, Any] = {"name": name, "create": mapping.create}
        if code is not None:
            found["code"] = code
        return found

    # ------------------------------------------------------------ compiled parts

    def _places(self, columns: Iterable[str]) -> list[int]:
        return [
            place
            for column in columns
            if not marks_a_person(column) and (place := self._table.place(column)) is not None
        ]

    def _getter(self, value: Value, field: str, *, required: bool = False) -> Get:
        """A function that returns the text of a field from the cells of a row."""
        table, default, clean = value.table, value.default, self.noticed.clean
        raw: Get
        if value.constant is not None:
            constant = value.constant
            return lambda _cells, _line: constant
        places = self._places(value.columns)
        if value.column is not None:
            place = places[0] if places else -1

            def raw(cells: Sequence[Cell], line: int) -> str | None:
                return of_cell(cells[place], line, field, clean) if 0 <= place < len(cells) else None

        else:

            def raw(cells: Sequence[Cell], line: int) -> str | None:
                parts = [of_cell(cells[at], line, field, clean) for at in places if at < len(cells)]
                return value.with_.join(part for part in parts if part is not None) or None

        if table is None:
            if default is None:
                return raw
            return lambda cells, line: raw(cells, line) or default

        def looked_up(cells: Sequence[Cell], line: int) -> str | None:
            text = raw(cells, line)
            if text is None:
                return default
            found = table.get(text)
            if found is None:
                self.noticed.note(value.columns, field, text)
                if default is None and required:
                    raise RowError(line, field, "value_not_in_table")
                return default
            return found or None

        return looked_up

    def _dates(self, value: Value, field: str) -> Get:
        """A function that returns a date or instant in its storage form."""
        read = self._read_date
        get: Callable[[Sequence[Cell], int], Cell]
        if value.column is None or value.table is not None:
            get = self._getter(value, field)
        else:
            places = self._places(value.columns)
            place, default = (places[0] if places else -1), value.default

            def get(cells: Sequence[Cell], line: int) -> Cell:
                cell = cells[place] if 0 <= place < len(cells) else None
                if cell is None or (isinstance(cell, str) and (not cell.strip() or cell.strip() == "NULL")):
                    return default
                return cell

        def when(cells: Sequence[Cell], line: int) -> str | None:
            cell = get(cells, line)
            if cell is None:
                return None
            try:
                return to_text(read(cell))
            except BadDate as bad:
                raise RowError(line, field, bad.code) from None

        return when

    def _step(self, step: Step) -> GetStep:
        """A function that returns the step of a row, or None if it did not occur."""
        model = REGISTRY[step.event]
        date_of = self._dates(step.date, f"{step.event}.date")
        conditions = [(self._getter(Value(column=column), column), wanted) for column, wanted in step.when.items()]
        fields = [self._field(step, name, value) for name, value in step.fields.items()]
        wants_org = "org" in model.model_fields and model.model_fields["org"].is_required()

        def build(cells: Sequence[Cell], line: int) -> dict[str, Any] | None:
            at = date_of(cells, line)
            if at is None:
                return None
            for get, wanted in conditions:
                if not _holds(get(cells, line), wanted):
                    return None
            body: dict[str, Any] = {}
            for name, get, limit, required, many in fields:
                value = get(cells, line)
                if value is None and not required:
                    continue
                text = _needed(value, line, f"{step.event}.{name}", limit)
                body[name] = [text] if many else text
            found = {"type": step.event, "effective_at": at, "body": body}
            try:
                body_of(HistoryStep.model_validate(found), "-" if wants_org else None)
            except Refused as refused:
                field = (refused.field or step.event).removeprefix("steps.")
                raise RowError(line, field, "not_allowed_here") from None
            return found

        return build

    def _field(self, step: Step, name: str, value: Value) -> _StepField:
        model = REGISTRY[step.event]
        info = model.model_fields[name]
        many, required = "tuple" in str(info.annotation), info.is_required()
        if converter_of(info) is not None and not many:
            return _StepField(name, self._dates(value, f"{step.event}.{name}"), CODE_LIMIT, required, many)
        limit = TEXT_LIMIT if name in model.personal else CODE_LIMIT
        get = self._getter(value, f"{step.event}.{name}", required=required)
        return _StepField(name, get, limit, required, many)


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
    return text is None if wanted == "empty" else text in wanted


def _needed(value: str | None, line: int, field: str, limit: int) -> str:
    if value is None:
        raise RowError(line, field, "missing")
    if len(value) > limit:
        raise RowError(line, field, "too_long")
    return value


def _typed(name: str, value: str, line: int) -> str | bool:
    if name in ("anonymous", "confidential"):
        word = value.lower()
        if word not in _YES and word not in _NO:
            raise RowError(line, name, "not_allowed_here")
        return word in _YES
    if name == "class" and value not in _CLASSES:
        raise RowError(line, name, "not_allowed_here")
    return value
