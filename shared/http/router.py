"""Routers of the product: their routes are complete, so that an app takes them as they are.

`FastAPI.include_router` builds each included route a second time at the first request. An app that is given the routes
themselves (`build_app`) avoids that, which requires that a route already has its dependencies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Depends
from starlette.routing import BaseRoute

from shared.http.request_bodies import exact_query


def api_router(
    tag: str,
    *,
    prefix: str = "",
    dependencies: Sequence[Any] = (),
    responses: dict[int | str, dict[str, Any]] | None = None,
) -> APIRouter:
    """An empty router whose routes refuse unknown query parameters.

    Args:
        tag: Tag of the operations in the OpenAPI document.
        prefix: First part of the paths, for example `/local`.
        dependencies: `fastapi.Depends`, checked in this order after the query parameters.
        responses: Answers that all routes document.
    """
    return APIRouter(tags=[tag], prefix=prefix, dependencies=[Depends(exact_query), *dependencies], responses=responses)


def routes_of(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    """The routes of these routers, in order."""
    return [route for router in routers for route in router.routes]
