"""The refusals of files, with their sentences in two languages."""

from __future__ import annotations

from importlib import resources

from shared.application.problem import WrongType
from shared.kernel.messages import Messages
from shared.kernel.refusals import Invalid, Refused, Unavailable

_SENTENCES = Messages(resources.files("services.intake.files").joinpath("verdicts.yaml"))
_OF_TYPE = frozenset(
    (
        "file_type_refused",
        "file_kind_not_accepted",
        "file_archive",
        "file_executable",
        "file_active_content",
        "file_macros",
        "file_embedded",
        "heic_unsupported",
    )
)
"""Refused with 415: another type of file is needed. The others are refused with 422."""


def codes() -> frozenset[str]:
    """All codes for which a file is refused by its content."""
    return frozenset(_SENTENCES.sentences)


def refusal(code: str) -> Refused:
    """The refusal of a code of Unfit."""
    en, zh = _SENTENCES.filled(code, {})
    kind = WrongType if code in _OF_TYPE else Invalid
    return kind(code, en, detail_zh=zh, field="file")


def not_checked() -> Unavailable:
    """The file could not be checked now; it is kept."""
    return Unavailable(
        "file_not_checked",
        "The file was received but could not be checked yet. Complete the upload again in a minute; nothing has to be sent twice.",
        detail_zh="文件已收到，但暂时无法检查。请稍后再次提交完成，无需重新上传。",
        field="file",
    )
