"""Each fast version agrees with its plain version."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce

import orjson
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from shared.case import EMPTY, STREAM, evolve, fold
from shared.events import REGISTRY
from shared.events.base import Event
from shared.events.intake import CaseCorrected
from shared.eventstore.commit import EMPTY_HEAD, Commit
from shared.eventstore.fast_decode import fast_decode
from shared.eventstore.field_encryption import parts_of, seal
from shared.eventstore.hash_chain import GENESIS, chain, chain_all
from shared.eventstore.key_store import DataKey
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent, decode, encode
from tests.support.deciding import START
from tests.support.events import bodies
from tests.support.policies import recorded

KEY = DataKey("k", "k1", "p1", "text", bytes(32))
ANY_BODY = st.sampled_from(sorted(REGISTRY)).flatmap(lambda name: bodies(REGISTRY[name]))


def _possible(body: Event) -> bool:
    """False for a corrected date that is invalid: no command writes one."""
    return not isinstance(body, CaseCorrected) or body.field != "effective_at" or body.new in (None, "2026-03-01")


def _log(events: list[Event]) -> list[RecordedEvent]:
    return [recorded(body, version, START, stream=f"{STREAM}k1") for version, body in enumerate(events, start=1)]


@settings(max_examples=400)
@forall(ANY_BODY)
def test_trusted_build_equals_validated_build(body: Event) -> None:
    raw = orjson.loads(encode(recorded(body, 1, START)))["body"]
    plain = type(body).model_validate(raw)
    fast = type(body).trusted(raw)
    assert fast == plain and type(fast) is type(plain)
    assert fast.model_dump(mode="json") == plain.model_dump(mode="json")


@settings(max_examples=400)
@forall(ANY_BODY, st.booleans())
def test_fast_decode_equals_decode(body: Event, unknown: bool) -> None:
    data = encode(recorded(body, 1, START))
    if unknown:
        data = orjson.dumps({**orjson.loads(data), "type": "Telepathy", "added_later": {"a": 1}})
    assert fast_decode(data) == decode(data)
    assert isinstance(fast_decode(data).body, NewerEvent) == unknown


@settings(max_examples=400)
@forall(ANY_BODY)
def test_a_new_commit_holds_what_its_bytes_decode_to(body: Event) -> None:
    """Without the personal fields, which are in the sealed parts only."""
    clear = recorded(body, 1, START)
    sealed = seal(parts_of(body, "zj"), defaultdict(lambda: KEY), clear.event_id, clear.stream, 1)
    commit = Commit.following(EMPTY_HEAD, [clear._replace(sealed=sealed)])
    assert commit.recorded == tuple(map(decode, commit.events))
    assert not parts_of(commit.recorded[0].body, "zj")


def test_fast_decode_and_decode_fill_fields_missing_in_early_release() -> None:
    raw = orjson.loads(encode(recorded(REGISTRY["SignedFor"].model_validate({"org": "zj"}), 1, START)))
    data = orjson.dumps(
        {name: value for name, value in raw.items() if name not in ("request", "correlation", "policy")}
    )
    assert fast_decode(data) == decode(data)
    assert decode(data).policy is None


@settings(max_examples=300)
@forall(st.lists(ANY_BODY.filter(_possible), max_size=12))
def test_fold_equals_evolving_one_by_one(events: list[Event]) -> None:
    log = _log(events)
    assert fold(log) == reduce(evolve, log, EMPTY)


@forall(st.lists(st.binary(max_size=40), max_size=5), st.sampled_from(["sha256", "sm3"]))
def test_chaining_all_equals_chaining_one_by_one(events: list[bytes], algorithm: str) -> None:
    one_by_one = reduce(lambda previous, data: chain(previous, data, algorithm), events, GENESIS)
    assert chain_all(GENESIS, events, algorithm) == one_by_one
