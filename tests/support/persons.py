"""Members of staff for tests: an invited person who has set password and one-time password, and their session."""

from __future__ import annotations

from typing import Any

import httpx
import pyotp

from tests.support.serving import Served

PASSWORD = "ein langer Satz 回音 7"
STEP = 30.0


class Staff:
    """A person of the served county."""

    def __init__(self, here: Served, code: str) -> None:
        self.here = here
        self.code = code
        self.secret = ""
        self.token = ""

    def one_time(self) -> str:
        return pyotp.TOTP(self.secret).at(self.here.clock.now())

    async def post(self, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> httpx.Response:
        async with self.here.client() as client:
            if token or self.token:
                headers["authorization"] = f"Bearer {token or self.token}"
            return await client.post(path, json=body, headers=headers)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        async with self.here.client(key=self.token) as client:
            return await client.get(path, params=params)

    async def sign_in(self, **more: Any) -> httpx.Response:
        """Sign in with the next one-time password; keeps the token where it succeeds."""
        self.here.clock.advance(STEP)
        body = {"method": "password", "person": self.code, "password": PASSWORD, "totp": self.one_time(), **more}
        headers = body.pop("headers", {})
        async with self.here.client() as client:
            answer = await client.post("/v1/sessions", json=body, headers=headers)
        if answer.is_success:
            self.token = answer.json()["token"]
        return answer


async def invited(here: Served, code: str, role: str | None = "clerk", org: str | None = "zj", **post: Any) -> str:
    """The invitation of a person, with a post unless `role` is None."""
    wanted: dict[str, Any] = {"person": code, "name": f"职员{code}"}
    if role is not None:
        wanted["post"] = {"role": role, "org": org, **post}
    async with here.owner() as owner:
        answer = await owner.post("/local/persons", json=wanted)
    assert answer.status_code == 201, answer.text
    text: str = answer.json()["invitation"]
    return text


async def staff(here: Served, code: str, role: str | None = "clerk", org: str | None = "zj", **post: Any) -> Staff:
    """A person who has set password and one-time password, and is signed in."""
    found = Staff(here, code)
    invitation = await invited(here, code, role, org, **post)
    offer = (await found.post("/v1/invitations", {"invitation": invitation})).json()
    found.secret = offer["totp_secret"]
    body = {
        "method": "password",
        "invitation": invitation,
        "setup": offer["setup"],
        "password": PASSWORD,
        "totp": found.one_time(),
    }
    answer = await found.post("/v1/invitations/accept", body)
    if role is None:
        return found
    assert answer.status_code == 200, answer.text
    found.token = answer.json()["token"]
    return found
