"""The stored bytes: they round-trip without a second validation and never contain personal data."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from shared.events import REGISTRY
from shared.events.base import Event
from shared.eventstore.hash_chain import chain, chain_all
from shared.eventstore.recorded_event import NewerEvent, decode, encode
from shared.eventstore.upcasting import UPCASTERS
from tests.support.deciding import START
from tests.support.events import bodies
from tests.support.policies import recorded

GOLDEN = Path(__file__).parents[3] / "golden" / "events-1.jsonl"
ANY_EVENT = st.sampled_from(sorted(REGISTRY)).flatmap(lambda name: bodies(REGISTRY[name]))


def without_personal(body: Event) -> Event:
    fields = type(body).model_fields
    return body.model_copy(update={name: fields[name].get_default() for name in type(body).personal})


@settings(max_examples=400)
@forall(ANY_EVENT)
def test_recorded_event_round_trips(body: Event) -> None:
    event = recorded(body, 1, START)
    back = decode(encode(event))
    assert back.body == without_personal(body)
    assert back._replace(body=body) == event
    assert orjson.loads(encode(back)) == orjson.loads(encode(event))


@forall(ANY_EVENT)
def test_trusted_decoding_equals_validated_decoding(body: Event) -> None:
    raw = orjson.loads(encode(recorded(body, 1, START)))["body"]
    assert type(body).trusted(raw) == type(body).model_validate(raw)


def test_personal_fields_are_optional_and_omitted_after_erasure() -> None:
    for model in REGISTRY.values():
        for name in model.personal:
            assert not model.model_fields[name].is_required(), f"{model.__name__}.{name}"


def test_event_type_of_newer_release_is_named_and_not_decoded() -> None:
    raw = orjson.loads(encode(recorded(REGISTRY["Nudged"].model_validate({}), 1, START)))
    assert decode(orjson.dumps({**raw, "type": "Telepathy"})).body == NewerEvent("Telepathy")
    assert decode(orjson.dumps({**raw, "schema": 2})).body == NewerEvent("Nudged")


def test_unknown_fields_are_ignored() -> None:
    raw = orjson.loads(encode(recorded(REGISTRY["SignedFor"].model_validate({"org": "zj"}), 1, START)))
    raw["body"]["added_later"] = {"a": 1}
    assert decode(orjson.dumps(raw)).body == REGISTRY["SignedFor"].model_validate({"org": "zj"})


def test_old_schema_is_upcast_on_read(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = orjson.loads(encode(recorded(REGISTRY["SignedFor"].model_validate({"org": "zj"}), 1, START)))
    raw["body"] = {"unit": "zj"}
    monkeypatch.setattr(REGISTRY["SignedFor"], "schema_version", 2)
    monkeypatch.setitem(UPCASTERS, ("SignedFor", 1), lambda body: {"org": body["unit"]})
    assert decode(orjson.dumps(raw)).body == REGISTRY["SignedFor"].model_validate({"org": "zj"})


def test_hash_chain_depends_on_every_byte_and_order() -> None:
    one, two = b"one", b"two"
    assert chain_all("", [one, two]) == chain(chain("", one), two)
    assert chain_all("", [one, two]) != chain_all("", [two, one])
    assert chain("", b"onf") != chain("", one)
    assert chain("", one, "sm3").startswith("sm3:")


def test_events_of_release_1_are_readable() -> None:
    """One line per type as first released. A change that breaks an old line breaks existing logs."""
    lines = GOLDEN.read_bytes().splitlines()
    seen = set()
    for line in lines:
        event = decode(line)
        assert not isinstance(event.body, NewerEvent)
        assert orjson.loads(encode(event)) == orjson.loads(line)
        seen.add(event.type)
    assert seen == set(REGISTRY), "add a line for each new type; never change one"
