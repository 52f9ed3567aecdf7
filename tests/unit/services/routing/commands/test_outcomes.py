"""Six paths, six outcomes (Art. 31): which command ends which matter, by class and path, and what the others are refused with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.routing.commands.outcomes import outcomes_of
from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from tests.support.deciding import (
    BOOK,
    CLERK,
    GUIDANCE,
    REGISTERED,
    REGISTRAR,
    SENT,
    SIGNATURE,
    START,
    SUPERVISOR,
    given,
)
from tests.support.examples import example

ORGAN = Principal("clerk", "jjw", "k-jjw")
CITIZEN = Principal("citizen", None, "2026-0000-0000-0000-0", "k1")
FIELDS: dict[str, dict[str, Any]] = {
    "decide": example("decide"),
    "lead_into": {**example("lead_into"), "path": 2},
    "guide": {"path": 2, **GUIDANCE},
    "perform_duty": example("perform_duty"),
    "answer_suggestion": example("answer_suggestion"),
    "answer_consultation": example("answer_consultation"),
    "finish_accusation": example("finish_accusation"),
}
BY_LAW: dict[tuple[str, int | None], set[str]] = {
    ("claim", 1): {"lead_into", "guide"},
    ("claim", 2): {"lead_into", "guide"},
    ("claim", 3): {"lead_into", "guide"},
    ("claim", 4): {"lead_into", "guide"},
    ("claim", 5): {"perform_duty"},
    ("claim", 6): {"decide"},
    ("suggestion", None): {"answer_suggestion"},
    ("consultation", None): {"answer_consultation"},
    ("accusation", None): {"finish_accusation"},
    ("litigation", None): {"lead_into", "guide"},
}
"""(class, path) -> the outcomes, as Art. 29 to 31 name them."""


def handled(class_: str, path: int | None) -> tuple[Event, ...]:
    """A case of that class, accepted on that path and being handled."""
    org = "jjw" if class_ == "accusation" else "zj"
    sent = r.CaseRoutedToSealedChannel(org=org) if class_ == "accusation" else r.CaseTransferred(org=org)
    filed = REGISTERED.model_copy(update={"class_": class_})
    return (
        filed,
        sent,
        r.AssignmentDelivered(org=org, seq=1),
        d.Accepted(org=org, path=path),
        d.InvestigationStepRecorded(org=org),
    )


@pytest.mark.parametrize(("class_", "path"), BY_LAW)
def test_matter_ends_only_in_outcome_of_its_path(class_: str, path: int | None) -> None:
    who = ORGAN if class_ == "accusation" else CLERK
    story = given(*handled(class_, path))
    right = BY_LAW[class_, path]
    assert set(outcomes_of(story.case)) == right
    for name, fields in FIELDS.items():
        outcome = story.when(name, who, **fields)
        if name in right:
            assert outcome.refusal is None, (name, outcome.refusal)
        else:
            outcome.refused("other_outcome")
            assert outcome.refusal is not None
            assert set(outcome.refusal.more["outcomes"]) == right
            assert outcome.refusal.detail_zh
    assert right <= set(allowed(story.case, who))
    assert not (set(FIELDS) - right) & set(allowed(story.case, who)), "no other outcome is offered"


@pytest.mark.parametrize(("class_", "path"), BY_LAW)
def test_only_opinion_opens_review(class_: str, path: int | None) -> None:
    """Art. 31(6), 35: a review is possible against an opinion, and against nothing else."""
    who = ORGAN if class_ == "accusation" else CLERK
    story = given(*handled(class_, path))
    for name in BY_LAW[class_, path] - {"lead_into", "guide"}:
        (ended,) = story.when(name, who, **FIELDS[name]).events
        replied = given(*handled(class_, path), ended.body, d.ReplyDelivered(org=who.org, mode="in_person"))
        asked = replied.when("request_review", CITIZEN)
        if name == "decide":
            asked.then(i.ReviewRequested(word="own_hand"))
        else:
            asked.refused("nothing_to_review")
    for name in BY_LAW[class_, path] & {"lead_into", "guide"}:
        (ended,) = story.when(name, who, **FIELDS[name]).events
        given(*handled(class_, path), ended.body).when("request_review", CITIZEN).refused("not_in_this_state")


def test_settled_claim_has_no_opinion_to_review() -> None:
    settled = (*handled("claim", 6), d.MediationAgreed(org="zj"), d.ReplyDelivered(org="zj", mode="in_person"))
    given(*settled).when("request_review", CITIZEN).refused("nothing_to_review")


def test_organ_opens_procedure_with_number_and_date() -> None:
    story = given(*handled("claim", 4)).later(days=3)
    fields = {"procedure": "行政裁决", "reference": "裁字1号", "opened_on": "2026-03-03", "reason": "属于裁决事项"}
    led = d.LedInto(org="zj", **{**fields, "path": 4, "opened_on": date(2026, 3, 3)})
    story.when("lead_into", CLERK, path=4, **fields).then(led)
    story.when("lead_into", CLERK._replace(org="jy"), path=4, **fields).refused("not_your_case")
    story.when("lead_into", CLERK, path=4, **{**fields, "opened_on": "2026-04-01"}).refused("opened_later")
    for path in (5, 6):
        story.when("lead_into", CLERK, path=path, **fields).refused("no_procedure_on_this_path")
    ended = given(*handled("claim", 4), led)
    assert ended.case.state == "led_into"
    ended.when("close", SUPERVISOR, kind="guided").refused("kind_does_not_fit")
    ended.when("close", SUPERVISOR, kind="led_into").then(s.CaseClosed(kind="led_into"))
    ended.when("serve_notice", CLERK, kind="led_into").then(d.NoticeServed(org="zj", kind="led_into", **SIGNATURE))


@pytest.mark.parametrize("nothing", ["-", "、", "无", "略。", "N/A", "\u2800", "不详"])
@pytest.mark.parametrize(("command", "needed"), [
    ("guide", ("organ", "address", "time_limit", "how_to", "reason")),
    ("lead_into", ("procedure", "reference", "reason")),
    ("record_not_competent", ("organ", "reference")),
    ("not_accept", ("reason", "remedy")),
])  # fmt: skip
def test_what_the_law_requires_is_stated_in_words(command: str, needed: tuple[str, ...], nothing: str) -> None:
    """Art. 31: the organ, its address, the time limit there; the number of a procedure. A sign or 无 is none of them."""
    model = RULES[command].model
    for field in needed:
        with pytest.raises(ValidationError, match=field):
            model.model_validate({**example(command), field: nothing})


def test_duty_is_performed_refused_or_answered() -> None:
    story = given(*handled("claim", 5))
    story.when("perform_duty", CLERK, result="refused", text="x").refused("basis_needed")
    for result, kinds in (
        ("performed", {"resolved_unconfirmed", "closed_unresolved"}),
        ("refused", {"not_supported", "closed_unresolved"}),
        ("answered", {"explained", "closed_unresolved"}),
    ):
        done = story.when("perform_duty", CLERK, result=result, basis=["某法第一条"], text="x").events[0].body
        replied = given(*handled("claim", 5), done, d.ReplyDelivered(org="zj", mode="in_person"))
        fits = {
            kind
            for kind in ("resolved_unconfirmed", "settled", "explained", "not_supported", "guided", "closed_unresolved")
            if replied.when("close", SUPERVISOR, kind=kind, text="x").refusal is None
        }
        assert fits == kinds


# ---- guidance, and the organ that is not competent

NOT_COMPETENT = {"organ": "县人民政府行政复议机构", "reference": "不予受理决定书1号"}


def clock(events: tuple[Event, ...], name: str) -> Any:
    return [one for one in deadlines(given(*events).case, BOOK) if one.clock == name][-1]


@pytest.mark.parametrize("closed", [(), (s.CaseClosed(kind="guided"),)], ids=["open", "closed"])
@pytest.mark.parametrize(
    ("before", "name", "state"),
    [
        ((*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6)), "C5", "accepted"),
        ((*SENT, d.SignedFor(org="zj")), "C3", "signed"),
        ((REGISTERED,), "C1", "registered"),
    ],
    ids=["accepted", "signed", "registered"],
)
def test_declaration_of_no_competence_restores_case_and_its_first_dates(
    before: tuple[Event, ...], name: str, state: str, closed: tuple[Event, ...]
) -> None:
    guided = r.StatutoryPathGuided(org="zj", path=4, **GUIDANCE)
    gone = given(*before, guided, *closed)
    assert not clock((*before, guided, *closed), name).running or name == "C3"
    back = gone.when("record_not_competent", REGISTRAR, **NOT_COMPETENT).events[0].body
    after = (*before, guided, *closed, back)
    case = given(*after).case
    first, again = clock(before, name), clock(after, name)
    assert (case.state, case.filing.path, case.closure.kind) == (state, given(*before).case.filing.path, None)
    assert (again.episode, again.due, again.running) == (1, first.due, True), "as if it had never gone"
    given(*after).when("record_not_competent", REGISTRAR, **NOT_COMPETENT).then_nothing()


def test_declared_path_starts_sixty_days_from_first_acceptance() -> None:
    accepted = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=2))
    guided = r.StatutoryPathGuided(org="zj", path=2, **GUIDANCE)
    back = given(*accepted, guided).when("record_not_competent", REGISTRAR, path=6, **NOT_COMPETENT).events[0].body
    after = (*accepted, guided, back)
    running = clock(after, "C5")
    assert running.running
    assert running.due_day == clock((*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6)), "C5").due_day
    late = given(*after)
    late.now = START + timedelta(days=80)
    late.when("guide", CLERK, at=date(2026, 3, 20), path=2, **GUIDANCE).refused("period_was_missed")
    assert given(*after).when("decide", CLERK, **FIELDS["decide"]).refusal is None


def test_declaration_of_no_competence_needs_guidance_and_outsider() -> None:
    guided = (*SENT, d.SignedFor(org="zj"), r.StatutoryPathGuided(org="zj", path=4, **GUIDANCE))
    given(*SENT).when("record_not_competent", REGISTRAR, **NOT_COMPETENT).refused("not_guided")
    given(*guided).when("record_not_competent", REGISTRAR, at=date(2026, 3, 1), **NOT_COMPETENT).refused(
        "before_guidance"
    )
    assert "record_not_competent" in allowed(given(*guided).case, SUPERVISOR)
    assert "record_not_competent" not in allowed(given(*guided).case, CLERK)
    assert "record_not_competent" not in allowed(given(*SENT).case, SUPERVISOR)
