"""Events of a missed call. Stream `calls/<jurisdiction>/<call>`."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Identity, Moment, Service

CallOutcome = Literal["reached", "not_reached", "filed"]


class _Call(Event):
    owner: ClassVar[Service] = "intake"


class CallMissed(_Call, zh="未接来电", en="A call was missed."):
    """Nobody answered a call to the office. `number`: of the caller; its key is destroyed when the call is done with. `line`: the
    extension or queue of the telephone system. `skill`: code of the policy; a colleague who has it calls back."""

    number: Identity = None
    missed_at: Moment
    line: str | None = None
    skill: str | None = None


class CallNumberRead(_Call, zh="查看来电号码", en="The number of a missed call was read."):
    """A member of staff read the number to call back."""


class CallReturned(_Call, zh="回拨来电", en="A missed call was returned."):
    """The caller was reached, was not reached, or the call became the case `case`."""

    outcome: CallOutcome
    case: str | None = None
