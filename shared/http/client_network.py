"""The network of a client: what limits on strangers count as one client."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

PREFIX = 64
"""Bits of an IPv6 address that one subscriber has for themselves (RFC 6177): who has one address has 2^64 of them."""


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
