"""The contract of every read model store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.memory import MemoryReadModels
from shared.eventstore.read_models import Condition, Parked, ReadModel, ReadModelStore, Row, Value
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener

CASES = ReadModel(
    "cases",
    {"org": "text", "due": "text", "open": "boolean", "level": "integer", "score": "real"},
    indexes=(("org", "due"), ("open", "level"), ("due",)),
)


@pytest.fixture
async def views(ports: Ports) -> ReadModelStore:
    ports.views.declare(CASES)
    await ports.views.start()
    return ports.views


def row(key: str, applied: int = 1, **values: Value) -> Row:
    return Row(key, applied, {"org": None, "due": None, "open": None, "level": None, "score": None} | values)


async def test_read_returns_written_row(views: ReadModelStore) -> None:
    one = row("a", org="城管局", due="2026-03-02", open=True, level=2, score=0.1)
    await views.write({"cases": [one, Row("b", 4, None), Row("c", 1, {"org": "x", "open": False})]})
    assert await views.get("cases", "a") == one
    assert await views.get("cases", "b") == Row("b", 4, None)
    assert await views.get("cases", "c") == row("c", org="x", open=False)
    assert await views.get("cases", "none") is None
    assert await views.applied("cases", ["a", "b", "none"]) == {"a": 1, "b": 4}
    found = await views.get("cases", "a")
    assert found is not None
    assert found.values is not None
    assert found.values["open"] is True


async def test_older_row_never_replaces_newer_row(views: ReadModelStore) -> None:
    await views.write({"cases": [row("a", 3, org="new")]})
    await views.write({"cases": [row("a", 2, org="old"), row("a", 3, org="same"), Row("a", 1, None)]})
    assert await views.get("cases", "a") == row("a", 3, org="new")
    await views.write({"cases": [Row("a", 4, None)]})
    await views.write({"cases": [row("a", 3, org="late")]})
    assert await views.get("cases", "a") == Row("a", 4, None)


async def test_empty_rows_are_excluded_from_lists(views: ReadModelStore) -> None:
    await views.write({"cases": [row("a", org="x"), row("b", org="x"), Row("c", 1, None)]})
    await views.write({"cases": [Row("b", 2, None)]})
    assert [each.key for each in await views.find("cases")] == ["a"]
    assert await views.count("cases") == {None: 1}
    assert await views.count("cases", by="org") == {"x": 1}
    assert [each.key async for part in views.rows("cases", batch=2) for each in part] == ["a", "b", "c"]


async def test_rows_are_found_by_index(views: ReadModelStore) -> None:
    rows = [row(f"k{number}", org="ab"[number % 2], due=f"2026-03-{number:02}", level=number) for number in range(1, 9)]
    await views.write({"cases": [*rows, row("k9", org="a")]})

    async def keys(*where: Condition, order: tuple[str, ...] = (), limit: int = 50) -> list[str]:
        return [each.key for each in await views.find("cases", where, order=order, limit=limit)]

    assert await keys(Condition("org", "=", "a"), order=("due",)) == ["k9", "k2", "k4", "k6", "k8"]
    assert await keys(Condition("org", "=", "a"), order=("due",), limit=2) == ["k9", "k2"]
    assert await keys(Condition("org", "=", "a"), Condition("due", "<=", "2026-03-04"), order=("due",)) == ["k2", "k4"]
    assert await keys(Condition("due", ">", "2026-03-06")) == ["k7", "k8"]
    assert await keys(Condition("due", ">=", "2026-03-06"), order=("due",), limit=1) == ["k6"]
    assert await keys(Condition("due", "<", "2026-03-02")) == ["k1"]
    assert await keys(Condition("due", "=", None)) == ["k9"]
    assert await keys(Condition("org", "in", ("b", "c"))) == ["k1", "k3", "k5", "k7"]
    assert await keys(Condition("due", "in", ("2026-03-01", None)), order=("due",)) == ["k9", "k1"]
    assert await keys(order=("org", "due"), limit=3) == ["k9", "k2", "k4"]
    assert await views.count("cases", by="org") == {"a": 5, "b": 4}
    assert await views.count("cases", [Condition("org", "=", "a"), Condition("due", ">", "2026-03-04")]) == {None: 2}


async def test_query_without_index_is_refused(views: ReadModelStore) -> None:
    for where, order in (
        ([Condition("score", "=", 1.0)], ()),
        ([Condition("level", "=", 1)], ()),
        ([Condition("org", "=", "a")], ("level",)),
        ([], ("score",)),
        ([Condition("due", ">", "2026")], ("org", "due")),
        ([Condition("nothing", "=", 1)], ()),
    ):
        with pytest.raises(ValueError, match="view cases"):
            await views.find("cases", where, order=order)
    with pytest.raises(ValueError, match="view cases"):
        await views.count("cases", by="score")
    with pytest.raises(ValueError, match="after"):
        await views.find("cases", after=("a", "b"))


async def test_invalid_row_does_not_affect_other_writers(views: ReadModelStore) -> None:
    results = await asyncio.gather(
        *(views.write({"cases": [row(f"k{number}")]}) for number in range(20)),
        views.write({"cases": [row("bad1"), Row("bad2", 1, {"nothing": 1})]}),
        return_exceptions=True,
    )
    assert [result for result in results if result is not None] == [results[-1]]
    assert isinstance(results[-1], ValueError)
    assert (await views.count("cases"))[None] == 20


async def test_clear_removes_rows_and_clear_all_removes_marks(views: ReadModelStore) -> None:
    await views.write({"cases": [row("a")]})
    await views.park(Parked("routing", "case/a", 2, "ValueError", "2026-03-02T00:00:00.000000Z", b"\x00{"))
    await views.clear("cases")
    assert await views.get("cases", "a") is None
    assert len(await views.parked()) == 1
    await views.write({"cases": [row("a")]})
    await views.clear()
    assert await views.find("cases") == []
    assert await views.parked() == []
    await views.write({"cases": [row("a")]})
    assert len(await views.find("cases")) == 1


async def test_rows_are_listed_in_order_and_removed_by_key(views: ReadModelStore) -> None:
    await views.write({"cases": [row(f"k{number}", number + 1) for number in range(7)]})
    await views.write({"cases": [Row("k3", 9, None)]})
    for batch in (1, 3, 7, 1000):
        found = [standing async for standing in views.standing("cases", batch=batch)]
        assert max(map(len, found)) == min(batch, 7)
        every = [one for standing in found for one in standing.items()]
        assert every == [("k0", 1), ("k1", 2), ("k2", 3), ("k3", 9), ("k4", 5), ("k5", 6), ("k6", 7)]
    await views.remove("cases", ["k3", "k6", "none"])
    await views.remove("cases", [])
    assert await views.applied("cases", ["k3", "k5", "k6"]) == {"k5": 6}
    await views.write({"cases": [row("k3", 1, org="x")]})
    assert await views.get("cases", "k3") == row("k3", 1, org="x"), "nothing keeps a removed row away"
    await views.clear("cases")
    assert [standing async for standing in views.standing("cases")] == []


async def test_only_leftovers_of_older_releases_are_removed(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    old = ReadModel("cases", {"org": "text"}, version=CASES.version + 1)
    mark = Parked("routing", "case/a", 2, "ValueError", "2026-03-02T00:00:00.000000Z", b"{")
    for view, forget in ((CASES, False), (old, True), (CASES, False)):
        views = (await opened()).views
        views.declare(view)
        await views.start()
        there = [each.key for each in await views.find("cases")]
        await views.write({"cases": [Row("a", 1, {"org": "x"})]})
        await views.park(mark)
        if forget:
            await views.forget_others()
            assert [each.key for each in await views.find("cases")] == ["a"]
    assert there == [], "the first release begins again"
    assert await views.parked() == [mark]


async def test_first_parked_mark_is_kept(views: ReadModelStore) -> None:
    first = Parked("routing", "case/a", 2, "ValueError", "2026-03-02T00:00:00.000000Z", b"\xff\x00")
    other = Parked("routing", "case/b", 7, "KeyError", "2026-03-03T00:00:00.000000Z", b"")
    third = Parked("intake", "case/a", 2, "KeyError", "2026-03-03T00:00:00.000000Z", b"{}")
    for mark in (first, other, third, first._replace(version=9)):
        await views.park(mark)
    assert await views.parked() == [third, first, other]
    assert await views.parked("routing") == [first, other]
    assert await views.parked(stream="case/a") == [third, first]
    assert await views.parked("routing", "case/b") == [other]
    assert await views.restate(first, "redrive:ValueError") and not await views.restate(first, "x")
    assert not await views.restate(first._replace(stream="case/none"), "x")
    assert await views.parked("routing") == [first._replace(reason="redrive:ValueError"), other]
    assert await views.unpark("routing", "case/a")
    assert not await views.unpark("routing", "case/a")
    assert await views.parked("routing") == [other]


async def test_read_model_has_one_schema(ports: Ports) -> None:
    ports.views.declare(CASES)
    ports.views.declare(CASES)
    with pytest.raises(ValueError, match="shape"):
        ports.views.declare(ReadModel("cases", {"org": "text"}))


async def test_rows_survive_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    for number in range(3):
        views = (await opened()).views
        views.declare(CASES)
        await views.start()
        await views.write({"cases": [row(f"k{number}", org="a")]})
    assert [each.key for each in await views.find("cases")] == ["k0", "k1", "k2"]


written = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(1, 6), st.sampled_from(["x", "y", None]), st.booleans()),
    max_size=40,
)


async def fresh(adapter: Adapter, folder: str) -> Ports:
    ports = await adapter.open(Path(folder), False)
    ports.views.declare(CASES)
    await ports.views.start()
    return ports


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written, st.integers(1, 7))
def test_highest_applied_version_wins_in_any_order(
    adapter: Adapter, writes: list[tuple[str, int, str | None, bool]], cut: int
) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            ports = await fresh(adapter, folder)
            rows = [
                Row(key, applied, None if empty else {"org": org, "level": applied})
                for key, applied, org, empty in writes
            ]
            batches = [rows[start : start + cut] for start in range(0, len(rows), cut)]
            await asyncio.gather(*(ports.views.write({"cases": batch}) for batch in batches))
            highest: dict[str, int] = {}
            for each in rows:
                highest[each.key] = max(highest.get(each.key, 0), each.applied)
            shown = [each async for part in ports.views.rows("cases") for each in part]
            assert {each.key: each.applied for each in shown} == highest
            assert [each.key for each in shown] == sorted(highest)
            await ports.close()

    asyncio.run(run())


table = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.tuples(st.sampled_from(["x", "y", None]), st.sampled_from(["1", "2", "3", None])),
    max_size=30,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table, st.integers(1, 5), st.sampled_from([(), ("due",), ("org", "due")]))
def test_pages_together_equal_whole_list(
    adapter: Adapter, cells: dict[str, tuple[str | None, str | None]], limit: int, order: tuple[str, ...]
) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            ports = await fresh(adapter, folder)
            await ports.views.write({"cases": [row(key, org=org, due=due) for key, (org, due) in cells.items()]})

            def place(found: Row) -> list[Value]:
                assert found.values is not None
                return [*(found.values[column] for column in order), found.key]

            whole = await ports.views.find("cases", order=order, limit=1000)
            assert len(whole) == len(cells)
            ranks = [[("" if value is None else f"+{value}") for value in place(each)] for each in whole]
            assert ranks == sorted(ranks)
            paged: list[Row] = []
            after: list[Value] | None = None
            while page := await ports.views.find("cases", order=order, after=after, limit=limit):
                paged += page
                after = place(page[-1])
            assert paged == whole
            await ports.close()

    asyncio.run(run())


cells = st.fixed_dictionaries(
    {
        "org": st.sampled_from(["x", "y", "城", None]),
        "due": st.sampled_from(["1", "2", None]),
        "open": st.sampled_from([True, False, None]),
        "level": st.sampled_from([-1, 0, 2, None]),
        "score": st.sampled_from([0.1, 3, None]),
    }
)


def conditions(column: str, values: list[Value]) -> st.SearchStrategy[Condition]:
    one = st.builds(Condition, st.just(column), st.sampled_from(["=", "<", "<=", ">", ">="]), st.sampled_from(values))
    several = st.lists(st.sampled_from(values), max_size=3, unique=True).map(
        lambda chosen: Condition(column, "in", tuple(chosen))
    )
    return one | several


queries = st.lists(
    conditions("org", ["x", "y", None])
    | conditions("due", ["1", "2", None])
    | conditions("open", [True, False, None])
    | conditions("level", [-1, 0, 1, None]),
    max_size=2,
)
orders = st.sampled_from([(), ("org", "due"), ("due",), ("open", "level"), ("level",), ("due", "org")])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text("ab", min_size=1, max_size=3), cells, max_size=12), st.lists(st.tuples(queries, orders)))
def test_queries_agree_with_reference_implementation(
    adapter: Adapter, content: dict[str, dict[str, Value]], asked: list[tuple[list[Condition], tuple[str, ...]]]
) -> None:
    async def answer(views: ReadModelStore, where: list[Condition], order: tuple[str, ...]) -> list[object]:
        answers: list[object] = []
        try:
            answers.append(await views.find("cases", where, order=order, limit=5))
        except ValueError:
            answers.append("refused")
        for by in (None, "org", "open"):
            try:
                answers.append(await views.count("cases", where, by=by))
            except ValueError:
                answers.append("refused")
        return answers

    async def run() -> None:
        reference = MemoryReadModels()
        reference.declare(CASES)
        with TemporaryDirectory() as folder:
            ports = await fresh(adapter, folder)
            rows = [Row(key, 1, values) for key, values in content.items()]
            for views in (reference, ports.views):
                await views.write({"cases": rows})
            for where, order in asked:
                assert await answer(ports.views, where, order) == await answer(reference, where, order)
            shown = [each async for part in ports.views.rows("cases") for each in part]
            assert repr(shown) == repr([each async for part in reference.rows("cases") for each in part])
            await ports.close()

    asyncio.run(run())


async def test_row_is_renewed_at_same_version_but_not_by_older_version(views: ReadModelStore) -> None:
    await views.write({"cases": [row("a", 3, org="old")]})
    await views.write({"cases": [row("a", 3, org="same")]})
    assert (await views.get("cases", "a")) == row("a", 3, org="old")
    await views.write({"cases": [row("a", 3, org="new")]}, renew=True)
    assert (await views.get("cases", "a")) == row("a", 3, org="new")
    await views.write({"cases": [row("a", 2, org="late")]}, renew=True)
    assert (await views.get("cases", "a")) == row("a", 3, org="new")
