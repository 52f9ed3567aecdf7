"""The time of recording: it never goes back inside a stream."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.kernel.clock import Clock
from shared.kernel.refusals import Unavailable

CLOCK_TOLERANCE = timedelta(seconds=60)


def recording_time(clock: Clock, last: datetime | None) -> datetime:
    """Now, but never before `last`, the time of recording of the stream's last event.

    Raises:
        Unavailable: `clock_behind`, this machine's clock is far behind `last`.
    """
    now = clock.now()
    if last is None or now >= last:
        return now
    if last - now > CLOCK_TOLERANCE:
        raise Unavailable(
            "clock_behind",
            "This machine's clock is more than 60 s behind the log. Correct the clock; no data was written.",
            why_zh="本机时钟比记录落后六十秒以上，请先校正时钟；未写入任何内容。",
        )
    return last
