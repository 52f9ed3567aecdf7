"""What a process uses to reach servers of others, made with its first request: most commands send nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.application.outbound_http import OutboundAnswer, OutboundHttp
from shared.kernel.outbound_addresses import networks
from shared.kernel.settings import Settings
from shared.messaging.gateway import Gateway

if TYPE_CHECKING:
    from shared.adapters.outbound.guarded_http import GuardedHttp


class Outbound:
    """An `OutboundHttp` with the settings of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _http(self) -> GuardedHttp:
        from shared.adapters.outbound.guarded_http import GuardedHttp

        settings = self._settings
        ports = frozenset(one for one in (settings.port, settings.operations_port) if one)
        own = urlsplit(settings.public_url).hostname if settings.public_url else None
        return GuardedHttp(
            networks(settings.outbound_networks), own_ports=lambda: ports, own_host=own, ca=settings.outbound_ca
        )

    async def check(self, url: str) -> None:
        await self._http.check(url)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = 20.0) -> OutboundAnswer:
        return await self._http.post(url, headers, body, seconds=seconds)

    async def close(self) -> None:
        if "_http" in self.__dict__:
            await self._http.close()


def gateways(settings: Settings, http: OutboundHttp) -> dict[str, Gateway]:
    """Channel -> the gateway of the settings, for the channels that have one."""
    urls = {"sms": settings.gateway_sms, "email": settings.gateway_email, "account": settings.gateway_account}
    return {channel: _gateway(channel, url, settings, http) for channel, url in urls.items() if url is not None}


def _gateway(channel: str, url: str, settings: Settings, http: OutboundHttp) -> Gateway:
    if url.startswith("spool:"):
        from shared.adapters.gateways.spool import SpoolGateway

        return SpoolGateway(Path(url.removeprefix("spool:")), f"spool-{channel}")
    if url.startswith("http"):
        from shared.adapters.gateways.signed_http import SignedHttpGateway

        secret = settings.gateway_secret.get_secret_value() if settings.gateway_secret is not None else ""
        return SignedHttpGateway(url, secret, http, f"http-{channel}")
    from shared.adapters.gateways.smtp import SmtpGateway

    parts = urlsplit(url)
    return SmtpGateway(
        parts.hostname or "",
        parts.port or 25,
        settings.gateway_from or "",
        tls=parts.scheme == "smtps",
        plain=parts.scheme == "smtp-plain",
        user=settings.gateway_user,
        password=settings.gateway_password.get_secret_value() if settings.gateway_password is not None else None,
        ca=settings.outbound_ca,
    )
