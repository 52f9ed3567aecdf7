"""The command `huiyin`."""

from __future__ import annotations

import os
import sys

import typer

from shared.cli import showing
from shared.cli.later import Later, LaterGroup
from shared.cli.showing import REFUSED

COMMANDS = {
    "init": Later(
        "starting:init",
        "Write a small policy to begin with, as files that open in a spreadsheet.",
    ),
    "serve": Later("serving:serve", "Start Huiyin. Ctrl-C ends it gracefully."),
    "demo": Later(
        "demo:demo",
        "Play ninety days of an invented county: who is late, what is reminded, and why.",
    ),
    "submit": Later(
        "filing:submit", "File a complaint; prints the receipt. The same item again gives the same receipt."
    ),
    "receipt": Later(
        "filing:receipt",
        "The receipt of a case again, to print. That it was issued is recorded.",
    ),
    "act": Later("acting:act", "Give a command on a case, or those of a file. Without --as, as whoever may give it."),
    "inbox": Later("filing:inbox", "What an organisation was told, from a cursor on."),
    "platform": Later("platforms:group", "What a platform was told, and what became of a day of its records"),
    "status": Later("filing:status", "How a case stands, as its petitioner sees it."),
    "explain": Later("cases:explain", "Why a clock ends when it ends, with every skipped day."),
    "import": Later(
        "figures:import_file",
        "Bring in another system's export. The same file again adds nothing; interrupted, it goes on where it stopped.",
    ),
    "stats": Later(
        "figures:stats",
        "Figures: on time, elapsed time, participation, satisfaction, each with numerator, denominator and unknown.",
    ),
    "rebuild": Later(
        "upkeep:rebuild", "Build every view and fact again from the log, checking its chain, while they serve."
    ),
    "digest": Later("upkeep:digest", "Digests of the log, of everything derived, and of the outcome."),
    "verify": Later(
        "upkeep:verify", "Check every byte of the log and its hash chain. Ends with 1 when something is wrong."
    ),
    "scrub": Later("upkeep:scrub", "Compare every view with the log. Ends with 1 when something stays behind."),
    "export": Later("upkeep:export", "The bytes of the log, one event a line. What is sealed stays sealed."),
    "backup": Later("upkeep:backup", "Copy log and keys, also of a running system. Keep it safe: it opens every text."),
    "restore": Later(
        "upkeep:restore",
        "Check a backup (every hash, every key that the log names) and put it into a new data folder.",
    ),
    "migrate": Later(
        "migrating:migrate",
        "Carry log and keys from a data folder to MongoDB, or back. Killed, it goes on where it stopped.",
    ),
    "settings": Later(
        "about:settings", "Every setting with its meaning, its value (secrets masked) and where it comes from."
    ),
    "version": Later("about:version", "Which release this is."),
    "case": Later("cases:group", "Lists of cases, and one case with its history"),
    "policy": Later("policies:group", "Policies: clocks, calendars, routing, organisations, places, subjects"),
    "calendar": Later("calendars:group", "The calendar of working days"),
    "topics": Later("topics:group", "Kafka's topics, as data"),
    "outbox": Later("outbox:group", "What organisations were told, in their topics"),
    "keys": Later("keys:group", "Access keys"),
    "parked": Later("upkeep:parked", "Streams that a consumer has stopped at"),
    "clock": Later("clock:group", "The clock that deadlines fire by"),
}


class _Huiyin(LaterGroup):
    table = COMMANDS


app = typer.Typer(
    name="huiyin", cls=_Huiyin, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


@app.callback()
def huiyin() -> None:
    """Huiyin 回音: every complaint gets an answer. 事事有回音"""


def main() -> None:
    """Run the command line. Whatever nobody expected ends with a sentence, not with a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(REFUSED)
    except BrokenPipeError:  # `huiyin … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(REFUSED)
    except Exception as error:
        if os.environ.get("HUIYIN_LOG_LEVEL") == "debug":
            raise
        showing.complain(
            f"Something went wrong here ({type(error).__name__}). HUIYIN_LOG_LEVEL=debug shows where.", "程序出错。"
        )
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
