"""Addresses that messages can be sent to. Pure: the form in which a gateway takes them, or why it cannot."""

from __future__ import annotations

import re
import unicodedata

from shared.kernel.refusals import Invalid
from shared.kernel.text_normalization import without_zero_width

_CHINESE_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9]\d{9})")
_CHINESE_LANDLINE = re.compile(
    r"(?:(?:\+|00)?86)?(?:0\d{2,3}\d{7,8}|[2-8]\d{6,7}|[48]00\d{7}|1[0-2]\d{1,3}|9\d{4,7})|(?:\+|00)86[2-9]\d{8,10}"
)
_INTERNATIONAL = re.compile(r"(?:\+|00)[1-9]\d{6,14}")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:(?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)+(?!\d+$)(?!-)[A-Za-z0-9-]{2,63}(?<!-)")
_ACCOUNT = re.compile(r"[A-Za-z0-9._@-]{1,100}")
_SEPARATORS = re.compile(r"[\s\-().·－—]+")


class UnusableAddress(Exception):
    """Nothing can be sent to this address. The message is a stable code: `landline`, `address_wrong`."""


def usable(channel: str, text: str) -> str:
    """The address in the form for a gateway. Raises UnusableAddress.

    >>> usable("sms", "138 0000 0000"), usable("sms", "＋86-13800000000"), usable("email", "li@例子.cn")
    ('+8613800000000', '+8613800000000', 'li@xn--fsqu00a.cn')
    """
    given = unicodedata.normalize("NFKC", without_zero_width(text)).strip()
    if any(unicodedata.category(one) in ("Cc", "Cf") for one in given):
        raise UnusableAddress("address_wrong")
    if channel == "sms":
        return _number(_SEPARATORS.sub("", given))
    if channel == "email":
        return _mail(given)
    if not _ACCOUNT.fullmatch(given):
        raise UnusableAddress("address_wrong")
    return given


def _number(digits: str) -> str:
    if mobile := _CHINESE_MOBILE.fullmatch(digits):
        return f"+86{mobile[1]}"
    if _CHINESE_LANDLINE.fullmatch(digits):
        raise UnusableAddress("landline")
    if _INTERNATIONAL.fullmatch(digits) and not digits.startswith(("+86", "0086")):
        return "+" + digits.removeprefix("+").removeprefix("00")
    raise UnusableAddress("address_wrong")


def _mail(given: str) -> str:
    local, at, domain = given.rpartition("@")
    try:
        ascii_domain = domain.rstrip(".").encode("idna").decode() if domain else ""
    except UnicodeError:
        raise UnusableAddress("address_wrong") from None
    good = at and len(local) <= 64 and _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain)
    if not good or len(ascii_domain) > 253:
        raise UnusableAddress("address_wrong")
    return f"{local}@{ascii_domain.lower()}"


def check_address(channel: str, text: str) -> None:
    """Raises Invalid `landline_for_sms` or `address_wrong`; neither shows the address."""
    try:
        usable(channel, text)
    except UnusableAddress as error:
        if str(error) == "landline":
            raise Invalid(
                "landline_for_sms",
                "This is the number of a landline, which gets no SMS. Give a mobile number or another kind of address.",
                detail_zh="该号码为固定电话，无法接收短信，请填写手机号码或选择其他方式。",
                field="address",
            ) from None
        raise Invalid(
            "address_wrong",
            "Nothing can be sent to this address. For email give name@domain, for sms a mobile number.",
            detail_zh="该地址无法接收消息。电子邮箱应为“名称@域名”，短信应为手机号码。",
            field="address",
        ) from None
