from __future__ import annotations

import pytest

from services.intake.commands.contact_addresses import UnusableAddress, check_address, usable
from shared.kernel.refusals import Invalid


@pytest.mark.parametrize(
    ("channel", "given", "found"),
    [
        ("sms", "13800138000", "+8613800138000"),
        ("sms", "+86 138-0013-8000", "+8613800138000"),
        ("sms", "0086 13800138000", "+8613800138000"),
        ("sms", "１３８００１３８０００", "+8613800138000"),
        ("sms", "138\u200b00138000", "+8613800138000"),
        ("sms", "+85261234567", "+85261234567"),
        ("email", "Li.Wei+a@Example.ORG", "Li.Wei+a@example.org"),
        ("email", "ｌｉ＠example.org", "li@example.org"),
        ("account", "wx_1234", "wx_1234"),
    ],
)
def test_usable_addresses_get_one_form(channel: str, given: str, found: str) -> None:
    assert usable(channel, given) == found


@pytest.mark.parametrize(
    "given", ["0571-87654321", "(021) 62345678", "87654321", "400-800-1234", "12345", "+86 571 87654321"]
)
def test_landlines_get_no_sms(given: str) -> None:
    with pytest.raises(UnusableAddress, match="landline"):
        usable("sms", given)


@pytest.mark.parametrize(
    ("channel", "given"),
    [
        ("sms", "1380013800"),
        ("sms", "138001380000"),
        ("sms", "电话"),
        ("sms", ""),
        ("email", "example.org"),
        ("email", "li@"),
        ("email", "@example.org"),
        ("email", "li@example"),
        ("email", "li@@example.org"),
        ("email", "li@example.org\r\nBcc: x@example.org"),
        ("email", "li@[127.0.0.1]"),
        ("email", "li@127.0.0.1"),
        ("email", "a b@example.org"),
        ("email", "a@example.org,b@example.org"),
        ("email", "a" * 65 + "@example.org"),
        ("account", "a/../b"),
        ("account", ""),
    ],
)
def test_what_is_no_address_is_refused_with_a_code_and_without_its_value(channel: str, given: str) -> None:
    with pytest.raises(UnusableAddress, match="address_wrong"):
        usable(channel, given)
    with pytest.raises(Invalid) as refused:
        check_address(channel, given)
    assert (refused.value.code, refused.value.field) == ("address_wrong", "address")
    assert not given or given not in str(refused.value)


def test_a_landline_is_named_as_such() -> None:
    with pytest.raises(Invalid) as refused:
        check_address("sms", "0571-87654321")
    assert refused.value.code == "landline_for_sms"
