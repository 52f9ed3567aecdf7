"""Access to a case by number and query code, with a limit on wrong attempts."""

from __future__ import annotations

from collections import OrderedDict, deque

from shared.application.case_reference import by_number
from shared.application.ports import Ports
from shared.case import Case
from shared.commands.authorization import READ, Principal, authorize
from shared.kernel.clock import Clock
from shared.kernel.identifiers import code_matches, read_number
from shared.kernel.refusals import Unknown

MINUTE = 60.0
_MOST_CLIENTS = 10_000


class RateLimiter:
    """Counts the wrong pairs of each client in the last minute.

    An attempt is counted before it is looked at, so that attempts at the same time do not pass together, and is given back if the
    pair was right. A right pair is answered even if too many wrong ones came from the same client: many people share an
    address, and whoever guesses gains nothing from it, because a code has 130 bits."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._by_client: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, client: str) -> int:
        """Count an attempt. Returns 0, or the seconds after which a wrong pair of this client is looked at again: then it was not
        counted."""
        now = self._clock.monotonic()
        taken = self._by_client.setdefault(client, deque())
        self._by_client.move_to_end(client)
        if len(self._by_client) > _MOST_CLIENTS:
            self._by_client.popitem(last=False)
        while taken and now - taken[0] >= MINUTE:
            taken.popleft()
        if len(taken) >= self._most:
            return max(1, round(MINUTE - (now - taken[0])))
        taken.append(now)
        return 0

    def give_back(self, client: str) -> None:
        """The pair of the last attempt was right."""
        if taken := self._by_client.get(client):
            taken.pop()


async def opened(ports: Ports, number: str, code: str) -> tuple[Principal, Case]:
    """The citizen principal and the case for number and code. Raises the same Unknown whichever of the two is wrong."""
    wrong = Unknown(
        "wrong_number_or_code",
        "Number and query code do not match. Both are on the receipt.",
        detail_zh="编号与查询码不匹配，请核对回执。",
    )
    known = read_number(number)
    if known is None:
        raise wrong
    case_id = await by_number(ports, known)
    case = (await ports.cases.load_confirmed(case_id)).case  # the same reads and the same work for a number of no case
    matches = code_matches(ports.keys.secret("query-code"), case_id, code, case.filing.code_generation)
    if not matches or case.number != known:
        raise wrong
    citizen = Principal("citizen", None, case.number, case_id)
    authorize(citizen, READ, case)
    return citizen, case
