"""Every code of a command has words in both languages, and so has every queue and role."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

import deploy.modes.composition  # noqa: F401  # registers all commands
from services.intake.http.public_filing import PublicFiling
from services.intake.http.words import commands, labels
from shared.application.command_dispatch import open_rules
from shared.commands.authorization import ROLES
from shared.kernel.wording import CODE_WORDS, STATE_WORDS
from shared.queries.worklist import QUEUES


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field.annotation
        for inner in inside(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from fields(inner)


def inside(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) in (Union, UnionType, tuple, list) or hasattr(annotation, "__metadata__"):
        for one in get_args(annotation):
            yield from inside(one)


MODELS = [rule.model for rule in open_rules()]


def test_every_field_of_a_form_has_a_label() -> None:
    named = {name for model in (*MODELS, PublicFiling) for name, _type in fields(model)}
    assert named - labels()["fields"].keys() == {"command_id", "jurisdiction", "identity"} & named


def test_every_value_of_a_field_has_words() -> None:
    values = {
        str(value)
        for model in (*MODELS, PublicFiling)
        for _name, annotation in fields(model)
        for one in inside(annotation)
        if get_origin(one) is Literal
        for value in get_args(one)
    }
    assert {value for value in values if value not in CODE_WORDS and value not in STATE_WORDS} == set()


def test_queues_roles_and_commands_have_words() -> None:
    assert labels()["queues"].keys() == set(QUEUES)
    assert labels()["roles"].keys() == set(ROLES)
    assert commands().keys() == {rule.name for rule in open_rules()}
    for words in (*labels()["queues"].values(), *labels()["fields"].values(), *commands().values()):
        assert words.zh and words.en and any("\u4e00" <= one <= "\u9fff" for one in words.zh)
