"""The ASGI apps of a runtime: the public one, that of operations on its own port, and the owner's on the socket in the data folder.

The owner's app has the routes of both others, and those that give access to keys and to the log.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from deploy.api import operator, persons
from deploy.api import replay as replaying
from shared.hosting.process import Process
from shared.http import command_batches as bulk
from shared.http import commands, health, live, webhooks
from shared.http import problem_details as problems
from shared.http.access_log import AccessLog
from shared.http.openapi import document
from shared.http.router import routes_of
from shared.kernel import data_file
from shared.kernel.version import VERSION

DESCRIPTION = """Huiyin 回音: complaints and petitions, each with an answer.

Times are RFC 3339 with offset, or dates where a day is meant. Errors are `application/problem+json` with a stable `code`.
Codes are never translated; sentences come in Chinese and English."""


TAGS = {
    "filing": "Complaints and petitions from channels",
    "citizens": "What people do without an access key: file, follow, act with number and query code",
    "calls": "Missed calls of the office: recorded, called back, filed",
    "cases": "Cases: lists, one case, commands, matters",
    "desk": "The daily work of a unit: who handles a case, internal notes, drafts",
    "knowledge": "Answers kept for a subject, from which drafts are filled",
    "files": "Files of cases: sending, reading, covering names",
    "notices": "Written notices: drafts, numbers, documents, dossiers",
    "live": "Which cases moved, as server-sent events",
    "sessions": "Members of staff: invitations, sign-in, posts",
    "words": "All codes in words, in both languages",
    "departments": "Inboxes of organisations",
    "platforms": "What platforms are told about the cases that they filed",
    "messages": "Messages to petitioners: which wait for a letter or a call",
    "webhooks": "Entries of inboxes and updates, sent to the servers of organisations and platforms",
    "policies": "Policies and calendars: law as data",
    "analytics": "Statistics",
    "operations": "Import and health",
    "operator": "The owner of the data folder and the operators",
}
"""Tag -> what its operations are about."""


def examples() -> dict[str, Any]:
    """The examples of the OpenAPI document."""
    found: dict[str, Any] = data_file.load(files("deploy.api") / "examples.yaml")
    return found


def build_app(runtime: Process) -> FastAPI:
    """The public app."""
    return _app(runtime, routes_of(_routers(runtime)), local=False)


def build_owner_app(runtime: Process, public: FastAPI | None = None) -> FastAPI:
    """The app for the socket that only the owner of the data folder can open.

    Args:
        public: The public app of this process, where there is one: its routes serve here, too, and are not built again.
    """
    routes = (
        routes_of(_routers(runtime)) if public is None else [one for one in public.routes if isinstance(one, APIRoute)]
    )
    own = [
        health.router(runtime),
        replaying.router(runtime),
        operator.router(runtime, owner=True),
        persons.router(runtime),
    ]
    return _app(runtime, [*routes, *routes_of(own)], local=True)


def build_operations_app(runtime: Process) -> FastAPI:
    """The app of the port for operations: health, metrics and the routes of the operator that give access to no data."""
    routers = [health.alive(), health.router(runtime), operator.router(runtime, owner=False)]
    return _app(runtime, routes_of(routers), local=False)


def _routers(runtime: Process) -> list[APIRouter]:
    """Those of the public app."""
    routers = [router for part in runtime.parts for router in part.routers(runtime)]
    if any(part.name != "analytics" for part in runtime.parts):  # a process that runs only analytics changes no case
        given = commands.Commands(runtime)
        routers += [
            commands.router(runtime, given),
            bulk.router(runtime, given),
            live.router(runtime),
            webhooks.router(runtime, runtime.webhooks),
        ]
        routers += [router for part in (*runtime.parts, *runtime.beside) for router in part.case_routers(runtime)]
    routers.append(health.alive())
    return routers


def _app(runtime: Process, routes: list[BaseRoute], *, local: bool) -> FastAPI:
    app = FastAPI(
        title="Huiyin 回音",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        routes=routes,
        redirect_slashes=False,
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    app.state.runtime = runtime
    app.state.local = local
    app.state.large_bodies = asyncio.Lock()
    problems.install(app, runtime)
    document(app, examples)
    app.add_middleware(AccessLog, metrics=runtime.metrics)
    return app
