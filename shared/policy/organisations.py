"""The organisations of a jurisdiction: the list, its hierarchy, reviewers, and receivers of accusations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from shared.kernel.legal_time import LegalTime
from shared.kernel.text_normalization import identifier_form, name_form, search_form
from shared.policy.documents import Organisation, Organisations, ancestry
from shared.policy.in_force import InForce


@dataclass(frozen=True, eq=False)
class OrganisationsInForce(InForce):
    """The organisations by the list in force."""

    @cached_property
    def organisations(self) -> dict[str, Organisation]:
        """Code -> organisation: the list, and those that were added later and are not in it."""
        listed = self.document("organisations", Organisations).organisations
        return {**self.added, **{entry.code: entry for entry in listed}}

    def organisation(self, code: str | None) -> Organisation | None:
        return self.organisations.get(code) if code else None

    def organisation_meant(self, given: str | None) -> str | None:
        """The code of the organisation that a person named by its code or its whole name; None if there is none."""
        if given is None:
            return None
        code = identifier_form(given)
        return code if code in self.organisations else self._by_name.get(name_form(given))

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """Name -> code, in the form for comparison."""
        return {name_form(entry.name): code for code, entry in reversed(self.organisations.items())}

    @cached_property
    def names_of_organisations(self) -> tuple[str, ...]:
        """The names in their search form."""
        return tuple(search_form(entry.name) for entry in self.organisations.values())

    def ever_listed(self, code: str) -> bool:
        """True if this is or was an organisation of the jurisdiction. Notifications of a removed one stay readable."""
        lists = (edition.document.organisations for edition in self.editions.get("organisations", ()))
        return code in self.added or any(entry.code == code for listed in lists for entry in listed)

    def takes_accusations(self, code: str | None) -> bool:
        """True if the organisation receives accusations (Art. 30)."""
        found = self.organisation(code)
        return found is not None and found.kind == "sealed"

    def takes_litigation(self, code: str | None) -> bool:
        """True if the organisation is a political and legal organ, to which matters of litigation go (Art. 22 ¶2)."""
        found = self.organisation(code)
        return found is not None and found.kind == "political_legal"

    @cached_property
    def political_legal_organ(self) -> str | None:
        """The political and legal organ of the level; None if the policy lists none or several, between which a rule or a person
        decides."""
        listed = self.organisations_of("political_legal")
        return listed[0].code if len(listed) == 1 else None

    def organisations_of(self, kind: str) -> tuple[Organisation, ...]:
        return tuple(entry for entry in self.organisations.values() if entry.kind == kind)

    @cached_property
    def review_body(self) -> str | None:
        """The default reviewing organisation: the first of kind `review`."""
        return next((entry.code for entry in self.organisations_of("review")), None)

    def may_follow_up(self, code: str | None) -> bool:
        """True if the organisation may follow up cases in which it has no part (回访)."""
        found = self.organisation(code)
        return found is not None and found.may_follow_up

    def reviewer_of(self, code: str) -> str | None:
        """The organisation that reviews decisions of `code` (Art. 35, 36): `review_by` of its entry, else its parent, else the
        review body of the jurisdiction, except for review bodies. None: a person names one."""
        own = self.organisation(code)
        if own is None:
            return self.review_body
        return own.review_by or own.parent or (None if own.kind == "review" else self.review_body)

    def reviewers_of(self, code: str) -> tuple[str, ...]:
        """The organisations of which the petitioner may choose one for the review of a decision of `code`; the first one reviews
        it where no other is chosen. Most laws name one only."""
        first, own = self.reviewer_of(code), self.organisation(code)
        others = own.review_choice if own is not None else ()
        return tuple(dict.fromkeys((*([first] if first is not None else []), *others)))

    @cached_property
    def organisation_lines(self) -> dict[str, tuple[str, ...]]:
        """Organisation -> (itself, its parent, ..., the root)."""
        return ancestry({entry.code: entry.parent for entry in self.organisations.values()})

    def is_below(self, code: str, above: str) -> bool:
        """True if `code` is a subordinate of `above`, at any depth."""
        return above in self.organisation_lines.get(code, ())[1:]

    def review_body_at(self, when: LegalTime) -> str | None:
        """The default reviewing organisation by the list in force at `when`."""
        edition = self.when("organisations", when)
        listed = edition.document.organisations if edition else ()
        return next((entry.code for entry in (*listed, *self.added.values()) if entry.kind == "review"), None)

    @cached_property
    def sealed_organisation(self) -> str | None:
        """The organisation that receives accusations (Art. 30); None: they wait for a person."""
        return next((entry.code for entry in self.organisations_of("sealed")), None)
