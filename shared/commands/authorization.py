"""Principals, and what they may do and see. Everything that is not allowed here is refused.

The data layer calls `authorize` before anything is decided or shown, so that no route can forget it. A case that a principal may
not see is answered like one that does not exist: 404, never 403.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple, get_args

from shared.case import Case, head_of
from shared.eventstore.recorded_event import Actor
from shared.kernel.refusals import Denied, Unknown

Role = Literal[
    "platform",
    "organisation",
    "clerk",
    "registrar",
    "operator",
    "supervisor",
    "analyst",
    "operations",
    "portal",
    "citizen",
    "service",
]
ROLES: tuple[Role, ...] = get_args(Role)
NEEDS_ORG: frozenset[Role] = frozenset({"platform", "organisation", "clerk", "registrar", "operator", "supervisor"})
MAY_NAME_ORG: frozenset[Role] = frozenset({"analyst"})
"""An analyst of an organisation sees no figure of an accusation against that organisation."""
SEES_ALL: frozenset[Role] = frozenset({"registrar", "supervisor", "service"})
"""The petition office and the supervisors of the jurisdiction. `service` is a reaction of the product itself."""


class Principal(NamedTuple):
    """An authenticated caller. `ref` is the id of the key that was shown, or of the post that acts, never a person's name."""

    role: Role
    org: str | None
    ref: str
    case: str | None = None
    """For a citizen: the one case that the query code opens."""
    jurisdiction: str | None = None
    """The jurisdiction whose cases the principal may see; None: all of them (the owner of the data folder, our services, and
    operations with a key for all: they see no case)."""
    person: str | None = None
    """The staff code of the person who holds the key or signed in; two keys or posts of one person are the same person."""
    head: bool = False
    """The person is head (负责人) of the organisation, who approves extensions (Art. 34)."""
    reason: str | None = None
    """Why it reads the personal data of many cases, as stated in the request."""

    @property
    def actor(self) -> Actor:
        return Actor(self.org, self.role, self.ref, self.person)

    @property
    def signature(self) -> str:
        """Role, organisation and key, as the events of this principal name their actor."""
        return f"{self.role}:{self.org or '-'}:{self.ref}"

    def is_same_person(self, signature: str, person: str | None) -> bool:
        """True if the principal is the one of that signature or person, with whichever of their keys."""
        return self.ref == signature.rpartition(":")[2] or (person is not None and self.person == person)

    @property
    def name(self) -> str:
        """Prefix of the causes of this principal's commands: two principals never share a command id. A code can contain a
        colon, which is written as %3A."""
        parts = (
            self.role,
            self.jurisdiction or "-",
            (self.org or "-").replace("%", "%25").replace(":", "%3A"),
            self.ref,
        )
        return ":".join(parts)


class Action(NamedTuple):
    """An action on a case, and the roles that may take it. Without roles it is closed to everyone."""

    name: str
    roles: Collection[Role]


READ = Action(
    "read", ("organisation", "clerk", "registrar", "operator", "supervisor", "platform", "citizen", "service")
)
RECEIPT = Action("receipt", ("registrar", "platform"))
"""The filing channel may fetch the receipt again; a citizen shows number and query code instead."""
LIST = Action("list", ("organisation", "clerk", "registrar", "operator", "supervisor"))
NOTICES = Action("notices", ("organisation", "clerk", "registrar", "supervisor"))
OUTBOX = Action("outbox", ("organisation", "clerk", "registrar", "supervisor"))
_PLATFORMS: tuple[Role, ...] = ("platform",)
UPDATES = Action("updates", _PLATFORMS)
RECONCILE = Action("reconcile", ("platform", "registrar", "supervisor", "operations"))
FILE = Action("file", ("platform", "registrar", "operator", "citizen"))
IMPORT = Action("import", ("operations", "registrar"))
STATS = Action("stats", ("analyst", "supervisor", "registrar", "operations"))
_OPERATORS: tuple[Role, ...] = ("operations",)
OPERATE = Action("operate", _OPERATORS)
POLICY = Action("policy", ("operations", "registrar", "operator", "supervisor", "analyst", "clerk", "organisation"))


def visible(principal: Principal, case: Case, lead: Case | None = None) -> bool:
    """True if the principal may know that this case exists. An organisation's right ends with its assignment.

    `lead`: the case that leads the matter, where this one follows; the organisation that handles the matter sees each of its
    filings."""
    role = principal.role
    if not case.exists:
        return False
    if role == "citizen":
        return principal.case == case.id
    if role == "service":
        return True
    if principal.jurisdiction not in (None, case.jurisdiction):
        return False
    if principal.org is not None and concerns(principal.org, case):
        return False  # Art. 30: never to the accused organisation, in any role
    if role in ("organisation", "clerk"):
        if case.accusation.suspected is not None:
            return False  # whoever handles it may be the respondent, until a person has decided
        if handles(principal.org, case) or owes_notice(principal.org, case):
            return True
        return lead is not None and handles_matter(principal.org, case, lead)
    if role == "platform":
        return case.filing.platform == principal.org
    if role == "operator":  # contracted staff of the hotline: no accusation, and none that may be one
        return not case.accusation.sealed and case.accusation.suspected is None
    return role in SEES_ALL


def concerns(org: str, case: Case) -> bool:
    """True if the organisation is the accused one, or if the words about the respondent of a sealed case name it, as a chief of
    it: then a person has to decide first who is meant."""
    return org in case.accusation.accused or (case.accusation.sealed and org in case.accusation.named)


def filed_by(principal: Principal, case: Case) -> bool:
    """True if the principal filed this case: with this key, or as the platform of its channel."""
    if principal.jurisdiction not in (None, case.jurisdiction):
        return False
    return principal.signature == case.filing.filer or (
        principal.role == "platform" and case.filing.platform == principal.org
    )


def may_name_item(principal: Principal, case: Case) -> bool:
    """True if a filing may be answered with the case of the same item: it does not exist yet, the principal filed it, or the
    principal may see it."""
    return not case.exists or filed_by(principal, case) or visible(principal, case)


def importing(principal: Principal) -> Principal:
    """The principal that records rows for this one: it may append the steps of all services."""
    return Principal("service", principal.org, principal.ref)


def may_add_history(principal: Principal, case: Case) -> bool:
    """True if an import by the principal may add to this case, and may learn what it contains. Operators see no case, but they
    may bring the history of cases of the open track up to date. Only a principal that imported a sealed case, or may see it, adds
    to it."""
    if visible(principal, case) or case.filing.filer == importing(principal).signature:
        return True
    elsewhere = principal.jurisdiction not in (None, case.jurisdiction)
    return principal.role == "operations" and not elsewhere and not case.accusation.sealed


NO_CASE = "-"
"""Id of no case. Reading it costs what reading a case costs."""


def lead_needed(principal: Principal, case: Case) -> str | None:
    """Id of the lead that decides whether the principal may see `case`; None if the case alone decides.

    For a department that may not see the case, and for a case that does not exist, it is the id of no case: a refusal then costs
    the same reads, so that it does not tell which of the two it was."""
    if principal.role not in ("organisation", "clerk") or visible(principal, case):
        return None
    elsewhere = principal.jurisdiction not in (None, case.jurisdiction) or (
        principal.org is not None and concerns(principal.org, case)
    )
    return NO_CASE if elsewhere else case.matter.lead or NO_CASE


def may_follow(principal: Principal, case: Case) -> bool:
    """True if it may matter to the principal which case `case` follows: it sees the case, or would see it because of the lead."""
    return visible(principal, case) or lead_needed(principal, case) not in (None, NO_CASE)


def handles(org: str | None, case: Case) -> bool:
    """True while the organisation has the case: as the responsible one, a subordinate of it, assisting, or reviewing. A review
    body sees the whole case (Art. 35, 36) from the moment that it is named until another one is."""
    return org is not None and (org in case.handlers or org in case.assignment.assist or org == case.review.reviewer)


NOTHING_OWED = frozenset({"NoticeServed", "AnsweredAtOnce", "CaseClosed", "Concluded"})
"""After these events the petitioner is no longer owed a notice of where the filing went."""


def owes_notice(org: str | None, case: Case) -> bool:
    """True while the receiving organisation still owes the petitioner the written notice of where the filing went (Art. 23 ¶1,
    ¶2): it received the filing itself, and another organisation has the case or its matter. Never for an accusation, and never
    for an accused organisation."""
    if org is None or org != case.filing.received_by or not (case.open and case.live):
        return False
    if case.accusation.sealed or org in case.accusation.accused or org in case.handlers:
        return False
    if case.assignment.org is None and case.matter.lead is None:  # it was not sent anywhere yet
        return False
    return all(fact.name not in NOTHING_OWED for fact in case.facts)


def handles_matter(org: str | None, case: Case, lead: Case) -> bool:
    """True if the organisation handles the matter of `lead`, which `case` follows. An accusation shares no matter with a case of
    the open track."""
    apart = case.accusation.sealed != lead.accusation.sealed or case.jurisdiction != lead.jurisdiction
    return case.matter.lead is not None and not apart and org not in lead.accusation.accused and handles(org, lead)


def unknown_jurisdiction() -> Unknown:
    """The same whether there is no such jurisdiction or the access key belongs to another one."""
    return Unknown(
        "unknown_jurisdiction",
        "There is no such jurisdiction, or this key does not belong to it.",
        detail_zh="没有这一辖区，或该密钥不属于这一辖区。",
        field="jurisdiction",
    )


def within(principal: Principal, jurisdiction: str) -> None:
    """Raises Unknown for another jurisdiction than that of the access key."""
    if principal.jurisdiction not in (None, jurisdiction):
        raise unknown_jurisdiction()


def visible_among(principal: Principal, cases: Mapping[str, Case]) -> dict[str, Case]:
    """Those of `cases` (by id, with all that they follow) that the principal may see."""
    return {case_id: case for case_id, case in cases.items() if visible(principal, case, lead_among(case, cases))}


def lead_among(case: Case, cases: Mapping[str, Case]) -> Case | None:
    """The case of `cases` that leads the matter of `case`; None where it follows none."""
    return None if case.matter.lead is None else head_of(case.matter.lead, cases)


def authorize_command(principal: Principal, action: Action, case: Case, known: Mapping[str, Case]) -> None:
    """authorize() for a command on `case`. `known`: the lead of `case` and all that it follows, by id. A filing needs no
    existing case."""
    if case.exists or action.name != FILE.name:
        authorize(principal, action, case, lead_among(case, known))
    else:
        authorize(principal, action)


def authorize(principal: Principal, action: Action, case: Case | None = None, lead: Case | None = None) -> None:
    """Check that `principal` may do `action`, on `case` if one is given; `lead` is the lead of that case.

    Raises:
        Unknown: the principal may not see the case.
        Denied: the action belongs to other roles.
    """
    if case is not None and not visible(principal, case, lead):
        raise Unknown(
            "unknown_case", "There is no such case among those you may see.", detail_zh="没有该信访件，或您无权查看。"
        )
    if principal.role not in action.roles:
        raise Denied(
            "role_not_allowed",
            f"The role {principal.role} may not do this ({action.name}). It is open to: {', '.join(sorted(action.roles))}.",
            detail_zh=f"角色 {principal.role} 不能执行该操作。",
        )
