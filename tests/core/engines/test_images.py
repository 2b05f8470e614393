"""Pictures as models are shown them: every kind of file becomes a small, upright, opaque RGB picture."""

import base64
import shutil
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core.engines.images import data_uri, encoded, image_part, prepared
from core.errors import InvalidInput, UnsafeInput


def saved(path, image, **options):
    image.save(path, **options)
    return path


def noise(width, height, mode="RGB", seed=5):
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return (
        Image.fromarray(values.squeeze(), mode)
        if mode != "CMYK"
        else Image.frombytes(mode, (width, height), values.tobytes())
    )


def sent(path, side=1024):
    """(format, the picture) that a server would see."""
    head, _, data = data_uri(image_part(path, side)).partition(",")
    image = Image.open(BytesIO(base64.b64decode(data)))
    image.load()
    assert head == f"data:image/{image.format.lower()};base64"
    return image.format, image


def test_a_photograph_is_made_smaller_and_loses_all_but_its_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a private remark"
    path = saved(tmp_path / "a.jpg", noise(1500, 900), exif=exif, comment=b"a private remark", dpi=(300, 300))
    kind, image = sent(path, 768)
    assert (kind, image.size, image.mode) == ("JPEG", (768, 461), "RGB")
    assert b"private" not in encoded(image_part(path))[1] and not image.getexif()


def test_small_pictures_stay_as_large_as_they_are(tmp_path):
    assert sent(saved(tmp_path / "a.png", noise(300, 200)))[1].size == (300, 200)


def test_a_turned_photograph_stands_upright(tmp_path):
    picture = Image.new("RGB", (400, 200), (0, 0, 250))
    picture.paste((250, 0, 0), (0, 0, 200, 200))  # red on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° to the right: red is on top
    _, image = sent(saved(tmp_path / "a.jpg", picture, exif=exif))
    assert image.size == (200, 400)
    assert image.getpixel((100, 50))[0] > 200 and image.getpixel((100, 350))[2] > 200


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P", "RGB-key", "PA-gif"])
def test_what_is_transparent_is_white(tmp_path, kind):
    clear = Image.new("RGBA", (90, 90), (10, 20, 30, 0))
    clear.paste((200, 0, 0, 255), (0, 0, 45, 90))
    path = tmp_path / "a.png"
    if kind == "RGB-key":
        picture = Image.new("RGB", (90, 90), (1, 2, 3))
        picture.paste((200, 0, 0), (0, 0, 45, 90))
        picture.save(path, transparency=(1, 2, 3))
    elif kind == "PA-gif":
        path = saved(tmp_path / "a.gif", clear)
    else:
        (clear.quantize() if kind == "P" else clear.convert(kind)).save(path)
    _, image = sent(path)
    assert image.mode == "RGB" and image.getpixel((80, 45)) == (255, 255, 255) and image.getpixel((10, 45))[1] < 100


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr", "LAB"])
def test_every_kind_of_colour_becomes_rgb(tmp_path, mode):
    picture = noise(80, 80, "L").convert("1") if mode == "1" else noise(80, 80, mode)
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "tif" if mode == "LAB" else "png"
    assert sent(saved(tmp_path / f"a.{suffix}", picture))[1].mode == "RGB"


@pytest.mark.parametrize("kind", ["I;16", "I", "F"])
def test_deep_greys_keep_their_shades(tmp_path, kind):
    ramp = np.tile(np.linspace(0, 65535, 256), (100, 1))
    if kind == "F":
        path = saved(tmp_path / "a.tif", Image.fromarray((ramp / 65535).astype(np.float32)))
    elif kind == "I":
        path = saved(tmp_path / "a.tif", Image.fromarray(ramp.astype(np.int32), "I"))
    else:
        path = saved(tmp_path / "a.png", Image.fromarray(ramp.astype(np.uint16)))
    _, image = sent(path)
    row = [image.getpixel((x, 50))[0] for x in (0, 64, 128, 192, 255)]
    assert row == sorted(row) and row[0] < 5 and 110 < row[2] < 145 and row[-1] > 250


def test_animations_show_their_first_frame(tmp_path):
    frames = [Image.new("RGB", (80, 80), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    for name in ("a.gif", "a.png", "a.webp"):
        path = tmp_path / name
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, lossless=True)
        assert sent(path)[1].getpixel((40, 40)) == (255, 0, 0)


def test_drawings_stay_sharp_and_photographs_small(tmp_path):
    drawing = Image.new("RGB", (500, 400), "white")
    drawing.paste((0, 0, 0), (100, 100, 120, 300))
    assert sent(saved(tmp_path / "a.png", drawing))[0] == "PNG"
    assert sent(saved(tmp_path / "b.png", noise(40, 40)))[0] == "PNG"
    assert sent(saved(tmp_path / "c.png", noise(400, 400)))[0] == "JPEG"


def test_the_same_file_makes_the_same_request_wherever_it_lies(tmp_path):
    path = saved(tmp_path / "a.webp", noise(300, 300))
    copy = tmp_path / "elsewhere.webp"
    shutil.copy(path, copy)
    one, two = image_part(path), image_part(copy)
    assert one["sha256"] == two["sha256"] and data_uri(one) == data_uri(two) == data_uri(one)
    assert image_part(path, 256) != one and set(one) == {"type", "sha256", "path", "side"}


def test_a_picture_that_was_changed_meanwhile_is_not_sent_under_the_old_name(tmp_path):
    path = saved(tmp_path / "a.png", noise(80, 80))
    part = image_part(path)
    saved(path, noise(80, 81, seed=6))
    with pytest.raises(InvalidInput, match=r"a\.png was changed"):
        prepared(part)


def bomb():
    """A PNG of two kilobytes that says it has 400 million pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(2000))) + chunk(b"IEND", b"")
    )


def test_files_that_are_no_pictures_are_named(tmp_path):
    for name, data in {"text.png": b"hello", "empty.jpg": b"", "drawing.svg": b"<svg/>"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidInput, match=name):
            image_part(tmp_path / name)
    with pytest.raises(InvalidInput, match=r"gone\.png"):
        image_part(tmp_path / "gone.png")
    (tmp_path / "bomb.png").write_bytes(bomb())
    with pytest.raises(UnsafeInput, match=r"bomb\.png.*million pixels"):
        image_part(tmp_path / "bomb.png")
    with pytest.raises(InvalidInput, match="5 pixels"):
        image_part(tmp_path / "bomb.png", 5)


@pytest.mark.parametrize(("suffix", "kept"), [("jpg", 0.5), ("png", 0.5), ("gif", 0.3), ("webp", 0.5)])
def test_damaged_files_are_named_and_nothing_else_happens(tmp_path, suffix, kept):
    whole = saved(tmp_path / f"whole.{suffix}", noise(200, 200)).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InvalidInput, match=rf"cut\.{suffix}"):
        encoded(image_part(path))


@pytest.mark.data
def test_the_shared_pictures(shared_data):
    paths = sorted((shared_data / "images").rglob("*.png"))
    assert len(paths) == 9
    for path in paths:
        part = image_part(path, 512)
        kind, data = encoded(part)
        picture = prepared(part)
        assert max(picture.size) <= 512 and picture.mode == "RGB" and kind in ("image/jpeg", "image/png")
        assert len(data) < 600_000 and encoded(part)[1] == data
