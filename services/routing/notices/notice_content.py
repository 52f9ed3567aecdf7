"""The content of a notice: its fields, filled from the events of the case up to a version, and from what the office prepared.

Nothing is typed twice: a decision says what the event of the decision says. Personal data are decrypted here and go into the
document only, which is encrypted again before it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.case import Case, fold
from shared.deadlines.derivation import deadlines
from shared.events.intake import PartyCorrected, PartyRecorded
from shared.events.notices import Language
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime, day_of
from shared.policy.book import PolicyBook
from shared.policy.templates import Templates, kinds

_HANDLING = "C5"
_NAMED = 3
"""Petitioners that a notice names; with more, the first and their number."""
_MATTER = 40
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
Text = str | tuple[str, ...]


def date_text(when: LegalTime, zone: str, language: Language) -> str:
    """The day in words: 2026年3月5日, 5 March 2026."""
    day = day_of(when, zone)
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


async def content(
    keys: KeyStore,
    events: Sequence[RecordedEvent],
    book: PolicyBook,
    kind: str,
    office: str,
    language: Language,
    lead: Case | None = None,
    purposes: frozenset[str] | None = None,
) -> dict[str, Text]:
    """The fields of a notice of this kind, as the case is after `events`; those without a value are left out. `lead`: the case that
    leads its matter. `purposes`: only what these purposes open; None: all."""
    opened: dict[int, dict[str, Any]] = {}
    for part in await open_sealed(keys, [event for event in events if event.sealed], purposes):
        if not part.erased:
            opened.setdefault(part.version, {}).update(part.values)
    source = _Source(fold(events), events, opened, book, language, lead)
    found = {**source.common(office), **_SOURCES[kind](source), **source.prepared(kind)}
    known = kinds()[kind].fields
    return {name: value for name, value in found.items() if name in known and value}


class _Source:
    """The case, its events, and their decrypted fields."""

    def __init__(
        self,
        case: Case,
        events: Sequence[RecordedEvent],
        opened: Mapping[int, dict[str, Any]],
        book: PolicyBook,
        language: Language,
        lead: Case | None,
    ) -> None:
        self.case, self.events, self.opened, self.book, self.language = case, events, opened, book, language
        self.lead = lead

    def last(self, *types: str) -> RecordedEvent | None:
        return next((event for event in reversed(self.events) if event.type in types), None)

    def body(self, *types: str) -> Any:
        """The last event of these types with its decrypted fields; fields that are missing are None."""
        event = self.last(*types)
        return _Opened(event, self.opened.get(event.version, {})) if event is not None else _NOTHING

    def day(self, when: LegalTime | None) -> str:
        return "" if when is None else date_text(when, self.book.zone, self.language)

    def name(self, org: str | None) -> str:
        """The name of an organisation in the language of the notice."""
        if org is None:
            return ""
        known = self.book.organisation(org)
        if known is not None and self.language == "en" and known.name_en:
            return known.name_en
        return self.book.names.get(org, org)

    def words(self, kind: str, code: str | None) -> str:
        """The words of a result or a ground."""
        return kinds()[kind].words.get(code or "", {}).get(self.language, "")

    def days_and_due(self) -> dict[str, str]:
        """The handling period: its days and the day on which it ends; empty where it does not run."""
        clocks = [one for one in deadlines(self.case, self.book) if one.clock == _HANDLING and one.cancelled is False]
        if not clocks:
            return {}
        last = clocks[-1]
        days = last.rule.period.days
        return {"days": str(days) if days else "", "due_on": self.day(last.due_day)}

    def common(self, office: str) -> dict[str, Text]:
        registered = self.body("CaseRegistered")
        title = str(registered.title or "").strip()
        first = next(iter(str(registered.text or "").split("\n")), "").strip()
        short = first if len(first) <= _MATTER else first[:_MATTER] + "……"
        return {
            "addressee": self.addressee(),
            "case_number": self.case.number,
            "filed_on": self.day(self.case.filing.filed_at),
            "matter": title or short,
            "request": str(registered.text or ""),
            "contact": self.book.document("templates", Templates).contacts.get(office, ""),
        }

    def addressee(self) -> str:
        names: dict[str, str] = {}
        for event in self.events:
            if isinstance(event.body, PartyRecorded | PartyCorrected):
                name = self.opened.get(event.version, {}).get("name")
                if name:
                    names[event.body.party] = str(name)
        petitioners = [names[party] for party in self.case.petitioners if party in names]
        if len(self.case.petitioners) > _NAMED and petitioners:
            others = len(self.case.petitioners)
            return (
                f"{petitioners[0]}等{others}人"
                if self.language == "zh"
                else f"{petitioners[0]} and {others - 1} others"
            )
        return ("、" if self.language == "zh" else ", ").join(petitioners)

    def prepared(self, kind: str) -> dict[str, Text]:
        """What the office stated for this kind; it goes before what the events say."""
        event = next(
            (
                one
                for one in reversed(self.events)
                if one.type == "NoticePrepared" and getattr(one.body, "kind", "") == kind
            ),
            None,
        )
        return (
            {} if event is None else {name: _texts(value) for name, value in self.opened.get(event.version, {}).items()}
        )


class _Opened:
    """An event with its decrypted fields."""

    def __init__(self, event: RecordedEvent | None, values: Mapping[str, Any]) -> None:
        self.event, self._values = event, values

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        return getattr(self.event.body, name, None) if self.event is not None else None

    @property
    def at(self) -> LegalTime | None:
        return self.event.effective_at if self.event is not None else None


_NOTHING = _Opened(None, {})


def _texts(value: Any) -> Text:
    return value if isinstance(value, str) else tuple(str(one) for one in value)


def _basis(value: Any) -> tuple[str, ...]:
    """Provisions, without the full stop that the template sets after the last one."""
    return tuple(str(one).strip().rstrip("。；;.") for one in value or ())


def _transfer(source: _Source) -> dict[str, Text]:
    sent = source.body("CaseTransferred", "CaseAssigned", "CaseRoutedToSealedChannel", "JurisdictionRuled")
    return {"organ": source.name(sent.org), "sent_on": source.day(sent.at)}


def _acceptance(source: _Source) -> dict[str, Text]:
    return {"accepted_on": source.day(source.case.handling.accepted_at), **source.days_and_due()}


def _non_acceptance(source: _Source) -> dict[str, Text]:
    refused = source.body("NotAccepted")
    ground = source.words("non_acceptance", refused.reason_code)
    return {"ground": ground, "reason": refused.reason or "", "remedy": refused.remedy or ""}


def _no_longer_accepted(source: _Source) -> dict[str, Text]:
    return {"reason": source.body("ReRegistrationBarred").reason or ""}


def _joined(source: _Source) -> dict[str, Text]:
    return {"organ": source.name((source.lead.assignment.org if source.lead else None) or source.book.petition_office)}


def _extension(source: _Source) -> dict[str, Text]:
    granted = source.body("ExtensionGranted")
    due = source.days_and_due().get("due_on", "")
    return {
        "days": str(granted.days or ""),
        "due_on": due,
        "reason": granted.reason or "",
        "approver": granted.approver or "",
    }


def _or(source: _Source, body: str | None, choice: Sequence[str]) -> Text:
    """The bodies of which the petitioner may choose one."""
    names = [str(source.name(one)) for one in (body, *choice) if one is not None]
    return ("或者" if source.language == "zh" else " or ").join(names)


def _decision(source: _Source) -> dict[str, Text]:
    decided = source.body("DecisionIssued")
    found: dict[str, Text] = {
        "facts": decided.facts or "",
        "result": source.words("decision", decided.result),
        "opinion": decided.text or "",
        "legal_basis": _basis(decided.basis),
        "accepted_on": source.day(source.case.handling.accepted_at),
        "execute_by": source.day(decided.execute_by),
        "review_body": _or(source, decided.review_body, decided.review_choice or ()),
        "review_days": str(decided.review_days or ""),
    }
    return found | ({"request": decided.request} if decided.request else {})


def _guidance(source: _Source) -> dict[str, Text]:
    guided = source.body("StatutoryPathGuided")
    return {name: getattr(guided, name) or "" for name in ("organ", "address", "time_limit", "how_to", "reason")}


def _led_into(source: _Source) -> dict[str, Text]:
    led = source.body("LedInto")
    named: dict[str, Text] = {name: getattr(led, name) or "" for name in ("procedure", "reference", "reason")}
    return named | {"opened_on": source.day(led.opened_on)}


def _duty(source: _Source) -> dict[str, Text]:
    done = source.body("DutyPerformed")
    result = source.words("duty_performed", done.result)
    return {"result": result, "opinion": done.text or "", "legal_basis": _basis(done.basis)}


def _review(source: _Source) -> dict[str, Text]:
    from services.routing.commands.service_of_documents import review_right

    opinion, asked = source.body("ReviewOpinionIssued"), source.body("ReviewRequested")
    right = review_right(source.book, str(opinion.body), "ReReviewRequested")
    return {
        "request": asked.text or "",
        "result": source.words("review_opinion", opinion.result),
        "opinion": opinion.text or "",
        "review_body": _or(source, right.body, right.choice) if right is not None else "",
        "review_days": str(right.days) if right is not None else "",
    }


def _re_review(source: _Source) -> dict[str, Text]:
    opinion, asked = source.body("ReReviewOpinionIssued"), source.body("ReReviewRequested")
    result = source.words("re_review_opinion", opinion.result)
    return {"request": asked.text or "", "result": result, "opinion": opinion.text or ""}


def _suggestion(source: _Source) -> dict[str, Text]:
    answered = source.body("SuggestionAnswered")
    return {"result": source.words("suggestion_answered", answered.result), "opinion": answered.text or ""}


def _closing(source: _Source) -> dict[str, Text]:
    closed = source.body("CaseClosed", "CaseWithdrawn")
    code = "withdrawn" if closed.event is not None and closed.event.type == "CaseWithdrawn" else closed.kind
    return {"result": source.words("closing", code), "closed_on": source.day(closed.at), "reason": closed.text or ""}


def _request_for_more(source: _Source) -> dict[str, Text]:
    """The questions that were asked last (ask_petitioner); what the office prepared goes before them."""
    return {"questions": _texts(source.body("PetitionerAsked").questions or ())}


def _publication(source: _Source) -> dict[str, Text]:
    """The document that could not be served, and nothing of the matter; the name is masked."""
    served = next((one for one in reversed(source.case.notices) if one.kind != "publication"), None)
    return {
        "addressee": "、".join(masked(name) for name in re.split("、|, ", source.addressee()) if name),
        "matter": "",
        "document_title": kinds()[served.kind].title[source.language] if served is not None else "",
        "document_reference": served.number if served is not None else "",
    }


def masked(name: str) -> str:
    """A name as a publication shows it: 李明 is 李某."""
    return f"{name.strip()[:1]}某"


_SOURCES: dict[str, Callable[[_Source], dict[str, Text]]] = {
    "receipt": lambda _source: {},
    "transfer": _transfer,
    "acceptance": _acceptance,
    "non_acceptance": _non_acceptance,
    "no_longer_accepted": _no_longer_accepted,
    "joined": _joined,
    "extension": _extension,
    "request_for_more": _request_for_more,
    "decision": _decision,
    "guidance": _guidance,
    "led_into": _led_into,
    "duty_performed": _duty,
    "review_opinion": _review,
    "re_review_opinion": _re_review,
    "suggestion_answered": _suggestion,
    "closing": _closing,
    "publication": _publication,
}
"""Kind -> the fields that its step gives, besides the common ones."""
