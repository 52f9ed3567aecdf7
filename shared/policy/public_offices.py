"""Whether a respondent is an organ, its staff, or a person with a public post; a company, employer or landlord is none."""

from __future__ import annotations

from shared.kernel.text_normalization import search_form, search_forms
from shared.policy.book import PolicyBook
from shared.policy.public_office_words import office_words


def organisations_named(respondent: str, book: PolicyBook) -> tuple[str, ...]:
    """The organisations of the policy of which these words name the office or a member of staff. Where only a name without its
    place fits several levels, the lowest is meant: the one above has to see it."""
    readings = dict.fromkeys(search_forms(respondent))
    said = [(code, whole) for name, code, whole in book.spoken_names if any(name in reading for reading in readings)]
    found = dict.fromkeys(code for code, whole in said if whole) or dict.fromkeys(code for code, _whole in said)
    return tuple(code for code in found if not any(book.is_below(other, code) for other in found))


def holds_public_office(respondent: str, book: PolicyBook) -> bool:
    """True if these words name an organisation of the policy, its staff, an organ, or a holder of a public post.

    Args:
        respondent: name of the respondent as given.
    """
    text, words = search_form(respondent), office_words()
    readings = dict.fromkeys(search_forms(respondent))
    known = (*words["certain"], *filter(None, book.names_of_organisations))
    if any(word in reading for reading in readings for word in known):
        return True
    private = any(word in text for word in words["private"])
    return not private and any(word in text for word in (*words["organs"], *words["possible"]))
