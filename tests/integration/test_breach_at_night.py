"""A deadline that expires at midnight is breached at midnight, even if a reminder is waiting for office hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.county import county

DUE = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
"""The end of the fifteenth day, in the demo county, of what was received on 2 March (C1)."""


async def test_reminder_waiting_for_morning_does_not_delay_breach() -> None:
    async with county(start=DUE - timedelta(minutes=50)) as here:
        case = (await here.file(place="sl", subject="07", received_at="2026-03-02")).case
        for _ in range(3):  # its reminders are overdue already, and the office is closed
            await here.tick()
            here.clock.advance(timedelta(minutes=10))
        kinds = [event.type for event in await here.events(f"case/{case}")]
        assert not {"Reminded", "DeadlineBreached"} & set(kinds)
        here.clock.advance(timedelta(minutes=20, seconds=1))
        await here.tick()
        events = await here.events(f"case/{case}")
        breaches = [event for event in events if event.type == "DeadlineBreached"]
        assert [event.recorded_at - DUE for event in breaches] == [timedelta(seconds=1)]
        assert all(event.body.passed for event in events if event.type == "Reminded")  # type: ignore[union-attr]
