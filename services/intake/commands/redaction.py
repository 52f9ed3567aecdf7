"""Redacted forms of files: of a confidential filing an organisation gets these only (Art. 43)."""

from __future__ import annotations

from pydantic import Field

from shared.case import Case
from shared.commands.attached_files import AttachableFile, FileReferences, attached
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.kernel.refusals import Invalid


class AttachRedaction(Command):
    files: FileReferences = Field(
        min_length=1, description="Uploads that POST /v1/files/{case}/{version}/redactions made"
    )


@rule("attach_redaction", service="intake", roles=DESK, zh="附遮盖件", en="Attach a redacted form of a file")
def attach_redaction(case: Case, command: AttachRedaction, given: DecisionContext) -> list[NewEvent]:
    """Attach redacted forms, each under the key of the party whose file it was made of."""
    parties = {one.blob: one.party for one in case.files}
    events: list[NewEvent] = []
    redacted = {one.blob for one in _files(command.files) if one.details.form == "redacted"}
    for one in command.files:
        if isinstance(one, AttachableFile):
            original = one.details.original
            if one.details.form == "thumbnail" and original in redacted:
                original = next(made.details.original for made in _files(command.files) if made.blob == original)
            if original not in parties or one.details.form is None:
                raise Invalid(
                    "not_a_redaction",
                    "This upload is no redacted form of a file of this case. Make one of the file first.",
                    detail_zh="该上传文件不是本件某附件的遮盖件，请先对附件进行遮盖处理。",
                    field="files",
                )
            events += attached((one,), party=parties[original])
        else:
            events += attached((one,), party=None)
    return events


def _files(files: tuple[object, ...]) -> list[AttachableFile]:
    return [one for one in files if isinstance(one, AttachableFile)]
