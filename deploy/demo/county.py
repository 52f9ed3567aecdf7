"""The demo county: its policy, its access keys and its sample, loaded once on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from deploy.demo.sample.complaints import complaints
from deploy.demo.sample.matters import REASON, Link, matters
from deploy.storage.data_folder import Folder
from services.intake.history.items import HistoryItem
from services.intake.history.recorder import record_batch
from services.intake.person_records import give_post, invite
from services.supervision.policy_activation import activate
from shared.application.command_dispatch import body_models, give
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.hosting.process import Process
from shared.kernel.legal_time import day_of
from shared.policy.loading.loader import bundled

DEMO = "cn-demo"
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
"""Role and organisation of each access key of the demo county."""
PERSONS: tuple[tuple[str, str, str, str], ...] = (
    ("demo-registrar", "登记人员 registrar", "registrar", "xfj"),
    ("demo-clerk", "经办人 clerk", "clerk", "zj"),
    ("demo-supervisor", "督查人员 supervisor", "supervisor", "xfj"),
)
"""Staff code, name, role and organisation of each demonstration person."""
BATCH = 25
"""Rows of the sample that are recorded together: few enough for a progress bar that moves."""
Progress = Callable[[int, int], None]
"""Called with the number of rows that are recorded, and of all rows."""


class Prepared(NamedTuple):
    """The loaded demo county."""

    demo: bool
    """The demo county is active."""
    keys: list[tuple[str, str]]
    """Name and text of its access keys."""
    item: str
    """Item id for the first steps."""
    invitations: tuple[tuple[str, str], ...] = ()
    """(name, invitation) of each demonstration person who has not signed in yet."""


async def prepare(runtime: Process, folder: Folder, *, wanted: bool, progress: Progress | None = None) -> Prepared:
    """Load the demo county and its sample if `wanted`, unless another county is active. Continues an interrupted load."""
    if wanted and not await runtime.ports.policies.all():
        await activate_demo(runtime)
    books = await runtime.ports.policies.all()
    if DEMO in books and wanted and not folder.sample_loaded.exists():
        if not folder.demo_keys.exists():
            await _issue_keys(runtime, folder)
        await _load_sample(runtime, books[DEMO].zone, progress)
        folder.sample_loaded.touch(mode=0o600)
    item = f"first-{runtime.ports.clock.now():%Y%m%d-%H%M%S}"
    invited = await _invite(runtime) if DEMO in books and wanted and folder.demo_keys.exists() else ()
    return Prepared(DEMO in books, _read_keys(folder), item, invited)


async def activate_demo(runtime: Process) -> None:
    """Activate the policy of the demo county."""
    sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
    await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)


async def _load_sample(runtime: Process, zone: str, progress: Progress | None) -> None:
    """Record the sample in batches, as an import does. Rows that were recorded before do not change."""
    rows = complaints(day_of(runtime.ports.clock.now(), zone), zone)
    for start in range(0, len(rows), BATCH):
        batch = [HistoryItem.model_validate(row) for row in rows[start : start + BATCH]]
        await record_batch(batch, runtime.ports, principal=OPERATOR, jurisdiction=DEMO)
        if progress is not None:
            progress(start + len(batch), len(rows))
    await _link(runtime, matters(rows))


async def _link(runtime: Process, links: Sequence[Link]) -> None:
    """Link the filings of one matter, as a registrar does. Repeating it changes nothing."""
    model = body_models()["link"]
    for follower, lead in links:
        fields = {"command": "link", "command_id": f"sample-{follower}", "lead": lead, "reason": REASON}
        await give(runtime.ports, REGISTRAR, follower, RULES["link"], model.model_validate(fields))


async def _issue_keys(runtime: Process, folder: Folder) -> None:
    keys = ""
    for role, org in KEYS:
        _key, text = await runtime.principals.issue(runtime.handling("intake"), OPERATOR, role, org)
        keys += f"{role}{':' + org if org else ''} {text}\n"
    folder.demo_keys.touch(mode=0o600)
    folder.demo_keys.write_text(keys, encoding="ascii")


async def _invite(runtime: Process) -> tuple[tuple[str, str], ...]:
    """A new invitation for each demonstration person who never used one; the invitation of the last start is void."""
    handling, found = runtime.handling("intake"), []
    for code, name, role, org in PERSONS:
        if (await runtime.persons.get(code, at_once=True)).credentials:
            continue
        _person, text = await invite(handling, runtime.persons, OPERATOR, code, name)
        await give_post(handling, runtime.persons, OPERATOR, code, role, org, DEMO, False)
        found.append((name, text))
    return tuple(found)


def _read_keys(folder: Folder) -> list[tuple[str, str]]:
    if not folder.demo_keys.exists():
        return []
    pairs = (line.split() for line in folder.demo_keys.read_text(encoding="ascii").splitlines())
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
