"""Questions to the petitioner: who asks, and that no clock and no state changes."""

from __future__ import annotations

from shared.commands.authorization import Principal
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from tests.support.deciding import BOOK, CLERK, REGISTRAR, SENT, given

ASKED = d.PetitionerAsked(org="zj", count=1, questions=("何时发现？",))
CITIZEN = Principal("citizen", None, "2026-0000-0000-0000-0", "k1")


def test_the_responsible_organisation_or_the_petition_office_asks() -> None:
    given(*SENT).when("ask_petitioner", CLERK, questions=["何时发现？"]).then(ASKED)
    office = REGISTRAR.org or ""
    given(*SENT).when("ask_petitioner", REGISTRAR, questions=["何时发现？"]).then(
        ASKED.model_copy(update={"org": office})
    )
    given(*SENT).when("ask_petitioner", CLERK, questions=["\u200b"]).refused("empty_question")


def test_no_clock_and_no_state_changes() -> None:
    before, after = given(*SENT).case, given(*SENT, ASKED).case
    assert before.state == after.state
    due = {(one.clock, one.episode): (one.due, one.running) for one in deadlines(before, BOOK)}
    assert {(one.clock, one.episode): (one.due, one.running) for one in deadlines(after, BOOK)} == due
    (asked,) = after.service.asked
    assert (asked.questions, asked.answered_at) == (1, None)


def test_answers_belong_to_questions_of_the_case() -> None:
    story = given(*SENT, ASKED)
    version = story.case.service.asked[0].version
    answered = story.when("add_material", CITIZEN, asked=version, answers=["三月一日"])
    (added,) = (item.body for item in answered.events)
    assert isinstance(added, i.MaterialAdded)
    assert (added.asked, added.answers) == (version, ("三月一日",))
    assert given(*SENT, ASKED, added).case.service.asked[0].answered_at is not None
    story.when("add_material", CITIZEN, asked=version + 1, answers=["x"]).refused("unknown_questions")
    story.when("add_material", CITIZEN, answers=["x"]).refused("asked_needed")
    story.when("add_material", CITIZEN).refused("nothing_added")
