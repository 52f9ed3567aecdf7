"""Counts, figures, findings, cursors and error texts are answers, too: none of them tells of a case that the caller may not see."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import httpx
import pytest

from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from shared.application.access_keys import PEOPLE
from shared.commands.authorization import Principal
from shared.policy.loading.loader import bundled
from tests.security.hidden_cases import NEXT, Hidden, Request, Target, hidden_cases
from tests.support.counting import counted, opened
from tests.support.county import DEMO
from tests.support.serving import Served, served, submission

SEES_COUNTS = ("registrar", "supervisor")
LAW = ("operations", "registrar", "supervisor", "analyst", "clerk", "organisation")


async def asked(here: Served, role: str, method: str, path: str, **more: Any) -> httpx.Response:
    async with here.client(role) as client:
        return await client.request(method, path, **more)


# ------------------------------------------------------------ items and first answers


@pytest.mark.parametrize("path", ["/v1/submissions", "/v1/channels/province/items"])
async def test_item_in_channel_of_platform_is_refused_before_it_is_looked_up(path: str) -> None:
    async with served(running=opened) as here:
        world = Hidden(here)
        await here.filed(channel="province", item="their-1")
        await here.filed()
        answers = set()
        for role, item in product(("registrar", "platform"), ("their-1", "their-2")):
            for body in (submission(channel="province", item=item), {"channel": "province", "item": item, "text": ""}):
                target = Target("province", item, "-", "-")
                found = await world.ask(role, "POST", Request(path, body), target)
                if body["text"]:
                    assert (found.status, found.operations) == (403, ()), found
                answers.add((role, bool(body["text"]), found))
        assert len(answers) == 4, "the answer does not depend on the item"


async def test_first_answer_goes_to_filer_only_and_never_changes() -> None:
    """Two colleagues of the accused office: one filed the accusation against it, the other tries the same item."""
    async with served() as here:
        handling = here.runtime.handling("intake")
        filer, colleague = (Principal("registrar", "xfj", ref, jurisdiction=DEMO) for ref in ("k-1", "k-2"))
        body = submission(item="L-1", **{"class": "accusation"}, respondent={"name": "某人", "org": "xfj"})
        command = FileCase.model_validate(body)
        first = await file_case(handling, filer, command, DEMO)
        await here.runtime.drain()
        own = await here.key_of("registrar", "sfj")
        async with here.client(key=own) as client:
            moved = await client.post(
                f"/v1/cases/{first.case}/commands", json={"command": "dispatch", "command_id": "d-1", "org": "jjw"}
            )
            renewed = {"command": "renew_query_code", "command_id": "d-2", "reason": "换码"}
            assert (await client.post(f"/v1/cases/{first.case}/commands", json=renewed)).is_success
        assert moved.is_success, moved.text
        again = await file_case(handling, filer, command, DEMO)
        assert again == first._replace(repeated=True), "not the present state, and not the present code"
        other = await file_case(handling, colleague, command, DEMO)
        assert other.case != first.case and not other.repeated
        assert (await file_case(handling, colleague, command, DEMO)) == other._replace(
            repeated=True, version=other.version
        )


async def test_refused_filing_does_not_tell_whether_item_exists() -> None:
    async with hidden_cases() as world:
        wrong = {"channel": "web", "text": "x", "anonymous": True, "petitioner": {"name": "张三"}}
        for kind in ("foreign jurisdiction", "hidden accusation"):
            hidden, missing = await world.new("registrar", kind), world.missing()
            answers = [
                await world.ask("registrar", "POST", Request("/v1/submissions", {**wrong, "item": one.item}), one)
                for one in (hidden, missing)
            ]
            assert answers[0] == answers[1] and answers[0].status == 422


# ------------------------------------------------------------ findings of policies


def _without(org: str) -> dict[str, Any]:
    """The organisations of the demo county without one, and everything that names it changed."""
    sections: dict[str, Any] = {one.section: deepcopy(one.document) for one in bundled("demo")}
    kept = [one for one in sections["organisations"]["organisations"] if one["code"] != org]
    rules = [one for one in sections["routing"]["rules"] if one.get("org") != org]
    channels = sections["channels"]
    channels["channels"] = [one for one in channels["channels"] if one.get("received_by") != org]
    for one in kept:
        for name in ("parent", "review_by"):
            if one.get(name) == org:
                one[name] = None
    return {
        "organisations": {**sections["organisations"], "organisations": kept},
        "routing": {**sections["routing"], "rules": rules},
        "channels": channels,
    }


async def _findings(here: Served, role: str, org: str) -> list[tuple[str, str]]:
    answer = await asked(
        here, role, "POST", "/v1/policies:validate", json={"jurisdiction": DEMO, "sections": _without(org)}
    )
    assert answer.is_success, answer.text
    return [(one["where"], one["what"]) for one in answer.json()["findings"] if one["where"] == f"organisations[{org}]"]


async def test_findings_tell_counts_to_petition_office_only_and_nobody_of_sealed_cases() -> None:
    async with served() as here:
        empty = {(role, org): await _findings(here, role, org) for role, org in product(LAW, ("wj", "jjw"))}
        case = (await here.filed(subject="0501"))["case"]
        await here.filed(subject="0501", respondent={"name": "某局", "org": "zj"})
        sealed = (await here.filed(**{"class": "accusation"}))["case"]
        assert (await here.act("registrar", sealed, "dispatch", org="jjw")).is_success
        full = {(role, org): await _findings(here, role, org) for role, org in product(LAW, ("wj", "jjw"))}
        assert (await here.runtime.ports.cases.get(case))[0].assignment.org == "wj"
    for role in LAW:
        assert full[role, "jjw"] == empty[role, "jjw"] and full[role, "jjw"], "no bell for the discipline organ"
        if role in SEES_COUNTS:
            assert empty[role, "wj"] == [] and "holds 1 open case" in full[role, "wj"][0][1]
        elif role == "operations":
            assert "holds open cases" in full[role, "wj"][0][1]
        else:
            assert full[role, "wj"] == empty[role, "wj"], role


# ------------------------------------------------------------ figures


QUERIES = (
    {},
    {"by": "organisation"},
    {"by": "class,channel"},
    {"by": "place,month"},
    {"by": "subject,period", "period": "2026"},
    {"period": "2026-03-02"},
    {"as_of": "2026-03-02", "by": "organisation"},
)


async def _statistics(here: Served) -> dict[tuple[str, int], Any]:
    found = {}
    for role, (place, query) in product(("analyst", "supervisor", "registrar", "operations"), enumerate(QUERIES)):
        answer = await asked(here, role, "GET", "/v1/stats", params=query)
        assert answer.is_success, answer.text
        found[role, place] = answer.json() | {"now": ""}
    return found


async def test_figures_are_the_same_with_and_without_accusations_and_for_every_viewer() -> None:
    worlds = []
    for sealed in (False, True):
        async with served() as here:
            await here.filed()
            await here.filed(subject="0501")
            if sealed:
                for org in ("zj", "xfj"):
                    await here.filed(**{"class": "accusation"}, respondent={"name": "某人", "org": org})
                await here.filed(text="举报局长受贿")
                await here.filed(respondent={"name": "某科", "org": "xfj"})
            worlds.append(await _statistics(here))
    assert worlds[0] == worlds[1]
    for place, _ in enumerate(QUERIES):
        assert len({str(figures) for (_role, other), figures in worlds[1].items() if other == place}) == 1
    assert worlds[1]["analyst", 0]["sealed"] == "0-9"
    assert worlds[1]["analyst", 5]["sealed"] is None


# ------------------------------------------------------------ policies


async def test_keyword_rules_are_read_by_petition_office_and_operators_only() -> None:
    async with hidden_cases() as world:
        readers = set()
        for role in PEOPLE:
            answer = await asked(world.here, role, "GET", f"/v1/policies/{DEMO}")
            if answer.is_success and "keywords" in answer.json()["documents"]:
                readers.add(role)
            assert ("受贿" in answer.text) == (role in readers), role
            bound = role not in ("analyst", "operations", "platform", "portal")
            foreign = await asked(world.here, role, "GET", f"/v1/policies/{NEXT}")
            nowhere = await asked(world.here, role, "GET", "/v1/policies/nowhere")
            if bound:
                assert (foreign.status_code, foreign.json()) == (nowhere.status_code, nowhere.json()), role
                listed = (await asked(world.here, role, "GET", "/v1/policies")).json()["policies"]
                assert [one["jurisdiction"] for one in listed] == [DEMO]
                body = {"sections": {"routing": {"rules": [], "default": "queue"}}}
                checked = [
                    (
                        await asked(world.here, role, "POST", "/v1/policies:validate", json={"jurisdiction": j, **body})
                    ).json()
                    for j in (NEXT, "nowhere")
                ]
                assert checked[0] == checked[1] and checked[0]["code"] == "unknown_jurisdiction"
        assert readers == {"registrar", "supervisor", "operations"}


# ------------------------------------------------------------ links and cursors


async def test_hidden_member_of_matter_is_no_cursor_and_no_link() -> None:
    """A related case that became an accusation against the registrar's office: neither unlink nor a cursor tells of it."""
    async with served() as here:
        first = (await here.filed(received_at="2026-03-01"))["case"]
        other = (await here.filed())["case"]
        for kind, case in (("related", other),):
            assert (await here.act("registrar", case, "link", lead=first, kind=kind, reason="x")).is_success
        body = {"field": "class", "new": "accusation", "respondent": {"name": "某人", "org": "xfj"}}
        sealing = await here.key_of("supervisor", "sfj")
        async with here.client(key=sealing) as client:
            done = await client.post(
                f"/v1/cases/{first}/commands", json={"command": "correct", "command_id": "s-1", **body}
            )
        assert done.is_success, done.text
        await here.runtime.drain()
        answers = []
        for lead in (first, "0" * 32):
            answer = await here.act("registrar", other, "unlink", lead=lead, reason="x")
            answers.append((answer.status_code, answer.json()))
        assert answers[0] == answers[1]
        pages = [
            (await asked(here, "registrar", "GET", f"/v1/matters/{other}", params={"after": one})).json()
            for one in (first, "0" * 32)
        ]
        assert pages[0] == pages[1]


async def test_wrong_query_code_costs_the_same_for_number_of_no_case() -> None:
    async with hidden_cases() as world:
        for kind in ("hidden accusation", "foreign organisation"):
            costs = []
            for target in (await world.new("clerk", kind), world.missing()):
                async with world.here.client() as client:
                    with counted() as operations:
                        body = {"number": target.number, "code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A"}
                        answer = await client.post("/v1/status", json=body)
                costs.append((answer.status_code, answer.content, dict(operations)))
            assert costs[0] == costs[1]
