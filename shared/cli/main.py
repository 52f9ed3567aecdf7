"""The command `huiyin`."""

from __future__ import annotations

import os
import sys

import typer

from shared.cli import (
    acting,
    calendars,
    cases,
    clock,
    demo,
    figures,
    filing,
    keys,
    policies,
    serving,
    showing,
    starting,
    upkeep,
)
from shared.cli.showing import REFUSED

app = typer.Typer(
    name="huiyin",
    help="Huiyin 回音: every complaint gets an answer. 事事有回音",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("init")(starting.init)
app.command("serve")(serving.serve)
app.command("demo")(demo.demo)
app.command("submit")(filing.submit)
app.command("receipt")(filing.receipt)
app.command("act")(acting.act)
app.command("inbox")(filing.inbox)
app.command("status")(filing.status)
app.add_typer(cases.group, name="case")
app.command("explain")(cases.explain)
app.command("import")(figures.import_file)
app.command("stats")(figures.stats)
app.add_typer(policies.group, name="policy")
app.add_typer(calendars.group, name="calendar")
app.add_typer(keys.group, name="keys")
app.add_typer(upkeep.parked, name="parked")
app.add_typer(clock.group, name="clock")
app.command("rebuild")(upkeep.rebuild)
app.command("digest")(upkeep.digest)
app.command("verify")(upkeep.verify)
app.command("scrub")(upkeep.scrub)
app.command("export")(upkeep.export)
app.command("backup")(upkeep.backup)
app.command("restore")(upkeep.restore)
app.command("settings")(upkeep.settings)
app.command("version")(upkeep.version)


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
