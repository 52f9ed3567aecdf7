"""Putting a policy into force: check all of it together, then append the sections that changed."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from shared.access import Action, Principal, authorize
from shared.commands import Fresh
from shared.events.policy import Section
from shared.handling import Handling, Stamp
from shared.policy.book import MODELS, STREAM, PolicyBook
from shared.policy.clocks import Clocks
from shared.policy.documents import Document, Jurisdiction
from shared.policy.findings import Finding, check
from shared.policy.load import SECTIONS, Loaded, hash_of, plain
from shared.refusals import Invalid, Refused
from shared.times import When

ACTIVATE = Action("activate_policy", ("operations", "registrar"))


async def checked(
    handling: Handling, jurisdiction: str, raw: Mapping[str, Any]
) -> tuple[dict[Section, Document], list[Finding]]:
    """The given sections as documents, and what is wrong with them together with those that are in force."""
    documents: dict[Section, Document] = {}
    findings: list[Finding] = []
    if not raw.keys() <= set(SECTIONS):
        findings.append(Finding("sections", f"there is a name that is no section; use {', '.join(SECTIONS)}"))
    for section in SECTIONS:
        if section not in raw:
            continue
        try:
            documents[section] = MODELS[section].model_validate(raw[section])
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                where = ".".join((section, *(str(part) for part in one["loc"])))
                findings.append(Finding(where, one["msg"]))
    if not findings:
        together = {**_present(await known(handling, jurisdiction)), **documents}
        findings += check(together)
        named = together.get("jurisdiction")
        if isinstance(named, Jurisdiction) and named.code != jurisdiction:
            findings.append(Finding("jurisdiction.code", "is not the jurisdiction that is to be changed; use its code"))
    return documents, findings


async def known(handling: Handling, jurisdiction: str) -> PolicyBook | None:
    try:
        return await handling.policies.book(jurisdiction)
    except Refused:
        return None


def _present(book: PolicyBook | None) -> dict[Section, Document]:
    if book is None:
        return {}
    return {section: editions[-1].document for section, editions in book.editions.items() if editions}


async def activate(
    handling: Handling,
    principal: Principal,
    jurisdiction: str,
    raw: Mapping[str, Any],
    effective_at: When | None = None,
) -> list[Section]:
    """Append every section that differs from what is in force. Returns their names; none: all was in force already.

    Raises Invalid `policy_invalid` with all findings. Clocks take effect when their law did, unless told otherwise."""
    authorize(principal, ACTIVATE)
    documents, findings = await checked(handling, jurisdiction, raw)
    if findings or not documents:
        listed = [{"field": one.where, "problem": one.what} for one in findings[:20]]
        first = str(findings[0]) if findings else "It holds no section."
        raise Invalid(
            "policy_invalid", f"The policy was not activated. {first}", why_zh="规则有误，未启用。", errors=listed
        )
    book = await known(handling, jurisdiction)
    fresh = []
    for section, document in documents.items():
        content = plain(document)
        loaded = Loaded(section, content, hash_of(content))
        if book is not None and book.hash_of(section) == loaded.hash and effective_at is None:
            continue
        at = effective_at or (document.in_force if isinstance(document, Clocks) else None)
        fresh.append((section, loaded, Fresh(loaded.activation(), at)))
    if not fresh:
        return []
    content_hash = sha256("\n".join(one.hash for _section, one, _fresh in fresh).encode()).hexdigest()[:24]
    version = book.version if book else 0
    stamp = Stamp(principal, cause=f"activate:{version}:{content_hash}", jurisdiction=jurisdiction)
    await handling.on_stream(STREAM + jurisdiction, stamp, lambda _head: [one for _section, _loaded, one in fresh])
    await handling.policies.reload(jurisdiction)
    return [section for section, _loaded, _fresh in fresh]
