"""The texts of messages, and their length as SMS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from shared.kernel.data_file import load

MOST_PARTS = 2
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic alphabet of GSM 03.38."""
_GSM_DOUBLE = frozenset("^{}\\[~]|€\f")
"""Characters of its extension, which take two places."""
SUBJECTS = {"zh": "信访件办理消息", "en": "News about your petition"}


class MessageText(NamedTuple):
    """A text to be sent."""

    subject: str
    """For channels that have one."""
    text: str


def sms_parts(text: str) -> int:
    """The number of parts of an SMS: 160 places in one part, 153 in each of several; with other characters 70 and 67 UTF-16 units.

    >>> sms_parts("a" * 160), sms_parts("a" * 161), sms_parts("信" * 70), sms_parts("信" * 71), sms_parts("€" * 81)
    (1, 2, 1, 2, 2)
    """
    if all(one in _GSM or one in _GSM_DOUBLE for one in text):
        length, one_part, each = sum(2 if one in _GSM_DOUBLE else 1 for one in text), 160, 153
    else:
        length, one_part, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one_part else -(-length // each)


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Kind -> language -> text."""
    found: Mapping[str, Mapping[str, str]] = load(files(__package__).joinpath("texts.yaml"))
    return found


def text_of(kind: str, language: str, *, number: str, day: str, link: str | None = None) -> MessageText:
    """The text of a message. The link is left out where it would need a third part."""
    body = texts()[kind][language].format(number=number, day=day)
    if link is not None:
        linked = f"{body} {link}"
        body = linked if sms_parts(linked) <= MOST_PARTS else body
    return MessageText(SUBJECTS[language], body)
