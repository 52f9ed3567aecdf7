"""Files of a form on their way to the interface. The form carries the ids of those that arrived; nothing is kept here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote
from uuid import uuid4

from starlette.requests import Request

from services.portal.api import Api, Problem
from services.portal.browser import Form, caller
from services.portal.multipart import FormPart
from services.portal.rendering import sentence

PROOF = "certificate"
"""What a file of the field `proof` is to the case: the proof of an authorisation or of a guardianship."""
FIELD = "uploads"
"""Hidden field: the files that arrived, as JSON."""
MOST = 100
"""Maximum number of files that a form carries; the policy allows fewer."""
_NAME = 200
_LARGEST = 2**40


class Upload(NamedTuple):
    """A file that the interface has."""

    id: str
    name: str
    size: int
    latitude: float | None = None
    longitude: float | None = None
    """Where a photograph says it was taken."""
    kind: str = ""
    """`certificate` for a proof of authorisation; empty: what the matter is about."""

    @property
    def place(self) -> str | None:
        """The position as a place that people can read.

        >>> Upload("1", "a.jpg", 9, 30.2591, 120.13).place
        '30.25910, 120.13000'
        """
        if self.latitude is None or self.longitude is None:
            return None
        return f"{self.latitude:.5f}, {self.longitude:.5f}"


def uploads_of(form: Mapping[str, str]) -> list[Upload]:
    """The files that a form carries. What cannot be read is left out; whose a file is, the interface checks."""
    try:
        found = json.loads(form.get(FIELD) or "[]")
    except (ValueError, RecursionError):
        return []
    uploads = []
    for one in found[:MOST] if isinstance(found, list) else ():
        match one:
            case [str(id_), str(name), int(size), latitude, longitude, *rest] if id_.isascii() and len(id_) <= 80:
                position = (latitude, longitude)
                known = all(isinstance(part, int | float) and -180 <= part <= 180 for part in position)
                kind = PROOF if rest == [PROOF] else ""
                shown = name[:_NAME].encode("utf-8", "replace").decode()  # JSON can hold half of a character
                latitude, longitude = position if known else (None, None)
                uploads.append(Upload(id_, shown, min(max(size, 0), _LARGEST), latitude, longitude, kind))
    return uploads


def carry(form: Form, uploads: Sequence[Upload]) -> None:
    """Let the form carry these files."""
    form[FIELD] = json.dumps([one if one.kind else one[:5] for one in uploads], ensure_ascii=False) if uploads else ""


class Receiver:
    """Sends the files of one form to the interface as they arrive.

    Args:
        owner: The headers that say whose the files are, from the fields that came before them.
    """

    def __init__(self, request: Request, owner: Callable[[Mapping[str, str]], dict[str, str] | None]) -> None:
        self._request = request
        self._owner = owner
        self._arrived: list[Upload] = []
        self.refused: list[str] = []
        """A sentence for each file that was refused, with its name."""

    async def keep(self, fields: Sequence[tuple[str, str]], part: FormPart, content: AsyncIterator[bytes]) -> None:
        """Send one file on. A refusal is remembered, and the next file is read."""
        api: Api = self._request.app.state.api
        owner, kind = self._owner(dict(fields)), PROOF if part.name == "proof" else ""
        name = (part.file or "").replace("\\", "/").rpartition("/")[2][:_NAME]
        if owner is None or len(self._arrived) + len(self.refused) >= MOST:
            return
        headers = {
            **owner,
            "upload-id": uuid4().hex,
            "content-type": "application/octet-stream",
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }
        try:
            answer = (
                await api.ask(
                    "POST",
                    caller(self._request),
                    "/v1/files",
                    headers=headers,
                    content=content,
                    params={"kind": kind} if kind else {},
                )
            ).json()
        except Problem as problem:
            self.refused.append(f"{name}: {sentence(self._request, problem)}")
            return
        self._arrived.append(
            Upload(
                answer["upload"],
                answer["name"] or name,
                answer["size"] or 0,
                answer["latitude"],
                answer["longitude"],
                kind,
            )
        )

    def finish(self, form: Form) -> None:
        """Add the arrived files to those that the form carries, without those that the person removed."""
        gone = form["remove"]
        carry(form, [one for one in (*uploads_of(form), *self._arrived) if one.id != gone][:MOST])


def size_of(count: int) -> str:
    """The size of a file as people read it.

    >>> size_of(900), size_of(204_800), size_of(3_500_000)
    ('1 kB', '200 kB', '3.3 MB')
    """
    return f"{count / 1_048_576:.1f} MB" if count >= 1_048_576 else f"{max(1, round(count / 1024))} kB"
