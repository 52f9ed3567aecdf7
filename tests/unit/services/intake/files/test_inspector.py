"""The inspection process: images anew, one process at a time, its limits, and what the server keeps in memory."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from services.intake.files.image_reencoding import reencode
from services.intake.files.inspector import Inspected, Inspector
from services.intake.files.media_types import HEIC, JPEG, Limits, Unfit
from services.intake.files.verdicts import refusal
from shared.application.problem import WrongType
from shared.kernel.refusals import Refused
from shared.policy.file_rules import FileKinds, FileRules, Pixels
from tests.support import sample_files as files

RULES = FileRules()


async def pieces(data: bytes, step: int = 10_000) -> AsyncGenerator[bytes, None]:
    for at in range(0, len(data), step):
        yield data[at : at + step]


async def kept(found: Inspected, image: AsyncIterator[bytes]) -> tuple[Inspected, bytes]:
    return found, b"".join([piece async for piece in image])


async def inspected(data: bytes, rules: FileRules = RULES, **more: object) -> tuple[Inspected, bytes]:
    return await Inspector().inspect(pieces(data), rules, kept, **more)  # type: ignore[arg-type]


async def code(data: bytes, rules: FileRules = RULES, **more: object) -> str:
    with pytest.raises(Refused) as refused:
        await inspected(data, rules, **more)
    assert refused.value.detail_zh
    return refused.value.code


@pytest.mark.parametrize(
    ("make", "stored"), [(files.jpeg, "image/jpeg"), (files.png, "image/png"), (files.heic, "image/jpeg")]
)
async def test_an_image_is_stored_anew_without_what_it_said_of_its_maker(make: object, stored: str) -> None:
    data = make()  # type: ignore[operator]
    assert files.CANARY.encode() in data
    found, image = await inspected(data)
    assert (found.media_type.name, found.image) == (stored, len(image))
    assert found.position == (files.GPS_LATITUDE, files.GPS_LONGITUDE)
    for made in (image, found.thumbnail):
        assert files.CANARY.encode() not in made and b"Exif" not in made
        with Image.open(io.BytesIO(made)) as opened:
            assert not opened.getexif() and not {"icc_profile", "xmp", "comment", "exif"} & opened.info.keys()


def test_a_heic_without_its_decoder_is_refused_with_415_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    made = files.heic()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(Unfit) as refused:
        reencode(made, HEIC, Limits())
    answer = refusal(refused.value.code)
    assert isinstance(answer, WrongType)
    assert (answer.code, answer.status) == ("heic_unsupported", 415)
    assert "JPEG" in answer.detail and answer.detail_zh is not None and "JPEG" in answer.detail_zh
    assert reencode(files.jpeg(), JPEG, Limits()).media_type is JPEG


async def test_the_orientation_is_applied_before_it_is_dropped() -> None:
    found, image = await inspected(files.jpeg(64, 48))
    with Image.open(io.BytesIO(image)) as opened:
        assert opened.size == (found.width, found.height) == (48, 64)
        red, *_ = opened.getpixel((44, 4))  # type: ignore[misc]  # upper left turned to the right
        assert red > 180


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_kind_of_png_keeps_its_picture(mode: str) -> None:
    _, image = await inspected(files.png(mode=mode))
    kinds = []
    at = 8
    while at < len(image):
        length = int.from_bytes(image[at : at + 4], "big")
        kinds.append(image[at + 4 : at + 8])
        at += 12 + length
    assert set(kinds) <= {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


async def test_other_files_stay_as_they_are() -> None:
    found, image = await inspected(files.pdf())
    assert (found.media_type.name, found.image, image, found.thumbnail) == ("application/pdf", 0, b"", b"")


async def test_covered_parts_are_gone_from_image_and_thumbnail() -> None:
    _, image = await inspected(files.png(64, 48, meta=False), cover=[(0, 0, 32, 24)])
    with Image.open(io.BytesIO(image)) as opened:
        plain = opened.convert("RGB")
        assert {plain.getpixel((x, y)) for x in range(32) for y in range(24)} == {(0, 0, 0)}
        assert plain.getpixel((40, 40)) == (10, 120, 200)


async def test_what_cannot_be_covered_is_said() -> None:
    for rectangle in ((-1, 0, 5, 5), (0, 0, 0, 5), (60, 0, 5, 5), (0, 47, 1, 2)):
        assert await code(files.png(64, 48, meta=False), cover=[rectangle]) == "rectangle_outside"
    assert await code(files.pdf(), cover=[(0, 0, 1, 1)]) == "not_an_image"


async def test_the_policy_decides_on_types_and_pixels() -> None:
    assert await code(files.pdf(), FileRules(types=FileKinds(value=("jpeg",)))) == "file_kind_not_accepted"
    assert await code(files.png(1100, 1000), FileRules(megapixels=Pixels(value=1))) == "file_pixels"


async def test_an_image_whose_pixels_do_not_decode_is_refused() -> None:
    data = bytearray(files.png(meta=False))
    at = data.find(b"IDAT") + 10
    data[at] ^= 0xFF
    assert await code(bytes(data)) == "file_damaged"


async def test_time_is_limited_and_the_next_file_is_not_held_up() -> None:
    async def never() -> AsyncGenerator[bytes, None]:
        yield b"%PDF-1.4\n"
        await asyncio.sleep(3600)

    inspector = Inspector(seconds=0.3)
    with pytest.raises(Refused) as refused:
        await inspector.inspect(never(), RULES, kept)
    assert refused.value.code == "file_bomb"
    found, _ = await inspected(b"text")
    assert found.media_type.name == "text/plain"


async def test_one_process_at_a_time() -> None:
    inspector, running, most = Inspector(), 0, 0

    async def counted(data: bytes) -> AsyncGenerator[bytes, None]:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        yield data
        running -= 1

    results = await asyncio.gather(*(inspector.inspect(counted(files.pdf()), RULES, kept) for _ in range(6)))
    assert most == 1 and len(results) == 6


def children_of(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


async def test_each_file_has_a_process_and_one_that_breaks_it_costs_no_other() -> None:
    inspector = Inspector()

    async def watched(seen: list[int], *, breaks: bool = False) -> AsyncGenerator[bytes, None]:
        yield b"%PDF-1.7\n"
        assert inspector._process is not None
        while not (found := children_of(inspector._process._program.pid)):  # noqa: ASYNC110 - it signals nothing
            await asyncio.sleep(0.01)
        seen += found
        if breaks:
            os.kill(found[0], signal.SIGKILL)
        yield files.pdf()[9:]

    first: list[int] = []
    await inspector.inspect(watched(first), RULES, kept)
    process = inspector._process
    second: list[int] = []
    with pytest.raises(Refused) as refused:
        await inspector.inspect(watched(second, breaks=True), RULES, kept)
    assert refused.value.code == "file_bomb"
    third: list[int] = []
    found, _ = await inspector.inspect(watched(third), RULES, kept)
    assert found.media_type.name == "application/pdf"
    assert inspector._process is process and len({*first, *second, *third}) == 3


async def test_a_process_that_ended_is_replaced_before_the_next_file() -> None:
    inspector = Inspector()
    await inspector.inspect(pieces(files.pdf()), RULES, kept)
    assert inspector._process is not None
    ended = inspector._process._program
    os.killpg(ended.pid, signal.SIGKILL)
    ended.wait()
    found, _ = await inspector.inspect(pieces(files.pdf()), RULES, kept)
    assert found.media_type.name == "application/pdf"
    assert inspector._process._program.pid != ended.pid
    inspector._process.end()
    assert inspector._process._program.returncode is not None, "nothing stays behind"


async def test_the_process_knows_no_secret_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from services.intake.files import inspector as module

    monkeypatch.setenv("HUIYIN_ACCESS_KEY", "secret")
    assert not any(name.startswith("HUIYIN") for name in module._ENVIRONMENT)


async def test_forty_megapixels_fit_into_the_memory_of_the_process() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8000, 5000), (1, 2, 3)).save(out, "JPEG", exif=files.exif(6))
    inspector = Inspector()
    found, _ = await inspector.inspect(pieces(out.getvalue()), RULES, kept)
    assert (found.width, found.height) == (5000, 8000)
    assert inspector.peak < 700 * 1024 * 1024
