"""Codes that a command names, resolved in the policy of the jurisdiction."""

from __future__ import annotations

from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook
from shared.policy.documents import Organisation


def organisation(book: PolicyBook, code: str, field: str) -> Organisation:
    """The organisation with this code. Raises Invalid, naming `field`, if the policy has none."""
    found = book.organisation(code)
    if found is None:
        raise Invalid(
            "unknown_organisation",
            "This organisation is not in the policy of the jurisdiction. Use a code of the policy, or have it added.",
            detail_zh="该单位不在本辖区的单位目录中，请使用目录中的代码或先添加。",
            field=field,
        )
    return found
