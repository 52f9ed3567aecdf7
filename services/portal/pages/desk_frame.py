"""What all pages of the desk share: the answers of the interface for the person who is signed in, and words for codes."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.portal.api import Api, Caller, Problem
from services.portal.browser import Form, whole
from services.portal.catalogues import told
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.rendering import sentence, view_of

OFFICE = ("registrar", "supervisor")
"""Roles of the petition office that see all cases of the jurisdiction."""
FIGURES_ONLY = ("analyst", "operations")
"""Roles that have figures and no cases."""
DRAFTED = {
    "decide": "decision",
    "deliver_reply": "reply",
    "serve_notice": "notice",
    "issue_review_opinion": "opinion",
}
"""Command -> kind of the draft in which it is prepared."""
COMMAND_OF = {kind: command for command, kind in DRAFTED.items()}
DRAFT_QUEUES = {
    "to_check": "To check",
    "to_sign": "To sign",
    "returned": "Returned to me",
    "to_deliver": "To deliver",
    "writing": "My drafts in progress",
}
"""Queue of drafts -> its name, in the order of the page."""
COMMON = ("/v1/words", "/openapi.json")
"""What is the same for everybody."""
_NO_DRAFTS: dict[str, Any] = {"drafts": [], "counts": {}}
_NO_COUNTS: dict[str, Any] = {"queues": {}, "mine": 0, "unassigned": 0}


class Words:
    """Codes in the language of the page."""

    def __init__(self, known: dict[str, Any], language: str, names: dict[str, str] | None = None) -> None:
        self._known = known
        self._language = language
        self._names = names or {}

    def __call__(self, kind: str, code: object) -> str:
        found = self._known[kind].get(code)
        return str(found[self._language]) if found else str(code or "")

    @property
    def commands(self) -> set[str]:
        """The names of all commands."""
        return set(self._known["commands"])

    def command(self, name: str) -> str:
        return self("commands", name)

    def name(self, code: str | None, name: str | None) -> str:
        """An organisation, place, subject or channel by its name in the policy; a dash where there is none."""
        return self._names.get(code or "") or name or code or "–"

    def named(self, entry: dict[str, Any] | None) -> str:
        """The same of an entry of the interface with code and name."""
        return self.name(entry["code"], entry["name"]) if entry else "–"

    def label(self, command: str, field: str) -> str:
        """The label of a field of a command; that of the field alone for one that all commands share."""
        field = field.rpartition(".")[2]
        own = self._known["commands"].get(command, {}).get("fields", {}).get(field)
        found = own or self._known["fields"].get(field)
        return str(found[self._language]) if found else field


async def asked(request: Request, *paths: tuple[str, dict[str, Any]]) -> list[Any]:
    """The answers to several questions of the person who is signed in. Raises SignedOut, Problem."""
    who = staff(request)
    api: Api = request.app.state.api
    try:
        return await asyncio.gather(
            *(api.common(who, path) if path in COMMON else api.get(who, path, **params) for path, params in paths)
        )
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        raise


async def _unless_forbidden(
    request: Request, path: str, params: dict[str, Any], otherwise: dict[str, Any]
) -> dict[str, Any]:
    """An answer; `otherwise` for a role that has none: a key of a system has no drafts, an analyst has no queues."""
    try:
        (found,) = await asked(request, (path, params))
    except Problem as problem:
        if problem.status == 403:
            return otherwise
        raise
    answer: dict[str, Any] = found
    return answer


_SECTIONS = ("organisations", "places", "subjects", "channels")
"""Sections of a policy whose entries have names."""


async def _english_names(request: Request, jurisdiction: str) -> dict[str, str]:
    """Code -> English name, of the entries of the policy that have one."""
    api: Api = request.app.state.api
    policy = await api.common(staff(request), f"/v1/policies/{quote(jurisdiction, safe='')}")
    found: dict[str, str] = {}
    for section in _SECTIONS:
        entries = policy["documents"].get(section) or []
        entries = entries.get(section, []) if isinstance(entries, dict) else entries
        found |= {one["code"]: one["name_en"] for one in entries if one.get("name_en")}
    return found


async def framed(
    request: Request, *paths: tuple[str, dict[str, Any]], drafts: str = ""
) -> tuple[dict[str, Any], list[Any]]:
    """What all pages of the desk show, and the answers to further questions. `drafts`: the queue of drafts to list."""
    (me, words, *found), counts, waiting = await asyncio.gather(
        asked(request, ("/v1/me", {}), ("/v1/words", {}), *paths),
        _unless_forbidden(request, "/v1/cases/counts", {}, _NO_COUNTS),
        _unless_forbidden(request, "/v1/drafts", {"queue": drafts} if drafts else {"limit": 0}, _NO_DRAFTS),
    )
    language = view_of(request).language
    names = await _english_names(request, me["jurisdiction"]) if language == "en" and me["jurisdiction"] else {}
    frame = {
        "me": me, "counts": counts, "words": Words(words, language, names), "queue": "", "drafts": waiting,
        "command_of": COMMAND_OF, "drafts_names": DRAFT_QUEUES, "moving": "", "drafts_queue": "",
        "leads": me["role"] in FIGURES_ONLY,
    }  # fmt: skip
    return frame, found


def skill_options(request: Request, me: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and name of each skill of the policy, with the colleagues who have it and are present."""
    language = view_of(request).language
    found = []
    for one in me["skills"]:
        name = one["name"] if language == "zh" else one["name_en"] or one["name"]
        here = [c["name"] or c["person"] for c in me["colleagues"] if one["code"] in c["skills"] and not c["absent"]]
        who = told(language, ", ").join(here) if here else told(language, "nobody present")
        found.append((one["code"], told(language, "{name} ({who})", name=name, who=who)))
    return found


async def hand_on_by_skill(request: Request, who: Caller, form: Form, number: str) -> str:
    """Hand a case that was just registered to a colleague with the chosen skill. Returns why it was refused; empty: it was not."""
    if not form["skill"]:
        return ""
    body = {"command_id": f"{form['command_id']}-s", "clerk": None, "skill": form["skill"]}
    api: Api = request.app.state.api
    try:
        await api.post(who, of_case(number, "/clerk"), body)
    except Problem as problem:
        if not problem.known:
            raise
        return sentence(request, problem)
    return ""


async def save_draft(request: Request, who: Caller, kind: str, content: dict[str, str], form: Form) -> Response:
    """Save a draft, or submit it for checking. Raises Problem, also if a colleague has saved another version in the meantime."""
    number, ready = request.path_params["number"], form["draft"] == "ready"
    api: Api = request.app.state.api
    body = {
        "command_id": form["command_id"],
        "content": content,
        "after": whole(form["after"]),
        "ready": ready,
    }
    await api.ask("PUT", who, of_case(number, f"/drafts/{kind}"), json=body)
    return RedirectResponse(place_of(number, f"?done={'ready' if ready else 'saved'}#drafts"), 303)


def of_case(number: str, rest: str = "") -> str:
    """The address of a case at the interface."""
    return f"/v1/cases/{quote(number, safe='')}{rest}"


def of_file(number: str, rest: str = "") -> str:
    """The address of the files of a case at the interface."""
    return f"/v1/files/{quote(number, safe='')}{rest}"


def place_of(number: str, rest: str = "") -> str:
    """The address of a case on the desk."""
    return f"/desk/case/{quote(number, safe='')}{rest}"
