"""R18, R19: repeated, delayed and reordered delivery gives the rows of ordered delivery, and each effect happens once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from deploy.modes.composition import compose
from deploy.modes.in_memory import memory_ports
from shared.adapters.memory import SetClock
from shared.eventstore.commit import Commit
from shared.kernel.settings import Settings
from shared.operations.digests import views_digest
from tests.integration.test_rebuild import lives
from tests.support.county import MORNING, clerk, county
from tests.support.serving import served

SEEDS = 50
LATER = MORNING + timedelta(days=60)
"""After all that happened: whoever handles it now has a right clock."""


async def shown(commits: list[Commit], seed: int | None) -> str:
    """The read models after delivery of these commits in the order of `seed`; None: in order."""
    runtime = compose(Settings(), memory_ports(SetClock(LATER), seed=seed))
    try:
        await runtime.start(feed=False, tasks=False)
        for commit in commits:
            await runtime.ports.log.append(commit)
        await runtime.ports.feed.start()
        runtime.feeding = True
        assert await runtime.drain(30)
        assert await runtime.ports.views.parked() == []
        assert len([one async for part in runtime.ports.log.scan() for one in part]) == len(commits), "effects again"
        return await views_digest(runtime.ports.views, runtime.parts)
    finally:
        await runtime.stop()


async def test_unordered_delivery_gives_same_views_for_50_seeds() -> None:
    async with served() as here:
        await lives(here)
        for _ in range(6):
            await here.filed()
        commits = [commit async for part in here.runtime.ports.log.scan() for commit in part]
        commits.sort(key=lambda commit: commit.position)
        expected = await views_digest(here.runtime.ports.views, here.runtime.parts)
    assert await shown(commits, None) == expected
    found = Counter([await shown(commits, seed) for seed in range(SEEDS)])
    assert found == {expected: SEEDS}


async def test_repeated_delivery_causes_effects_once() -> None:
    """A whole county with unordered delivery under several seeds: each dispatch is notified once."""
    for seed in range(8):
        async with county(seed=seed) as here:
            cases = [(await here.file(str(number), place="dh", subject="01")).case for number in range(5)]
            for case in cases:
                org = (await here.case(case)).assignment.org
                assert org is not None
                await here.act(case, "sign_off", clerk(org))
            told = [event.body for event in await here.events(f"inbox/cn-demo/{org}")]
            assert Counter(body.case for body in told) == dict.fromkeys(cases, 1)  # type: ignore[union-attr]
            for case in cases:
                kinds = Counter(event.type for event in await here.events(f"case/{case}"))
                assert kinds["AssignmentDelivered"] == kinds["SignedFor"] == kinds["CaseRegistered"] == 1
