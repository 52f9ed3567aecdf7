"""Health of the process, and its metrics."""

from __future__ import annotations

import math
import shutil
from typing import Any

import orjson
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from shared.commands.authorization import OPERATE, authorize
from shared.hosting.delivery_metrics import BROKER_AWAY
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import answers, operation
from shared.http.responses import Health
from shared.http.router import api_router
from shared.kernel.clock_trust import CLOCK_WRONG

MOST_NAMED = 10
"""Maximum number of missing topics that are named. Each affects one organisation, which can still read over HTTP."""
LEAST_FREE = 16 * 1024 * 1024
"""Bytes that must be free on the data folder's disk."""


async def health(runtime: Process) -> dict[str, Any]:
    """Checks readiness by progress: a consumer with waiting work that has handled nothing for a minute is not ready."""
    ports = runtime.ports
    lag = await ports.feed.lag()
    reasons, notes = _of_feed(runtime)
    now = ports.clock.monotonic()
    late = math.inf if BROKER_AWAY in (*reasons, *notes) else runtime.settings.ready_seconds
    reasons += [
        f"no_progress:{one.group}"
        for one in runtime.consumers
        if lag.get(one.group) and now - ports.feed.last_progress(one.group) > late
    ]
    for letters in runtime.letters:
        waiting = lag[letters.group] = letters.figures().waiting
        if waiting and now - letters.progress > late:
            reasons.append(f"no_progress:{letters.group}")
    if runtime.relay is not None and runtime.relay.missing:
        notes += [f"topic_missing:{topic}" for topic in sorted(runtime.relay.missing)[:MOST_NAMED]]
    if runtime.broken is not None or ports.log.broken is not None:
        reasons.append("log_broken")
    if runtime.unable is not None:
        reasons.append("unable")
    if (doubt := ports.clock.trust.doubt) is not None:
        reasons.append(f"{CLOCK_WRONG}:{doubt.witness}")
    if runtime.pressure is not None and runtime.pressure.full:
        reasons.append("unpublished_full")
    if runtime.pressure is not None and runtime.pressure.away is not None:
        reasons.append(runtime.pressure.away)
    if runtime.filling:
        reasons.append("views_filling")
    if runtime.stopping:
        reasons.append("stopping")
    if runtime.folder is not None and shutil.disk_usage(runtime.folder).free < LEAST_FREE:
        reasons.append("disk_full")
    return {"ready": not reasons, "reasons": reasons, "groups": lag, "notes": notes}


def _of_feed(runtime: Process) -> tuple[list[str], list[str]]:
    """The problems of the feed: (why this process is not ready, notes). Filings are accepted without a broker and wait in
    the log, so a process that accepts filings stays ready."""
    reasons = runtime.ports.feed.problems()
    if not any(part.name == "intake" for part in runtime.parts):
        return reasons, []
    return [one for one in reasons if one != BROKER_AWAY], [one for one in reasons if one == BROKER_AWAY]


def alive() -> APIRouter:
    """The route of every port."""
    routes = api_router("operations")

    @routes.get("/livez", response_model=dict[str, bool], **operation("livez_livez_get", 422))
    async def livez() -> dict[str, bool]:
        """The process answers."""
        return {"alive": True}

    return routes


def router(runtime: Process) -> APIRouter:
    """The routes of the port for operations: what they tell is of no concern to strangers."""
    routes = api_router("operations")

    @routes.get(
        "/readyz",
        operation_id="readyz_readyz_get",
        response_model=Health,
        responses={**answers(422), 503: {"model": Health, "description": "Not ready; see `reasons`"}},
    )
    async def readyz() -> Response:
        """The process makes progress and can write."""
        found = await health(runtime)
        return Response(orjson.dumps(found), 200 if found["ready"] else 503, media_type="application/json")

    @routes.get(
        "/metrics",
        operation_id="figures_metrics_get",
        response_class=Response,
        responses={
            **answers(401, 403, 422, 503),
            200: {"content": {"text/plain": {}}, "description": "Prometheus' text form"},
        },
    )
    async def figures(caller: Caller) -> Response:
        """Figures for Prometheus; role operations."""
        authorize(caller, OPERATE)
        return Response(
            await runtime.metrics.render(runtime, await health(runtime)), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    return routes
