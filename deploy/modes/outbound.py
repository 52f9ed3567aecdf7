"""What a process uses to reach servers of others, made with its first request: most commands send nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.application.outbound_http import OutboundAnswer
from shared.kernel.outbound_addresses import networks
from shared.kernel.settings import Settings

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
