"""Quiet hours and the daily cap. Pure. Neither ever delays a message that carries a notice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from services.intake.messages.outgoing import Message
from shared.kernel.legal_time import zone
from shared.policy.message_rules import MessageRules, QuietHours


def not_before(
    message: Message, all_of_case: Iterable[Message], rules: MessageRules, zone_name: str, now: datetime
) -> datetime:
    """`now` if the message may be sent now, else the earliest instant at which it may be."""
    if message.notice:
        return now
    here = zone(zone_name)
    today = now.astimezone(here).date()
    sent = sum(
        not one.notice and one.sent_at is not None and one.sent_at.astimezone(here).date() == today
        for one in all_of_case
    )
    at = now
    if sent >= rules.daily_cap:
        at = datetime.combine(today + timedelta(days=1), time(0), here).astimezone(UTC)
    return after_quiet(rules.quiet, zone_name, at)


def after_quiet(quiet: QuietHours | None, zone_name: str, at: datetime) -> datetime:
    """`at`, or the end of the quiet hours that it lies in."""
    if quiet is None or quiet.begins == quiet.ends:
        return at
    here = zone(zone_name)
    local = at.astimezone(here)
    spans = quiet.begins > quiet.ends  # over midnight
    inside = (
        (local.hour >= quiet.begins or local.hour < quiet.ends) if spans else quiet.begins <= local.hour < quiet.ends
    )
    if not inside:
        return at
    day = local.date() + timedelta(days=1) if spans and local.hour >= quiet.begins else local.date()
    return datetime.combine(day, time(quiet.ends), here).astimezone(UTC)
