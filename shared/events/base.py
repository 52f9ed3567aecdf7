"""What every event model is. The field names of the models in this folder are THE storage format.

An event is a frozen pydantic model. Fields that hold personal data are marked with `Personal(purpose)`; the envelope
moves exactly those into its sealed parts, so that a body never holds personal data. Inside a major version only
optional fields are added; readers ignore what they do not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from shared.times import When, from_text, to_text

Service = Literal["intake", "routing", "supervision", "analytics"]
Purpose = Literal["identity", "text"]
Class = Literal["claim", "accusation", "suggestion", "litigation", "consultation"]


@dataclass(frozen=True)
class Personal:
    """Marks a field as personal data of one party. `purpose` chooses the key: who the party is, or what they wrote."""

    purpose: Purpose


def _parse_when(value: Any) -> Any:
    return from_text(value) if isinstance(value, str) else value


# An instant or a date, its precision kept. Stored as text.
Moment = Annotated[When, BeforeValidator(_parse_when), PlainSerializer(to_text, return_type=str)]

# Personal data. Always optional: a reader without the key, or after erasure, sees None.
Identity = Annotated[str | None, Personal("identity")]
Text = Annotated[str | None, Personal("text")]
Texts = Annotated[tuple[str, ...], Personal("text")]
"""Several pieces of free text; () where the key is gone."""

REGISTRY: dict[str, type[Event]] = {}

# The slots of a pydantic model, set past its `frozen`: half the cost of object.__setattr__.
_new = object.__new__
_set_values, _set_fields_set, _set_extra, _set_private = (
    BaseModel.__dict__[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


class Event(BaseModel):
    """One thing that happened. The class name is the stored type name."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    """A process that reads never validates, and one that writes only what it writes: a validator is built by its first use."""

    owner: ClassVar[Service]
    """The one service that may append this type; `append` refuses it from another."""
    also: ClassVar[tuple[Service, ...]] = ()
    """Services that may append it inside a decision of their own, where one commit has to say both."""
    schema_version: ClassVar[int] = 1
    zh: ClassVar[str]
    """What happened, in Chinese, for timelines, the status page and notices. The words are class keywords:
    `class Accepted(_Department, zh="受理", en="The organisation accepted it.", shows=("path",))`."""
    en: ClassVar[str]
    """The same as an English sentence."""
    shows: ClassVar[tuple[str, ...]]
    """Details that a line of a timeline shows besides the sentence, named as in `details` of the API (`class`, not `class_`)."""
    for_petitioner: ClassVar[bool]
    """True where the petitioner is told of the event in exactly these words; `heard` in the citizen's status words some others."""
    petitioner_reads: ClassVar[tuple[str, ...]]
    """Text fields that the petitioner may read."""
    petitioner_reads_after_reply: ClassVar[tuple[str, ...]]
    """Text fields that the petitioner may read once the reply has been delivered (送达)."""
    author: ClassVar[str | None] = None
    """Whose personal data the marked fields are: a party of the case (`p1` is the petitioner), None for the acting
    organisation. An event with a field `party` names it there."""

    personal: ClassVar[dict[str, Purpose]] = {}
    _names_party: ClassVar[bool] = False
    _converters: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    trusted: ClassVar[Callable[[dict[str, Any]], Event]]
    """Build from a body whose hash was checked: it was validated when it was written, so not again.

    A tenth of the cost of validation. Unknown fields are ignored, absent optional ones get their default; all events
    of a type share one `model_fields_set`, that of all fields."""

    def __init_subclass__(
        cls,
        *,
        zh: str = "",
        en: str = "",
        shows: tuple[str, ...] = (),
        for_petitioner: bool = False,
        petitioner_reads: tuple[str, ...] = (),
        petitioner_reads_after_reply: tuple[str, ...] = (),
    ) -> None:
        cls.zh, cls.en, cls.shows, cls.for_petitioner = zh, en, shows, for_petitioner
        cls.petitioner_reads, cls.petitioner_reads_after_reply = petitioner_reads, petitioner_reads_after_reply

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.__name__.startswith("_"):  # the base of one file, which names the owner
            return
        if not hasattr(cls, "owner"):
            raise TypeError(f"{cls.__name__} needs an owner")
        if not cls.zh or not cls.en:
            raise TypeError(f"{cls.__name__} needs words: zh, en")
        REGISTRY[cls.__name__] = cls
        cls.personal = {
            name: mark.purpose
            for name, field in cls.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, Personal)
        }
        cls._names_party = "party" in cls.model_fields
        cls._converters = {
            name: convert
            for name, field in cls.model_fields.items()
            if (convert := _converter(field.annotation, field.metadata)) is not None
        }
        cls.trusted = staticmethod(_builder(cls))

    def party_of(self, org: str | None) -> str:
        """The party whose keys seal this event's personal fields."""
        named: str | None = (self.party if self._names_party else None) or self.author  # type: ignore[attr-defined]
        return named or f"org:{org or 'office'}"


def _builder(cls: type[Event]) -> Callable[[dict[str, Any]], Event]:
    """What `cls.trusted` does, with everything that is known of the class looked up beforehand."""
    fields = set(cls.model_fields)
    defaults = {name: field.get_default() for name, field in cls.model_fields.items() if not field.is_required()}
    converters = tuple(cls._converters.items())
    width = len(fields)

    def trusted(body: dict[str, Any]) -> Event:
        values = {**defaults, **body}
        if len(values) > width:
            values = {name: value for name, value in values.items() if name in fields}
        for name, convert in converters:
            value = values.get(name)
            if value is not None:
                values[name] = convert(value)
        event: Event = _new(cls)
        _set_values(event, values)
        _set_fields_set(event, fields)
        _set_extra(event, None)
        _set_private(event, None)
        return event

    return trusted


def _converter(annotation: Any, metadata: list[Any]) -> Callable[[Any], Any] | None:
    """JSON value -> field value for the few types that JSON cannot hold; None where the value is the field's."""
    if any(isinstance(mark, BeforeValidator) and mark.func is _parse_when for mark in metadata):
        return from_text
    for option in (annotation, *get_args(annotation)):
        if get_origin(option) is tuple:
            item = get_args(option)[0]
            if isinstance(item, type) and issubclass(item, BaseModel):
                return lambda values: tuple(item.model_validate(value) for value in values)
            return tuple
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option.model_validate
        if option in (datetime, date):
            raise TypeError("use Moment for times in events")
        if get_origin(option) is Annotated:
            inner = _converter(get_args(option)[0], list(get_args(option)[1:]))
            if inner is not None:
                return inner
    return None
