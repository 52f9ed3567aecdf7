"""HTTP of analytics: GET /v1/stats. No logic."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

from fastapi import APIRouter, Query

from services.analytics.fact_store.store import Facts
from services.analytics.fact_store.visibility import Visibility, visibility_of
from services.analytics.statistics.as_of import facts_as_of
from services.analytics.statistics.measures import BY_NAME, VERSION, VERSIONS
from services.analytics.statistics.models import COMPARES, DIMENSIONS, StatsQuery, StatsResult
from services.analytics.statistics.period import ALLOWED
from services.analytics.statistics.query import query
from shared.application.ports import Ports
from shared.commands.authorization import STATS, authorize
from shared.http.authentication import Caller
from shared.http.openapi import READING, operation
from shared.http.router import api_router
from shared.kernel.legal_time import LegalTime, given_time, instant_of
from shared.kernel.refusals import Invalid

_YEARS = range(1900, 2201)
_LIST = "separated by commas"
_PERIOD = Query("all", max_length=40, description=f"Days in the zone of the jurisdiction: {ALLOWED}")
_BY = Query("", max_length=200, description=f"Groups, {_LIST}: {', '.join(DIMENSIONS)}")
_COMPARE = Query("", max_length=40, description=f"The period before, {_LIST}: {', '.join(COMPARES)}")
_MEASURES = Query("", max_length=600, description=f"Figures, {_LIST}; by default all: {', '.join(BY_NAME)}")
_AS_OF = Query(None, max_length=40, description="Figures as they were known then: a date, or an instant with offset")
_VERSION = Query(VERSION, ge=1, le=1000, description=f"Metric version: {', '.join(map(str, VERSIONS))}")


def router(ports: Ports, facts: Facts) -> APIRouter:
    """The routes of analytics over these facts."""
    routes = api_router("analytics")
    reconstruction = asyncio.Semaphore(1)  # one pass over the whole log at a time

    @routes.get("/v1/stats", **operation("stats_v1_stats_get", *READING))
    async def stats(
        caller: Caller,
        period: str = _PERIOD,
        by: str = _BY,
        compare: str = _COMPARE,
        measures: str = _MEASURES,
        as_of: str | None = _AS_OF,
        version: int = _VERSION,
    ) -> StatsResult:
        """Statistics of a period: on-time rates, elapsed times, participation, satisfaction, resolution, counts."""
        authorize(caller, STATS)
        request = StatsQuery(
            period=period, by=_split(by), compare=_split(compare), measures=_split(measures), version=version
        )
        visibility = visibility_of(caller)
        now = ports.clock.now()
        books = await ports.policies.all()
        if as_of is None:
            result = await query(facts, request, now, visibility)
        else:
            when = _as_of(as_of)
            then = min(now, max((instant_of(when, book.zone) for book in books.values()), default=now))
            if type(when) is date:
                result = await query(facts, request, then, visibility, current=False, day=when)
            else:
                result = await _folded(when, then, request, visibility)
        codes = {code for figure in result.figures for code in figure.group.values()}
        named = {code: name for book in books.values() for code, name in book.names.items() if code in codes}
        return result.model_copy(update={"names": named})

    async def _folded(when: LegalTime, then: datetime, request: StatsQuery, visibility: Visibility) -> StatsResult:
        """The figures of an instant, from the log: the facts know days."""
        async with reconstruction:
            past = await facts_as_of(ports.log, ports.policies, when, visibility=visibility)
            try:
                return await query(past, request, then, visibility, current=False)
            finally:
                await past.close()

    return routes


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _as_of(text: str) -> LegalTime:
    """Raises Invalid for anything but a date or an instant with offset."""
    try:
        when = given_time(text)
        if when.year not in _YEARS:  # at the ends of the calendar a zone cannot be applied
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise Invalid(
            "wrong_time",
            "as_of needs a date (2026-01-31) or an instant with offset (2026-01-31T10:00:00+08:00).",
            detail_zh="as_of 应为日期，或带时区偏移的时刻。",
            field="as_of",
        ) from error
    return when
