"""Redacted forms of files: of a confidential filing an organisation gets these only (Art. 43). Pure.

It is no command of the registry: a redacted form is made on the server of a file that is there, so nobody can name another one.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.case import Case
from shared.commands.attached_files import AttachableFile, attached
from shared.commands.command import NewEvent
from shared.kernel.refusals import Invalid


def attach_redaction(case: Case, files: Sequence[object]) -> list[NewEvent]:
    """Attach the redacted forms in `files`, with their thumbnails, each under the key of the party whose file it was made of.

    Raises
    Refused where one of them cannot be attached, `not_a_redaction` where it was not made of a file of this case."""
    parties = {one.blob: one.party for one in case.files}
    made = {one.blob: one.details.original for one in files if isinstance(one, AttachableFile)}
    events: list[NewEvent] = []
    for one in files:
        original = None
        if isinstance(one, AttachableFile):
            original = one.details.original
            if one.details.form == "thumbnail":
                original = made.get(original or "")
            if one.details.form is None or original not in parties:
                raise Invalid(
                    "not_a_redaction",
                    "This upload is not a redacted form of a file of this case. Redact the file first.",
                    detail_zh="该上传文件不是本件某附件的遮盖件，请先对附件进行遮盖处理。",
                    field="files",
                )
        events += attached((one,), party=parties.get(original or ""))
    return events
