"""The interface and the pages on one port, as the embedded mode serves them."""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from services.portal import application as portal
from services.portal.api import Api
from services.portal.same_process import SameProcess
from shared.hosting.process import Process
from shared.http.access_log import AccessLog

INTERFACE = ("/v1/", "/openapi.json", "/livez", "/readyz", "/metrics")
"""Addresses that the interface answers, also with “there is nothing here”; all others belong to the pages."""


class Site:
    """Sends a request to the interface or to the pages, by its address."""

    def __init__(self, interface: ASGIApp, pages: ASGIApp) -> None:
        self._interface = interface
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        of_interface = scope["type"] != "http" or scope["path"].startswith(INTERFACE) or scope["path"] == "/v1"
        await (self._interface if of_interface else self._pages)(scope, receive, send)


def build_site(runtime: Process, interface: ASGIApp) -> Site:
    """The interface with pages that ask it in this process, without a network."""
    settings = runtime.settings
    client = httpx.AsyncClient(transport=SameProcess(interface), base_url="http://huiyin")
    pages = portal.build(
        Api(client, runtime.principals.own_portal), telephone=settings.telephone, public_url=settings.public_url
    )
    return Site(interface, AccessLog(pages, runtime.metrics))
