"""The routes of the apps are complete as they are made: no app includes a router."""

from __future__ import annotations

from fastapi.routing import APIRoute

from shared.http.request_bodies import exact_query
from tests.support.serving import served


async def test_every_route_refuses_unknown_query_parameters() -> None:
    async with served() as here:
        for app in (here.app, here.local, here.operations):
            routes = [route for route in app.routes if isinstance(route, APIRoute)]
            unguarded = [
                route.path
                for route in routes
                if all(one.call is not exact_query for one in route.dependant.dependencies)
            ]
            assert routes and unguarded == []


async def test_no_router_is_included() -> None:
    """An included router builds each route a second time."""
    async with served() as here:
        for app in (here.app, here.local, here.operations):
            assert {type(route).__name__ for route in app.routes} <= {"APIRoute", "Route"}
