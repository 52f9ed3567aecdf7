"""`huiyin outbox replay`: publish the notifications of an organisation again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, quoted
from deploy.cli.options import AsJson, Data, Organisation, Since, Where

group = typer.Typer(help="Notifications in the topics of organisations", no_args_is_help=True)


@group.callback()
def outbox() -> None:
    """Notifications in the topics of organisations."""


@group.command("replay")
def replay(
    org: Organisation, since: Since = None, jurisdiction: Where = None, data: Data = None, json: AsJson = False
) -> None:
    """Publish the entries of an organisation to its topic again, with the same ids, even if the topic no longer keeps
    them."""
    replay_topic("outbox", org, since, jurisdiction, data)


def replay_topic(kind: str, receiver: str, since: str | None, jurisdiction: str | None, data: Path | None) -> None:
    """Publish the entries of `receiver`, an organisation (`kind` outbox) or a platform (platforms), again."""

    def show(found: dict[str, Any]) -> None:
        number, first = found["entries"], found["first"]
        terminal.line(f"{receiver}: {number} entries will be published again, from {first}. 重新发送 {number} 条。")

    ask(
        "POST",
        f"/local/{kind}/{quoted(receiver)}:replay",
        show,
        data,
        json={"since": since, "jurisdiction": jurisdiction},
    )
