from __future__ import annotations

from ipaddress import ip_address

import pytest

from shared.kernel.outbound_addresses import networks, refusal_of_address, target_of
from shared.kernel.refusals import Invalid

WRONG_URLS = (
    "http://example.org/hook",
    "ftp://example.org/",
    "//example.org/",
    "https://",
    "https:///hook",
    "https://user:word@example.org/",
    "https://example.org/#part",
    "https://example.org/#",
    "https://example.org:0/",
    "https://example.org:99999/",
    "https://exa mple.org/",
    "https://example.org/\r\nX-Injected: 1",
    "https://example.org\\@127.0.0.1/",
    "https://127.0.0.1%00.example.org/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://017700000001/",
    "https://127.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://1.2.3/",
    "https://256.1.1.1/",
    "https://a..b/",
    "https://-a.example/",
    "https://" + "a" * 64 + ".example/",
    "https://example.org/" + "x" * 2000,
    "https://example.org/回音",
)
REFUSED_HOSTS = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.0.0.8",
    "192.88.99.1",
    "[2001:20::1]",
    "[3fff::1]",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:10.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[::10.0.0.1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b:1::a00:1]",
    "[2002:a00:1::]",
    "[2001::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "[::ffff:0:10.0.0.1]",
    "localhost",
    "a.localhost",
    "localhost.",
    "LOCALHOST",
    "127.0.0.1.",
    "１２７.0.0.1",
)


@pytest.mark.parametrize("url", WRONG_URLS)
def test_text_that_is_no_usable_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        target_of(url)
    assert (refused.value.code, refused.value.field) == ("webhook_url_wrong", "url")
    assert url not in str(refused.value)


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_host_that_is_no_public_address_is_refused(host: str) -> None:
    with pytest.raises(Invalid) as refused:
        target_of(f"https://{host}/hook")
    assert refused.value.code in ("webhook_address_refused", "webhook_url_wrong")


@pytest.mark.parametrize(
    ("url", "host", "port", "netloc"),
    [
        ("https://example.org/hook?a=b", "example.org", 443, "example.org"),
        ("https://Example.ORG:8443", "example.org", 8443, "example.org:8443"),
        ("https://例子.example/x", "xn--fsqu00a.example", 443, "xn--fsqu00a.example"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "8.8.8.8"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "[2606:4700::1111]"),
    ],
)
def test_public_address_is_taken_apart(url: str, host: str, port: int, netloc: str) -> None:
    target = target_of(url)
    assert (target.host, target.port, target.netloc) == (host, port, netloc)


def test_allowed_network_opens_private_addresses_and_plain_http_but_no_metadata_service() -> None:
    allowed = networks("10.0.0.0/8, fd00::/8, 169.254.0.0/16, 100.64.0.0/10")
    assert target_of("http://10.1.2.3/hook", allowed).scheme == "http"
    assert refusal_of_address(ip_address("100.64.0.9"), allowed) is None
    assert refusal_of_address(ip_address("fd00::1"), allowed) is None
    for address in ("169.254.169.254", "100.100.100.200", "fd00:ec2::254", "::ffff:10.1.2.3"):
        assert refusal_of_address(ip_address(address), allowed) is not None
    with pytest.raises(Invalid):
        target_of("https://192.168.0.1/", allowed)
