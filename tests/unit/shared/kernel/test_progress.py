"""The progress of a long operation, from the keys that were read."""

from __future__ import annotations

import asyncio

import pytest

from shared.kernel.progress import followed, measured, next_phase, reached


@pytest.mark.parametrize(
    ("key", "share"),
    [
        ("case/00000000000000000000000000000000", 0.0),
        ("case/40000000000000000000000000000000", 0.25),
        ("case/ffff0000000000000000000000000000", 65535 / 65536),
        ("80000000000000000000000000000000", 0.5),
        ("blobs/x", 0.0),
        ("inbox/cn-demo/zj", 1.0),
        ("", 0.0),
    ],
)
def test_share_is_the_place_of_the_key_among_all(key: str, share: float) -> None:
    with followed(1) as progress:
        reached(key)
    assert progress.share == pytest.approx(share)


def test_share_never_goes_back_within_a_phase_and_never_exceeds_all() -> None:
    with followed(2) as progress:
        measured(3, 4)
        measured(1, 4)
        assert progress.share == 0.375
        for _ in range(5):
            next_phase()
        assert progress.share == 1.0
        measured(9, 4)
        measured(1, 0)
        assert progress.share == 1.0


async def test_threads_and_tasks_report_to_the_operation_that_started_them() -> None:
    with followed(2) as progress:
        await asyncio.to_thread(measured, 1, 2)
        assert progress.share == 0.25
        next_phase()
        await asyncio.create_task(asyncio.to_thread(measured, 1, 2))
        assert progress.share == 0.75


def test_without_an_operation_nothing_is_reported() -> None:
    reached("case/80000000000000000000000000000000")
    measured(1, 2)
    next_phase()
    with followed(1) as progress:
        assert progress.share == 0.0
