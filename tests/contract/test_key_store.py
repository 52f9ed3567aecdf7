"""The contract of every key store."""

from __future__ import annotations

import asyncio

import pytest

from shared.eventstore.key_store import KeyErased, KeyStore
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener


@pytest.fixture
def keys(ports: Ports) -> KeyStore:
    return ports.keys


async def test_same_names_give_same_key(keys: KeyStore) -> None:
    wanted = [("a", "p1", "identity"), ("a", "p1", "text"), ("b", "p1", "identity"), ("a", "p1", "identity")]
    made = await keys.obtain(wanted)
    assert [(key.case, key.party, key.purpose) for key in made] == wanted
    assert made[0] == made[3]
    assert len({key.kid for key in made}) == len({key.secret for key in made}) == 3
    assert all(len(key.secret) == 32 for key in made)
    assert await keys.obtain(wanted[::-1]) == made[::-1]
    assert await keys.obtain([]) == []
    assert await keys.get([key.kid for key in made] + ["unknown"]) == {key.kid: key for key in made}
    assert await keys.count() == 3


async def test_64_concurrent_requests_get_one_key(keys: KeyStore) -> None:
    answers = await asyncio.gather(
        *(keys.obtain([("a", "p1", "text"), (f"c{n % 4}", "p1", "text")]) for n in range(64))
    )
    assert len({answer[0] for answer in answers}) == 1
    assert len({answer[1] for answer in answers}) == 4
    assert await keys.count() == 5


async def test_erased_key_cannot_be_read_or_recreated(keys: KeyStore) -> None:
    identity, text, other = await keys.obtain([("a", "p1", "identity"), ("a", "p1", "text"), ("a", "p2", "text")])
    assert await keys.erase("a", "p1", "identity") == 1
    assert await keys.erase("a", "p1", "identity") == 0
    assert set(await keys.get([identity.kid, text.kid, other.kid])) == {text.kid, other.kid}
    with pytest.raises(KeyErased):
        await keys.obtain([("a", "p2", "text"), ("a", "p1", "identity")])
    assert await keys.obtain([("a", "p1", "text")]) == [text]
    assert await keys.erase("a", "p1") == 1
    for purpose in ("text", "identity", "never used"):
        with pytest.raises(KeyErased):
            await keys.obtain([("new", "p1", "text"), ("a", "p1", purpose)])
    assert await keys.count() == 1, "a refused request makes no key"
    assert await keys.missing([identity.kid, "unknown", other.kid]) == ["unknown"]
    assert await keys.erase("b", "p1") == 0


async def test_refused_request_does_not_affect_rest_of_batch(keys: KeyStore) -> None:
    await keys.erase("a", "p1")
    answers = await asyncio.gather(
        *(keys.obtain([(f"c{n}", "p1", "text")]) for n in range(20)),
        keys.obtain([("a", "p1", "text")]),
        return_exceptions=True,
    )
    assert isinstance(answers[-1], KeyErased)
    assert all(isinstance(answer, list) for answer in answers[:-1])


async def test_secrets_are_stable_and_differ_by_name(keys: KeyStore) -> None:
    assert len(keys.secret("case-id")) == 32
    assert keys.secret("case-id") == keys.secret("case-id") != keys.secret("query-code")


async def test_keys_and_erasures_survive_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    keys = (await opened()).keys
    kept, gone = await keys.obtain([("a", "p1", "text"), ("a", "p2", "text")])
    secret = keys.secret("case-id")
    await keys.erase("a", "p2")
    keys = (await opened()).keys
    assert await keys.obtain([("a", "p1", "text")]) == [kept]
    assert await keys.get([kept.kid, gone.kid]) == {kept.kid: kept}
    assert keys.secret("case-id") == secret
    with pytest.raises(KeyErased):
        await keys.obtain([("a", "p2", "text")])
    assert await keys.missing([gone.kid]) == []
