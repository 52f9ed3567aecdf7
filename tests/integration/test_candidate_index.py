"""The index of candidates over a whole Huiyin: who is in it, who is not, and that it can be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.modes.embedded import opened
from deploy.storage.backup import back_up
from deploy.storage.data_folder import Folder
from services.intake.candidate_index import GROUP
from shared.kernel.settings import Settings
from shared.operations.erasure import erase_party
from tests.integration.test_matters import LAMP, OTHER, get, queued
from tests.support.serving import Served, served

PLAIN: dict[str, Any] = {"place": None, "subject": None}


@pytest.fixture
async def here() -> Any:
    async with served() as found:
        yield found


async def held(here: Served, *receipts: dict[str, Any]) -> set[str]:
    index = here.runtime.ports.candidates
    assert index is not None
    return await index.held([one["case"] for one in receipts])


async def offered(here: Served, new: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await get(here, f"/v1/cases/{new['case']}/candidates")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["candidates"]
    return found


async def waiting(here: Served, **more: Any) -> dict[str, Any]:
    """A filing without place and subject, which waits for dispatch also where a keyword would have routed it."""
    here.clock.advance(60)
    receipt = await here.filed(**{**PLAIN, **more})
    await here.act("registrar", receipt["case"], "recall")
    return receipt


async def test_identical_older_filing_is_offered_after_many_others_without_place_and_subject(here: Served) -> None:
    old = await waiting(here, text=LAMP)
    for number in range(40):
        await here.filed(**PLAIN, text=f"{OTHER}第{number}次反映，已有{'很多' if number % 2 else '几个'}月")
    new = await waiting(here, text=LAMP)
    (found,) = await offered(here, new)
    assert (found["id"], found["similarity"]) == (old["case"], 1.0)


async def test_answer_says_that_it_was_cut(here: Served) -> None:
    for _ in range(12):
        await waiting(here, text=LAMP)
    new = await waiting(here, text=LAMP)
    answer = (await get(here, f"/v1/cases/{new['case']}/candidates")).json()
    assert len(answer["candidates"]) == 10 and answer["cut"] is True


async def test_confidential_and_sealed_filings_are_in_no_index(here: Served) -> None:
    plain = await waiting(here, text=LAMP)
    secret = await waiting(here, text=LAMP, confidential=True)
    sealed = await waiting(here, text=LAMP, **{"class": "accusation"}, respondent={"name": "某局", "org": "jy"})
    assert await held(here, plain, secret, sealed) == {plain["case"]}
    new = await waiting(here, text=LAMP)
    assert [one["id"] for one in await offered(here, new)] == [plain["case"]]


async def test_case_that_becomes_confidential_is_removed(here: Served) -> None:
    one = await queued(here, text=LAMP)
    assert await held(here, one) == {one["case"]}
    answer = await here.act("registrar", one["case"], "request_confidentiality")
    assert answer.is_success, answer.text
    assert await held(here, one) == set()


async def test_erased_case_is_gone_and_does_not_come_back(here: Served) -> None:
    old = await waiting(here, text=LAMP, petitioner={"name": "李四", "phone": "13900000000"})
    new = await waiting(here, text=LAMP)
    assert [one["id"] for one in await offered(here, new)] == [old["case"]]
    assert await erase_party(here.runtime.ports, old["case"], "p1") > 0
    assert await held(here, old) == set() and await offered(here, new) == []
    consumer = next(one for one in here.runtime.consumers if one.group == GROUP)
    assert here.runtime.ports.candidates is not None
    await here.runtime.ports.candidates.remove([new["case"]])
    for case in (old["case"], new["case"]):
        await consumer(await here.runtime.ports.log.load(f"case/{case}"))
    assert await held(here, old, new) == {new["case"]}


async def test_names_of_parties_do_not_make_two_filings_alike(here: Served) -> None:
    name = {"petitioner": {"name": "欧阳修远志", "phone": "13900000000"}}
    await waiting(here, text="欧阳修远志反映楼上餐馆排放油烟", **name)
    new = await waiting(here, text="欧阳修远志请求退还押金", **name)
    assert await offered(here, new) == [], "the name is all that they share"


async def test_deleted_or_damaged_index_is_filled_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    async with served(running=lambda settings, clock: opened(folder.path, settings, clock=clock)) as here:
        case = (await waiting(here, text=LAMP))["case"]
        await back_up(folder, tmp_path / "backup")
        assert not (tmp_path / "backup" / folder.candidates.name).exists()
    for harm in ("delete", "damage"):
        for path in folder.path.glob("candidates.sqlite*"):
            path.unlink()
        if harm == "damage":
            folder.candidates.write_bytes(b"no database" * 1000)
        async with opened(folder.path, Settings(), clock=here.clock, tasks=False) as runtime:
            assert await runtime.drain()
            assert runtime.ports.candidates is not None
            assert await runtime.ports.candidates.held([case]) == {case}, harm


async def asked(here: Served, text: str, role: str = "registrar", **more: Any) -> list[dict[str, Any]]:
    async with here.client(role) as client:
        answer = await client.post("/v1/candidates", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["candidates"]
    return found


NAMED = "欧阳若兰说小区南门的路灯坏了两个月，晚上漆黑一片，老人多次摔倒，请尽快维修"


async def test_text_that_is_being_typed_finds_older_cases_and_none_that_is_hidden(here: Served) -> None:
    old = await waiting(here, text=NAMED, place="dh-yl")
    await waiting(here, text=NAMED, confidential=True)
    await waiting(here, text=NAMED, **{"class": "accusation"}, respondent={"name": "某局", "org": "jy"})
    (found,) = await asked(here, f"来信反映：{NAMED[5:30]}", place="dh-yl", subject="0102")
    assert (found["id"], found["shared"], found["through"]) == (old["case"], ["place"], None)
    assert await asked(here, NAMED[:8]) == [], "too short"
    reads = [commit async for batch in here.runtime.ports.log.scan(f"reads/{old['case']}") for commit in batch]
    assert reads == [], "nothing is decrypted"


@pytest.mark.parametrize(
    "text", ["欧阳若兰", "欧阳若兰" * 12, "欧阳若兰一二三四五六七八九十甲乙丙丁戊己庚辛壬癸天干地支子丑寅卯"]
)
async def test_name_of_a_person_finds_nothing(here: Served, text: str) -> None:
    await waiting(here, text=NAMED)
    assert await asked(here, text) == []


async def test_questions_about_texts_are_limited_and_need_a_jurisdiction(here: Served) -> None:
    async with here.client("registrar") as client:
        elsewhere = await client.post("/v1/candidates", json={"text": NAMED, "jurisdiction": "elsewhere"})
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "jurisdiction_needed")
        for _ in range(120):
            last = await client.post("/v1/candidates", json={"text": "短"})
            assert last.status_code == 200
        refused = await client.post("/v1/candidates", json={"text": "短"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_questions")
    assert int(refused.headers["retry-after"]) > 0
