"""Whose word it is: a property over roles, relations and commands, and the sequences that must not lead to a confirmation."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any, get_args

import pytest

from shared.case import Case, fold
from shared.commands.authorization import Principal, Role
from shared.commands.command import RULES, DecisionContext
from shared.commands.petitioners_word import PART, Act, confirmed, parts, relations, third_unit
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from shared.eventstore.recorded_event import Actor
from shared.kernel.refusals import Denied, Invalid, Refused
from tests.support.deciding import (
    BOOK,
    CITIZEN,
    FOLLOW_UP,
    KEYED,
    OWN_HAND,
    PROOF,
    REGISTERED,
    REGISTRAR,
    SENT,
    START,
    SUPERIOR,
    SUPERVISOR,
    Story,
    given,
)
from tests.support.policies import recorded

REPLIED = (
    *SENT,
    d.Accepted(org="zj", path=6),
    d.DecisionIssued(org="zj", result="explained"),
    d.ReplyDelivered(org="zj"),
)
PARTS: dict[str, tuple[str, tuple[Event, ...]]] = {
    "handler": ("zj", REPLIED),
    "subordinate": ("dhyl", (REGISTERED, r.CaseTransferred(org="dhq"), *REPLIED[2:3], d.Accepted(org="dhq", path=6),
                             d.DecisionIssued(org="dhq", result="explained"), d.ReplyDelivered(org="dhq"))),
    "past handler": ("zj", (*SENT, r.AssignmentWithdrawn(org="zj"), r.CaseTransferred(org="rs"), d.Accepted(org="rs", path=6),
                            d.DecisionIssued(org="rs", result="explained"), d.ReplyDelivered(org="rs"))),
    "assistant": ("rs", (REGISTERED, r.JurisdictionRuled(org="zj", assist=("rs",)), *REPLIED[2:])),
    "reviewer": ("fc", (*REPLIED, i.ReviewRequested(), r.ReviewBodyNamed(body="fc"),
                        d.ReviewOpinionIssued(body="fc", result="upheld"))),
}  # fmt: skip
"""Part in the case -> a unit that has it, and the case."""
COMMANDS: dict[str, dict[str, Any]] = {
    "evaluate": {"object": "organisation", "grade": "satisfied", **PROOF},
    "withdraw": {"present": "本人", **PROOF},
    "take_back_withdrawal": {},
    "request_review": PROOF,
    "request_re_review": PROOF,
    "add_material": {"text": "x"},
    "attach_file": {"files": ["u-1"]},
    "nudge": {},
    "request_confidentiality": {},
    "correct_party": {"phone": "1", **PROOF},
    "confirm_delivery_address": {"electronic": True, "kind": "sms", "address": "1"},
    "consent_to_messages": {"channel": "sms", "consent": True},
    "request_erasure": PROOF,
    "link": {"lead": "other", "reason": "x"},
    "unlink": {"reason": "x"},
    "recall": {},
    "void": {"reason_code": "test"},
    "correct": {"field": "effective_at", "of": 1, "new": "2026-03-01"},
    "confirm_date": {"of": 2, **PROOF},
    "confirm_withdrawal": {},
}


@pytest.mark.parametrize(("part", "command"), list(product(PARTS, COMMANDS)))
def test_unit_with_part_in_case_never_speaks_for_petitioner(part: str, command: str) -> None:
    """Whatever the role: registrar, supervisor, platform. The refusal does not depend on the state of the case."""
    org, events = PARTS[part]
    roles: tuple[Role, ...] = tuple(
        role for role in RULES[command].roles if role in ("registrar", "supervisor", "platform")
    )
    for role in roles:
        fields = COMMANDS[command]
        refusal = given(*events).when(command, Principal(role, org, "k-inside"), **fields).refusal
        assert isinstance(refusal, Denied), (role, refusal)
        assert refusal.code in ("concerned_unit", "third_unit_needed"), refusal.code


def test_every_command_of_petitioner_says_whose_word_it_is() -> None:
    """A new command that a citizen or a platform may give has to be in the table above."""
    spoken = {name for name, one in RULES.items() if "citizen" in one.roles} - {"renew_query_code"}  # says nothing
    assert spoken <= set(COMMANDS)
    assert set(get_args(Act)) >= spoken - {"evaluate"}


@pytest.mark.parametrize("part", PARTS)
def test_unit_with_part_in_case_is_no_third_unit(part: str) -> None:
    org, events = PARTS[part]
    case = given(*events).case
    book = BOOK.with_document("organisations", START, "x", _all_may_follow_up())
    assert not third_unit(case, book, org)
    assert not third_unit(case, book, "xfj"), "the petition office received the case"
    assert third_unit(case, book, "jy")
    received = fold([recorded(REGISTERED.model_copy(update={"received_by": "jt"}), 1, START)], Case())
    assert not third_unit(received, book, "jt")
    assert not third_unit(received, book, "xfj"), "never the petition office"


def _all_may_follow_up() -> Any:
    from shared.policy.documents import Organisations

    changed = [one.model_copy(update={"may_follow_up": True}) for one in BOOK.organisations.values()]
    return Organisations(organisations=tuple(changed))


def test_office_gives_proof_and_petitioner_does_not() -> None:
    opinion = {"object": "organisation", "grade": "satisfied"}
    given(*REPLIED).when("evaluate", REGISTRAR, **opinion).refused("evidence_needed")
    given(*REPLIED).when("evaluate", REGISTRAR, **opinion, evidence="letter").refused("reference_needed")
    given(*REPLIED).when("evaluate", REGISTRAR, **opinion, **PROOF).then(i.EvaluationSubmitted(**opinion, **KEYED))  # type: ignore[arg-type]
    given(*REPLIED).when("evaluate", CITIZEN, **opinion, **PROOF).refused("evidence_of_an_office")
    given(*REPLIED).when("evaluate", Principal("platform", "province", "k"), **opinion).then(
        i.EvaluationSubmitted(**opinion, word="platform")  # type: ignore[arg-type]
    )


def test_petition_office_is_evaluated_by_unit_above_it() -> None:
    opinion = {"object": "petition_office", "grade": "satisfied", **PROOF}
    given(*REPLIED).when("evaluate", REGISTRAR, **opinion).refused("concerned_unit")
    given(*REPLIED).when("evaluate", REGISTRAR._replace(org="rs"), **opinion).refused("superior_keys")
    assert given(*REPLIED).when("evaluate", SUPERIOR._replace(role="registrar"), **opinion).refusal is None
    assert given(*REPLIED).when("evaluate", FOLLOW_UP, **opinion).refusal is None


def test_answer_of_office_itself_is_evaluated_by_unit_above_it() -> None:
    """The hotline of the petition office answered a consultation at once."""
    case = fold(
        [
            recorded(REGISTERED, 1, START),
            recorded(i.AnsweredAtOnce(), 2, START, actor=Actor("xfj", "registrar", "k")),
        ]
    )
    story = given(REGISTERED)
    story.case = case
    opinion = {"object": "organisation", "grade": "satisfied", **PROOF}
    story.when("evaluate", REGISTRAR, **opinion).refused("concerned_unit")
    story.when("evaluate", REGISTRAR._replace(org="rs"), **opinion).refused("superior_keys")
    assert story.when("evaluate", SUPERIOR._replace(role="registrar"), **opinion).refusal is None


def test_grade_of_own_hand_is_not_raised_by_others() -> None:
    own = i.EvaluationSubmitted(object="organisation", grade="dissatisfied", **OWN_HAND)
    opinion = {"object": "organisation", "grade": "satisfied"}
    given(*REPLIED, own).when("evaluate", REGISTRAR, **opinion, **PROOF).refused("own_word_stands")
    seen = given(*REPLIED, own, i.ReceiptIssued(code_issued_by="staff"))
    seen.when("evaluate", CITIZEN, **opinion).refused("own_word_stands")
    given(*REPLIED, own).when("evaluate", CITIZEN, **opinion).then(i.EvaluationSubmitted(**opinion, **OWN_HAND))


def test_only_own_hand_or_third_unit_confirms() -> None:
    grade = {"object": "organisation", "grade": "satisfied"}
    for word, wanted in (
        (OWN_HAND, True),
        (KEYED, False),
        ({"word": "platform"}, False),
        ({"word": "own_hand", "code_with_staff": True}, False),
        ({}, False),
    ):
        assert confirmed(given(*REPLIED, i.EvaluationSubmitted(**grade, **word)).case) is wanted, word  # type: ignore[arg-type]
    for who, wanted in ((REGISTRAR, False), (SUPERVISOR, False), (FOLLOW_UP, True)):
        story = given(*REPLIED)
        done = story.when("follow_up", who, reached=True, satisfied=True)
        assert confirmed(_after(story, done.events, who)) is wanted


def test_third_unit_does_not_close_on_own_confirmation() -> None:
    story = given(*REPLIED)
    story.case = _after(story, story.when("follow_up", FOLLOW_UP, reached=True, satisfied=True).events, FOLLOW_UP)
    story.when("close", FOLLOW_UP, kind="resolved_confirmed").refused("own_confirmation")
    assert story.when("close", SUPERVISOR, kind="resolved_confirmed").refusal is None


def test_word_before_redo_does_not_stand_for_confirmation_after_it() -> None:
    """The petitioner's grade was about the first reply; the second is confirmed by the follow-up alone."""
    story = given(
        *REPLIED,
        i.EvaluationSubmitted(object="organisation", grade="dissatisfied", **OWN_HAND),
        s.RedoOrdered(ground="dissatisfied"),
        *REPLIED[-2:],
    )
    story.case = _after(story, story.when("follow_up", FOLLOW_UP, reached=True, satisfied=True).events, FOLLOW_UP)
    story.when("close", FOLLOW_UP, kind="resolved_confirmed").refused("own_confirmation")
    assert story.when("close", SUPERVISOR, kind="resolved_confirmed").refusal is None


def _after(story: Story, fresh: Any, who: Principal) -> Case:
    events = [
        recorded(one.body, story.case.version + place, story.now, actor=who.actor) for place, one in enumerate(fresh, 1)
    ]
    return fold(events, story.case)


@pytest.mark.parametrize("seed", range(40))
def test_registrar_alone_never_closes_as_confirmed(seed: int) -> None:
    """Random sequences of every command by one person of the petition office, who also holds the query code that the desk printed:
    whatever the order, the case is never closed as resolved and confirmed."""
    dice = Random(seed)
    filed = REGISTERED.model_copy(update={"received_by": dice.choice((None, "jt"))})
    case = fold([recorded(filed, 1, START, actor=REGISTRAR.actor)])
    handled = [recorded(body, number, START) for number, body in enumerate(REPLIED[1:], 2)]
    case = fold(handled, case)
    people = [REGISTRAR, SUPERVISOR._replace(ref=REGISTRAR.ref), CITIZEN]
    fields: dict[str, list[dict[str, Any]]] = {
        "evaluate": [
            {"object": about, "grade": "satisfied", **proof}
            for about in ("organisation", "petition_office")
            for proof in ({}, PROOF)
        ],
        "follow_up": [{"reached": True, "satisfied": True}],
        "close": [{"kind": "resolved_confirmed"}, {"kind": "explained"}],
        "order_redo": [{"ground": "other"}],
        "request_review": [{}, PROOF],
        "withdraw": [{}, {"present": "x", **PROOF}],
        "take_back_withdrawal": [{}],
        "correct_party": [{"phone": "1", **PROOF}],
        "confirm_withdrawal": [{}],
        "nudge": [{}],
    }
    now = START
    for _ in range(60):
        name = dice.choice(list(fields))
        who = dice.choice(people)
        if who.role not in RULES[name].roles:
            continue
        command = RULES[name].model.model_validate(dice.choice(fields[name]))
        now = max(now, START).replace(day=min(28, now.day + dice.choice((0, 0, 1))))
        try:
            fresh = RULES[name](case, command, DecisionContext(who, now, now, BOOK))
        except Refused:
            continue
        events = [recorded(one.body, case.version + place, now, actor=who.actor) for place, one in enumerate(fresh, 1)]
        case = fold(events, case)
        assert case.closure.kind != "resolved_confirmed"
    assert not confirmed(case)


@pytest.mark.parametrize("act", get_args(Act))
def test_parts_contain_relations(act: Act) -> None:
    for org, events in PARTS.values():
        case = given(*events).case
        assert parts(case, BOOK, org, act) >= relations(case, BOOK, org)
        assert parts(case, BOOK, org, act) & PART
        assert not parts(case, BOOK, "jy", act) & PART


def test_withdrawal_from_paper_only() -> None:
    given(*SENT).when("withdraw", REGISTRAR, evidence="letter", reference="1", present="x").refused(
        "withdrawal_evidence"
    )
    refusal = given(*SENT).when("withdraw", REGISTRAR, **PROOF).refusal
    assert isinstance(refusal, Invalid) and refusal.code == "present_needed"
