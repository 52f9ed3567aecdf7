"""Images decoded and encoded again: what is stored has the pixels of the picture and nothing else of the file.

Runs in the inspection process. EXIF (except orientation, which is applied, and position, which is returned apart), XMP, comments,
colour profiles (converted to sRGB), further frames and everything between and after the segments are gone.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageCms, ImageDraw, ImageOps

from services.intake.files.media_types import HEIC, JPEG, PNG, Limits, MediaType, Unfit

QUALITY = 90
_THUMBNAIL, _THUMBNAIL_QUALITY = 320, 80
_DECODERS = {JPEG: ("JPEG", "MPO"), PNG: ("PNG",), HEIC: ("HEIF",)}
_GPS, _LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 0x8825, 1, 2, 3, 4


class Position(NamedTuple):
    """Where the picture was taken, in degrees (WGS 84)."""

    latitude: float
    longitude: float


class Rectangle(NamedTuple):
    """A part of an image in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


class Reencoded(NamedTuple):
    media_type: MediaType
    content: bytes
    thumbnail: bytes
    width: int
    height: int
    position: Position | None


def reencode(data: bytes, kind: MediaType, limits: Limits, cover: Sequence[Rectangle] = ()) -> Reencoded:
    """The re-encoded image, with the rectangles in black. Raises Unfit where it cannot be decoded within the limits."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = limits.pixels
    if kind is HEIC:
        _with_heic()
    try:
        with Image.open(io.BytesIO(data), formats=_DECODERS[kind]) as opened:
            if opened.width * opened.height > limits.pixels:
                raise Unfit("file_pixels")
            opened.load()
            position = _position(opened)
            image = _upright(opened)
        del data
        image = _covered(image, cover) if cover else image
        target = PNG if kind is PNG else JPEG
        content = _encoded(image, target)
        return Reencoded(target, content, _thumbnail(image), image.width, image.height, position)
    except Unfit:
        raise
    except Image.DecompressionBombError:
        raise Unfit("file_pixels") from None
    except MemoryError:
        raise Unfit("file_bomb") from None
    except Exception as error:  # decoders raise whatever a broken image leads them to
        raise Unfit("file_bomb" if "too large" in str(error) else "file_damaged") from None


def _with_heic() -> None:
    try:
        import pillow_heif
    except ImportError:
        raise Unfit("heic_unsupported") from None
    pillow_heif.register_heif_opener(thumbnails=False)


def _position(image: Image.Image) -> Position | None:
    """The position in the EXIF data; None without one, or with one that is no place."""
    try:
        gps = image.getexif().get_ifd(_GPS)
        latitude = _degrees(gps[_LATITUDE], str(gps[_LATITUDE_REF]), "S", 90)
        longitude = _degrees(gps[_LONGITUDE], str(gps[_LONGITUDE_REF]), "W", 180)
    except Exception:  # no EXIF, or a broken one, is an image without a position
        return None
    return None if latitude == longitude == 0 else Position(latitude, longitude)


def _degrees(parts: Sequence[float], reference: str, negative: str, most: int) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    found = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(found) or not 0 <= found <= most:
        raise ValueError
    return round(-found if reference.strip("\0 ").upper() == negative else found, 6)


def _upright(opened: Image.Image) -> Image.Image:
    """The picture as a camera meant it, in a mode that JPEG or PNG keeps, in sRGB, without any data beside the pixels."""
    profile, transparency = opened.info.get("icc_profile"), opened.info.get("transparency")
    image = ImageOps.exif_transpose(opened)
    if profile and image.mode in ("RGB", "CMYK", "L"):
        image = _in_srgb(image, profile)
    if image.mode in ("CMYK", "YCbCr"):
        image = image.convert("RGB")
    image.info = {} if transparency is None or image.mode == "CMYK" else {"transparency": transparency}
    return image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "L" if image.mode == "L" else "RGB"
        if mode == "L":
            return image
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def _flat(image: Image.Image) -> Image.Image:
    """Without transparency: on white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        full = image.convert("RGBA")
        base = Image.new("RGB", full.size, "white")
        base.paste(full, mask=full.getchannel("A"))
        return base
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _covered(image: Image.Image, cover: Sequence[Rectangle]) -> Image.Image:
    """The picture with black rectangles. Each must lie within it: one beside it would cover nothing of what a person saw."""
    image = _flat(image)
    image = image.copy() if image.mode == "RGB" else image.convert("RGB")
    draw = ImageDraw.Draw(image)
    for one in cover:
        right, bottom = one.left + one.width, one.top + one.height
        if (
            one.left < 0
            or one.top < 0
            or one.width < 1
            or one.height < 1
            or right > image.width
            or bottom > image.height
        ):
            raise Unfit("rectangle_outside")
        draw.rectangle((one.left, one.top, right - 1, bottom - 1), fill=(0, 0, 0))
    return image


def _encoded(image: Image.Image, target: MediaType) -> bytes:
    out = io.BytesIO()
    if target is JPEG:
        _flat(image).save(out, "JPEG", quality=QUALITY)
    else:
        image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy() if image.width <= _THUMBNAIL and image.height <= _THUMBNAIL else image
    small = _flat(small) if max(small.size) <= _THUMBNAIL else _flat(_reduced(small))
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    small.info = {}
    out = io.BytesIO()
    small.save(out, "JPEG", quality=_THUMBNAIL_QUALITY)
    return out.getvalue()


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(1, max(image.size) // (2 * _THUMBNAIL))
    if image.mode in ("P", "1", "I", "F", "PA") or image.mode.startswith("I;"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.reduce(factor) if factor > 1 else image.copy()
