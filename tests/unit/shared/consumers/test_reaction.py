"""A reaction to an event after which the case has moved on: nothing is left to do, and nothing is parked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.commands.command import RULES, Command
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.consumers.reaction import Trigger, carry_out
from shared.kernel.refusals import Refused
from tests.support.deciding import given  # noqa: F401 - registers all commands


class Refusing:
    """A command handler that refuses every command with one code."""

    service = "routing"

    def __init__(self, code: str) -> None:
        self.code = code

    async def handle(self, *_given: Any, **_more: Any) -> None:
        raise Refused(self.code, "It is not possible.", detail_zh="不能执行。")


def carried_out(code: str) -> Any:
    turn = cast(Trigger, SimpleNamespace(case=SimpleNamespace(id="0" * 32, version=3)))
    stamp = cast(EventMetadata, object())
    return carry_out(cast(CommandHandler, Refusing(code)), RULES["direct_review"], turn, Command(), stamp)


@pytest.mark.parametrize("code", ["not_in_this_state", "follow_the_lead"])
async def test_nothing_is_left_to_do_on_a_case_that_has_moved_on(code: str) -> None:
    assert await carried_out(code) is None


async def test_any_other_refusal_is_a_fault_and_is_raised() -> None:
    with pytest.raises(Refused, match="no_policy"):
        await carried_out("no_policy")
