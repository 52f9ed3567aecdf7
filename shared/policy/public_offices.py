"""Whether a respondent is an organ, its staff, or a person with a public post; a company, employer or landlord is none."""

from __future__ import annotations

from shared.kernel.text_normalization import search_form
from shared.policy.book import PolicyBook
from shared.policy.public_office_words import office_words


def holds_public_office(respondent: str, book: PolicyBook) -> bool:
    """True if these words name an organisation of the policy, its staff, an organ, or a holder of a public post.

    Args:
        respondent: name of the respondent as given.
    """
    text, words = search_form(respondent), office_words()
    if any(word in text for word in words["certain"]) or any(
        name and name in text for name in book.names_of_organisations
    ):
        return True
    private = any(word in text for word in words["private"])
    return not private and any(word in text for word in (*words["organs"], *words["possible"]))
