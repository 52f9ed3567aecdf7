"""The portal speaks for many: its limits count the address that it names, and only its key may name one."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Any

import httpx
import pytest

from shared.application.sealed_tokens import open_token, seal_token
from shared.http.client_network import PORTAL_HEADER
from shared.queries.query_code_access import TOKEN
from tests.support.serving import Served, served

WRONG = "00000-00000-00000-00000-00000-0"


def through(address: str, key: str) -> dict[str, str]:
    return {PORTAL_HEADER: key, "forwarded": f"for={address}"}


async def ask(client: httpx.AsyncClient, receipt: dict[str, Any], code: str, headers: dict[str, str]) -> httpx.Response:
    return await client.post("/v1/status", json={"number": receipt["number"], "code": code}, headers=headers)


@pytest.mark.parametrize("guesses", [2_000, pytest.param(10_000, marks=pytest.mark.nightly)])
async def test_thousands_of_wrong_codes_from_one_address_leave_others_alone(guesses: int) -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client() as portal:
            guesser, other = through("203.0.113.9", here.keys["portal"]), through("198.51.100.7", here.keys["portal"])
            begin = monotonic()
            statuses = [(await ask(portal, receipt, WRONG, guesser)).status_code for _ in range(guesses)]
            minutes = 1 + int(
                (monotonic() - begin) / 60
            )  # the limit is one of a minute, and a busy machine takes several
            assert statuses[:11] == [404] * 10 + [429]
            assert set(statuses) == {404, 429} and statuses.count(404) <= 10 * minutes
            assert (await ask(portal, receipt, WRONG, other)).status_code == 404
            assert (await ask(portal, receipt, receipt["code"], other)).status_code == 200
            assert (await ask(portal, receipt, receipt["code"], guesser)).status_code == 200, (
                "the right pair is answered"
            )


@pytest.mark.parametrize("role", [None, "registrar", "platform", "operations"])
async def test_address_is_believed_from_the_key_of_a_portal_only(role: str | None) -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client() as client:
            for place in range(10):
                headers = through(f"203.0.113.{place}", here.keys[role] if role else "hy_portal_guess")
                assert (await ask(client, receipt, WRONG, headers)).status_code == 404
            answer = await ask(client, receipt, WRONG, {"forwarded": "for=203.0.113.77"})
            assert answer.status_code == 429, "all of them count as the one connection"


async def test_revoked_portal_names_no_address() -> None:
    async with served() as here:
        receipt = await here.filed()
        (key,) = [one for one in await here.runtime.principals.all() if one.role == "portal"]
        async with here.owner() as owner, here.client() as client:
            assert (await owner.post(f"/local/keys/{key.id}:revoke")).is_success
            here.clock.advance(2)
            found = [
                (await ask(client, receipt, WRONG, through(f"203.0.113.{place}", here.keys["portal"]))).status_code
                for place in range(11)
            ]
        assert found[-1] == 429


@pytest.mark.parametrize(
    "header",
    [
        "",
        "for=",
        "for=_hidden",
        "for=unknown",
        "by=203.0.113.1",
        "for=203.0.113.1;for=203.0.113.2",
        "for=999.1.1.1",
        "x" * 9000,
    ],
)
async def test_unreadable_address_counts_as_the_portal(header: str) -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client() as client:
            headers = {PORTAL_HEADER: here.keys["portal"], "forwarded": header}
            found = [(await ask(client, receipt, WRONG, headers)).status_code for _ in range(11)]
        assert found[-1] == 429


async def test_portal_of_this_process_needs_no_issued_key() -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client() as client:
            own = here.runtime.principals.own_portal
            for place in range(20):
                answer = await ask(client, receipt, WRONG, through(f"203.0.113.{place}", own))
                assert answer.status_code == 404


async def test_portal_sees_no_case() -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client("portal") as portal:
            for path in ("/v1/cases", f"/v1/cases/{receipt['case']}", "/v1/stats", "/v1/policies"):
                assert (await portal.get(path)).status_code in (403, 404), path


# -------------------------------------------------------------------- the token of one case


async def token_of(here: Served, receipt: dict[str, Any], code: str | None = None) -> httpx.Response:
    async with here.client() as client:
        body = {"number": receipt["number"], "code": code or receipt["code"]}
        return await client.post("/v1/status/token", json=body)


async def test_token_takes_the_place_of_the_code_for_one_case_and_fifteen_minutes() -> None:
    async with served() as here:
        one, other = await here.filed(), await here.filed()
        answer = (await token_of(here, one)).json()
        token = answer["token"]
        assert len(token) <= 100 and one["code"] not in str(answer) and one["case"] not in str(answer)
        async with here.client() as client:
            assert (await ask(client, one, token, {})).json()["number"] == one["number"]
            told = await ask(client, other, token, {})
            assert (told.status_code, told.json()["code"]) == (404, "wrong_number_or_code")
            body = {"number": one["number"], "code": token, "command": "nudge", "command_id": "n-1"}
            assert (await client.post("/v1/citizens/commands", json=body)).status_code == 200
            here.clock.advance(timedelta(minutes=14).total_seconds())
            extended = (await token_of(here, one, token)).json()["token"]
            here.clock.advance(timedelta(minutes=1).total_seconds())
            ended = await ask(client, one, token, {})
            assert (ended.status_code, ended.json()["code"]) == (404, "token_expired")
            assert (await ask(client, one, extended, {})).status_code == 200


async def test_token_ends_with_the_code() -> None:
    async with served() as here:
        receipt = await here.filed()
        token = (await token_of(here, receipt)).json()["token"]
        assert (await here.act("registrar", receipt["case"], "renew_query_code", reason="丢失")).is_success
        async with here.client() as client:
            assert (await ask(client, receipt, token, {})).json()["code"] == "token_expired"


async def test_forged_tokens_are_wrong_pairs_and_counted() -> None:
    async with served() as here:
        receipt = await here.filed()
        token = (await token_of(here, receipt)).json()["token"]
        content = open_token(here.runtime.ports.keys.secret("case-token"), TOKEN, token)
        assert content is not None
        flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
        forged = [seal_token(b"x" * 32, TOKEN, content), flipped, TOKEN, TOKEN + "ä" * 9, TOKEN + "A" * 60, token + "="]
        async with here.client() as client:
            for text in forged:
                answer = await ask(client, receipt, text, {})
                assert (answer.status_code, answer.json()["code"]) == (404, "wrong_number_or_code"), text
            for _ in range(4):
                await ask(client, receipt, TOKEN, {})
            assert (await ask(client, receipt, TOKEN, {})).status_code == 429
