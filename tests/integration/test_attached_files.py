"""Files of commands: attached once, under the key of the party, and closed with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.intake.commands.filing import FileCase
from services.intake.registration import Receipt, file_case
from shared.application.command_dispatch import body_models, give
from shared.application.file_references import owner_of
from shared.case import Case
from shared.commands.attached_files import FileDetails
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.commands.command_handler import CommandResult
from shared.events.files import FileAttached
from shared.eventstore.field_encryption import open_sealed
from shared.kernel.refusals import Refused
from tests.support.county import DEMO, REGISTRAR, SUPERVISOR, clerk
from tests.support.serving import Served, served, submission

PHOTO = FileDetails("image/jpeg", "photo", "张三家门口.jpg")
SCAN = FileDetails("application/pdf", "letter", "来信.pdf")


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def some(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def upload(
    here: Served, name: str, content: bytes, who: Principal = REGISTRAR, details: FileDetails | None = PHOTO
) -> str:
    files, owner = here.runtime.ports.files, owner_of(who)
    await files.begin_upload(owner, name)
    await files.append(owner, name, 0, some(content))
    await files.finish(owner, name, details=details)
    return name


async def file(here: Served, who: Principal = REGISTRAR, **fields: Any) -> Receipt:
    command = FileCase.model_validate(submission(**fields))
    ports = here.runtime.ports
    receipt = await file_case(ports.handling("intake"), who, command, DEMO, files=ports.files)
    await here.runtime.drain()
    return receipt


async def act(here: Served, case: str, name: str, who: Principal = REGISTRAR, **fields: Any) -> CommandResult:
    body = body_models()[name].model_validate({"command": name, "command_id": "c-1", **fields})
    done, _case = await give(here.runtime.ports, who, case, RULES[name], body)
    await here.runtime.drain()
    return done


async def case_of(here: Served, case: str) -> Case:
    return (await here.runtime.ports.cases.load_confirmed(case)).case


async def contents(here: Served, case: str) -> list[tuple[bytes, str | None]]:
    """(content, name) of all files of the case that can be opened."""
    ports, found = here.runtime.ports, []
    commits = await ports.log.load(f"case/{case}")
    events = [one for commit in commits for one in commit.recorded if isinstance(one.body, FileAttached)]
    for event in events:
        values = {k: v for part in await open_sealed(ports.keys, [event]) for k, v in part.values.items()}
        if "key" in values:
            assert isinstance(event.body, FileAttached)
            pieces = [piece async for piece in ports.files.open_file(event.body.blob, values["key"])]
            found.append((b"".join(pieces), values.get("name")))
    return found


async def refused(work: Any) -> Refused:
    with pytest.raises(Refused) as found:
        await work
    assert found.value.detail_zh
    return found.value


async def test_filing_with_two_files_opens_both(here: Served) -> None:
    await upload(here, "u1", b"photo" * 40_000)
    await upload(here, "u2", b"scan", details=SCAN)
    receipt = await file(here, item="A", files=["u1", "u2"])
    assert await contents(here, receipt.case) == [(b"photo" * 40_000, "张三家门口.jpg"), (b"scan", "来信.pdf")]
    files = (await case_of(here, receipt.case)).files
    assert [(one.media_type, one.size, one.kind, one.party, one.org) for one in files] == [
        ("image/jpeg", 200_000, "photo", "p1", "xfj"),
        ("application/pdf", 4, "letter", "p1", "xfj"),
    ]
    again = await file(here, item="A", files=["u1", "u2"])
    assert (again.case, again.repeated) == (receipt.case, True)


async def test_equal_files_of_two_cases_share_no_address(here: Served) -> None:
    cases = []
    for name in ("u1", "u2"):
        await upload(here, name, b"the same bytes")
        cases.append(await case_of(here, (await file(here, files=[name])).case))
    assert cases[0].files[0].blob != cases[1].files[0].blob


async def test_file_of_one_command_goes_into_no_other(here: Served) -> None:
    await upload(here, "u1", b"once")
    first, second = await file(here, files=["u1"]), await file(here)
    found = await refused(act(here, second.case, "add_material", text="x", files=["u1"]))
    assert (found.code, found.field, found.status) == ("file_used", "files", 409)
    assert len(await contents(here, first.case)) == 1
    assert await contents(here, second.case) == []


async def test_concurrent_commands_attach_a_file_once(here: Served) -> None:
    await upload(here, "u1", b"once")
    cases = [(await file(here)).case for _ in range(6)]
    done = await asyncio.gather(
        *(act(here, case, "add_material", text="x", files=["u1"], command_id=f"c-{case}") for case in cases),
        return_exceptions=True,
    )
    assert sum(isinstance(one, CommandResult) for one in done) == 1
    assert {one.code for one in done if isinstance(one, Refused)} <= {"file_used", "upload_busy"}
    assert sum([len(await contents(here, case)) for case in cases]) == 1


async def test_concurrent_repeated_command_has_one_answer(here: Served) -> None:
    await upload(here, "u1", b"once")
    case = (await file(here)).case
    done = await asyncio.gather(
        *(act(here, case, "add_material", text="x", files=["u1"]) for _ in range(4)), return_exceptions=True
    )
    assert any(isinstance(one, CommandResult) for one in done)
    assert {one.code for one in done if isinstance(one, Refused)} <= {"upload_busy"}
    assert len(await contents(here, case)) == 1
    assert (await act(here, case, "add_material", text="x", files=["u1"])).repeated


async def test_refused_command_leaves_file_for_another(here: Served) -> None:
    await upload(here, "u1", b"kept")
    case = (await file(here)).case
    basis = {"result": "explained", "basis": ["条例第三十二条"], "text": "意见"}
    assert (await refused(act(here, case, "decide", clerk("zj"), **basis, files=["u1"]))).code in (
        "not_in_this_state",
        "file_unknown",
    )
    bad = await refused(act(here, case, "add_material", text="x", files=["u1"], reference="r", expected_version=0))
    assert bad.code == "stale_version"
    await act(here, case, "attach_file", files=["u1"], command_id="c-2")
    assert await contents(here, case) == [(b"kept", "张三家门口.jpg")]


@pytest.mark.parametrize(
    ("before", "command", "fields"),
    [
        ((), "request_return", {"reason_code": "not_our_mandate", "reason": "权限清单见附件"}),
        (("accept", "decide"), "file_report", {"text": "办结报告见附件"}),
        (("accept",), "decide", {"result": "explained", "basis": ["条例第三十二条"], "text": "意见"}),
        (("accept",), "serve_notice", {"kind": "acceptance"}),
    ],
)
async def test_what_an_organisation_says_names_its_files(
    here: Served, before: tuple[str, ...], command: str, fields: dict[str, Any]
) -> None:
    case, zj = (await file(here)).case, clerk("zj")
    await here.runtime.drain()
    await act(here, case, "sign_off", zj, command_id="s")
    earlier: dict[str, dict[str, Any]] = {
        "accept": {"path": 6},
        "decide": {"result": "explained", "basis": ["条例第三十二条"], "text": "意见"},
    }
    for one in before:
        await act(here, case, one, zj, command_id=one, **earlier[one])
    await upload(here, "u1", b"scan", zj, SCAN)
    await act(here, case, command, zj, command_id="c", files=["u1"], **fields)
    (found,) = (await case_of(here, case)).files
    assert (found.party, found.org, found.media_type) == (None, "zj", "application/pdf")
    assert (await act(here, case, command, zj, command_id="c", files=["u1"], **fields)).repeated


async def test_command_with_nothing_to_do_leaves_file_for_another(here: Served) -> None:
    case = (await file(here)).case
    await act(here, case, "serve_notice", kind="transfer", mode="in_person")
    await upload(here, "u1", b"proof")
    done = await act(here, case, "serve_notice", kind="transfer", mode="in_person", files=["u1"], command_id="c-2")
    assert done.commit is None
    await act(here, case, "attach_file", files=["u1"], command_id="c-3")
    assert [content for content, _ in await contents(here, case)] == [b"proof"]


@pytest.mark.parametrize(
    ("files", "code", "status"),
    [(["never"], "file_unknown", 422), (["half"], "upload_incomplete", 409), (["theirs"], "file_unknown", 422)],
)
async def test_references_that_cannot_be_attached_are_refused(
    here: Served, files: list[str], code: str, status: int
) -> None:
    await here.runtime.ports.files.begin_upload(owner_of(REGISTRAR), "half")
    await upload(here, "theirs", b"x", SUPERVISOR)
    for work in (
        file(here, item="A", files=files),
        act(here, (await file(here)).case, "add_material", text="x", files=files),
    ):
        found = await refused(work)
        assert (found.code, found.status, found.field) == (code, status, "files")
    async with here.client("registrar") as client:
        answer = await client.post("/v1/submissions", json=submission(item="B", files=files))
    assert answer.status_code in (409, 422)
    assert answer.json()["code"] == "file_unknown", "the uploads of another key do not exist"


async def test_expired_reference_is_refused_and_repeated_command_is_not(here: Served) -> None:
    await upload(here, "u1", b"x")
    await upload(here, "u2", b"y")
    case = (await file(here)).case
    await act(here, case, "add_material", text="x", files=["u1"])
    here.clock.advance(86_400)
    assert (await act(here, case, "add_material", text="x", files=["u1"])).repeated
    assert (await refused(act(here, case, "attach_file", files=["u2"], command_id="c-2"))).code == "file_unknown"


async def test_bad_reference_lists_are_refused_before_anything(here: Served) -> None:
    async with here.client("registrar") as client:
        for files in (["a", "a"], [f"u{n}" for n in range(101)], ["../x"], [""], [1], "u1", [{"upload": "u1"}]):
            answer = await client.post("/v1/submissions", json=submission(files=files))
            assert answer.status_code == 422, files
            assert "files" in str(answer.json()), files


async def test_files_close_with_their_party(here: Served) -> None:
    await upload(here, "u1", b"of the petitioner")
    case = (await file(here, files=["u1"])).case
    await upload(here, "u2", b"of the office", details=SCAN)
    await act(here, case, "serve_notice", kind="transfer", mode="in_person", files=["u2"])
    assert [content for content, _ in await contents(here, case)] == [b"of the petitioner", b"of the office"]
    await here.runtime.ports.keys.erase(case, "p1")
    assert [content for content, _ in await contents(here, case)] == [b"of the office"]
    await upload(here, "u3", b"late")
    assert (await refused(act(here, case, "attach_file", files=["u3"], command_id="c-9"))).code == "party_erased"


async def test_neither_name_nor_key_is_stored_or_shown_in_the_clear(here: Served) -> None:
    await upload(here, "u1", b"content of the file")
    receipt = await file(here, files=["u1"])
    stored = b"".join(
        [data for commit in await here.runtime.ports.log.load(f"case/{receipt.case}") for data in commit.events]
    )
    for secret in ("家门口", "content of the file", "AES-256-GCM:"):
        assert secret.encode() not in stored
    for role in ("registrar", "clerk", "supervisor"):
        async with here.client(role) as client:
            for path in ("", "/content", "/timeline", "/events"):
                text = (await client.get(f"/v1/cases/{receipt.case}{path}")).text
                assert "AES-256-GCM:" not in text, "the key of a file leaves the system with nobody"
