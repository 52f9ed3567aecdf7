"""Read models dropped while their checkpoints remain are refilled: a rewound group receives every commit again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from shared.eventstore.commit import Commit
from shared.eventstore.read_models import ReadModel
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener
from tests.support.commits import history

NEEDS_FEED = True

ONE = ReadModel("one", {"number": "integer"})
TWO = ReadModel("two", {"number": "integer"})


class Seen:
    def __init__(self) -> None:
        self.commits: list[Commit] = []

    async def __call__(self, commits: Sequence[Commit]) -> None:
        self.commits += commits

    @property
    def causes(self) -> set[str]:
        return {each.cause for each in self.commits}


async def started(ports: Ports, *views: ReadModel) -> dict[str, Seen]:
    groups = {"first": Seen(), "second": Seen()}
    for group, seen in groups.items():
        ports.feed.subscribe(group, seen)
    for view in views:
        ports.views.declare(view)
    await ports.views.start()
    await ports.feed.start()
    await ports.feed.drain()
    await ports.feed.stop()
    return groups


async def test_rewound_group_receives_every_commit_again(ports: Ports) -> None:
    made = [await ports.log.append(each) for each in history("case/a", 20)]
    groups = await started(ports, ONE)
    for seen in groups.values():
        assert seen.causes == {each.cause for each in made}
        seen.commits.clear()
    await ports.feed.rewind("first")
    await ports.feed.start()
    await ports.feed.drain()
    assert groups["first"].causes == {each.cause for each in made}
    assert len(groups["second"].causes) <= 1, "memory brings one now and then once more"
    with pytest.raises(RuntimeError):
        await ports.feed.rewind("first")
    await ports.feed.stop()


async def test_rewind_survives_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.checkpoints:
        pytest.skip("begins at the beginning anyway")
    ports = await opened()
    made = [await ports.log.append(each) for each in history("case/a", 20)]
    await started(ports, ONE)
    await ports.feed.rewind("first")
    groups = await started(await opened(), ONE)
    assert groups["first"].causes == {each.cause for each in made}
    assert groups["second"].causes == set()


@pytest.mark.parametrize("views", [(ONE, TWO), (ReadModel("one", {"number": "integer"}, version=2),)])
async def test_new_read_model_is_filled(adapter: Adapter, opened: Opener, views: tuple[ReadModel, ...]) -> None:
    if not (adapter.checkpoints and adapter.beside_views):
        pytest.skip("begins at the beginning anyway, or keeps its positions elsewhere")
    ports = await opened()
    made = [await ports.log.append(each) for each in history("case/a", 20)]
    await started(ports, ONE)
    for seen in (await started(await opened(), ONE)).values():
        assert seen.causes == set(), "nothing is missing"
    for seen in (await started(await opened(), *views)).values():
        assert seen.causes == {each.cause for each in made}
    for seen in (await started(await opened(), *views)).values():
        assert seen.causes == set()


async def test_dropped_table_is_refilled(adapter: Adapter, opened: Opener, tmp_path: Path) -> None:
    if adapter.name != "sqlite":
        pytest.skip("about a table of SQLite")
    ports = await opened()
    made = [await ports.log.append(each) for each in history("case/a", 20)]
    await started(ports, ONE)
    await ports.close()
    with closing(sqlite3.connect(tmp_path / "views.sqlite")) as other:
        other.execute("DROP TABLE one_v1")
        other.commit()
    for seen in (await started(await opened(), ONE)).values():
        assert seen.causes == {each.cause for each in made}
