"""Checks that are the same for every command, before and after its decide function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from shared.case import MOVES, Case, steps
from shared.commands.authorization import Role
from shared.events.base import Event
from shared.kernel.refusals import Refused, Unavailable
from shared.kernel.wording import state_words

DAY = timedelta(hours=24)
MOST_IN_A_DAY = 500
"""Steps of one case in 24 hours (own choice): far more than work on a case needs."""
_HELD = frozenset({*MOVES, "CaseLinked"}) - {"CaseVoided", "CaseWithdrawn", "ReviewRequested", "ReReviewRequested"}
"""Events that cannot happen to a suspected accusation before a person has decided on the suspicion (Art. 30). The petitioner, who
is not told of it, keeps the right to a review, whose period runs."""

_AFTER_VOIDING = ("PartyErased", "ErasureRequested", "ErasureDeclined")
"""What is still recorded in a voided case: its personal data are erased like those of any other."""
COMPLETES_WITHDRAWAL = "complete_withdrawal"
"""The only command that withdraws a sealed case: it needs the confirmation by a person (docs/adr/0035)."""


def check_readable(case: Case) -> None:
    """Raises Unavailable `newer_event` where this process does not understand every event of the case."""
    if case.newer is not None:
        raise Unavailable(
            "newer_event",
            f"A newer release wrote {case.newer} into this case; it is read-only here.",
            detail_zh="较新版本的系统已在本件中写入记录，此处只能查看。",
        )


def check_version(case: Case, expected: int) -> None:
    """Raises Refused `stale_version` where the case has been changed since version `expected`."""
    if case.acted > expected:
        raise Refused(
            "stale_version",
            f"The case has moved on to version {case.version} since you read it; read it again and decide.",
            detail_zh="该件在您读取之后已有新的变化，请重新查看后再办理。",
        )


_NEVER_TOO_MANY = frozenset({"Nudged", "NudgedAgain"})
"""A nudge is heard whatever else happened that day; at most one in a day is counted."""


def check_pace(case: Case, role: Role, now: datetime, fresh: Iterable[Event] = ()) -> None:
    """Raises Refused `too_many_in_a_day` where people have recorded `MOST_IN_A_DAY` steps of the case within 24 hours: a case costs
    more to read and to decide on the longer it is. Steps of our services are not refused, nor is a nudge; and nudges are not
    counted, so that nobody stops the work on a case with them. `fresh`: the events to be appended."""
    done = steps(case)
    if role == "service" or len(done) < MOST_IN_A_DAY:
        return
    if (names := {type(body).__name__ for body in fresh}) and names <= _NEVER_TOO_MANY:
        return
    if now - done[-MOST_IN_A_DAY].recorded_at < DAY:
        raise Refused(
            "too_many_in_a_day",
            f"{MOST_IN_A_DAY} steps of this case were recorded within 24 hours. Put what belongs together into one step, and"
            " continue tomorrow.",
            detail_zh=f"该件 24 小时内已记录 {MOST_IN_A_DAY} 个步骤，请合并内容，明日继续。",
        )


def follow_the_lead(lead: Case | None) -> Refused:
    """The refusal of a command on a case that follows another. `lead` None: the caller may not see the lead, so the refusal
    does not name it."""
    which, which_zh = (f" ({lead.number})", f"（{lead.number}）") if lead is not None else ("", "")
    return Refused(
        "follow_the_lead",
        f"This filing follows an older one of the same matter{which}; work on that one, or unlink this one first.",
        detail_zh=f"该件已并入此前登记的同一事项{which_zh}，请办理主件，或先解除并案。",
        lead=lead.id if lead is not None else None,
    )


def check_decided(case: Case, events: Iterable[Event], *, name: str, zh: str, states: Sequence[str]) -> None:
    """Check the decided events of command `name` (in Chinese `zh`), which is possible in `states` (empty: in all).

    Raises:
        Refused: `voided`, `suspicion_undecided` or `not_in_this_state`.
    """
    types = [type(event).__name__ for event in events]
    if not types:
        return
    if case.state == "voided" and types[0] not in _AFTER_VOIDING:
        raise Refused(
            "voided",
            "The case was voided because it was registered by mistake, so no command is possible on it. If there is a matter,"
            " register it again.",
            detail_zh="该件已作废，不能再办理；确有事项的，请重新登记。",
        )
    confirmed = "AccusationConfirmed" in types  # which takes the case from its organisation
    if case.accusation.suspected is not None and not confirmed and not _HELD.isdisjoint(types):
        raise Refused(
            "suspicion_undecided",
            "A rule suspects that this is an accusation. Read it, then give confirm_accusation or clear_suspicion.",
            detail_zh="该件疑似检举控告，请先阅看，再予以确认或排除。",
        )
    if case.accusation.sealed and "CaseWithdrawn" in types and name != COMPLETES_WITHDRAWAL:
        raise Refused(
            "waits_for_person",
            "A person has to confirm this withdrawal first. Nothing was changed.",
            detail_zh="该撤回须先由工作人员确认，未作任何变更。",
        )
    if states and case.state not in states:
        raise Refused(
            "not_in_this_state",
            f"{name} is possible in: {', '.join(states)}. The case is {case.state}.",
            detail_zh=f"“{zh}”只能在这些状态下进行：{'、'.join(state_words(one).zh for one in states)}；"
            f"该件现为{state_words(case.state).zh}。",
        )
