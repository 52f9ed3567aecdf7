"""Candidates: older cases of possibly the same matter, offered to the registrar while a filing waits for dispatch.

They are found by the index of candidates (docs/adr/0063), wherever and whatever they are about; no text but that of the filing is
decrypted. A sealed filing is in no index: it is compared with sealed ones of its place or subject, whose texts are decrypted in
memory for the comparison and stored nowhere. There is no search by person, and persons are not compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import Field

from services.intake.candidate_index import DAY_SECONDS, Written, indexable, similar, similar_to_text
from services.intake.commands.matter_links import may_lead
from services.intake.text_similarity import TextProfile, likeness
from shared.application.ports import Ports
from shared.application.response import Answer, LeadAnswer, PolicyCode, TimeText
from shared.case import STREAM, Case
from shared.commands.authorization import Action, Principal, Role, authorize, visible
from shared.commands.command_handler import CommandHandler
from shared.consumers.followers import MATTERS
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.read_models import Condition, Value
from shared.kernel.legal_time import instant_of
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook
from shared.queries.case_content import record_reading
from shared.queries.case_details import find
from shared.repositories.matter_cases import lead_of, lines_of

_OFFICE: tuple[Role, ...] = ("registrar", "operator")
CANDIDATES = Action("candidates", _OFFICE)
AT_INTAKE = ("registered", "returned")
"""States in which a filing is at the petition office and waits for dispatch."""
MOST_COMPARED = 200
"""Maximum number of texts that one request decrypts."""
MOST_FOUND = 50
"""Cases that are taken from the index (own choice): 98 % of the labelled messages of the same matter were among them."""
MOST_SHOWN = 10
LEAST = 0.05
"""Smallest similarity of an offered case; docs/adr/0013 and 0063 describe the measurements. The order matters more: a person
chooses among ten at most."""


LEAST_OF_TEXT = 0.15
"""The same for a text that is still being typed (own choice): a name of three characters makes less of it."""
LEAST_GRAMS = 24
"""Different n-grams that such a text needs (own choice), about thirteen characters: a name alone finds nothing."""


class CandidateAnswer(LeadAnswer):
    """An older case that may be the same matter. A person decides."""

    through: str | None = Field(
        description="Number of its follower that is similar; null if the case itself is similar"
    )
    similarity: float = Field(description="Similarity of the texts, 0 to 1")
    shared: list[str] = Field(description="Other common features: place, subject")
    place: PolicyCode | None = Field(validation_alias="filing.place", description="Place of the problem")
    subject: PolicyCode | None = Field(validation_alias="filing.subject", description="Subject")
    filed_at: TimeText | None = Field(validation_alias="filing.filed_at", description="Legal filing time")
    closed_at: TimeText | None = Field(validation_alias="closure.closed_at", description="When it was closed")


class CandidateList(Answer):
    """At most ten candidates, best first."""

    candidates: list[CandidateAnswer] = Field(description="Empty if no case is similar enough")
    cut: bool = Field(description="True if there may be further cases as similar as these, which are not listed")


class NearCase(NamedTuple):
    """A case with the same place or subject, and the case that leads its matter."""

    case: Case
    lead: Case
    line: frozenset[str]
    """Ids of the case and of all cases that it follows."""


async def candidates(
    ports: Ports, reader: CommandHandler, principal: Principal, reference: str, days: int
) -> CandidateList:
    """The most similar possible leads, best first, each with the reasons.

    Args:
        reader: the handling of routing, which records that texts were compared.
        days: how many days ago a closed case may have been closed.

    Raises:
        Unknown, Denied: the case does not exist or must not be seen.
        Refused: `not_at_intake`.
        StoreFull: the read cannot be recorded, so nothing is decrypted.
    """
    case = await find(ports, principal, reference)
    authorize(principal, CANDIDATES, case)
    if case.state not in AT_INTAKE or case.matter.lead is not None:
        raise Refused(
            "not_at_intake",
            "Candidates are only offered while a filing waits for dispatch, and this one does not.",
            detail_zh="仅在登记后、派单前提供同一事项的比对，该件已不在此阶段。",
        )
    book = await ports.policies.book(case.jurisdiction)
    look = _indexed if ports.candidates is not None and indexable(case) else _of_place
    near, cut = await look(ports, reader, principal, case, days, book.zone)
    best: dict[str, tuple[float, NearCase]] = {}
    for one, figure in near:
        if figure >= LEAST and figure > best.get(one.lead.id, (0.0, one))[0]:
            best[one.lead.id] = figure, one
    ranked = sorted(best.values(), key=lambda found: (-found[0], -len(_shared(case, found[1].case)), found[1].lead.id))
    shown = [_shown(case, one, figure, book) for figure, one in ranked[:MOST_SHOWN]]
    return CandidateList(candidates=shown, cut=cut or len(ranked) > MOST_SHOWN)


async def candidates_of_text(
    ports: Ports,
    principal: Principal,
    jurisdiction: str,
    text: str,
    features: Mapping[str, str | None],
    names: frozenset[str],
    days: int,
) -> CandidateList:
    """The most similar possible leads of a text that is being registered, best first. No text is decrypted, and none is kept.

    Args:
        features: `place` and `subject` of the new filing, as far as they are known.
        names: Names and addresses that are removed from the text before it is compared.
        days: how many days ago a closed case may have been closed.

    Raises Denied for other roles than the registrar."""
    authorize(principal, CANDIDATES)
    if ports.candidates is None:
        return CandidateList(candidates=[], cut=False)
    book = await ports.policies.book(jurisdiction)
    written = Written("", text, names)
    found = await similar_to_text(ports, ports.candidates, jurisdiction, written, MOST_FOUND, LEAST_GRAMS)
    best: dict[str, tuple[float, NearCase]] = {}
    for one in found.cases:
        near = await _open_to(ports, principal, one.case, days, book.zone) if one.similarity >= LEAST_OF_TEXT else None
        if near is None or near.case.jurisdiction != jurisdiction:
            continue
        if one.similarity > best.get(near.lead.id, (0.0, near))[0]:
            best[near.lead.id] = one.similarity, near
    ranked = sorted(best.values(), key=lambda each: (-each[0], each[1].lead.id))
    shown = [
        CandidateAnswer.built_from(
            near.lead,
            book,
            through=None if near.case is near.lead else near.case.number,
            similarity=round(figure, 3),
            shared=[
                name for name, own in features.items() if own is not None and getattr(near.case.filing, name) == own
            ],
        )
        for figure, near in ranked[:MOST_SHOWN]
    ]
    return CandidateList(candidates=shown, cut=len(ranked) > MOST_SHOWN or found.dropped >= LEAST_OF_TEXT)


async def _open_to(ports: Ports, principal: Principal, case_id: str, days: int, zone: str) -> NearCase | None:
    """A case that the index found, with its lead; None unless both may be offered to the principal."""
    other, _head = await ports.cases.get(case_id)
    closed = None if other.open else other.closure.closed_at
    since = ports.clock.now().timestamp() - days * DAY_SECONDS
    if not indexable(other) or (closed is not None and instant_of(closed, zone).timestamp() < since):
        return None
    joined = await _with_lead(ports, other)
    if joined is None or not indexable(joined.lead):
        return None
    seen = visible(principal, joined.lead) and visible(principal, other, joined.lead)
    return joined if seen else None


Ranked = tuple[list[tuple[NearCase, float]], bool]
"""Each case that may be offered, with its similarity; True if there may be more of them."""


async def _indexed(
    ports: Ports, reader: CommandHandler, principal: Principal, case: Case, days: int, zone: str
) -> Ranked:
    """The cases that the index found. The read is recorded before anything of it is answered."""
    assert ports.candidates is not None
    found = await similar(ports, ports.candidates, case, MOST_FOUND)
    alike = [one for one in found.cases if one.similarity >= LEAST]
    since = ports.clock.now().timestamp() - days * DAY_SECONDS
    near: list[tuple[NearCase, float]] = []
    for one in alike:
        other, _head = await ports.cases.get(one.case)
        closed = None if other.open else other.closure.closed_at
        if not indexable(other) or (closed is not None and instant_of(closed, zone).timestamp() < since):
            continue
        joined = await _with_lead(ports, other)
        if joined is not None and case.id not in joined.line and _offered(principal, case, joined, zone):
            near.append((joined, one.similarity))
    await record_reading(reader, principal, case, "candidates", ("text",), [one.case.id for one, _ in near])
    return near, len(alike) >= MOST_FOUND or found.dropped >= LEAST


async def _of_place(
    ports: Ports, reader: CommandHandler, principal: Principal, case: Case, days: int, zone: str
) -> Ranked:
    """The latest cases of the same place or subject, compared by their texts."""
    rows = await _near(ports, case, days)
    near = [one for one in rows if case.id not in one.line and _offered(principal, case, one, zone)]
    if not near:
        return [], len(rows) >= MOST_COMPARED
    figures = await _compared(ports, reader, principal, case, [one.case for one in near])
    return list(zip(near, figures, strict=True)), len(rows) >= MOST_COMPARED


async def _with_lead(ports: Ports, other: Case) -> NearCase | None:
    """The case with the lead of its matter; None if that cannot be read."""
    lead = other if other.matter.lead is None else await lead_of(ports.cases, other)
    if lead is None:
        return None
    return NearCase(other, lead, frozenset(await lines_of(ports.cases, [other.id])))


def _offered(principal: Principal, case: Case, near: NearCase, zone: str) -> bool:
    """True if the filing could be linked to the lead, and the principal may see the near case and its lead."""
    lead = near.lead
    seen = visible(principal, lead) and visible(principal, near.case, lead)
    return seen and near.case.accusation.sealed == case.accusation.sealed and may_lead(case, lead, zone)


async def _near(ports: Ports, case: Case, days: int) -> list[NearCase]:
    """Cases of the same place and subject first, then of the place, or of the subject if the place is unknown."""
    groups: list[dict[str, Value]] = []
    if case.filing.place is not None and case.filing.subject is not None:
        groups.append({"place": case.filing.place, "subject": case.filing.subject})
    if case.filing.place is not None:
        groups.append({"place": case.filing.place})
    elif case.filing.subject is not None:
        groups.append({"subject": case.filing.subject})
    since = -(ports.clock.now().timestamp() - days * DAY_SECONDS)
    found: dict[str, NearCase] = {}
    for group in groups:
        where = [Condition(name, "=", value) for name, value in {"jurisdiction": case.jurisdiction, **group}.items()]
        where.append(Condition("nearness", "<=", since))
        rows = await ports.views.find(MATTERS, where, order=["nearness"], limit=MOST_COMPARED + 1)
        for row in rows:
            if row.key == case.id or row.key in found or len(found) >= MOST_COMPARED:
                continue
            other, _head = await ports.cases.get(row.key, at_least=row.applied)
            joined = await _with_lead(ports, other)
            if joined is not None:
                found[row.key] = joined
    return list(found.values())


async def _compared(
    ports: Ports, reader: CommandHandler, principal: Principal, case: Case, others: Sequence[Case]
) -> list[float]:
    """The similarity of each. The comparison is recorded before any text is decrypted."""
    await record_reading(reader, principal, case, "candidates", ("text",), [other.id for other in others])
    own, theirs = await _written(ports, case), [await _written(ports, other) for other in others]
    return await asyncio.to_thread(likeness, own, theirs)


async def _written(ports: Ports, case: Case) -> TextProfile:
    """Title and text of the filing; empty after erasure."""
    commits = await ports.log.load(STREAM + case.id, limit=1)
    filed = [event for commit in commits for event in commit.recorded if event.type == "CaseRegistered"]
    title, texts = "", []
    for opened in await open_sealed(ports.keys, filed, frozenset({"text"})):
        title = str(opened.values.get("title") or title)
        texts.append(str(opened.values.get("text") or ""))
    return TextProfile(title, " ".join(texts))


def _shared(case: Case, other: Case) -> list[str]:
    """Other features that the two have in common."""
    features = (
        ("place", case.filing.place, other.filing.place),
        ("subject", case.filing.subject, other.filing.subject),
    )
    return [name for name, own, their in features if own is not None and own == their]


def _shown(case: Case, near: NearCase, figure: float, book: PolicyBook) -> CandidateAnswer:
    return CandidateAnswer.built_from(
        near.lead,
        book,
        through=None if near.case is near.lead else near.case.number,
        similarity=round(figure, 3),
        shared=_shared(case, near.case),
    )
