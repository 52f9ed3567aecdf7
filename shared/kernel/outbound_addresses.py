"""Which addresses a request to a server of somebody else may go to (SSRF). Pure; resolving and connecting is the adapter's part.

A webhook address is chosen by its owner, so it could name this machine, a machine of the internal network or the metadata service
of a cloud. Only addresses of the public internet are used, unless the operator allows a network. OWASP API7:2023, ASVS 1.3.6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.kernel.refusals import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA: tuple[Network, ...] = tuple(
    ip_network(one)
    for one in (
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::/32",
        "fe80::/10",
    )
)
"""Metadata services of clouds (Alibaba, Tencent, Huawei, Amazon, Azure, Google, Oracle). No setting opens them."""
_TRANSITION: tuple[IPv6Network, ...] = tuple(
    IPv6Network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0:0/96", "::/96")
)
"""IPv6 addresses that stand for an IPv4 address: NAT64, 6to4, Teredo, translated and compatible ones."""
_GLOBAL = IPv6Network("2000::/3")
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")
)
"""Special-purpose registries of IANA (RFC 6890, 7526, 9637), of which versions of Python call some public."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
URL_LIMIT = 2000


class Target(NamedTuple):
    """A checked URL, in parts."""

    scheme: str
    host: str
    """In lower case, ASCII (IDNA); an IPv6 address without brackets."""
    port: int
    path: str
    """Path and query."""
    literal: Address | None
    """The address if the host is one."""

    @property
    def netloc(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


def networks(text: str) -> tuple[Network, ...]:
    """The networks of a setting, separated by commas. Raises ValueError."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def refusal_of_address(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Why a connection to this address is refused, as a code; None if it is permitted.

    >>> refusal_of_address(ip_address("10.0.0.1")), refusal_of_address(ip_address("::ffff:10.0.0.1"))
    ('private_address', 'embedded_address')
    >>> refusal_of_address(ip_address("10.0.0.1"), networks("10.0.0.0/24")), refusal_of_address(ip_address("1.1.1.1"))
    (None, None)
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "link_local_address"
        if address.ipv4_mapped is not None:
            return "embedded_address"
    if any(address in network for network in METADATA if network.version == address.version):
        return "metadata_address"
    if any(address in network for network in allowed if network.version == address.version):
        return None
    if address.is_loopback:
        return "loopback_address"
    if address.is_unspecified:
        return "unspecified_address"
    if address.is_multicast:
        return "multicast_address"
    if isinstance(address, IPv6Address):
        if any(address in network for network in _TRANSITION):
            return "embedded_address"
        if address not in _GLOBAL:
            return "private_address"
    if any(address in network for network in _SPECIAL if network.version == address.version):
        return "private_address"
    return None if address.is_global else "private_address"


def target_of(url: str, allowed: Sequence[Network] = ()) -> Target:
    """The parts of a URL that requests may be sent to, as far as the text decides. Plain http is only possible if the operator
    allows networks; the adapter then checks that the address is in one of them.

    Raises:
        Invalid: `webhook_url_wrong`, it is no such URL; `webhook_address_refused`, it names an address that is not permitted.
    """
    if len(url) > URL_LIMIT or any(character <= " " or character == "\x7f" for character in url):
        raise _wrong("it is too long, or contains a space or a control character", "过长或含有空格、控制字符")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("it cannot be read", "无法识别") from None
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    if scheme != "https" and not (scheme == "http" and allowed):
        raise _wrong("it must begin with https://", "须以 https:// 开头")
    if parts.username is not None or parts.password is not None:
        raise _wrong("it must not contain a user name or a password", "不得含用户名或密码")
    if parts.fragment or url.endswith("#"):
        raise _wrong("it must not contain a fragment (#)", "不得含片段标识（#）")
    if port == 0 or not host or "\\" in url or "%" in parts.netloc:
        raise _wrong("its host or port is not valid", "主机名或端口无效")
    literal = _literal(host)
    if literal is not None:
        if (why := refusal_of_address(literal, allowed)) is not None:
            raise refused(why)
        name = str(literal)
    else:
        name = _name(host)
        home = IPv4Address("127.0.0.1")
        if name.rpartition(".")[2] in ("localhost", "localdomain") and refusal_of_address(home, allowed) is not None:
            raise refused("loopback_address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise _wrong("its path must be percent-encoded", "路径须为百分号编码")
    return Target(scheme, name, port or {"https": 443, "http": 80}[scheme], path, literal)


def _literal(host: str) -> Address | None:
    """The address that the host is, None for a name. Raises Invalid for an IPv4 address in another form than four decimal numbers,
    such as 0x7f.1, 017700000001 or 2130706433, which systems read differently."""
    if ":" in host:
        try:
            return IPv6Address(host)
        except ValueError:
            raise _wrong("its host is not an IPv6 address", "主机不是有效的 IPv6 地址") from None
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            return IPv4Address(host)
        except ValueError:
            raise _wrong(
                "an IPv4 address must be written as four decimal numbers", "IPv4 地址须写成四段十进制数"
            ) from None
    return None


def _name(host: str) -> str:
    try:
        name = host.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        raise _wrong("its host is not a valid name", "主机名无效") from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels) or _NUMBER.fullmatch(labels[-1]):
        raise _wrong("its host is not a valid name", "主机名无效")
    return name


def _wrong(why: str, why_zh: str) -> Invalid:
    return Invalid(
        "webhook_url_wrong",
        f"This is not an address that Huiyin can send to: {why}. Give the https address of your server.",
        detail_zh=f"该地址不能用于推送：{why_zh}。请填写贵方服务器的 https 地址。",
        field="url",
    )


def refused(why: str) -> Invalid:
    """The refusal of an address that is not permitted; `why` is a code of refusal_of_address()."""
    return Invalid(
        "webhook_address_refused",
        f"The host leads to an address that is not permitted ({why}). Use a server on the public internet, or ask the operators to"
        " allow its network (HUIYIN_OUTBOUND_NETWORKS).",
        detail_zh=f"该主机指向不允许访问的地址（{why}）。请使用公网服务器，或请运维人员放行所在网段（HUIYIN_OUTBOUND_NETWORKS）。",
        field="url",
    )
