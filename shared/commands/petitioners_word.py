"""Authors of the petitioner's statements: who may record a statement of the petitioner, and who may not because they handle
the case or are judged. Pure.

One unit is one organisation, in whatever role its people sign in. A unit that has a part in the case neither records what the
petitioner says nor links, recalls, voids or redates the case; and what confirms that a matter is resolved comes from the
petitioner's own hand or from a third unit (DOMAIN: 评价、回访; Regulation Art. 21, 46).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shared.case import MOVES, Case, steps
from shared.commands.authorization import Principal
from shared.commands.command import Command, DecisionContext
from shared.commands.command_fields import Stated
from shared.events.fields import Evidence, Word
from shared.kernel.refusals import Denied, Invalid, Refused
from shared.policy.book import PolicyBook

Relation = Literal["handler", "assistant", "reviewer", "receiver", "judged"]
Act = Literal[
    "add_material",
    "attach_file",
    "nudge",
    "request_confidentiality",
    "evaluate_organisation",
    "evaluate_petition_office",
    "withdraw",
    "take_back_withdrawal",
    "request_review",
    "request_re_review",
    "correct_party",
    "confirm_delivery_address",
    "consent_to_messages",
    "request_erasure",
]
"""What may be said for the petitioner."""
PROVEN: frozenset[Act] = frozenset(
    {
        "evaluate_organisation",
        "evaluate_petition_office",
        "withdraw",
        "request_review",
        "request_re_review",
        "correct_party",
        "confirm_delivery_address",
        "request_erasure",
    }
)
"""Acts for which an office that records them needs evidence."""
_OF_NO_JUDGEMENT: frozenset[Act] = frozenset(
    {
        "add_material",
        "attach_file",
        "nudge",
        "request_confidentiality",
        "confirm_delivery_address",
        "consent_to_messages",
    }
)
"""Acts that judge nobody."""
PART: frozenset[Relation] = frozenset({"handler", "assistant", "reviewer", "judged"})
"""Relations that forbid to speak for the petitioner."""
_ANSWERED = ("decided", "replied", "guided", "not_accepted")
"""States to which an answer moves a case: who gave it is judged by what the petitioner says about it."""


class Keyed(Command):
    """A command for the petitioner. An office that records it says what proof it has; the petitioner leaves both out."""

    evidence: Evidence | None = Field(
        None,
        description="For an office that records this for the petitioner: its proof (signed_form 签字表, recording 录音录像, letter"
        " 来信, witnessed_visit 有见证的来访)",
    )
    reference: Stated | None = Field(None, description="Where the proof is kept, such as its file number; sealed")


def relations(case: Case, book: PolicyBook, org: str | None, lead: Case | None = None) -> frozenset[Relation]:
    """The parts that the unit `org` has in the case, and in the matter of `lead` where the case follows one.

    A unit below a handling one is a handler, because it depends on it. Who handled the case before, or answered it, remains
    one. A case that no other organ received was received by the petition office (Art. 22, 23)."""
    if org is None:
        return frozenset()
    found: set[Relation] = set()
    for one in (case, lead) if lead is not None else (case,):
        handlers = _handlers(one)
        if org in handlers or any(book.is_below(org, handler) for handler in handlers):
            found.add("handler")
        if org in one.assignment.assist:
            found.add("assistant")
        if org in (one.review.reviewer, one.review.reviewed_by):
            found.add("reviewer")
        if org == (one.filing.received_by or book.petition_office):
            found.add("receiver")
    return frozenset(found)


def _handlers(case: Case) -> set[str]:
    answered = [fact for fact in steps(case) if MOVES.get(fact.name) in _ANSWERED]
    return {
        *case.handlers,
        *case.assignment.past_orgs,
        *(fact.org for fact in answered if fact.org is not None),
        *(fact.by for fact in answered if fact.by is not None and not fact.history),
    }


def third_unit(case: Case, book: PolicyBook, org: str | None, lead: Case | None = None) -> bool:
    """True if `org` has no part in the case at all, did not receive it, and may follow up by the policy. Neither the petition
    office nor a unit below it ever is one."""
    office = book.petition_office
    if org is None or not book.may_follow_up(org) or relations(case, book, org, lead):
        return False
    return office is None or (org != office and not book.is_below(org, office))


def judged_office(case: Case, book: PolicyBook, act: Act, lead: Case | None = None) -> bool:
    """True if the petition office is judged: its own evaluation, or a case that it answered itself."""
    office = book.petition_office
    return act == "evaluate_petition_office" or (
        office is not None and act not in _OF_NO_JUDGEMENT and "handler" in relations(case, book, office, lead)
    )


def parts(case: Case, book: PolicyBook, org: str | None, act: Act, lead: Case | None = None) -> frozenset[Relation]:
    """`relations`, and `judged` where the act judges that unit or one above it."""
    found = relations(case, book, org, lead)
    office = book.petition_office
    if org is None or office is None or not judged_office(case, book, act, lead):
        return found
    return found | {"judged"} if org == office or book.is_below(org, office) else found


def word_of(principal: Principal) -> Word:
    """Whose word a command of this principal is."""
    if principal.role == "citizen":
        return "own_hand"
    return "platform" if principal.role == "platform" else "keyed"


def spoken(case: Case, command: Keyed, given: DecisionContext, act: Act) -> dict[str, Any]:
    """The fields of the event that say whose word it is.

    Raises:
        Denied: `concerned_unit`, the caller handles the case or is judged; `superior_keys`, the petition office is judged, and
            only a unit above it or a third unit records this.
        Invalid: `evidence_needed`, `reference_needed`, or `evidence_of_an_office`.
    """
    word, org, book = word_of(given.principal), given.principal.org, given.book
    lead = given.head(case.matter.lead)
    if word != "own_hand" and parts(case, book, org, act, lead) & PART:
        raise concerned()
    if word == "keyed":
        office = book.petition_office
        above = office is not None and org is not None and book.is_below(office, org)
        if judged_office(case, book, act, lead) and not above and not third_unit(case, book, org, lead):
            raise Denied(
                "superior_keys",
                "This statement judges the petition office, which may not record it. Ask a unit above it, a unit"
                " that may follow up (may_follow_up), or the petitioner, with number and query code.",
                detail_zh="该事项评价或涉及信访部门本身，须由其上级单位或可回访单位代录，或由信访人凭编号和查询码自行办理。",
            )
        if act in PROVEN and command.evidence is None:
            raise Invalid(
                "evidence_needed",
                "An office that records a statement of the petitioner needs proof. Give evidence (signed_form,"
                " recording, letter or"
                " witnessed_visit) and reference.",
                detail_zh="代信访人录入的，须注明凭证种类（签字表、录音录像、来信、有见证的来访）及其编号。",
                field="evidence",
            )
        if command.evidence is not None and command.reference is None:
            raise Invalid(
                "reference_needed",
                "The proof is named, but not where it is kept. Give reference.",
                detail_zh="请填写凭证的存放位置或编号。",
                field="reference",
            )
    elif command.evidence is not None or command.reference is not None:
        raise Invalid(
            "evidence_of_an_office",
            "Evidence is given only by an office that records a statement of the petitioner. Leave evidence and"
            " reference out.",
            detail_zh="凭证只由代录单位填写，请勿填写。",
            field="evidence" if command.evidence is not None else "reference",
        )
    return {
        "word": word,
        "code_with_staff": word == "own_hand" and case.service.code_issued_by != "own",
        "evidence": command.evidence,
        "reference": command.reference,
    }


def standing(said: dict[str, Any]) -> str:
    """The word as the state of a case keeps it: `code_with_staff` for an own hand that proves nothing."""
    return "code_with_staff" if said["code_with_staff"] else str(said["word"])


def apart(case: Case, given: DecisionContext) -> None:
    """Raises Denied `concerned_unit` if the caller's unit handles the case or its matter, assists or reviews: it does not link,
    recall, void or redate it."""
    if relations(case, given.book, given.principal.org, given.head(case.matter.lead)) & PART:
        raise concerned()


def concerned() -> Denied:
    return Denied(
        "concerned_unit",
        "Your unit handles, handled or reviews this case, or would be judged by this command, so it may not give"
        " the command. Ask a unit that"
        " has no part in the case.",
        detail_zh="本单位承办、协办、复查过该件或为被评价方，不得办理此操作，请由与该件无关的单位办理。",
    )


def confirmed(case: Case) -> bool:
    """True if the petitioner says that the matter is resolved: by their own hand, or to a third unit. A petitioner whose own hand
    says the contrary is not overruled."""
    grade = case.grade_now("organisation")
    if grade is not None and case.word("organisation") == "own_hand":
        return grade != "dissatisfied"
    return case.evaluation.confirmed_by is not None


GRADES = ("dissatisfied", "basically_satisfied", "satisfied")


def own_word_stands(case: Case, object_: str, grade: str, word: str) -> None:
    """Raises Refused if a word that is not proven raises a grade that the petitioner gave by their own hand."""
    present = case.grade_now(object_)
    if word == "own_hand" or present is None or case.word(object_) != "own_hand":
        return
    if GRADES.index(grade) > GRADES.index(present):
        raise Refused(
            "own_word_stands",
            "The petitioner gave this grade by their own hand, so only the petitioner can raise it. Ask them to"
            " evaluate again.",
            detail_zh="该评价由信访人本人作出，只能由本人提高，请其本人重新评价。",
            field="grade",
        )
