"""Access to a case by number and query code, with a limit on wrong attempts.

A page that shows one case for a while carries a token in place of the code: it opens that case only, for `TOKEN_LIFE`, and not at
all once the code was renewed.
"""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta

from shared.application.case_reference import by_number
from shared.application.ports import Ports
from shared.application.sealed_tokens import open_token, seal_token
from shared.case import Case
from shared.commands.authorization import READ, Principal, authorize
from shared.kernel.clock import Clock
from shared.kernel.identifiers import code_matches, read_number
from shared.kernel.refusals import Unknown

MINUTE = 60.0
_MOST_CLIENTS = 10_000
TOKEN_LIFE = timedelta(minutes=15)
"""Validity of a token for one case (own choice): long enough to read and to answer, short on a telephone that is handed on."""
TOKEN = "hyc_"  # noqa: S105
"""Prefix of the token of a case."""
_TOKEN = struct.Struct(">16sIQ")
"""Content of a token: case id, generation of its query code, expiry in seconds since 1970."""


class RateLimiter:
    """Counts the wrong pairs of each client in the last minute.

    An attempt is counted before it is checked, so that simultaneous attempts cannot pass together; the count is reduced again
    if the pair was right. A right pair is answered even if too many wrong ones came from the same client: many people share an
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


def wrong_pair() -> Unknown:
    return Unknown(
        "wrong_number_or_code",
        "Number and query code do not match. Both are on the receipt.",
        detail_zh="编号与查询码不匹配，请核对回执。",
    )


def token_expired() -> Unknown:
    return Unknown(
        "token_expired",
        "This page was open for too long. Enter number and query code again; nothing was lost.",
        detail_zh="页面打开时间过长，请重新输入编号和查询码，已提交的内容没有丢失。",
        field="code",
    )


def case_token(ports: Ports, case: Case) -> tuple[str, datetime]:
    """A token that takes the place of the query code of this case, and when it expires."""
    expires = ports.clock.now() + TOKEN_LIFE
    content = _TOKEN.pack(bytes.fromhex(case.id), case.filing.code_generation, int(expires.timestamp()))
    return seal_token(ports.keys.secret("case-token"), TOKEN, content), datetime.fromtimestamp(
        int(expires.timestamp()), UTC
    )


async def opened(ports: Ports, number: str, code: str) -> tuple[Principal, Case]:
    """The citizen principal and the case for number and code, or number and token. Raises the same Unknown whichever of the two is
    wrong, and `token_expired` for a token that was right."""
    known = read_number(number)
    if known is None:
        raise wrong_pair()
    if code.startswith(TOKEN):
        case = await _by_token(ports, code)
    else:
        case_id = await by_number(ports, known)
        case = (await ports.cases.load_confirmed(case_id)).case  # the same reads and work for a number of no case
        if not code_matches(ports.keys.secret("query-code"), case_id, code, case.filing.code_generation):
            raise wrong_pair()
    if case.number != known:
        raise wrong_pair()
    citizen = Principal("citizen", None, case.number, case.id)
    authorize(citizen, READ, case)
    return citizen, case


async def _by_token(ports: Ports, token: str) -> Case:
    """The case of a token. Nothing is read for a text that this deployment did not seal."""
    content = open_token(ports.keys.secret("case-token"), TOKEN, token)
    if content is None or len(content) != _TOKEN.size:
        raise wrong_pair()
    case_id, generation, expires = _TOKEN.unpack(content)
    case = (await ports.cases.load_confirmed(case_id.hex())).case
    if case.filing.code_generation != generation or ports.clock.now().timestamp() >= expires:
        raise token_expired()
    return case
