"""The ASGI app of a runtime: public routes, and, on the socket in the data folder only, those of the operator."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from shared.http import (
    bulk,
    calendars,
    cases,
    channels,
    citizens,
    commands,
    history,
    matters,
    operations,
    organisations,
    platforms,
    policies,
    problems,
    replaying,
    status,
    submissions,
)
from shared.http.access_log import AccessLog
from shared.http.describing import document, exact_query
from shared.http.operator import router as operator_router
from shared.http.pages import routes as pages
from shared.metrics import Metrics
from shared.runtime import Runtime
from shared.version import VERSION

DESCRIPTION = """Huiyin 回音: complaints and petitions, each with an answer.

Times are RFC 3339 with offset, or dates where a day is meant. Errors are `application/problem+json` with a stable `code`.
Codes are never translated; sentences come in Chinese and English."""


def watch(runtime: Runtime, metrics: Metrics) -> None:
    """Let `metrics` count what the consumers handle. Once for a registry."""
    clock = runtime.ports.clock
    runtime.observers.append(lambda group, commits: metrics.observe(group, commits, clock.now()))


def build_app(runtime: Runtime, metrics: Metrics | None = None, *, local: bool = False) -> FastAPI:
    """`local`: the app for the socket that only the owner of the data folder can open."""
    if metrics is None:
        metrics = Metrics()
        watch(runtime, metrics)
    app = FastAPI(
        title="Huiyin 回音",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(exact_query)],
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    app.state.local = local
    problems.install(app, runtime)
    for part in runtime.parts:  # before those of cases, whose reference may hold slashes
        for router in part.routers.values():
            app.include_router(router)
    if any(part.name != "analytics" for part in runtime.parts):  # a process for figures alone changes no case
        _cases(app, runtime, metrics)
    app.include_router(operations.router(runtime, metrics))
    if local:
        app.include_router(replaying.router(runtime))
        app.include_router(operator_router(runtime, metrics))
    document(app)
    app.add_middleware(AccessLog, metrics=metrics)
    return app


def _cases(app: FastAPI, runtime: Runtime, metrics: Metrics) -> None:
    askers = status.Askers(runtime)
    given = commands.Commands(runtime, metrics)
    owners = submissions.Owners(runtime)
    app.include_router(submissions.router(runtime, owners))
    app.include_router(channels.router(runtime, owners))
    app.include_router(status.router(runtime, askers))
    app.include_router(citizens.router(runtime, given, askers))
    app.include_router(pages.router(runtime, askers))
    app.include_router(commands.router(runtime, given))
    app.include_router(bulk.router(runtime, given))
    app.include_router(matters.router(runtime))
    app.include_router(cases.router(runtime))
    app.include_router(organisations.router(runtime))
    app.include_router(platforms.router(runtime))
    app.include_router(policies.router(runtime))
    app.include_router(calendars.router(runtime))
    app.include_router(history.router(runtime))
