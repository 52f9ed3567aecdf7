"""The demo county: its policy, its access keys, its sample. Loaded once, when asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from deploy.folder import Folder
from deploy.sample.complaints import complaints
from deploy.sample.load import Progress, load
from deploy.sample.matters import REASON, Joined, matters
from services.intake.history import record_batch
from shared.access import Principal
from shared.activating import activate
from shared.application.command_dispatch import body_models, give
from shared.commands import RULES
from shared.history import HistoryItem
from shared.policy.load import bundled
from shared.runtime import Runtime
from shared.times import day_of

DEMO = "CN-DEMO"
OPERATOR = Principal("operations", None, "local")
REGISTRAR = Principal("registrar", "xfj", "local")
KEYS: tuple[tuple[str, str | None], ...] = (
    ("registrar", "xfj"),
    ("supervisor", "xfj"),
    ("organisation", "zj"),
    ("clerk", "zj"),
    ("platform", "province"),
    ("analyst", None),
    ("operations", None),
)


class Prepared(NamedTuple):
    """What is there to be shown."""

    demo: bool
    keys: list[tuple[str, str]]
    item: str
    """Item id for the first steps."""


async def prepare(runtime: Runtime, folder: Folder, *, wanted: bool, progress: Progress | None = None) -> Prepared:
    """Load the demo county and its sample, where it was asked for, no other county is active and it is not there yet. What
    was interrupted goes on."""
    books = await runtime.ports.policies.all()
    if wanted and not books:
        sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        books = await runtime.ports.policies.all()
    if DEMO in books and wanted and not folder.sample_loaded.exists():
        if not folder.demo_keys.exists():
            await _issue(runtime, folder)
        await _sample(runtime, books[DEMO].zone, progress)
        folder.sample_loaded.touch(mode=0o600)
    item = f"first-{runtime.ports.clock.now():%Y%m%d-%H%M%S}"
    return Prepared(DEMO in books, _known(folder), item)


async def _sample(runtime: Runtime, zone: str, progress: Progress | None) -> None:
    async def send(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        items = [HistoryItem.model_validate(row) for row in rows]
        return [
            one._asdict() for one in await record_batch(items, runtime.ports, principal=OPERATOR, jurisdiction=DEMO)
        ]

    today = day_of(runtime.ports.clock.now(), zone)
    await load(send, today, zone, progress)
    await _join(runtime, matters(complaints(today, zone)))


async def _join(runtime: Runtime, found: Sequence[Joined]) -> None:
    """As a registrar does; once, however often it is begun."""
    model = body_models()["link"]
    for pair in found:
        body = model.model_validate(
            {"command": "link", "command_id": f"sample-{pair.follower}", "lead": pair.lead, "reason": REASON}
        )
        await give(runtime.ports, REGISTRAR, pair.follower, RULES["link"], body)


async def _issue(runtime: Runtime, folder: Folder) -> None:
    lines = []
    for role, org in KEYS:
        _key, text = await runtime.principals.issue(runtime.handling("intake"), OPERATOR, role, org)
        lines.append(f"{role}{':' + org if org else ''} {text}\n")
    handle = os.open(folder.demo_keys, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.writelines(lines)


def _known(folder: Folder) -> list[tuple[str, str]]:
    if not folder.demo_keys.exists():
        return []
    pairs = (line.split() for line in folder.demo_keys.read_text(encoding="ascii").splitlines())
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
