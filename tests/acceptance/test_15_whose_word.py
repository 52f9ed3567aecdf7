"""Whose word: only the petitioner's own hand, or a third unit, confirms that a matter is resolved (Art. 21)."""

from __future__ import annotations

from tests.acceptance.vocabulary import County, Filing, story

SATISFIED = {"grade": "satisfied"}


async def answered(county: County, case: Filing) -> Filing:
    """The case, handled and answered."""
    await county.housing.signs_off(case, on="2026-03-03")
    await county.housing.accepts(case, on="2026-03-05")
    await county.housing.serves_the_notice(case, on="2026-03-06")
    await county.housing.decides(case, "supported", on="2026-03-20")
    await county.housing.replies(case, on="2026-03-23")
    await county.housing.confirms_execution(case, on="2026-04-01")
    return case


async def test_petitioner_confirms_by_own_hand() -> None:
    async with story("2026-03-02") as county:
        filed = await county.platform.files("楼道漏水", on="2026-03-02", channel="province")
        case = await answered(county, filed)
        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-04-02"))
        await county.citizen_does("evaluate", case, on="2026-04-03", object="organisation", **SATISFIED)
        await county.supervisor.closes(case, "resolved_confirmed", on="2026-04-07")
        (said,) = await county.events(case, "EvaluationSubmitted")
        assert (said.body.word, said.body.code_with_staff) == ("own_hand", False)  # type: ignore[union-attr]


async def test_registrar_alone_cannot_confirm() -> None:
    """The desk filed it, so it also holds the query code, and tries everything that it can say."""
    async with story("2026-03-02") as county:
        case = await answered(county, await county.desk.files("楼道漏水", on="2026-03-02"))
        day = "2026-04-03"
        await county.refused(
            "evidence_needed", county.desk.does("evaluate", case, on=day, object="organisation", **SATISFIED)
        )
        await county.refused(
            "concerned_unit", county.desk.does("evaluate", case, on=day, object="petition_office", **SATISFIED)
        )
        await county.desk.notes_the_petitioners_grade(case, "satisfied", on=day)
        for object_ in ("organisation", "petition_office"):
            await county.citizen_does("evaluate", case, on=day, object=object_, **SATISFIED)
        await county.desk.calls_back(case, satisfied=True, on="2026-04-07")
        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-04-08"))
        await county.refused("not_confirmed", county.supervisor.closes(case, "resolved_confirmed", on="2026-04-08"))


async def test_receipt_fetched_by_desk_ends_trust_in_code() -> None:
    async with story("2026-03-02") as county:
        filed = await county.platform.files("楼道漏水", on="2026-03-02", channel="province")
        case = await answered(county, filed)
        async with county.here.client(key=county.desk.key) as desk:
            assert (await desk.get(f"/v1/cases/{case.id}/receipt")).status_code == 200
        await county.citizen_does("evaluate", case, on="2026-04-03", object="organisation", **SATISFIED)
        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-04-07"))


async def test_third_unit_follows_up_and_another_closes() -> None:
    async with story("2026-03-02") as county:
        case = await answered(county, await county.desk.files("楼道漏水", on="2026-03-02"))
        await county.follow_up_centre.calls_back(case, satisfied=True, on="2026-04-03")
        closing = county.follow_up_centre.closes(case, "resolved_confirmed", on="2026-04-07")
        await county.refused("own_confirmation", closing)
        await county.desk.closes(case, "resolved_confirmed", on="2026-04-07")


async def test_misspelt_name_is_corrected() -> None:
    """PIPL Art. 46: the first name stays, sealed; the case shows the correct one."""
    async with story("2026-03-02") as county:
        case = await county.platform.files(
            "楼道漏水", on="2026-03-02", channel="province", petitioner={"name": "王小名"}
        )
        await county.citizen_does("correct_party", case, on="2026-03-03", name="王小明")
        shown = await county.desk.reads(case)
        assert shown["content"]["parties"]["p1"]["name"] == "王小明"
        (event,) = await county.events(case, "PartyCorrected")
        assert event.body.name is None and "王小明" not in str(event.body), "sealed"  # type: ignore[union-attr]
        await county.refused(
            "own_data_only", county.citizen_does("correct_party", case, on="2026-03-04", party="r1", name="某")
        )
        await county.refused("evidence_needed", county.desk.does("correct_party", case, on="2026-03-04", name="王晓明"))
