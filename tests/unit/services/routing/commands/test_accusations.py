"""A suspected accusation is never routed by rule and waits for a human decision (Art. 30)."""

from __future__ import annotations

from shared.events import intake as i
from shared.events import routing as r
from tests.support.deciding import CLERK, GUIDANCE, REGISTERED, REGISTRAR, SENT, SERVICE, SUPERVISOR, given

SUSPECTED = (REGISTERED, r.AccusationSuspected(rule="k-accusation"))
SUBJECTLESS = REGISTERED.model_copy(update={"subject": None, "class_": None})


def test_keyword_rule_only_raises_suspicion() -> None:
    given(REGISTERED).when("route", SERVICE, suspicion="k-accusation", subject="k-0102").then(
        r.AccusationSuspected(rule="k-accusation")
    )
    given(*SUSPECTED).when("route", SERVICE).then_nothing()


def test_removed_rule_raises_no_suspicion() -> None:
    given(REGISTERED).when("route", SERVICE, suspicion="gone").then(r.CaseTransferred(org="zj", rule="r01"))
    given(REGISTERED).when("route", SERVICE, suspicion="k-0102").then(r.CaseTransferred(org="zj", rule="r01"))


def test_suspected_case_waits_for_human_decision() -> None:
    story = given(*SUSPECTED)
    assert story.case.accusation.sealed and story.case.assignment.queue_reason == "suspected_accusation"
    for name, fields in (
        ("dispatch", {"org": "zj"}),
        ("dispatch", {"org": "jjw", "class": "accusation"}),
        ("guide", {"path": 1, **GUIDANCE}),
        ("answer_at_once", {"text": "x"}),
    ):
        outcome = given(*SUSPECTED[:1], *SUSPECTED[1:]).when(name, REGISTRAR, **fields)
        assert outcome.refusal is not None, name
    given(*SUSPECTED).when("dispatch", REGISTRAR, org="zj").refused("suspicion_undecided")
    given(*SUSPECTED).when("void", REGISTRAR, reason_code="test").then(i.CaseVoided(reason_code="test"))


def test_class_correction_does_not_unseal() -> None:
    corrected = i.CaseCorrected(field="class_", old="claim", new="suggestion")
    assert given(*SUSPECTED, corrected).case.accusation.sealed


def test_accusation_is_confirmed_with_respondent() -> None:
    given(*SUSPECTED).when("confirm_accusation", REGISTRAR, respondent={"name": "某人", "org": "zj"}).then(
        r.CaseClassified(class_="accusation", by="person"),
        r.AccusationConfirmed(respondent_org="zj", name="某人"),
    )
    case = given(*SUSPECTED, r.AccusationConfirmed(respondent_org="zj", name="某人")).case
    assert (case.filing.class_, case.accusation.sealed, case.accusation.suspected) == ("accusation", True, None)
    assert case.accusation.accused == ("zj",) and ("r1", "respondent") in case.filing.parties
    after = (*SUSPECTED, r.AccusationConfirmed(respondent_org="zj"))
    given(*after).when("route", SERVICE).then_nothing()
    given(*after).when("dispatch", REGISTRAR, org="rs").refused("accusation_needs_sealed_organ")
    given(*after).when("confirm_accusation", SUPERVISOR).then_nothing()


def test_unknown_accused_organisation_is_kept_as_sealed_text() -> None:
    given(*SUSPECTED).when("confirm_accusation", SUPERVISOR, respondent={"org": "某某公司"}).then(
        r.CaseClassified(class_="accusation", by="person"),
        r.AccusationConfirmed(respondent_org=None, name="某某公司"),
    )
    assert "name" in r.AccusationConfirmed.personal


def test_cleared_case_is_routed_normally_and_not_suspected_again() -> None:
    given(*SUSPECTED).when("clear_suspicion", REGISTRAR, reason="只是提到").then(r.SuspicionCleared(reason="只是提到"))
    cleared = (*SUSPECTED, r.SuspicionCleared())
    assert not given(*cleared).case.accusation.sealed
    given(*cleared).when("route", SERVICE, suspicion="k-accusation").then(r.CaseTransferred(org="zj", rule="r01"))
    given(*cleared).when("clear_suspicion", REGISTRAR).then_nothing()


def test_only_authorised_roles_decide_on_suspicion() -> None:
    from shared.commands.command import RULES

    for name in ("confirm_accusation", "clear_suspicion"):
        assert RULES[name].roles == ("registrar", "supervisor")
        given(REGISTERED).when(name, REGISTRAR).refused("not_suspected")
        given(*SENT).when(name, CLERK).refused("not_suspected")


def test_keyword_rule_sets_subject() -> None:
    given(SUBJECTLESS).when("route", SERVICE, subject="k-0102").then(
        r.CaseClassified(class_="claim", subject="0102", by="rule", rule="k-0102"),
        r.CaseTransferred(org="zj", rule="r01"),
    )
    case = given(SUBJECTLESS, r.CaseClassified(subject="0102", rule="k-0102")).case
    assert (case.filing.subject, case.filing.class_) == ("0102", None)


def test_submitted_subject_takes_precedence() -> None:
    given(REGISTERED).when("route", SERVICE, subject="k-0102").then(r.CaseTransferred(org="zj", rule="r01"))


def test_keyword_rule_replaces_unknown_subject() -> None:
    unclear = SUBJECTLESS.model_copy(update={"unclear": ("subject",)})
    given(unclear).when("route", SERVICE).then(r.QueuedForDispatch(why="unknown_subject"))
    story = given(unclear, r.CaseClassified(subject="0102", rule="k-0102"))
    assert story.case.filing.unclear == ()
    nowhere = SUBJECTLESS.model_copy(update={"unclear": ("place", "subject"), "place": None})
    given(nowhere).when("route", SERVICE, subject="k-0102").then(
        r.CaseClassified(subject="0102", by="rule", rule="k-0102"), r.QueuedForDispatch(why="unknown_place")
    )


def test_manual_dispatch_as_claim_unseals_like_correction() -> None:
    filed = REGISTERED.model_copy(update={"class_": "accusation"})
    assert (
        given(filed, r.CaseClassified(class_="claim", by="person"), r.CaseTransferred(org="dhq")).case.accusation.sealed
        is False
    )
    assert given(filed, r.CaseClassified(class_="claim", by="rule")).case.accusation.sealed is True
