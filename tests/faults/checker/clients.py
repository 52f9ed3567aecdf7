"""Invariants 1, 2, 8 and 9: answers to clients are true, and no request remains unanswered."""

from __future__ import annotations

from collections import Counter, defaultdict

from .inputs import CASE, Found, Op, Run, Violation

OWN_WRITE = 2_000_000_000
"""Nanoseconds after which a client must see what it wrote."""
LATER = (429, 503)


def filings(run: Run) -> Found:
    """Acknowledged means registered exactly once, under one number; refused means not at all."""
    registered: Counter[str] = Counter()
    where: dict[str, set[str]] = defaultdict(set)
    for case, events in run.log.under(CASE):
        for event in events:
            if event.type == "CaseRegistered":
                registered[str(event.body.get("number"))] += 1
                where[str(event.body.get("number"))].add(case)
    for number, times in registered.items():
        if times > 1:
            yield Violation(2, f"number {number}", (), f"it is registered {times} times")
    told: dict[tuple[str | None, str], list[Op]] = defaultdict(list)
    for op in run.history:
        if op.kind == "submit":
            told[op.src, op.key].append(op)
    for (_source, key), ops in told.items():
        answered = [op for op in ops if op.outcome == "ok"]
        if len({(op.case, op.number) for op in answered}) > 1:
            yield Violation(2, f"item {key}", (), "it was answered with several cases or numbers")
        for op in answered:
            if op.number is None or registered[op.number] == 0:
                yield Violation(1, f"item {key}", (), "it was acknowledged and is lost")
            elif op.case is not None and op.case not in where[op.number]:
                yield Violation(1, f"item {key}", (), "its number stands in another case than the one acknowledged")
    may_be = sum(1 for ops in told.values() if any(op.outcome != "fail" for op in ops))
    live = sum(
        1
        for _case, events in run.log.under(CASE)
        if events[0].type == "CaseRegistered" and events[0].said.get("origin") != "history"
    )
    if told and live > may_be:
        yield Violation(2, "log", (), f"{live} cases are registered of {may_be} items that were not refused")


def files(run: Run) -> Found:
    """An acknowledged file is in an event of its case, opens, and is the same; no file is in two events."""
    named: Counter[str] = Counter()
    attached: Counter[str] = Counter()
    for case, events in run.log.under(CASE):
        for event in events:
            if event.type == "FileAttached":
                attached[case] += 1
                named[str(event.body.get("blob"))] += 1
    for blob, times in named.items():
        if times > 1:
            yield Violation(2, blob, (), f"{times} events name this file")
    told = {(op.case, op.key): op.digest for op in run.history if op.kind == "file" and op.outcome == "ok"}
    for case, number in Counter(case for case, _key in told).items():
        if attached[case or ""] < number:
            yield Violation(
                1, f"{CASE}{case}", (), f"{number} files were acknowledged and {attached[case or '']} attached"
            )
    for op in run.history:
        if op.kind == "opened" and (op.case, op.key) in told:
            if op.outcome != "ok":
                yield Violation(1, f"file {op.key}", (), "it was acknowledged and does not open")
            elif op.digest != told[op.case, op.key]:
                yield Violation(1, f"file {op.key}", (), "it opens with other bytes than were sent")


def commands(run: Run) -> Found:
    """An acknowledged command is in its case exactly once, a refused one not at all."""
    causes = Counter((commit.stream, commit.cause.rpartition(":")[2]) for commit in run.log.commits)
    outcomes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for op in run.history:
        if op.kind == "command" and op.case is not None:
            outcomes[CASE + op.case, op.key].add(op.outcome)
    for (stream, key), found in outcomes.items():
        times = causes[stream, key]
        if "ok" in found and times != 1:
            yield Violation(1 if times == 0 else 2, stream, (), f"an acknowledged command stands {times} times")
        if found == {"fail"} and times:
            yield Violation(1, stream, (), "a refused command was carried out")


def reads(run: Run) -> Found:
    """No client sees an older version than before, nor one that never existed; after two seconds it sees its own writes."""
    seen: dict[tuple[str, str], int] = {}
    wrote: dict[tuple[str, str], tuple[int, int]] = {}
    ends = {case: events[-1].version for case, events in run.log.under(CASE)}
    for op in run.history:
        if op.outcome != "ok" or op.case is None or op.v is None:
            continue
        key = (op.proc or "", op.case)
        if op.v > ends.get(op.case, 0):
            yield Violation(8, CASE + op.case, (op.v,), "a client was told of a version that the log does not have")
        if op.kind == "read":
            if op.proc is not None and op.v < seen.get(key, 0):
                yield Violation(8, CASE + op.case, (seen[key], op.v), "a client saw an older version after a newer one")
            at, version = wrote.get(key, (0, 0))
            began = op.began if op.began is not None else op.t_mono
            if op.proc is not None and began is not None and op.v < version and began - at > OWN_WRITE:
                yield Violation(8, CASE + op.case, (version, op.v), "a client did not see what it wrote")
            seen[key] = max(seen.get(key, 0), op.v)
        elif op.kind == "command" and op.t_mono is not None and op.v > wrote.get(key, (0, 0))[1]:
            wrote[key] = (op.t_mono, op.v)


def bounds(run: Run) -> Found:
    """A rejected client gets a retry time, and no metric exceeds its limit."""
    for op in run.history:
        if op.status in LATER and not op.retry_after:
            yield Violation(9, f"{op.kind} {op.key}", (), f"{op.status} without Retry-After")
        if op.kind == "sample" and op.limit is not None and op.value is not None and op.value > op.limit:
            yield Violation(9, f"figure {op.key}", (), f"{op.value:g} is over its limit of {op.limit:g}")
