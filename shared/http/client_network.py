"""The network of a client: what limits on strangers count as one client.

A portal stands between citizens and this server. It authenticates with an access key of the role portal and names its client
in `Forwarded` (RFC 7239). From anybody else the header is not read: whoever could choose their address would have no limit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request

from shared.hosting.process import Process

PREFIX = 64
"""Bits of an IPv6 address that one subscriber has for themselves (RFC 6177): who has one address has 2^64 of them."""
PORTAL_HEADER = "huiyin-portal"
"""Carries the access key of the portal, beside the session of the person for whom it asks in `Authorization`."""
LOCAL = "local"
"""The network of a client without an address: a socket in the data folder."""
_FOR = re.compile(r'(?:^|[;,\s])for=(?:"([^"]*)"|([^;,\s"]+))', re.IGNORECASE)
_MOST = 500
"""Longest header that is read, in characters."""


@lru_cache(4096)
def network_of(host: str) -> str:
    """The network of an address: an IPv4 address itself, the first 64 bits of an IPv6 address. Another text is its own network."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, PREFIX), strict=False))
    return str(address)


def forwarded_for(header: str) -> str | None:
    """The address that the last element of a `Forwarded` header names; None where it names none.

    >>> forwarded_for('for=192.0.2.60;proto=https'), forwarded_for('for="[2001:db8::1]:4711"')
    ('192.0.2.60', '2001:db8::1')
    >>> forwarded_for("for=203.0.113.9:8080, for=198.51.100.7"), forwarded_for("for=_hidden"), forwarded_for("by=10.0.0.1")
    ('198.51.100.7', None, None)
    """
    found = _FOR.findall(header[-_MOST:].rpartition(",")[2])
    if len(found) != 1:
        return None
    node = (found[0][0] or found[0][1]).strip()
    if node.startswith("["):
        node = node[1:].partition("]")[0]
    elif node.count(":") == 1:
        node = node.partition(":")[0]
    try:
        return str(ip_address(node))
    except ValueError:
        return None


async def client_network(request: Request) -> str:
    """The network that the limits on strangers count: that of the connection, or the one that a portal names."""
    runtime: Process = request.app.state.runtime
    key, told = request.headers.get(PORTAL_HEADER), request.headers.get("forwarded")
    if key is not None and told is not None and await runtime.principals.of_portal(key.strip()):
        address = forwarded_for(told)
        if address is not None:
            return network_of(address)
    return network_of(request.client.host) if request.client else LOCAL
