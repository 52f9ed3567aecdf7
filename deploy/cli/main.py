"""The command `huiyin`."""

from __future__ import annotations

import os
import sys
from errno import EDQUOT, ENOSPC

import typer

from deploy.cli import output as terminal
from deploy.cli.completion import VARIABLE
from deploy.cli.help_language import choose_language
from deploy.cli.lazy_commands import LazyCommand, LazyGroup
from deploy.cli.output import REFUSED
from shared.hosting import garbage_collector

COMMANDS = {
    "init": LazyCommand("init:init", "Write a small first policy, as files that open in a spreadsheet."),
    "serve": LazyCommand("serve:serve", "Start Huiyin. Ctrl-C stops it gracefully."),
    "portal": LazyCommand(
        "portal:portal",
        "Full mode: the pages for citizens and staff, in a separate process. HUIYIN_ACCESS_KEY is a key of the"
        " role portal.",
    ),
    "demo": LazyCommand(
        "demo:demo", "Simulate ninety days of a fictional county: late cases, reminders, and the reasons."
    ),
    "submit": LazyCommand(
        "filing:submit", "File a complaint and print the receipt. The same item gives the same receipt."
    ),
    "file": LazyCommand("files:group", "The files of a case"),
    "receipt": LazyCommand(
        "filing:receipt", "Write the receipt of a case again, for printing. The access is recorded."
    ),
    "act": LazyCommand(
        "act:act", "Run a command on a case, or the commands of a file. Default of --as: an allowed role."
    ),
    "inbox": LazyCommand("filing:inbox", "List the inbox of an organisation after a cursor."),
    "platform": LazyCommand(
        "platforms:group", "Notifications to a platform, and the results of the records that it sent"
    ),
    "status": LazyCommand("filing:status", "Show the status of a case as its petitioner sees it."),
    "explain": LazyCommand("cases:explain", "Explain how the due date of a clock was derived, with every skipped day."),
    "import": LazyCommand(
        "import_and_stats:import_file",
        "Import the export of another system. A repeated import adds nothing; an interrupted one continues.",
    ),
    "stats": LazyCommand(
        "import_and_stats:stats", "Print statistics, each with numerator, denominator and the number of unknown cases."
    ),
    "rebuild": LazyCommand(
        "maintenance:rebuild", "Rebuild all read models and facts from the log, and check its hash chain."
    ),
    "digest": LazyCommand(
        "maintenance:digest",
        "Print digests of the log, of everything derived from it, of the outcome, and of the files.",
    ),
    "verify": LazyCommand(
        "maintenance:verify",
        "Check every byte of the log, its hash chain, and every key and file that it names. Exits with 1 if something is wrong.",
    ),
    "scrub": LazyCommand(
        "maintenance:scrub", "Compare every read model with the log and update it. Exits with 1 if they still differ."
    ),
    "export": LazyCommand(
        "maintenance:export", "Print the bytes of the log, one event per line. Encrypted data stay encrypted."
    ),
    "backup": LazyCommand(
        "maintenance:backup",
        "Copy log, files and keys, also of a running system. Protect the copy: it can decrypt every text and file.",
    ),
    "restore": LazyCommand(
        "maintenance:restore", "Check a backup with its hashes and keys, and restore it into a new data folder."
    ),
    "migrate": LazyCommand(
        "migrate:migrate", "Copy log and keys from a data folder to MongoDB, or back. An interrupted run continues."
    ),
    "settings": LazyCommand(
        "about:settings", "Show every setting with its meaning, its value (secrets masked) and its source."
    ),
    "completion": LazyCommand(
        "completion:completion", "Print the script that completes commands and options in bash, zsh or fish."
    ),
    "version": LazyCommand("about:version", "Show the release of this program."),
    "case": LazyCommand("cases:group", "Lists of cases, and one case with its history"),
    "policy": LazyCommand("policies:group", "Policies: clocks, calendars, routing, organisations, places, subjects"),
    "calendar": LazyCommand("calendars:group", "The calendar of working days"),
    "setup": LazyCommand(
        "setup:setup",
        "Full mode: create the users, rights and topics of the services, as administrator. Exits with 1 if"
        " something failed.",
    ),
    "topics": LazyCommand("topics:group", "The topics and access rights of Kafka"),
    "outbox": LazyCommand("outbox:group", "Notifications in the topics of organisations"),
    "keys": LazyCommand("keys:group", "Access keys"),
    "webhook": LazyCommand(
        "webhooks:group", "Webhooks: entries that are sent to a server of an organisation or platform"
    ),
    "notice": LazyCommand("notices:group", "Notices as documents: drafts, numbers, printing, the file of a case"),
    "person": LazyCommand("persons:group", "Members of staff"),
    "parked": LazyCommand("maintenance:parked", "Streams at which a consumer has stopped"),
    "clock": LazyCommand("clock:group", "The clock that deadlines depend on"),
}
"""Where each command is, and its line of help. The full help of a command is its docstring."""


class _Huiyin(LazyGroup):
    table = COMMANDS


app = typer.Typer(
    name="huiyin", cls=_Huiyin, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


@app.callback()
def huiyin() -> None:
    """Huiyin 回音: every complaint gets an answer. 事事有回音"""


def main() -> None:
    """Run the command line. An unexpected error is printed as a sentence, without a traceback."""
    garbage_collector.starting()
    terminal.never_fail_to_print()
    choose_language(sys.argv[1:], os.environ)
    try:
        if VARIABLE in os.environ:
            from typer._completion_classes import completion_init

            completion_init()
        app(prog_name="huiyin")
    except KeyboardInterrupt:
        sys.exit(REFUSED)
    except BrokenPipeError:  # `huiyin … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(REFUSED)
    except Exception as error:
        if os.environ.get("HUIYIN_LOG_LEVEL") == "debug":
            raise
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            terminal.complain(
                f"The output could not be written whole: {error.strerror}. Free some space, then repeat the command.",
                "输出未能完整写入：空间不足。请腾出空间后重新执行。",
            )
            sys.exit(REFUSED)
        terminal.complain(
            f"An unexpected error occurred ({type(error).__name__}). HUIYIN_LOG_LEVEL=debug shows the details.",
            "程序出错。设置 HUIYIN_LOG_LEVEL=debug 可查看详情。",
        )
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
