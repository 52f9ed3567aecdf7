"""What a file is by its content, and whether it is only that. Pure; runs in the inspection process, never in the server."""

from __future__ import annotations

from services.intake.files import image_structure
from services.intake.files.audio_inspection import audio
from services.intake.files.media_types import HEIC, JPEG, PDF, PNG, Budget, Limits, MediaType, Unfit
from services.intake.files.office_inspection import office, ole
from services.intake.files.pdf_inspection import pdf
from services.intake.files.signatures import JPEG as JPEG_START
from services.intake.files.signatures import OLE, ZIP, program, second_header
from services.intake.files.signatures import PDF as PDF_START
from services.intake.files.signatures import PNG as PNG_START
from services.intake.files.text_inspection import text
from services.intake.files.zip_structure import contains_directory


def inspect(data: bytes, limits: Limits = Limits()) -> MediaType:
    """The type of the file. Raises Unfit with the code of the refusal."""
    if not data:
        raise Unfit("file_empty")
    found = _type(data, limits)
    if not data.startswith(ZIP) and contains_directory(data):
        raise Unfit("file_polyglot")
    if found is not PDF and second_header(data):
        raise Unfit("file_polyglot")
    return found


def _type(data: bytes, limits: Limits) -> MediaType:
    budget = Budget(limits.inflated)
    if data.startswith(PDF_START):
        return pdf(data, limits, budget)
    if data.startswith(JPEG_START):
        image_structure.jpeg(data, limits)
        return JPEG
    if data.startswith(PNG_START):
        image_structure.png(data, limits)
        return PNG
    if image_structure.is_heic(data):
        image_structure.heic(data, limits)
        return HEIC
    if data.startswith(ZIP):
        return office(data, limits, budget)
    if data.startswith(OLE):
        found = ole(data)
        if found is None:
            raise Unfit("file_type_refused")
        return found
    sound = audio(data)
    if sound is not None:
        return sound
    plain = text(data)
    if plain is None:
        raise Unfit(program(data) or "file_type_refused")
    return plain
