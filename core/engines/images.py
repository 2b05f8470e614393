"""Pictures as models are shown them: upright, on white, in RGB, no larger than asked for, nothing but their pixels.

The same file makes the same bytes, so that what is sent can be named by the file's hash. Servers take JPEG and PNG
everywhere, WebP and AVIF hardly anywhere: nothing else is ever sent.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.engines.calls import Part
from core.errors import InvalidInput, TagloomError, UnsafeInput

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 1024  # longest side in pixels, unless a request says otherwise
QUALITY = 90
FLAT_COLOURS = 256  # drawings with so few colours stay sharp, and small, as PNG
TINY = 64  # so small a picture is not worth the losses of JPEG
MOST_PIXELS = 178_956_970  # where Pillow, too, takes a picture for a bomb
WHITE = (255, 255, 255)
REMEDY = "Open it in a picture viewer; save it again as JPEG or PNG, or leave it out."


def image_part(path: Path | str, side: int = SIDE) -> Part:
    """The picture in a file as a part of a message; only its beginning is read, and its hash.

    Args:
        side: longest side in pixels that models are shown; smaller pictures stay as they are.

    Raises:
        InvalidInput: the file is missing, or no picture.
        UnsafeInput: unpacked it would fill the memory.
    """
    path = Path(path)
    if not 16 <= side <= 8192:
        raise InvalidInput(f"Pictures cannot be shown with {side} pixels a side.", "Choose 16 to 8192.")
    digest = _digest(path)
    _open(path).close()
    return {"type": "image", "sha256": digest, "path": str(path), "side": side}


def prepared(part: Part) -> Image:
    """The picture of a part as a model is shown it: RGB, upright, no longer than `side`.

    Raises:
        InvalidInput: the file is damaged, or is no longer the one that the part was made of.
    """
    path = Path(part["path"])
    if _digest(path) != part["sha256"]:
        raise InvalidInput(f"The picture {path.name} was changed after it was asked about.", "Start the run again.")
    image = _open(path)
    try:
        return _shown(image, int(part["side"]))
    except TagloomError:
        raise
    except Exception as error:  # decoders raise many kinds on damaged files; a person needs one sentence
        raise InvalidInput(f"The picture {path.name} cannot be read: {_reason(error)}.", REMEDY) from error
    finally:
        image.close()


def encoded(part: Part) -> tuple[str, bytes]:
    """(MIME type, bytes) of a part's picture: PNG where it is tiny or has few colours, else JPEG.

    Raises:
        InvalidInput: as `prepared`.
    """
    image, out = prepared(part), BytesIO()
    if max(image.size) <= TINY or image.getcolors(FLAT_COLOURS) is not None:
        image.save(out, "PNG", optimize=True)
        return "image/png", out.getvalue()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return "image/jpeg", out.getvalue()


def data_uri(part: Part) -> str:
    """A part's picture as it stands in a request's body.

    Raises:
        InvalidInput: as `prepared`.
    """
    kind, data = encoded(part)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _open(path: Path) -> Any:
    """The picture, its pixels not yet read."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(path)
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except UnidentifiedImageError:
        raise InvalidInput(f"{path.name} is not a picture of a kind that can be read.", REMEDY) from None
    except Exception as error:
        raise InvalidInput(f"The picture {path.name} cannot be read: {_reason(error)}.", REMEDY) from error
    width, height = image.size
    if width * height > MOST_PIXELS:
        image.close()
        raise _too_large(path)
    return image


def _too_large(path: Path) -> UnsafeInput:
    most = MOST_PIXELS // 1_000_000
    return UnsafeInput(f"The picture {path.name} has more than {most} million pixels.", "Make it smaller first.")


def _shown(image: Any, side: int) -> Image:
    from PIL import Image, ImageOps

    image.draft("RGB", (2 * side, 2 * side))  # of a large JPEG only as many pixels are unpacked as are needed
    upright = ImageOps.exif_transpose(image)
    flat = _flattened(upright if upright is not None else image)
    if max(flat.size) > side:
        flat.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    flat.info = {}  # profiles, comments, places: nobody's business
    return flat


def _flattened(image: Any) -> Image:
    """In RGB, on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        image = _in_eight_bits(image)
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        sheet = Image.new("RGB", clear.size, WHITE)
        sheet.paste(clear, mask=clear.getchannel("A"))
        return sheet
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _in_eight_bits(image: Any) -> Image:
    """Grey of 16 or 32 bits, or in real numbers, by its own range: 16-bit values all, others from least to most."""
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    least, most = float(values.min()), float(values.max())
    if image.mode.startswith("I;16") or (image.mode == "I" and least >= 0 and 255 < most <= 65535):
        least, most = 0.0, 65535.0
    elif least >= 0 and most <= 255 and image.mode == "I":
        least, most = 0.0, 255.0
    span = most - least or 1.0
    return Image.fromarray(np.rint((values - least) * (255.0 / span)).astype(np.uint8), "L")


def _digest(path: Path) -> str:
    try:
        status = path.stat()
        return _file_digest(str(path), status.st_size, status.st_mtime_ns)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput(f"The picture {path.name} cannot be read: {reason}.", "Check that the file is there.") from (
            error
        )


@lru_cache(maxsize=4096)
def _file_digest(path: str, size: int, changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
