"""Notices in PDF, by Typst, with the font of the extra `huiyin[pdf]`. Nothing is fetched from the network."""

from __future__ import annotations

import threading
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import orjson

from services.routing.notices.notice_document import NoticeDocument
from shared.kernel.refusals import Refused

if TYPE_CHECKING:
    from typst import Compiler

_PARTS = ("typst", "noto_cjk_sans_otc", "pypdf")
_lock = threading.Lock()
_compilers: dict[str, Compiler] = {}


def available() -> bool:
    """True if the packages of the extra are installed."""
    return all(find_spec(name) is not None for name in _PARTS)


def pdf_missing() -> Refused:
    return Refused(
        "pdf_not_installed",
        "PDF needs the extra: pip install 'huiyin[pdf]' (requirements-pdf.lock pins it). HTML is available without it.",
        detail_zh="生成 PDF 需要安装附加组件：pip install 'huiyin[pdf]'（版本见 requirements-pdf.lock）；未安装时可使用 HTML。",
        field="format",
    )


def pdf(document: NoticeDocument) -> bytes:
    """The notice in PDF; the same notice gives the same bytes. Takes some milliseconds of one core. Raises Refused
    `pdf_not_installed`."""
    return compiled("notice.typ", notice=document.model_dump(mode="json"))


def compiled(layout: str, **values: Any) -> bytes:
    """A layout of this package with these values, as PDF. Raises Refused `pdf_not_installed`."""
    if not available():
        raise pdf_missing()
    inputs = {name: orjson.dumps(value).decode() for name, value in values.items()}
    with _lock:  # a compiler holds the fonts and serves one thread
        found = _compiler(layout).compile(sys_inputs=inputs)
    if not isinstance(found, bytes):
        raise TypeError("a PDF is one file")
    return found


def _compiler(layout: str) -> Compiler:
    if layout not in _compilers:
        import noto_cjk_sans_otc
        from typst import Compiler

        folder, fonts = files("services.routing.notices"), files(noto_cjk_sans_otc)
        _compilers[layout] = Compiler(
            input=str(folder.joinpath(layout)), root=str(folder), font_paths=[str(fonts)], ignore_system_fonts=True
        )
    return _compilers[layout]
