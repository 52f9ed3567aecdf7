"""The status of a case for its petitioner: what happened, who is responsible, the next step, its due day and the law."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime

from shared.application.ports import Ports
from shared.case import FINAL_STATES, Case, PendingWithdrawal, fold
from shared.case.erasures import undecided_erasure
from shared.case.steps import NUDGE
from shared.case.withdrawals import waits_for_person
from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import routing as r
from shared.events.files import FileAttached
from shared.events.intake import CaseCorrected, CaseLinked, CaseUnlinked, EvaluationInvited
from shared.events.supervision import CaseClosed
from shared.events.wording import event_words
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent
from shared.kernel.legal_time import day_of
from shared.kernel.wording import Words, code_words, state_words
from shared.policy.book import PolicyBook
from shared.queries.case_events import all_events, without_nudges
from shared.queries.citizen_documents import readable
from shared.queries.citizen_status_models import MayAsk, OpenQuestions, ReviewBody, StatusAnswer
from shared.queries.next_step import NextStep, next_step
from shared.queries.office_contact import contact_of
from shared.queries.sealed_status import told_of_sealed
from shared.repositories.matter_cases import lead_of

_NOT_TOLD = frozenset({"exempt"})
"""Kinds of notices that were not served."""

_OUTCOMES = frozenset(
    {
        "supported", "explained", "not_supported", "adopted", "partly_adopted", "not_adopted", "guided", "led_into",
        "not_accepted", "performed", "refused", "answered", "closed_unresolved",
    }
)  # fmt: skip
"""Outcomes that every petitioner of a matter may see. Agreements and evaluations of another petitioner are not shown."""


EVENTS = 100
"""Maximum number of events of one answer (own choice)."""


async def status(ports: Ports, case: Case, before: int | None = None) -> StatusAnswer:
    """The status in plain sentences. Of a sealed case it tells what it tells of any case that waits for dispatch (Art. 30).

    Args:
        before: Tell the events before this version; None tells the latest. At most `EVENTS` are told."""
    if case.accusation.sealed:
        events = told_of_sealed(await all_events(ports.log, case.id))
        case = fold(events)
        nudges = {one for first, last in case.supervision.nudge_runs for one in range(first, last + 1)}
        events = [event for event in events if event.version not in nudges]
    else:
        events = await without_nudges(ports.log, case)
    book = await ports.policies.book(case.jurisdiction)
    now = ports.clock.now()
    responsible = holder_of(case)
    lead = await _leading(ports, case)
    shown, earlier = _told_events(case, events, book, before)
    if lead is None:
        step = next_step(case, book)
        sentence = sentence_of(case, book, step, now)
    else:
        responsible = holder_of(lead)
        step = next_step(case, book, lead)
        sentence = _matter_sentence(case, lead, book, step, now)
    right = _right(case, book, now)
    if right is not None:
        sentence = Words(sentence.zh + right.zh, f"{sentence.en} {right.en}")
    leaving = next((one for one in case.withdrawals.pending if one.party == "p1"), None) if case.open else None
    if leaving is not None:
        said = _withdrawal(case, leaving, book)
        sentence = Words(sentence.zh + said.zh, f"{sentence.en} {said.en}")
    erasure = undecided_erasure(case, "p1")
    return StatusAnswer(
        number=case.number,
        state=case.state,
        zh=sentence.zh,
        en=sentence.en,
        org=book.names.get(responsible, responsible) if responsible else None,
        contact=contact_of(book, responsible if case.state not in FINAL_STATES else None),
        due_day=step.deadline.due_day.isoformat() if step.deadline else None,
        provisional=step.deadline is not None and may_move(step.deadline, now),
        due_because=step.deadline.rule.article if step.deadline else None,
        notice_due=step.notice.due_day.isoformat() if step.notice else None,
        may_ask=right,
        withdrawal=day_of(leaving.effective_on, book.zone).isoformat() if leaving is not None else None,
        erasure=day_of(erasure.effective_at, book.zone).isoformat() if erasure is not None else None,
        questions=await _open_questions(ports, case, events, book),
        today=day_of(now, book.zone).isoformat(),
        days_left=_days_left(step.deadline, day_of(now, book.zone), book) if step.deadline else None,
        days_unit=step.deadline.rule.period.unit if step.deadline else None,
        allowed=allowed(case, Principal("citizen", None, case.number, case.id)),
        documents=len(readable(events)),
        events=shown,
        events_before=earlier,
    )


def _told_events(
    case: Case, events: Sequence[RecordedEvent], book: PolicyBook, before: int | None
) -> tuple[list[dict[str, str]], int | None]:
    """The lines of a page, oldest first, and the version before which the next page ends. `events`: without nudges, which the
    case itself counts: one line a day."""
    runs, joined, first = case.supervision.nudge_runs, dict(case.supervision.nudges_joined), event_words("Nudged")
    nudges = [fact for fact in case.facts if fact.name == NUDGE and _inside(fact.version, runs)] if runs else []
    places = [(event.version, place) for place, event in enumerate(events)]
    order = sorted([*places, *((fact.version, -1 - place) for place, fact in enumerate(nudges))], reverse=True)
    lines: list[dict[str, str]] = []
    last = 0
    for version, place in order:
        if before is not None and version >= before:
            continue
        if len(lines) == EVENTS:
            return lines[::-1], last
        words: Words | None
        if place < 0:
            at, times = nudges[-1 - place].effective_at, joined.get(version, 1)
            often = Words(f"（当日 {times} 次）", f" ({times} times that day)") if times > 1 else Words("", "")
            words = Words(first.zh + often.zh, f"{first.en[:-1]}{often.en}.")
        else:
            at, words = events[place].effective_at, heard(events[place], events[: place + 1], book)
        if words is not None:
            lines.append({"day": day_of(at, book.zone).isoformat(), "zh": words.zh, "en": words.en})
            last = version
    return lines[::-1], None


def _inside(version: int, runs: Sequence[tuple[int, int]]) -> bool:
    """True if the version is in one of the runs, which are in their order."""
    place = bisect_right(runs, (version, 1 << 62)) - 1
    return place >= 0 and runs[place][0] <= version <= runs[place][1]


async def _open_questions(
    ports: Ports, case: Case, events: Sequence[RecordedEvent], book: PolicyBook
) -> list[OpenQuestions]:
    """The questions that wait for an answer, decrypted; nothing is read where there are none."""
    waiting = {one.version: one for one in case.service.asked if one.answered_at is None} if case.open else {}
    sealed = [event for event in events if event.version in waiting]
    opened = await open_sealed(ports.keys, sealed, frozenset({"text"})) if sealed else []
    return [
        OpenQuestions(
            asked=part.version,
            day=day_of(waiting[part.version].asked_at, book.zone).isoformat(),
            questions=part.values["questions"],
        )
        for part in opened
        if "questions" in part.values
    ]


def _days_left(deadline: Deadline, today: date, book: PolicyBook) -> int:
    """Days from `today` to the due day in the unit of the clock, negative once it has passed."""
    due = deadline.due_day
    if deadline.rule.period.unit != "working":
        return (due - today).days
    first, last = sorted((today, due))
    days = (date.fromordinal(one) for one in range(first.toordinal() + 1, last.toordinal() + 1))
    count = sum(map(book.calendar.is_working, days))
    return count if due >= today else -count


_REVIEWS = {"ReviewRequested": "request_review", "ReReviewRequested": "request_re_review"}
"""Event that uses a right -> the command for it."""
_ASKED_IN = {"request_review": ("replied", "closed"), "request_re_review": ("reviewed", "closed")}
"""Command -> states in which it is possible."""
_REVIEW_WORDS = {
    "request_review": Words(
        "对处理意见不服的，您可以申请复查", "If you do not agree with the reply you may ask for a review"
    ),
    "request_re_review": Words(
        "对复查意见不服的，您可以申请复核", "If you do not agree with the review opinion you may ask for a re-review"
    ),
}


def _right(case: Case, book: PolicyBook, now: datetime) -> MayAsk | None:
    """The review that may be requested now, with its period and article (Art. 35 ¶1, 36 ¶1); None if there is none."""
    if case.concluded:
        return None
    last = {
        one.clock: one for one in deadlines(case, book)
    }  # the last episode of each clock, whose period a request has to observe
    for one in last.values():
        command = next((_REVIEWS[end.event] for end in one.rule.end if end.event in _REVIEWS), None)
        if (
            command is None
            or not one.rule.window
            or one.status(now) != "window_open"
            or case.state not in _ASKED_IN[command]
        ):
            continue
        words, day, period = _REVIEW_WORDS[command], one.due_day, one.rule.period
        if one.open_ended:
            unit = Words("个工作日", "working days") if period.unit == "working" else Words("日", "days")
            until = None
            limit = Words(
                f"期限为自收到之日起{period.days}{unit.zh}", f"within {period.days} {unit.en} of receiving it"
            )
            if period.days is None:
                limit = Words("期限自收到之日起计算", "counted from the day on which you received it")
        else:
            until = day.isoformat()
            hint = _may_move(one, now)
            limit = Words(f"期限至{day.year}年{day.month}月{day.day}日{hint.zh}", f"until {until}{hint.en}")
        return MayAsk(
            command=command,
            until=until,
            zh=f"{words.zh}，{limit.zh}（{one.rule.article_zh}）。",
            en=f"{words.en}, {limit.en} ({one.rule.article_en}).",
            article=one.rule.article,
            bodies=_bodies(case, command, book),
            provisional=until is not None and may_move(one, now),
        )
    return None


def _bodies(case: Case, command: str, book: PolicyBook) -> list[ReviewBody]:
    """The bodies of which the petitioner may choose one; none where there is no choice."""
    decided = case.assignment.org if command == "request_review" else case.review.reviewed_by
    offered = book.reviewers_of(decided) if decided is not None else ()
    if len(offered) < 2:
        return []
    return [ReviewBody(code=one, zh=called(book, one).zh, en=called(book, one).en) for one in offered]


def _withdrawal(case: Case, pending: PendingWithdrawal, book: PolicyBook) -> Words:
    """When the request to withdraw takes effect, and that it can be taken back."""
    day = day_of(pending.effective_on, book.zone)
    if waits_for_person(case, pending):
        return Words(
            "您已申请撤回，须经核实后生效，生效之前可以取消；在此之前照常办理。",
            "You asked to withdraw it. The withdrawal takes effect only after it has been confirmed with you;"
            " until then you can cancel it, and your case is handled as usual.",
        )
    return Words(
        f"您已申请撤回，至{day.year}年{day.month}月{day.day}日结束时生效，此前可以取消；在此之前照常办理。",
        f"You asked to withdraw it. The withdrawal takes effect at the end of {day.isoformat()}; until then you"
        " can cancel it, and your case is handled as usual.",
    )


async def _leading(ports: Ports, case: Case) -> Case | None:
    """The lead whose progress the petitioner of a follower may see; None if it no longer leads, or one of them is sealed."""
    lead = await lead_of(ports.cases, case)
    apart = lead is None or lead.state in ("voided", "withdrawn") or lead.accusation.sealed != case.accusation.sealed
    return None if apart or case.state in ("withdrawn", "voided") else lead


def called(book: PolicyBook, code: str) -> Words:
    """The name of an organisation in both languages; its code if the policy has no name."""
    known = book.organisation(code)
    return Words(known.name, known.name_en or known.name) if known is not None else Words(code, code)


def heard(event: RecordedEvent, until: Sequence[RecordedEvent], book: PolicyBook) -> Words | None:
    """The words of an event for the petitioner; None for an event that the petitioner does not see.

    `until`: the events of the case up to this one."""
    body = event.body
    if isinstance(body, FileAttached) and body.form is not None:  # a smaller or redacted form of a file that was told
        return None
    if not isinstance(body, NewerEvent) and body.for_petitioner:
        return event_words(event.type)
    if isinstance(body, CaseLinked | CaseUnlinked):
        return None if body.kind == "related" else event_words(event.type)
    if isinstance(
        body, r.CaseTransferred | r.CaseAssigned | r.CaseRoutedToSealedChannel | r.JurisdictionRuled | r.ForwardedDown
    ):
        to = called(book, body.to if isinstance(body, r.ForwardedDown) else body.org)
        return Words(f"转交{to.zh}办理", f"It was sent to {to.en}.")
    if isinstance(body, r.ReviewBodyNamed):
        to = called(book, body.body)
        return Words(f"由{to.zh}复查复核", f"{to.en} reviews it.")
    if isinstance(body, d.Accepted):
        org = called(book, body.org)
        return Words(f"{org.zh}受理", f"{org.en} accepted it.")
    if isinstance(body, d.NotAccepted):
        org, why = called(book, body.org), code_words(body.reason_code)
        return Words(f"{org.zh}不予受理：{why.zh}", f"{org.en} did not accept it: {why.en}.")
    if isinstance(body, d.NoticeServed) and body.kind not in _NOT_TOLD:
        kind = code_words(body.kind)
        return Words(f"书面告知：{kind.zh}", f"A written notice was served: {kind.en}.")
    if isinstance(body, d.ExtensionGranted):
        return _extended(body.days, until, book)
    if isinstance(body, d.DutyPerformed | d.SuggestionAnswered | d.ReviewOpinionIssued | d.ReReviewOpinionIssued):
        result, plain = code_words(body.result), event_words(event.type)
        return Words(f"{plain.zh}：{result.zh}", f"{plain.en[:-1]}: {result.en}.")
    if isinstance(body, EvaluationInvited):
        about = code_words(body.object)
        return Words(f"邀请您评价{about.zh}", f"You are invited to evaluate the {about.en}.")
    if isinstance(body, CaseClosed):
        kind = code_words(body.kind)
        return Words(f"办结：{kind.zh}", f"It was closed: {kind.en}.")
    if isinstance(body, CaseCorrected):
        what = code_words(body.field.rstrip("_"))
        return Words(f"更正登记事项：{what.zh}", f"A registered fact was corrected: {what.en}.")
    return None


def holder_of(case: Case) -> str | None:
    """The reviewing body during a review (None until one is named), otherwise the responsible organisation."""
    return case.review.reviewer if case.state in ("in_review", "in_re_review") else case.assignment.org


def _extended(days: int, until: Sequence[RecordedEvent], book: PolicyBook) -> Words:
    """The extension with its article. The written notice of the organisation gives the reason."""
    longer = [one for one in deadlines(fold(until), book) if one.extended_days]
    if not longer:
        return Words(f"批准延期{days}日", f"The period was extended by {days} days.")
    last = longer[-1]
    day, rule = last.due_day, last.rule
    return Words(
        f"经批准延长{days}日，至{day.year}年{day.month}月{day.day}日（{rule.article_zh}），理由见延期告知",
        f"The period was extended by {days} days, until {day.isoformat()} ({rule.article_en}); see the notice for the reason.",
    )


def _matter_sentence(case: Case, lead: Case, book: PolicyBook, step: NextStep, now: datetime) -> Words:
    """The state of the matter, its organisation and the next step. Nothing about the petitioner of the lead."""
    zh, en = (
        "您的信访件与此前登记的同一事项并案办理",
        "Your filing is handled together with an older one of the same matter",
    )
    own = "，您的件已随之办结" if case.state == "closed" else ""
    zh, en = f"{zh}{own}", f"{en}{', and was closed with it' if case.state == 'closed' else ''}"
    state = state_words(lead.state)
    zh += f"。该事项现为“{state.zh}”"
    en += f". The matter is {state.en}"
    if lead.state not in FINAL_STATES:
        org = lead.assignment.org or book.petition_office
        responsible = called(book, org) if org else None
        zh += f"，由{responsible.zh if responsible else '信访部门'}负责"
        en += f"; {responsible.en if responsible else 'the petition office'} is responsible"
    outcome = lead.handling.result if lead.handling.result is not None else lead.closure.kind
    if outcome in _OUTCOMES:
        words = code_words(outcome)
        zh, en = f"{zh}。处理结果：{words.zh}", f"{en}. Outcome: {words.en}"
    if step.words is not None:
        told = _told(step, now)
        zh, en = zh + told.zh, en + told.en
    elif case.evaluation.invited:
        zh, en = f"{zh}。下一步：您可以评价", f"{en}. Next: you may evaluate"
    elif case.open:
        zh, en = f"{zh}。下一步：由信访部门将结果告知您", f"{en}. Next: the petition office informs you of the outcome"
    return Words(f"{zh}。", f"{en}.")


def _by_when(deadline: Deadline, now: datetime) -> Words:
    day, rule = deadline.due_day, deadline.rule
    late = Words("（已超期）", " (that day has passed)") if deadline.due < now else Words("", "")
    hint = _may_move(deadline, now)
    return Words(
        f"{day.year}年{day.month}月{day.day}日前完成{late.zh}{hint.zh}（{rule.title.zh}，{rule.article_zh}）",
        f"{day.isoformat()}{late.en}{hint.en} ({rule.title.en}, {rule.article_en})",
    )


def may_move(deadline: Deadline, now: datetime) -> bool:
    """True for a day to come whose year has no published days off yet."""
    return deadline.provisional and now <= deadline.due


def _may_move(deadline: Deadline, now: datetime) -> Words:
    """Beside a day that was computed without the days off of its year, which nobody may be promised yet."""
    if not may_move(deadline, now):
        return Words("", "")
    return Words("（暂定，以该年放假安排为准）", " (provisional until the days off of that year are published)")


def sentence_of(case: Case, book: PolicyBook, step: NextStep, now: datetime) -> Words:
    state = state_words(case.state)
    office = called(book, book.petition_office) if book.petition_office else Words("信访部门", "the petition office")
    holder = holder_of(case)
    responsible = called(book, holder) if holder and case.state not in FINAL_STATES else office
    zh, en = f"您的信访件现为“{state.zh}”", f"Your case is {state.en}"
    zh += f"，由{responsible.zh}负责" if case.state not in FINAL_STATES else ""
    en += f"; {responsible.en} is responsible" if case.state not in FINAL_STATES else ""
    told = _told(step, now)
    return Words(f"{zh}{told.zh}。", f"{en}{told.en}.")


def _told(step: NextStep, now: datetime) -> Words:
    """The next step with its day, and the day of a written notice that is also due."""
    zh = en = ""
    if step.words is not None:
        zh, en = f"。下一步：{step.words.zh}", f". Next: {step.words.en}"
        if step.deadline is not None:
            by = _by_when(step.deadline, now)
            zh, en = f"{zh}，应于{by.zh}", f"{en}, by {by.en}"
    if step.notice is not None:
        by = _by_when(step.notice, now)
        zh, en = f"{zh}。书面告知应于{by.zh}", f"{en}. The written notice is due by {by.en}"
    return Words(zh, en)
