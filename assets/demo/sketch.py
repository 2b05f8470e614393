"""A canvas for flat drawings, and a short way to write outlines; used by `draw_images.py` beside it.

Coordinates are pixels of the final picture, x to the right and y down. Outlines are written as text:
`10,20 30,20` is a way from corner to corner, and a word with a `q` before it (`10,20 q20,0 30,20`) is the
control point of a quadratic Bézier curve between its neighbours. Random placement (stars, leaves, windows)
comes from a generator seeded with the picture's name, so that two runs give the same pixels.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 512, 384
SCALE = 3
Point = tuple[float, float]
Outline = str | Sequence[Point]


def bezier(start: Point, control: Point, end: Point, steps: int = 24) -> list[Point]:
    """Points on a quadratic Bézier curve, ends included."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        x = a * start[0] + b * control[0] + c * end[0]
        points.append((x, a * start[1] + b * control[1] + c * end[1]))
    return points


def rows(text: str) -> list[tuple[float, ...]]:
    """Rows of numbers from text: `1,2 3,4` is [(1, 2), (3, 4)]."""
    return [tuple(float(number) for number in row.split(",")) for row in text.split()]


def outline(path: Outline) -> list[Point]:
    """Points of a path. In text, `x,y` is a corner, and `qx,y` bends the way between its two neighbours."""
    if not isinstance(path, str):
        return list(path)
    points: list[Point] = []
    control: Point | None = None
    for word in path.split():
        x, y = (float(number) for number in word.removeprefix("q").split(","))
        if word.startswith("q"):
            control = (x, y)
        elif control is None:
            points.append((x, y))
        else:
            points.extend(bezier(points[-1], control, (x, y))[1:])
            control = None
    return points


def mirrored(path: str, middle: float, side: int) -> list[Point]:
    """Path text around x = 0, turned over where `side` is -1, and moved to `middle`."""
    return [(middle + x * side, y) for x, y in outline(path)]


class Sketch:
    """A canvas of WIDTH x HEIGHT pixels that draws larger and reduces at the end."""

    def __init__(self, name: str) -> None:
        self.random = random.Random(name)
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
        self.draw = ImageDraw.Draw(self.image)

    @staticmethod
    def _scaled(points: Outline) -> list[Point]:
        return [(x * SCALE, y * SCALE) for x, y in outline(points)]

    def box(self, left: float, top: float, right: float, bottom: float, fill: str, radius: float = 0) -> None:
        """A filled rectangle, with round corners where `radius` is given."""
        corners = self._scaled([(left, top), (right, bottom)])
        self.draw.rounded_rectangle([corners[0], corners[1]], radius * SCALE, fill=fill)

    def disc(self, x: float, y: float, rx: float, fill: str, ry: float | None = None) -> None:
        """A filled circle, or an ellipse where `ry` is given."""
        ry = rx if ry is None else ry
        self.draw.ellipse(self._scaled([(x - rx, y - ry), (x + rx, y + ry)]), fill=fill)

    def ring(self, x: float, y: float, r: float, width: float, fill: str) -> None:
        """A circle line of the given width."""
        self.arc(x, y, r, 0, 360, width, fill)

    def arc(self, x: float, y: float, r: float, start: float, end: float, width: float, fill: str) -> None:
        """Part of a circle line, in degrees clockwise from three o'clock."""
        corners = self._scaled([(x - r, y - r), (x + r, y + r)])
        self.draw.arc(corners, start, end, fill=fill, width=round(width * SCALE))

    def shape(self, points: Outline, fill: str) -> None:
        """A filled polygon."""
        self.draw.polygon(self._scaled(points), fill=fill)

    def line(self, points: Outline, width: float, fill: str) -> None:
        """A line with round joints and ends."""
        points = outline(points)
        self.draw.line(self._scaled(points), fill=fill, width=round(width * SCALE), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, fill)

    def bands(self, top: float, bottom: float, fills: Sequence[str]) -> None:
        """Horizontal stripes of equal height: a flat drawing's gradient."""
        step = (bottom - top) / len(fills)
        for number, fill in enumerate(fills):
            self.box(0, top + number * step, WIDTH, bottom, fill)

    def stars(self, count: int, bottom: float, fill: str = "#fdf6d8") -> None:
        """Small stars scattered between the upper edge and `bottom`."""
        for _ in range(count):
            x, y = self.random.uniform(6, WIDTH - 6), self.random.uniform(6, bottom)
            self.disc(x, y, self.random.choice((0.8, 1.1, 1.6)), fill)

    def ripples(self, count: int, left: float, right: float, top: float, bottom: float, fills: Sequence[str]) -> None:
        """Short level strokes on water, inside the given box."""
        for _ in range(count):
            x, y = self.random.uniform(left, right - 16), self.random.uniform(top, bottom)
            self.line([(x, y), (x + self.random.uniform(10, 34), y)], 1.8, self.random.choice(fills))

    def clouds(self, discs: str, flatness: float = 0.46) -> None:
        """White clouds from rows of x, y and half-width."""
        for x, y, half in rows(discs):
            self.disc(x, y, half, "#fdfeff", half * flatness)

    def finished(self) -> Image.Image:
        """The picture in its final size, with few colours to keep the file small."""
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        # Rounding each channel is exact integer work: unlike a palette search, it cannot differ by version.
        return small.point(lambda value: min(255, (value + 4) // 8 * 8))
