"""A repeated command with different content is refused, since answering "nothing to do" would hide the difference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.serving import Served, served

DAY = 86400


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


async def code(here: Served, role: str, case: str, command: str, **fields: Any) -> str | None:
    """The code of the refusal; None: it was done, or there was nothing to do."""
    answer = await here.act(role, case, command, **fields)
    await here.runtime.drain()
    return None if answer.is_success else str(answer.json()["code"])


async def test_repeated_command_with_different_path_kind_or_date_is_not_ignored(here: Served) -> None:
    case = (await here.filed())["case"]
    assert await code(here, "registrar", case, "dispatch", org="zj") is None
    assert (
        await code(here, "registrar", case, "dispatch", org="zj", kind="assignment", due="2026-06-01")
        == "has_an_organisation"
    )
    assert await code(here, "clerk", case, "accept", path=5) is None
    assert await code(here, "clerk", case, "accept") is None
    assert await code(here, "clerk", case, "accept", path=6) == "recorded_otherwise"
    here.clock.advance(3 * DAY)
    assert await code(here, "clerk", case, "perform_duty", result="answered", text="y") is None
    here.clock.advance(3 * DAY)
    assert await code(here, "clerk", case, "deliver_reply") is None
    assert await code(here, "clerk", case, "deliver_reply") is None
    assert await code(here, "clerk", case, "deliver_reply", effective_at="2026-03-06") == "recorded_otherwise"
