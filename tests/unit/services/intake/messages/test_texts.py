from __future__ import annotations

import pytest

from services.intake.messages.texts import MOST_PARTS, sms_parts, text_of, texts
from shared.events.messages import MessageKind

NUMBER, DAY = "2026-GJK9-J82G-8G2K-V", {"zh": "2026年12月31日", "en": "2026-12-31"}


def test_every_kind_of_message_has_a_text_in_both_languages() -> None:
    assert set(texts()) == set(MessageKind.__args__)  # type: ignore[attr-defined]
    assert all(set(one) == {"zh", "en"} for one in texts().values())


@pytest.mark.parametrize("kind", texts())
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_text_needs_more_than_two_parts(kind: str, language: str) -> None:
    for link in (None, "https://petitions.example.gov.cn/track", "https://" + "x" * 300):
        text = text_of(kind, language, number=NUMBER, day=DAY[language], link=link).text
        assert sms_parts(text) <= MOST_PARTS
        assert NUMBER in text
        assert "{" not in text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("信" * 70, 1),
        ("信" * 71, 2),
        ("信" * 134, 2),
        ("信" * 135, 3),
        ("a" * 70 + "信", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_gsm_or_ucs2(text: str, parts: int) -> None:
    assert sms_parts(text) == parts
