"""Draw the twelve pictures of the demo project, with their tag sidecars.

    python assets/demo/draw_images.py [OUT_DIR]

writes `NAME.png` (512 x 384 pixels, RGB) and `NAME.txt` (comma-separated tags, one line) for every
picture in `PICTURES`. OUT_DIR defaults to the `images` folder beside this file, whose contents it reproduces.

Everything is drawn from flat shapes with Pillow, without fonts, at three times the size, then reduced: that
smooths the edges. The canvas, and the way outlines are written, are in `sketch.py`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from sketch import HEIGHT, WIDTH, Point, Sketch, bezier, mirrored, rows


def house_at_sunset(s: Sketch) -> None:
    """A small house with lit windows before a low sun."""
    s.bands(0, 290, ("#5b3a73", "#8a4a7d", "#bf5f78", "#e67f66", "#f6a55c", "#fbc86f"))
    s.disc(392, 246, 52, "#fff0b3")
    s.shape("0,384 0,262 q150,214 330,282 512,250 512,384", "#6d4a63")
    s.shape("0,384 0,306 q240,262 512,312 512,384", "#3f5d4b")
    s.shape("196,384 232,384 202,300 190,300", "#d8b88a")
    s.box(118, 206, 268, 306, "#f3e3c8")
    s.box(226, 134, 248, 180, "#8d4438")
    s.shape("98,210 193,136 288,210", "#a9503f")
    s.box(180, 244, 212, 306, "#6a4030", 2)
    s.disc(206, 277, 2.4, "#f2cf7a")
    for left in (134, 226):
        s.box(left, 232, left + 30, 266, "#ffdf80", 2)
        s.line([(left + 15, 233), (left + 15, 265)], 2.5, "#a9763d")
        s.line([(left + 1, 249), (left + 29, 249)], 2.5, "#a9763d")
    for x, y, r in ((242, 118, 9), (254, 100, 12), (272, 80, 15)):
        s.disc(x, y, r, "#a5688a")
    for x, size in ((56, 1.0), (86, 0.7), (330, 0.8)):
        s.box(x - 4, 280, x + 4, 312, "#4c342e")
        s.disc(x, 262, 28 * size, "#2e4a3d", 40 * size)


def red_bicycle(s: Sketch) -> None:
    """A red bicycle with a basket of flowers before a brick wall."""
    s.box(0, 0, WIDTH, HEIGHT, "#f4e6cf")
    for row in range(10):
        for column in range(-1, 9):
            left = column * 64 + (row % 2) * 32
            s.box(left + 2, row * 31 + 2, left + 62, row * 31 + 29, "#efdcbf", 3)
    s.box(0, 310, WIDTH, HEIGHT, "#a9b3ad")
    s.box(0, 310, WIDTH, 316, "#8d9892")
    s.disc(256, 333, 190, "#939e98", 9)
    rear, front, crank = (142.0, 254.0), (374.0, 254.0), (238.0, 258.0)
    seat, head, fork = (208.0, 152.0), (330.0, 142.0), (340.0, 166.0)
    for x, y in (rear, front):
        s.ring(x, y, 76, 8, "#2f3437")
        s.ring(x, y, 68, 3, "#c9ced0")
        for spoke in range(12):
            angle = spoke * math.pi / 6
            s.line([(x, y), (x + 67 * math.cos(angle), y + 67 * math.sin(angle))], 1, "#9aa2a5")
        s.disc(x, y, 7, "#596266")
    red = "#d6322f"
    s.line([rear, (214, 176), (336, 158)], 8, red)
    s.line([rear, crank, seat], 8, red)
    s.line([crank, (336, 164)], 8, red)
    s.line([head, fork, front], 8, red)
    s.line("208,152 204,138", 6, "#596266")
    s.shape("176,128 236,130 226,142 190,142", "#5a3a28")
    s.line("330,142 324,116 300,108", 6, "#596266")
    s.line("300,108 284,114", 9, "#5a3a28")
    s.shape("346,118 420,118 408,170 354,170", "#c58f4f")
    for y in (131, 144, 157):
        s.line([(350, y), (416, y)], 2, "#9c6c36")
    for x, fill in ((362, "#f4c542"), (382, "#e8775b"), (402, "#f4f0e0")):
        s.line([(x, 118), (x, 104)], 3, "#4f7a4a")
        s.disc(x, 98, 11, fill)
        s.disc(x, 98, 4, "#8a5a2b")
    s.ring(crank[0], crank[1], 19, 5, "#596266")
    s.line("228,240 250,282", 5, "#596266")
    s.box(240, 280, 264, 287, "#2f3437", 2)
    s.box(216, 234, 238, 241, "#2f3437", 2)


def fruit_bowl(s: Sketch) -> None:
    """An apple, a pear, a banana, an orange and grapes in a blue bowl."""
    s.box(0, 0, WIDTH, 260, "#f6d9b8")
    for x in range(0, WIDTH, 64):
        s.box(x, 0, x + 30, 260, "#f3cfa8")
    s.box(0, 256, WIDTH, HEIGHT, "#b98556")
    s.box(0, 256, WIDTH, 266, "#a37145")
    s.disc(256, 352, 138, "#99683f", 12)
    s.disc(318, 172, 46, "#a9c34f", 50)
    s.disc(314, 126, 25, "#a9c34f", 34)
    s.line("314,96 320,80", 5, "#6a4a2a")
    s.disc(180, 186, 50, "#d43d3a")
    s.disc(162, 168, 11, "#ea7a6d", 15)
    s.line("182,142 190,122", 5, "#6a4a2a")
    s.shape("190,130 q216,104 232,122 q214,144 190,130", "#5f9a48")
    s.disc(248, 184, 48, "#f29a2e")
    s.disc(234, 166, 10, "#f8bd6a")
    s.disc(248, 148, 4, "#7a8a3a")
    s.shape("330,214 q432,206 424,100 410,96 q400,166 318,188", "#f7d443")
    s.shape("424,100 410,96 412,84 420,84", "#7a5a2c")
    for row, count in enumerate((4, 3, 2)):
        for number in range(count):
            x, y = 108 + row * 9 + number * 19, 196 + row * 17
            s.disc(x, y, 12, "#6a3f8c")
            s.disc(x - 4, y - 4, 3, "#a27fc0")
    bowl = "92,222 q112,352 216,352 296,352 q400,352 420,222"
    s.shape(bowl, "#3c7fb1")
    s.box(206, 346, 306, 360, "#2d6592", 6)
    s.box(84, 214, 428, 232, "#5a9ccb", 9)
    for x in range(126, 400, 43):
        s.disc(x, 262, 10, "#e9f2f7")
        s.disc(x, 262, 4, "#3c7fb1")


def lighthouse_night(s: Sketch) -> None:
    """A striped lighthouse throwing its beam over a dark sea."""
    s.bands(0, 270, ("#0d1836", "#122145", "#182b55", "#213764"))
    s.stars(80, 240)
    s.disc(92, 36, 25, "#f5efcf")
    s.disc(102, 31, 22, "#0d1836")
    s.shape("356,110 0,136 0,206", "#4d5a78")
    s.shape("356,110 0,152 0,190", "#8a8c86")
    s.shape("356,110 512,86 512,134", "#6b7386")
    s.box(0, 268, WIDTH, HEIGHT, "#12304f")
    s.ripples(46, 0, WIDTH, 276, 378, ("#1f4a70", "#2a5a80", "#3d7093"))
    s.shape("236,384 250,330 q330,262 430,276 512,268 512,384", "#2b2d38")
    s.shape("300,384 320,340 q400,292 512,306 512,384", "#363946")
    for number in range(5):
        top, bottom = 134 + number * 30, 164 + number * 30
        left, right = 356 - 21 - number * 4, 356 + 21 + number * 4
        corners = [(left, top), (right, top), (right + 4, bottom), (left - 4, bottom)]
        s.shape(corners, "#c23b36" if number % 2 == 0 else "#efe8dc")
    s.box(326, 128, 386, 136, "#23252f", 2)
    s.box(338, 96, 374, 128, "#fff2b0", 2)
    for x in (338, 350, 362, 374):
        s.line([(x, 97), (x, 128)], 2, "#23252f")
    s.shape("330,98 356,70 382,98", "#c23b36")
    s.line("356,72 356,58", 2.5, "#c23b36")
    s.box(346, 250, 366, 284, "#3a2a2a", 8)
    s.box(350, 176, 362, 190, "#ffe08a", 5)
    s.box(420, 244, 474, 284, "#d9d2c4")
    s.shape("412,248 447,222 482,248", "#7a3632")
    s.box(438, 256, 456, 272, "#ffe08a", 1)


def mountain_lake(s: Sketch) -> None:
    """Snowy mountains mirrored in a lake, with fir trees on the shore."""
    s.bands(0, 216, ("#8cc7ea", "#a5d4ee", "#bfe1f2", "#d8edf5"))
    s.clouds("96,60,38 128,52,34 158,62,30 388,44,30 416,38,34 446,48,28")
    slopes = (("#7789a3", "#63748f"), ("#66789a", "#546587"), ("#8494ab", "#718199"))
    for (left, x, y, right), (fill, shade) in zip(
        rows("40,150,84,262 176,296,56,430 344,446,104,560"), slopes, strict=True
    ):
        s.shape([(left, 222), (x, y), (right, 222)], fill)
        s.shape([(x, y), (right, 222), (x - 8, 222)], shade)
        s.shape([(x + dx, y + dy) for dx, dy in rows("0,0 36,46 16,34 2,54 -14,34 -36,46")], "#f7fafc")
    s.shape("0,236 0,190 q120,206 260,222 512,214 512,240 0,240", "#4e7f52")
    s.bands(232, 340, ("#5fa6c9", "#579dc2", "#4f94ba", "#478ab1"))
    for top, left, right in rows("296,96,208 318,236,370 276,400,498"):
        s.shape([(left, 234), ((left + right) / 2, top), (right, 234)], "#5d8db5")
    s.ripples(24, 0, WIDTH, 240, 332, ("#8cc4de",))
    s.shape("0,384 0,330 q200,304 512,352 512,384", "#6fa055")
    for x, base, size in rows("40,344,1.1 78,338,0.85 112,346,1.2 420,356,1.1 464,362,1.35 496,356,0.9"):
        s.box(x - 4 * size, base - 10, x + 4 * size, base + 6, "#5b4030")
        for tier in range(3):
            half, foot, top = (
                (28 - tier * 6) * size,
                base - (6 + tier * 24) * size,
                base - (44 + tier * 24) * size,
            )
            s.shape([(x - half, foot), (x, top), (x + half, foot)], "#2f6144")
    for _ in range(30):
        x = s.random.uniform(140, 400)
        s.disc(x, s.random.uniform(348, 378), 2.4, s.random.choice(("#f6e27a", "#f4f4f0", "#e6879b")))


def cat_on_sill(s: Sketch) -> None:
    """A grey cat on a window sill beside a pot plant, its tail hanging down."""
    s.box(0, 0, WIDTH, HEIGHT, "#e8cdb5")
    s.box(96, 18, 416, 292, "#fbf7ef", 4)
    s.box(110, 32, 402, 280, "#b9dcec")
    s.disc(340, 84, 26, "#fdeeb0")
    s.clouds("160,80,30 186,70,28 214,82,30", 0.5)
    s.shape("110,280 110,226 q240,186 402,240 402,280", "#94bf7a")
    s.box(250, 32, 262, 280, "#fbf7ef")
    s.box(110, 136, 402, 146, "#fbf7ef")
    for middle, side in ((0, 1), (WIDTH, -1)):
        s.shape(mirrored("0,0 128,0 q100,170 60,300 0,300", middle, side), "#d27d5f")
        s.line(mirrored("86,0 q76,150 44,298", middle, side), 3, "#bb6849")
    s.box(60, 288, 452, 312, "#fdfaf3", 4)
    s.box(72, 312, 440, 320, "#cbb097")
    s.box(0, 0, WIDTH, 10, "#8a5a3c", 3)
    fur, dark = "#6f7682", "#575d69"
    s.line("214,282 q280,306 262,352", 16, fur)
    s.line("262,346 q258,362 244,366", 14, dark)
    s.disc(186, 240, 48, fur, 54)
    s.box(142, 256, 230, 291, fur, 16)
    s.shape("142,168 146,118 176,150", fur)
    s.shape("232,168 226,118 196,150", fur)
    s.shape("149,154 151,132 165,148", "#e3a5a0")
    s.shape("224,154 221,132 207,148", "#e3a5a0")
    s.disc(187, 174, 46, fur, 38)
    for x in (176, 187, 198):
        s.line([(x, 138), (x, 152)], 4, dark)
    for x in (170, 205):
        s.disc(x, 172, 9, "#d7e07a", 10)
        s.disc(x, 172, 3.4, "#22262c", 9)
    s.disc(187, 196, 14, "#e6e6e6", 10)
    s.shape("182,188 193,188 187.5,194", "#d98a86")
    s.disc(187, 244, 20, "#e6e6e6", 26)
    for side in (-1, 1):
        for slope in (-6, 0, 6):
            s.line([(187 + 14 * side, 195), (187 + 46 * side, 193 + slope)], 1.2, "#f2f2f2")
        s.disc(187 + 18 * side, 286, 17, "#e6e6e6", 9)
    for lean, height in rows("-46,70 -24,104 0,116 26,98 48,66"):
        tip, half = (352 + lean, 236 - height), lean / 2
        leaf = [*bezier((348, 240), (330 + half, 190), tip), *bezier(tip, (366 + half, 196), (356, 240))]
        s.shape(leaf, "#4d8a55")
    s.shape("318,236 388,236 378,290 328,290", "#c9683f")
    s.box(312, 228, 394, 244, "#da7c50", 3)


def city_skyline(s: Sketch) -> None:
    """Towers with lit windows at dusk, mirrored in a river."""
    s.bands(0, 300, ("#27365f", "#3b4878", "#5f5a8c", "#93709a", "#c98a98", "#efb08f"))
    s.stars(30, 90)
    s.disc(300, 76, 24, "#fbe6c0")
    for left, right, top in rows("0,60,200 50,110,176 140,200,190 230,290,160 320,372,184 398,450,168 440,512,204"):
        s.box(left, top, right, 300, "#58568a")
    near = "16,72,150 80,128,104 136,206,168 212,262,70 270,330,136 338,384,96 392,452,152 458,504,120"
    s.disc(104, 104, 24, "#2a2f52", 18)
    towers = [(int(left), int(right), int(top)) for left, right, top in rows(near)]
    for left, right, top in towers:
        s.box(left, top, right, 300, "#2a2f52")
        for y in range(top + 14, 288, 16):
            for x in range(left + 8, right - 10, 13):
                if s.random.random() < 0.6:
                    s.box(x, y, x + 6, y + 8, s.random.choice(("#ffd76e", "#ffe9a8", "#f3b45c")))
    s.shape("212,70 237,36 262,70", "#2a2f52")
    s.line("237,38 237,14", 2.5, "#2a2f52")
    s.disc(237, 14, 3, "#ff6b5e")
    s.shape("338,96 384,96 384,72", "#2a2f52")
    s.box(0, 298, WIDTH, 308, "#1d2140")
    s.bands(306, 384, ("#4b4a7c", "#403f6d", "#36365f"))
    for left, right, _top in towers:
        s.ripples(6, left, right, 314, 378, ("#c79a6a", "#e0b878", "#8f7b93"))


def sailing_boat(s: Sketch) -> None:
    """A white sailing boat on a blue sea with gulls."""
    s.bands(0, 236, ("#7cc3ea", "#92cfee", "#aadaf1", "#c4e6f4"))
    s.disc(424, 70, 34, "#fff1a8")
    s.clouds("80,78,34 112,66,36 146,78,32 340,130,24 364,124,26")
    s.shape("0,238 0,214 q60,196 150,236 150,240", "#86a98c")
    s.bands(234, 384, ("#3f95c0", "#3688b4", "#2d7aa8", "#266d9a"))
    s.line("262,60 262,268", 6, "#7a5636")
    s.shape("270,66 q390,170 392,244 270,244", "#fdfbf5")
    s.shape("254,80 q180,170 166,244 254,244", "#e4573d")
    for y in (130, 180, 220):
        s.line([(270, y), (270 + (y - 60) * 0.6, y)], 1.5, "#d8d4c8")
    s.shape("262,58 262,76 230,67", "#f3c13a")
    s.shape("136,262 404,262 q386,312 346,316 184,316 q152,308 136,262", "#f6f1e6")
    s.shape("146,284 394,284 388,294 152,294", "#2f5f8f")
    s.box(210, 246, 316, 264, "#a4703f", 5)
    for x in (228, 256, 284):
        s.disc(x, 255, 5, "#dcecf4")
    for row in range(4):
        for x in range(-20 + row * 17, WIDTH, 64):
            y = 320 + row * 18
            s.arc(x, y, 16, 200, 340, 2.5, "#8cc6e0")
    for x, y, r in ((96, 150, 14), (136, 132, 10), (430, 160, 12)):
        s.arc(x - r, y, r, 200, 340, 3, "#4a5a66")
        s.arc(x + r, y, r, 200, 340, 3, "#4a5a66")


def four_seasons_tree(s: Sketch) -> None:
    """The same tree four times: blossom, green, autumn leaves and snow."""
    seasons = (
        ("#cfeaf6", "#9ccc76", ("#f6b3c8", "#fbd3df", "#ee92ae")),
        ("#9fd8f2", "#6fb04f", ("#3f8f46", "#57a852", "#2f7a3c")),
        ("#f2dcae", "#c39a55", ("#d9702a", "#eaa02f", "#b9442c")),
        ("#c3d0e0", "#f3f7fa", ("#ffffff", "#ffffff", "#e6eef5")),
    )
    for number, (sky, ground, leaves) in enumerate(seasons):
        left, middle = number * 128, number * 128 + 64
        s.box(left, 0, left + 128, HEIGHT, sky)
        s.box(left, 296, left + 128, HEIGHT, ground)
        s.shape([(middle - 9, 306), (middle - 5, 196), (middle + 5, 196), (middle + 11, 306)], "#6a4a35")
        tips = rows("-38,150 -20,116 4,100 26,122 42,158 -30,186 34,192")
        for x, y in tips:
            fork = (middle, 236 if y > 170 else 206)
            s.line([fork, (middle + x * 0.5, (y + 210) / 2), (middle + x, y)], 4, "#6a4a35")
        if number < 3:
            for _ in range(150):
                angle, reach = s.random.uniform(0, math.tau), math.sqrt(s.random.random())
                x, y = middle + 52 * reach * math.cos(angle), 148 + 66 * reach * math.sin(angle)
                s.disc(x, y, s.random.uniform(5, 9), s.random.choice(leaves))
        else:
            for x, y in tips:
                s.disc(middle + x, y - 2, 8, "#ffffff", 5)
                s.disc(middle + x * 0.5, (y + 210) / 2 - 3, 6, "#ffffff", 4)
        for _ in range((10, 14, 26, 34)[number]):
            x = s.random.uniform(left + 6, left + 122)
            y = s.random.uniform(10, 290) if number == 3 else s.random.uniform(306, 376)
            fill = ("#fbd3df", "#f7e36b", s.random.choice(leaves), "#ffffff")[number]
            s.disc(x, y, 3, fill, 3 if number in (1, 3) else 2)
    s.disc(214, 48, 22, "#ffe680")
    for x in (128, 256, 384):
        s.box(x - 2, 0, x + 2, HEIGHT, "#fffaf0")


def coffee_cup(s: Sketch) -> None:
    """A steaming cup of coffee with a biscuit on a wooden table."""
    s.box(0, 0, WIDTH, HEIGHT, "#2f5d5c")
    for x in range(0, WIDTH, 86):
        s.box(x, 0, x + 40, 240, "#346665")
    s.box(0, 236, WIDTH, HEIGHT, "#c0905c")
    for y in (236, 284, 334):
        s.box(0, y, WIDTH, y + 3, "#a97a48")
    s.disc(236, 324, 176, "#a1713f", 32)
    s.disc(236, 314, 172, "#f6f1e7", 32)
    s.disc(236, 310, 120, "#e2dacb", 20)
    s.ring(352, 218, 44, 17, "#f2ece0")
    cup = "124,168 q130,312 204,316 268,316 q342,312 348,168"
    s.shape(cup, "#fbf7ee")
    s.shape("300,168 348,168 q342,312 268,316 q304,290 300,168", "#ebe3d4")
    s.disc(236, 168, 112, "#fffdf8", 28)
    s.disc(236, 170, 101, "#5a3621", 22)
    s.disc(236, 174, 84, "#7a4b2c", 15)
    s.disc(236, 171, 46, "#e3bf92", 8)
    s.shape("196,172 276,172 236,188", "#e3bf92")
    for x in (190, 236, 282):
        wave = [(x + 11 * math.sin(step / 24 * math.tau), 132 - step * 4) for step in range(25)]
        s.line(wave, 7, "#86a5a2")
    s.disc(398, 318, 36, "#d39a4e", 15)
    s.disc(398, 312, 36, "#e4b36b", 15)
    for x, y in ((380, 309), (396, 304), (414, 311), (400, 318), (386, 318)):
        s.disc(x, y, 4, "#5a3621", 2.6)
    s.line("66,352 168,362", 5, "#b9bfc2")
    s.disc(58, 351, 20, "#c9cfd2", 9)


def train_in_hills(s: Sketch) -> None:
    """A blue and cream train crossing a stone bridge in green hills."""
    s.bands(0, 250, ("#9fd4ee", "#b3def1", "#c9e8f4", "#def1f6"))
    s.clouds("82,56,34 116,46,34 390,74,30 420,64,32 450,76,26")
    s.shape("0,384 0,150 q110,70 250,150 q390,84 512,146 512,384", "#9cc48a")
    s.shape("0,384 0,262 q160,210 330,282 512,250 512,384", "#79ad66")
    s.box(0, 234, WIDTH, 262, "#b7a894")
    s.box(0, 230, WIDTH, 237, "#8f816f")
    for x in range(0, WIDTH, 128):
        s.box(x + 48, 260, x + 80, 384, "#b7a894")
        s.box(x + 48, 260, x + 56, 384, "#a59682")
        for middle in (x, x + 128):
            s.shape(mirrored("-48,258 -48,312 q0,232 48,312 48,258", middle, 1), "#b7a894")
    s.shape("0,384 0,366 q256,340 512,366 512,384", "#5b9ac0")
    for x, y in ((40, 374), (150, 366), (270, 362), (380, 370), (460, 374)):
        s.line([(x, y), (x + 34, y)], 2, "#9cc8de")
    blue, cream = "#2c5f9e", "#f4ead2"
    for left in (-64, 102, 268):
        right = left + 158
        s.box(left, 156, right, 222, cream, 8)
        s.box(left, 192, right, 222, blue, 5)
        s.box(left + 4, 150, right - 4, 160, "#7c8791", 4)
        if left < 200:
            s.box(right - 2, 206, left + 170, 214, "#4a4f55")
        for x in range(left + 14, right - 26, 34):
            s.box(x, 168, x + 24, 188, "#37495c", 3)
            s.line([(x + 5, 184), (x + 13, 172)], 2, "#8fb0c6")
    s.shape("411,156 436,156 q474,172 484,222 411,222", cream)
    s.shape("411,192 473,192 484,222 411,222", blue)
    s.shape("436,166 448,166 468,188 436,188", "#37495c")
    s.disc(472, 206, 5, "#ffe48a")
    for x in (-40, -16, 46, 70, 126, 150, 212, 236, 292, 316, 424, 448):
        s.disc(x, 224, 9, "#33373c")
        s.disc(x, 224, 4, "#8a9096")


def rocket_in_space(s: Sketch) -> None:
    """A red and white rocket passing a ringed planet."""
    s.box(0, 0, WIDTH, HEIGHT, "#171a3d")
    s.stars(120, HEIGHT - 6)
    ring = [(108 + 92 * math.cos(step / 30 * math.pi), 292 + 22 * math.sin(step / 30 * math.pi)) for step in range(61)]
    s.line(ring[30:], 6, "#cdb88c")
    s.disc(108, 292, 62, "#d99a55")
    s.shape("50,272 q110,262 166,272 168,284 q110,274 47,284", "#e9b97a")
    s.shape("47,302 q110,292 169,302 164,316 q110,306 54,316", "#c5823f")
    s.line(ring[:31], 6, "#f3dfb5")
    s.disc(430, 84, 30, "#c9cdd8")
    for x, y, r in rows("420,76,6 438,92,8 442,70,4"):
        s.disc(x, y, r, "#a9aebd")

    def turned(path: str, side: int = 1) -> list[Point]:
        """A path around the rocket's middle, nose up, turned by 35 degrees and moved into the picture."""
        cos, sin = math.cos(math.radians(35)), math.sin(math.radians(35))
        return [(278 + x * cos - y * sin, 190 + x * sin + y * cos) for x, y in mirrored(path, 0, side)]

    s.shape(turned("-26,92 q-34,140 0,186 q34,140 26,92"), "#f08a2c")
    s.shape(turned("-15,92 q-18,124 0,152 q18,124 15,92"), "#ffe27a")
    for side in (-1, 1):
        s.shape(turned("38,24 q78,60 72,112 32,84", side), "#c8352f")
    body = "-32,86 q-62,-20 0,-132 q62,-20 32,86"
    s.shape(turned(body), "#f4f1ea")
    s.shape(turned("8,-118 q62,-20 32,86 14,86 q34,-20 8,-118"), "#d9d6cf")
    s.shape(turned("-26,-72 q-16,-108 0,-132 q16,-108 26,-72"), "#c8352f")
    s.shape(turned("-30,86 30,86 24,98 -24,98"), "#555b6e")
    ((x, y),) = turned("0,-22")
    s.disc(x, y, 22, "#c8352f")
    s.disc(x, y, 16, "#7cc3e6")
    s.disc(x - 5, y - 5, 5, "#d6eef8")
    ((x, y),) = turned("0,36")
    s.disc(x, y, 13, "#c8352f")
    s.disc(x, y, 9, "#7cc3e6")


TAGS: dict[Callable[[Sketch], None], str] = {
    house_at_sunset: "house, sunset, chimney, smoke, window, hill, tree, outdoors, no humans",
    red_bicycle: "bicycle, red bicycle, basket, flower, brick wall, wheel, road, no humans",
    fruit_bowl: "fruit, bowl, apple, banana, orange, pear, grapes, table, still life, no humans",
    lighthouse_night: "lighthouse, night, sea, stars, crescent moon, light beam, rock, no humans",
    mountain_lake: "mountain, lake, snow, pine tree, reflection, cloud, blue sky, scenery, no humans",
    cat_on_sill: "cat, grey cat, window, windowsill, potted plant, curtains, sitting, animal, no humans",
    city_skyline: "city, skyline, skyscraper, dusk, river, city lights, reflection, stars, no humans",
    sailing_boat: "sailboat, sea, seagull, sun, cloud, flag, day, waves, no humans",
    four_seasons_tree: "tree, four seasons, spring, summer, autumn, winter, snow, cherry blossoms, no humans",
    coffee_cup: "coffee, cup, saucer, steam, cookie, spoon, wooden table, still life, no humans",
    train_in_hills: "train, bridge, hill, river, cloud, blue sky, railway, day, no humans",
    rocket_in_space: "rocket, space, planet, planetary rings, moon, stars, flame, no humans",
}
PICTURES = {paint.__name__: (paint, tags) for paint, tags in TAGS.items()}


def draw(name: str) -> Image.Image:
    """The picture called `name`: RGB, WIDTH x HEIGHT. Raises KeyError for a name that is not in PICTURES."""
    paint, _tags = PICTURES[name]
    sketch = Sketch(name)
    paint(sketch)
    return sketch.finished()


def write_all(folder: Path) -> list[Path]:
    """Write every picture and its sidecar into `folder` (made if missing); the picture paths, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (_paint, tags) in PICTURES.items():
        path = folder / f"{name}.png"
        draw(name).save(path, optimize=True)
        path.with_suffix(".txt").write_text(tags + "\n", encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def main(arguments: Sequence[str]) -> int:
    """Command line: the output folder is the only argument, and optional. Returns the exit status."""
    if len(arguments) > 1 or any(word.startswith("-") for word in arguments):
        sys.stderr.write("usage: python draw_images.py [OUT_DIR]\n")
        return 2
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent / "images"
    paths = write_all(folder)
    sys.stdout.write(f"{len(paths)} pictures written to {folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
