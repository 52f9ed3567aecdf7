"""/submit: a citizen files in three steps. Nothing is kept on the server: what was typed is carried in the form until then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import Form, caller, command_id, cookie, read_form, set_cookie, whole
from services.portal.catalogues import told
from services.portal.pages.start import changed
from services.portal.pages.track import LIFE, keep_case
from services.portal.place_map import drawn, pressed
from services.portal.rendering import PageOptions, page, sentence, view_of
from services.portal.uploads import FIELD, Receiver, size_of, uploads_of

FIELDS: tuple[tuple[str, ...], ...] = (
    ("jurisdiction", "text", "place", "location", "subject", "class", "files"),
    (
        "respondent_name",
        "respondent_org",
        "identity",
        "name",
        "phone",
        "address",
        "for_whom",
        "agent_name",
        "agent_phone",
        "agent_consent",
        "proof",
        "others",
        "representatives",
    ),
    (),
)
"""Step -> its fields."""
ALWAYS = ("command_id", "qr", "channel", "sign", "turn", FIELD)
"""Fields that no step shows and every step carries."""
RECEIPT = "receipt"
"""Cookie: number and query code of the receipt that was just shown, for `LIFE` seconds or until the matter is closed here."""
ABOVE = ".."
"""In the place of a code on the map: the next larger area."""
FOR_WHOM = ("guardian", "authorised")
"""As whom somebody files for another; empty: for themselves."""
IDENTITIES = ("named", "confidential", "anonymous")
_YEAR = 365 * 24 * 3600
_FIELD_OF = {
    "petitioner.name": "name",
    "petitioner.phone": "phone",
    "petitioner.address": "address",
    "petitioner": "name",
    "agent.name": "agent_name",
    "agent_relation": "for_whom",
    "respondent.name": "respondent_name",
    "respondent.org": "respondent_org",
    "co_petitioners": "others",
    "files": "files",
}
"""Field of the interface -> field of the form, where they differ."""


def step_of(form: Form) -> int:
    """The step that was posted; the first one for anything else."""
    return int(form["at"]) if form["at"] in ("0", "1", "2") else 0


def wrong(form: Form, at: int, lists: dict[str, Any], view: PageOptions) -> dict[str, str]:
    """Field -> what is wrong with it, for the fields of one step."""
    errors: dict[str, str] = {}

    def say(name: str, text: str, **values: object) -> None:
        errors.setdefault(name, told(view.language, text, **values))

    if at == 0:
        if len(lists["jurisdictions"]) > 1 and not form["jurisdiction"]:
            say("jurisdiction", "Choose the area in which the problem is.")
        if not form["text"].strip():
            say("text", "Say what happened and what you ask for.")
        elif len(form["text"]) > lists["text_limit"]:
            say("text", "The text has {count} characters; at most {most} are possible.", count=len(form["text"]),
                most=lists["text_limit"])  # fmt: skip
        if len(uploads_of(form)) > lists["files_limit"]:
            say("files", "At most {most} files can be sent with a matter. Remove some.", most=lists["files_limit"])
    if at == 1:
        if form["identity"] not in IDENTITIES:
            say("identity", "Choose how you want to file.")
        elif form["identity"] == "anonymous":
            if form["name"].strip():
                say("name", "Anonymous means without a name: empty this field, or choose another way.")
        elif not form["name"].strip():
            say("name", "Enter your name, or choose “anonymous”.")
        if form["agent_name"].strip() and form["for_whom"] not in FOR_WHOM:
            say("for_whom", "Say for whom you file, or leave the name of the one who files empty.")
        if form["for_whom"] in FOR_WHOM and not form["agent_name"].strip():
            say("agent_name", "Enter your own name: you file for somebody else.")
        if form["for_whom"] == "guardian" and form["agent_consent"] != "yes":
            say("agent_consent", "For a child under 14 a parent or guardian has to consent.")
        people, numbers = others(form), representatives(form)
        if len(people) > lists["co_petitioners_limit"]:
            say("others", "At most {most} people can file together here.", most=lists["co_petitioners_limit"])
        if numbers is None or any(not 1 <= one <= len(people) + 1 for one in numbers):
            say("representatives", "Enter numbers of people of your list, such as 1, 2.")
        elif len(numbers) > lists["representatives_limit"]:
            say("representatives", "At most {most} people can represent you.", most=lists["representatives_limit"])
    return errors


def others(form: Form) -> list[dict[str, str]]:
    """The people of a joint filing: one a line, name and telephone number."""
    found = []
    for line in form["others"].split("\n"):
        name, _, phone = (part.strip() for part in re.sub(r"[，、;；\t]", ",", line).partition(","))
        if name:
            found.append({"name": name, **({"phone": phone} if phone else {})})
    return found


def representatives(form: Form) -> list[int] | None:
    """The numbers of those who represent; None if it is no list of numbers."""
    parts = [part for part in re.split(r"[\s,，、;；]+", form["representatives"].strip()) if part]
    return [int(part) for part in parts] if all(re.fullmatch(r"[0-9]{1,4}", part) for part in parts) else None


def filing(form: Form) -> dict[str, Any]:
    """The body for POST /v1/public/submissions."""
    body: dict[str, Any] = {
        name: form[name].strip() if name != "text" else form[name]
        for name in (
            "command_id",
            "jurisdiction",
            "channel",
            "text",
            "place",
            "location",
            "subject",
            "qr",
            "class",
            "turn",
            "work",
        )
        if form[name].strip()
    }
    body["identity"] = form["identity"]
    person = {name: form[name].strip() for name in ("name", "phone", "address") if form[name].strip()}
    if person:
        body["petitioner"] = person
    agent = {name: form[f"agent_{name}"].strip() for name in ("name", "phone") if form[f"agent_{name}"].strip()}
    if agent and form["for_whom"] in FOR_WHOM:
        body |= {"agent": agent, "agent_relation": form["for_whom"]}
    people = others(form)
    if people:
        body["co_petitioners"] = people
        body["representatives"] = representatives(form) or []
    if form["class"] == "accusation":
        about = {
            name: form[f"respondent_{name}"].strip() for name in ("name", "org") if form[f"respondent_{name}"].strip()
        }
        if about:
            body["respondent"] = about
    files = [one.id for one in uploads_of(form)]
    if files:
        body["files"] = files
    return body


def tree(entries: Iterable[dict[str, Any]], view: PageOptions) -> list[tuple[str, str]]:
    """A tree of the policy as options: each with the names above it."""
    entries = list(entries)
    known = {one["code"]: one for one in entries}

    def named(one: dict[str, Any]) -> str:
        return str(one["name"] if view.language == "zh" else one["name_en"] or one["name"])

    def path(one: dict[str, Any]) -> list[str]:
        names, seen = [], set()
        current: dict[str, Any] | None = one
        while current is not None and current["code"] not in seen:
            seen.add(current["code"])
            names.append(named(current))
            current = known.get(current.get("parent"))
        return names[::-1]

    return sorted(((one["code"], " › ".join(path(one))) for one in entries), key=lambda option: option[1])


def read_back(form: Form, lists: dict[str, Any], view: PageOptions) -> list[tuple[str, str]]:
    """Label and value of everything that was entered, in words."""

    def say(text: str) -> str:
        return told(view.language, text)

    def entry(code: str, entries: Iterable[dict[str, Any]]) -> str:
        return dict(tree(entries, view)).get(code, code)

    words = {
        "named": say("With my name"), "confidential": say("Confidentially"), "anonymous": say("Anonymously")
    }  # fmt: skip
    rows = [
        (say("What happened"), form["text"]),
        (say("District or street"), entry(form["place"], lists["places"]) or say("I don't know")),
        (say("Exact place"), form["location"]),
        (say("Subject"), entry(form["subject"], lists["subjects"]) or say("I don't know")),
        (say("Photographs and documents"), "\n".join(one.name for one in uploads_of(form) if not one.kind)),
        (say("Accusation"), say("Yes") if form["class"] == "accusation" else ""),
        (say("Whom it is about"), " ".join(filter(None, (form["respondent_name"],
                                                         entry(form["respondent_org"], lists["organisations"]))))),
        (say("How you file"), words.get(form["identity"], "")),
        (say("Your name"), form["name"]),
        (say("Telephone number"), form["phone"]),
        (say("Postal address"), form["address"]),
        (say("For whom you file"), {"guardian": say("For a child under 14, as parent or guardian"),
                                    "authorised": say("For somebody else who asked me to")}.get(form["for_whom"], "")),
        (say("Who files"), " ".join(filter(None, (form["agent_name"], form["agent_phone"])))),
        (say("Proof"), "\n".join(one.name for one in uploads_of(form) if one.kind)),
        (say("Filed together with"), form["others"]),
        (say("Representatives"), form["representatives"]),
    ]  # fmt: skip
    return [(label, value) for label, value in rows if value.strip()]


async def begin(request: Request) -> Response:
    """The first step. A sign may name its QR code, channel and place in the address: they say nothing about a person."""
    form = Form(command_id=command_id())
    for name, most in (("qr", 200), ("channel", 80), ("place", 80), ("jurisdiction", 80)):
        form[name] = request.query_params.get(name, "").strip()[:most]
    form["sign"] = "1" if form["qr"] or form["place"] else ""
    return await _step(request, form, 0)


async def suggest(request: Request) -> Response:
    """The likely subjects of a text, as a part of the page, while somebody writes."""
    form = await read_form(request)
    found = await _guesses(request, form)
    return page(request, "submit_subjects.html", guesses=found)


async def go_on(request: Request) -> Response:
    """One press on a button of a step."""
    receiver = Receiver(request, _owner)
    form = await read_form(request, receiver.keep)
    at, asked = step_of(form), caller(request)
    form.setdefault("command_id", command_id())
    receiver.finish(form)
    if form["again"] and form["number"] and form["code"]:  # the receipt in another language or size
        request.state.view = changed(view_of(request), form["view"])
        answer = await receipt_page(request, asked, form["number"], form["code"], form["received"])
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if form["view"]:  # a switch in the head of the page: what was typed stays
        view = changed(view_of(request), form["view"])
        answer = await _step(request, form, at, view=view)
        set_cookie(answer, "view", view.text(), _YEAR)
        return answer
    if receiver.refused:
        return await _step(
            request, form, at, errors={("files", "proof", "")[at]: "\n".join(receiver.refused)}, status=422
        )
    if form["go"] == "show":  # Back or reloading: the page of the address, with what was typed
        return await _step(request, form, int(form["show"]) if form["show"] in ("0", "1", "2") else at)
    if form["go"] == "back":
        return await _step(request, form, max(0, at - 1))
    if form["guess"]:
        form["subject"] = form["guess"]
    if form["go"] == "map" or form["pick"] or form["point.x"]:
        return await _on_map(request, asked, form)
    if form["go"] in ("add", "guess") or form["remove"] or form["locate"] or form["guess"]:
        found = next((one.place for one in uploads_of(form) if one.id == form["locate"]), None)
        form["location"] = form["location"] or found or ""
        return await _step(request, form, at)
    try:
        lists = await _lists(request, asked, form)
    except Problem as problem:
        return await _step(request, form, at, problem=problem)
    checked = range(at + 1) if form["go"] == "send" else (at,)
    for step in checked:
        errors = wrong(form, step, lists, view_of(request))
        if errors:
            return await _step(request, form, step, errors=errors, status=422)
    if form["go"] != "send" or at != 2:
        return await _step(request, form, min(2, at + 1))
    return await _send(request, asked, form)


def _owner(fields: Mapping[str, str]) -> dict[str, str] | None:
    """Whose the files of a form are: of the filing that the form will be. A browser sends the id before the files."""
    filing = fields.get("command_id", "")
    return {"filing-id": filing} if filing.isascii() and filing.isprintable() and filing else None


async def _on_map(request: Request, asked: Caller, form: Form) -> Response:
    """Open the map, or take what was pressed on it: the picture, or one of the names below."""
    errors = {}
    if form["go"] == "map":
        form["map"], form["area"] = "1", ""
    else:
        try:
            answer = await _map(request, asked, form)
        except Problem as problem:
            return await _step(request, form, 0, problem=problem)
        if form["pick"]:
            found = next((one for one in answer["shapes"] if one["code"] == form["pick"]), None)
        else:
            found = pressed(answer, whole(form["point.x"]) or 0, whole(form["point.y"]) or 0, whole(form["shown"]))
        if found is None and form["pick"] == ABOVE:
            form["area"] = answer["above"] or ""
        elif found is None:
            text = "There is no place at this point of the map. Press inside an outline, or choose a name."
            errors["place"] = told(view_of(request).language, text)
        else:
            form["place"] = found["code"]
            form["area"] = found["code"] if found["divided"] else form["area"]
    return await _step(request, form, 0, errors=errors, status=422 if errors else 200)


async def _map(request: Request, asked: Caller, form: Form) -> dict[str, Any]:
    api: Api = request.app.state.api
    found: dict[str, Any] = await api.get(
        asked, "/v1/public/map", jurisdiction=form["jurisdiction"][:80], area=form["area"][:80]
    )
    return found


async def _send(request: Request, asked: Caller, form: Form) -> Response:
    api: Api = request.app.state.api
    try:
        receipt = await api.post(asked, "/v1/public/submissions", filing(form))
    except Problem as problem:
        if problem.turn is not None:
            form["turn"] = problem.turn
            return await _step(request, form, 2, queued=problem)
        name = _form_field(problem)
        step = next((place for place, fields in enumerate(FIELDS) if name in fields), None)
        if step is None:
            return await _step(request, form, 2, problem=problem)
        said = sentence(request, problem)
        return await _step(request, form, step, errors={name: said}, status=problem.status)
    return await receipt_page(request, asked, receipt["number"], receipt["code"], receipt["received_at"])


def _form_field(problem: Problem) -> str:
    """The field of the form that a problem is about."""
    field = problem.field or (problem.errors[0].get("field", "") if problem.errors else "")
    return _FIELD_OF.get(field, _FIELD_OF.get(field.partition(".")[0], field.partition(".")[0]))


async def receipt_page(request: Request, asked: Caller, number: str, code: str, received: str) -> Response:
    """The receipt. What cannot be asked for now is left out: number and code are never lost."""
    number, code, received = number[:60], code[:100], received[:40]  # a QR code holds no more
    api: Api = request.app.state.api
    pair = {"number": number, "code": code}
    status = details = token = None
    try:
        details = await api.post(asked, "/v1/receipt/details", pair)
        status = await api.post(asked, "/v1/status", pair)
        token = await api.post(asked, "/v1/status/token", pair)
    except Problem:
        pass
    answer = page(
        request, "receipt.html", number=number, code=code, received=details["received"] if details else received,
        main_form="again", status=status, details=details, qr=qr_code(request, number, code),
    )  # fmt: skip
    set_cookie(answer, RECEIPT, f"{quote(number)}:{quote(code)}", LIFE)
    if token is not None:
        keep_case(answer, token)
    return answer


async def receipt_again(request: Request) -> Response:
    """The receipt of a moment ago, so that Back and reloading show it; afterwards the page that follows the matter."""
    number, _, code = (cookie(request, RECEIPT) or "").partition(":")
    if not number or not code:
        return RedirectResponse("/track", 303)
    return await receipt_page(request, caller(request), unquote(number), unquote(code), "")


def qr_code(request: Request, number: str, code: str) -> Markup:
    """The address of the page that follows the matter, with number and code behind the `#`, which browsers do not send."""
    address = f"{request.app.state.public_url or str(request.base_url).rstrip('/')}/track#n={number}&c={code}"
    title = told(view_of(request).language, "QR code of the page that follows this matter")
    return Markup(segno.make(address, error="m", micro=False).svg_inline(omitsize=True, title=title))  # noqa: S704 # segno escapes


async def _lists(request: Request, asked: Caller, form: Form) -> dict[str, Any]:
    api: Api = request.app.state.api
    lists: dict[str, Any] = await api.get(
        asked, "/v1/public/form", jurisdiction=form["jurisdiction"], qr=form["qr"] if form["sign"] else ""
    )
    return lists


async def _guesses(request: Request, form: Form) -> list[dict[str, Any]]:
    """At most three likely subjects of the text; none if they cannot be computed, because the list is always available."""
    if not form["text"].strip():
        return []
    api: Api = request.app.state.api
    asked = {"text": form["text"], **({"jurisdiction": form["jurisdiction"]} if form["jurisdiction"] else {})}
    try:
        found: list[dict[str, Any]] = (await api.post(caller(request), "/v1/public/subjects", asked))["subjects"]
    except Problem:
        return []
    return found


_EMPTY: dict[str, Any] = {
    "jurisdictions": [], "places": [], "map": False, "subjects": [], "organisations": [], "notices": [], "text_limit": 50_000,
    "co_petitioners_limit": 500, "representatives_limit": 5, "files_limit": 10, "file_megabytes": 10, "file_types": [],
    "scanned": None,
}  # fmt: skip


async def _step(
    request: Request,
    form: Form,
    at: int,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    queued: Problem | None = None,
    view: PageOptions | None = None,
    status: int = 200,
) -> Response:
    """The page of a step, with everything that was typed so far. `queued`: the filing has a turn in the slower queue."""
    if view is not None:
        request.state.view = view
    view = view_of(request)
    try:
        lists = await _lists(request, caller(request), form)
    except Problem as away:
        lists, problem = _EMPTY, problem or away
    scanned, places = lists["scanned"], {one["code"] for one in lists["places"]}
    if scanned is not None and scanned["place"] and not form["place"]:
        form["place"] = scanned["place"]
    place_map = None
    if at == 0 and form["map"] and lists["map"]:
        try:
            place_map = drawn(await _map(request, caller(request), form), form["place"], view.language)
        except Problem:  # the list has the same places
            form["map"] = ""
    guesses = await _guesses(request, form) if at in (0, 2) and not form["subject"] and problem is None else []
    notices = {one["code"]: one["zh" if view.language == "zh" else "en"] for one in lists["notices"]}

    def say(text: str) -> str:
        return told(view.language, text)

    shown = frozenset(FIELDS[at])
    kept = [
        (name, form[name])
        for name in (*ALWAYS, *(name for fields in FIELDS for name in fields))
        if name not in shown and form[name]
    ]
    answer = page(
        request,
        "submit.html",
        http_status=stopped.status if (stopped := problem or queued) is not None else status,
        main_form="filing",
        fresh=request.method == "GET",
        at=at,
        form=form,
        kept=kept,
        lists=lists,
        errors=errors or {},
        wrong=errors or problem,
        problem=problem,
        queued=queued,
        said=sentence(request, problem) if problem is not None else "",
        accusation=notices.get("accusation", ""),
        jurisdictions=tree(lists["jurisdictions"], view),
        places=tree(lists["places"], view),
        subjects=tree(lists["subjects"], view),
        guesses=guesses,
        place_map=place_map,
        above=ABOVE,
        strange_place=form["place"] if form["place"] and form["place"] not in places and places else "",
        strange_sign=bool(scanned) and scanned["place"] is None,
        organisations=tree(lists["organisations"], view),
        identities=[
            ("named", say("With my name"), notices.get("named", "")),
            ("confidential", say("Confidentially"), notices.get("confidential", "")),
            ("anonymous", say("Anonymously"), notices.get("anonymous", "")),
        ],
        answers=read_back(form, lists, view) if at == 2 else [],
        uploads=[one for one in uploads_of(form) if not one.kind],
        proofs=[one for one in uploads_of(form) if one.kind],
        size_of=size_of,
    )
    if stopped is not None and stopped.retry_after is not None:
        answer.headers["Retry-After"] = stopped.retry_after
    return answer


ROUTES = [
    Route("/submit", begin),
    Route("/submit", go_on, methods=["POST"]),
    Route("/submit/subjects", suggest, methods=["POST"]),
    Route("/submit/receipt", receipt_again),
]
