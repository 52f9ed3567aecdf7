"""Members of staff sign in, act in their posts, and lose their access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.intake.sign_in.sign_in import SignIn
from shared.application.problem import NotAuthenticated
from shared.application.sessions import IDLE, LIFE, SESSION
from shared.http.client_network import PORTAL_HEADER
from tests.support.persons import PASSWORD, STEP, invited, staff
from tests.support.serving import Served, served


async def events_of(here: Served, code: str) -> list[Any]:
    return [event for commit in await here.runtime.ports.log.load(f"person/{code}") for event in commit.recorded]


async def test_invited_person_sets_password_once_and_acts_in_the_post() -> None:
    async with served() as here:
        receipt = await here.filed()
        zhang = await staff(here, "z-01")
        answer = await zhang.post(f"/v1/cases/{receipt['case']}/commands", {"command": "sign_off", "command_id": "s-1"})
        assert answer.status_code == 200, answer.text
        commits = await here.runtime.ports.log.load(f"case/{receipt['case']}")
        actor = commits[-1].recorded[-1].actor if commits[-1].recorded[-1].type == "SignedFor" else None
        actor = actor or next(e.actor for c in commits for e in c.recorded if e.type == "SignedFor")
        assert (actor.org, actor.role, actor.person) == ("zj", "clerk", "z-01")
        before = [event.type for event in await events_of(here, "z-01")]
        assert before == ["PersonInvited", "PostGiven", "CredentialAdded", "CredentialAdded"]


async def test_nothing_secret_is_stored_in_clear() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        stored = b"".join(b"".join(commit.events) for commit in await here.runtime.ports.log.load("person/z-01"))
        for secret in (PASSWORD, zhang.secret, "职员z-01", "$argon2"):
            assert secret.encode() not in stored and orjson.dumps(secret)[1:-1] not in stored
        credentials = [event for event in await events_of(here, "z-01") if event.type == "CredentialAdded"]
        assert {part["purpose"] for event in credentials for part in event.sealed} == {"credential"}


async def test_invitation_is_used_once() -> None:
    async with served() as here:
        invitation = await invited(here, "z-01")
        zhang = await staff(here, "z-02")
        offer = (await zhang.post("/v1/invitations", {"invitation": invitation})).json()
        again = (await zhang.post("/v1/invitations", {"invitation": invitation})).json()
        assert offer["person"] == "z-01" and offer["totp_secret"] != again["totp_secret"], "opening it uses nothing up"
        body = {"method": "password", "invitation": invitation, "setup": offer["setup"], "password": PASSWORD}
        wrong = await zhang.post("/v1/invitations/accept", {**body, "totp": "000000"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_one_time_password")
        zhang.secret = offer["totp_secret"]
        short = await zhang.post("/v1/invitations/accept", {**body, "password": "kurz", "totp": zhang.one_time()})
        assert (short.status_code, short.json()["field"]) == (422, "password")
        done = await zhang.post("/v1/invitations/accept", {**body, "totp": zhang.one_time()})
        assert done.status_code == 200, done.text
        for path in ("/v1/invitations", "/v1/invitations/accept"):
            sent = {"invitation": invitation} if path.endswith("s") else {**body, "totp": zhang.one_time()}
            used = await zhang.post(path, sent)
            assert (used.status_code, used.json()["code"]) == (404, "invitation_used")


@pytest.mark.parametrize("text", ["", "hyi_", "hyi_z-01~x", "hyi_z-01~", "x", "hyi_../~x", "hyi_" + "z" * 190])
async def test_wrong_invitation_tells_nothing(text: str) -> None:
    async with served() as here:
        await invited(here, "z-01")
        async with here.client() as client:
            answer = await client.post("/v1/invitations", json={"invitation": text})
            assert answer.status_code in (404, 422)
            assert "z-01" not in answer.text


async def test_invitation_expires_and_is_replaced() -> None:
    async with served() as here:
        first = await invited(here, "z-01")
        second = await invited(here, "z-01")
        async with here.client() as client:
            for text, status in ((first, 404), (second, 200)):
                assert (await client.post("/v1/invitations", json={"invitation": text})).status_code == status
            here.clock.advance(timedelta(days=7).total_seconds())
            assert (await client.post("/v1/invitations", json={"invitation": second})).status_code == 404


async def test_wrong_sign_ins_all_get_the_same_answer() -> None:
    async with served(sign_in_misses=50) as here:
        zhang = await staff(here, "z-01")
        here.clock.advance(30)
        right = zhang.one_time()
        found = set()
        for person, password, totp in (
            ("nobody", PASSWORD, right),
            ("z-01", "wrong password", right),
            ("z-01", PASSWORD, "000000"),
            ("z-01", PASSWORD, ""),
            ("z-01", "", "abcdef"),
        ):
            answer = await zhang.sign_in(person=person, password=password, totp=totp)
            content = {k: v for k, v in answer.json().items() if k not in ("request_id", "instance")}
            found.add((answer.status_code, orjson.dumps(content)))
        assert len(found) == 1 and next(iter(found))[0] == 401


async def test_one_time_password_is_accepted_once() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        assert (await zhang.sign_in()).status_code == 200
        body = {"method": "password", "person": "z-01", "password": PASSWORD, "totp": zhang.one_time()}
        assert (await zhang.post("/v1/sessions", body)).status_code == 401
        assert (await zhang.sign_in()).status_code == 200


async def test_one_time_password_is_accepted_once_by_all_processes() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        here.clock.advance(STEP)
        first, second = SignIn(here.runtime, None), SignIn(here.runtime, None)  # two processes on one log
        given = ("network", "z-01", PASSWORD, zhang.one_time())
        assert (await first.by_password(*given)).code == "z-01"
        for process in (second, first):
            with pytest.raises(NotAuthenticated) as refused:
                await process.by_password(*given)
            assert refused.value.code == "wrong_credentials"
        here.clock.advance(STEP)
        assert (await second.by_password(*given[:3], zhang.one_time())).code == "z-01"


async def test_guesser_does_not_lock_out_the_right_person() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        statuses = [(await zhang.sign_in(password="falsch", totp="000000")).status_code for _ in range(3)]
        here.clock.advance(-0)
        wrong = {"method": "password", "person": "z-01", "password": "falsch", "totp": "000000"}
        statuses += [(await zhang.post("/v1/sessions", wrong)).status_code for _ in range(12)]
        assert statuses[0] == 401 and statuses[-1] == 429
        other = await staff(here, "z-02")
        answer = await zhang.post("/v1/sessions", wrong)
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
        assert (await other.sign_in()).status_code == 200, "another person of the same network"
        for _ in range(10):
            await zhang.post("/v1/sessions", wrong)
        assert (await zhang.sign_in()).status_code == 200, "the right person, in the same network"
        elsewhere = {PORTAL_HEADER: here.keys["portal"], "forwarded": "for=198.51.100.7"}
        assert (await zhang.sign_in(headers=elsewhere)).status_code == 200


async def test_session_ends_idle_after_eight_hours_and_with_the_post() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        assert (await zhang.get("/v1/cases")).status_code == 200
        here.clock.advance(IDLE.total_seconds() - 1)
        zhang.token = (await zhang.post("/v1/sessions/renew")).json()["token"]
        here.clock.advance(IDLE.total_seconds() - 2)
        assert (await zhang.get("/v1/cases")).status_code == 200
        here.clock.advance(3)
        ended = await zhang.get("/v1/cases")
        assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")
        assert (await zhang.sign_in()).status_code == 200
        for _ in range(int(LIFE / IDLE) + 1):
            here.clock.advance(IDLE.total_seconds() - 5)
            answer = await zhang.post("/v1/sessions/renew")
            if answer.status_code != 200:
                break
            zhang.token = answer.json()["token"]
        assert answer.status_code == 401, "renewals do not pass the end"
        signed_in = await zhang.sign_in()
        post = signed_in.json()["post"]["id"]
        async with here.owner() as owner:
            assert (await owner.post(f"/local/persons/z-01/posts/{post}:end")).is_success
        here.clock.advance(2)
        assert (await zhang.get("/v1/cases")).status_code == 401
        assert (await zhang.sign_in()).json()["code"] == "no_post"


async def test_revoked_person_and_signed_out_session_open_nothing() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        first = zhang.token
        await zhang.sign_in()
        assert (await zhang.post("/v1/sessions/end", token=first)).status_code == 200
        here.clock.advance(2)
        assert (await zhang.post("/v1/sessions/renew", token=first)).status_code == 401
        assert (await zhang.get("/v1/cases")).status_code == 200
        async with here.owner() as owner:
            assert (await owner.post("/local/persons/z-01:revoke", json={})).is_success
        here.clock.advance(2)
        assert (await zhang.get("/v1/cases")).status_code == 401
        assert (await zhang.sign_in()).json()["code"] == "wrong_credentials"
        again = await staff(here, "z-01", None)
        assert (await again.sign_in()).status_code == 200, "invited again"


async def test_forged_sessions_are_refused() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        flipped = zhang.token[:-2] + ("AA" if zhang.token[-2:] != "AA" else "BB")
        token = (await zhang.post("/v1/status/token", {"number": "x", "code": "y"})).text
        for text in (flipped, SESSION, SESSION + "A" * 200, zhang.token + "=", token[:50] or "x"):
            async with here.client(key=text) as client:
                assert (await client.get("/v1/cases")).status_code == 401


async def test_person_of_several_posts_chooses_the_one_that_acts() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01")
        async with here.owner() as owner:
            for _ in range(2):
                body = {"role": "supervisor", "org": "xfj"}
                assert (await owner.post("/local/persons/z-01/posts", json=body)).is_success
        session = (await zhang.sign_in()).json()
        assert [(one["role"], one["org"]) for one in session["posts"]] == [("clerk", "zj"), ("supervisor", "xfj")]
        chosen = await zhang.post("/v1/sessions/post", {"post": session["posts"][1]["id"]})
        assert chosen.json()["post"]["role"] == "supervisor"
        receipt = await here.filed(place="xh")
        zhang.token = chosen.json()["token"]
        assert (await zhang.get(f"/v1/cases/{receipt['case']}")).status_code == 200
        refused = await zhang.post("/v1/sessions/post", {"post": "0" * 12})
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_post")


async def test_deputy_acts_while_the_holder_is_absent() -> None:
    async with served() as here:
        head, deputy, other = (
            await staff(here, "h-01", head=True),
            await staff(here, "d-01"),
            await staff(here, "o-01", "clerk", "wj"),
        )
        post = (await head.sign_in()).json()["post"]["id"]
        now = here.clock.now()
        body = {"post": post, "begins": now.isoformat(), "ends": (now + timedelta(hours=2)).isoformat()}
        foreign = await head.post("/v1/sessions/absence", {**body, "deputy": "o-01"})
        assert (foreign.status_code, foreign.json()["code"]) == (409, "deputy_of_another_unit")
        assert (await head.post("/v1/sessions/absence", {**body, "deputy": "d-01"})).json()[0]["deputy"] == "d-01"
        assert (await other.post("/v1/sessions/post", {"post": post})).status_code == 422
        here.clock.advance(6)
        acting = await deputy.post("/v1/sessions/post", {"post": post})
        assert acting.status_code == 200, acting.text
        assert (acting.json()["post"]["holder"], acting.json()["post"]["head"]) == ("h-01", True)
        here.clock.advance(timedelta(hours=2).total_seconds())
        await deputy.sign_in()
        async with here.client(key=acting.json()["token"]) as client:
            assert (await client.get("/v1/cases")).status_code == 401, "the absence is over"


async def test_person_of_a_key_and_of_a_session_is_the_same() -> None:
    async with served() as here:
        key = await here.key_of("clerk", "zj", person="z-01")
        found = await here.runtime.principals.authenticate(key)
        zhang = await staff(here, "z-01")
        session = here.runtime.sessions.read(zhang.token)
        assert found is not None and session is not None
        principal = await here.runtime.sessions.principal(session)
        assert principal is not None and principal.person == found.principal.person == "z-01"
