"""Questions by telephone: the status of a case by number and PIN, for the member of staff who has the petitioner on the line."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.application.case_reference import by_number
from shared.application.problem import TooMany
from shared.commands.authorization import Action, Role, authorize, visible
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.identifiers import pin_matches, read_number
from shared.kernel.refusals import Unknown
from shared.queries.citizen_status import status
from shared.queries.citizen_status_models import StatusAnswer
from shared.queries.query_code_access import RateLimiter

LIMIT = 4096
MISSES = 5
"""Wrong PINs of one case in a minute (own choice). Then right ones wait, too: a PIN has only a million values."""
_OPERATORS: tuple[Role, ...] = ("registrar", "operator")
TELEPHONE = Action("telephone", _OPERATORS)


class TelephoneQuestion(BaseModel):
    """Number and PIN, as the petitioner reads them from the receipt."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=60, description="Number of the case")
    pin: str = Field(min_length=1, max_length=20, description="Six digits of the receipt")


def _wrong() -> Unknown:
    return Unknown(
        "wrong_number_or_pin",
        "Number and PIN do not match. Both are on the receipt.",
        detail_zh="编号与电话查询码不匹配，请核对回执。",
    )


def router(runtime: Process) -> APIRouter:
    routes = api_router("citizens")
    ports = runtime.ports
    misses = RateLimiter(ports.clock, MISSES)

    @routes.post(
        "/v1/telephone/status",
        **operation(
            "by_telephone_v1_telephone_status_post", 400, 401, 403, 404, 413, 415, 422, 429, 503, body=TelephoneQuestion
        ),
    )
    async def by_telephone(request: Request, caller: Caller) -> StatusAnswer:
        """What may be told about the case on the telephone, by number and PIN."""
        authorize(caller, TELEPHONE)
        asked = await read_model(request, TelephoneQuestion, LIMIT)
        number = read_number(asked.number)
        if number is None:
            raise _wrong()
        if wait := misses.take(number):
            raise TooMany(
                "too_many_misses",
                f"Too many wrong PINs were given for this number. Try again in {wait} seconds, or open the case at the counter.",
                detail_zh=f"该编号的电话查询码错误次数过多，请{wait}秒后再试，或请信访人到窗口查询。",
                retry_after=wait,
            )
        case_id = await by_number(ports, number)
        case = (await ports.cases.load_confirmed(case_id)).case  # the same reads for a number of no case
        right = pin_matches(ports.keys.secret("telephone-pin"), case_id, asked.pin, case.filing.code_generation)
        if not right or case.number != number or not visible(caller, case):
            raise _wrong()
        misses.give_back(number)
        return await status(ports, case)

    return routes
