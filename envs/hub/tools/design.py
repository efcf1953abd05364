"""Visual design: colours, their names, contrasts and harmonies."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]
Rgb = tuple[int, int, int]

SPACES = {
    "hsl": "HSL",
    "hwb": "HWB",
    "hsv": "HSV",
    "lab-d65": "CIELAB (D65)",
    "lch-d65": "LCh (D65)",
    "oklab": "Oklab",
    "oklch": "Oklch",
    "xyz-d65": "CIE XYZ (D65)",
}
sem("color_name", about="CSS colour name, as tomato", high=30, compare="name")
sem("color_hex", about="colour as #rrggbb", high=7, entity=True, compare="name")
sem("color_word", about="part of a colour name, as sea", high=20, compare="name")
sem("color_space", about="colour space", choices=tuple(SPACES))
measure("channel", "0 to 255", 0, 255, kind="integer", tolerance=0)
measure("ratio", "ratio", 0, 1e9)
measure("color_distance", "colour difference", 0, 1000)
measure("share_percent", "percent", 0, 100)
measure("turn_degrees", "degrees on the colour wheel", -360, 360)
lists("color_hex", most=12)
lists("color_name", most=160)


def _rgb(text: str) -> Rgb:
    """Red, green and blue of ``#rrggbb``; also of ``#rgb``.

    Raises:
        HubError: it is no colour.
    """
    digits = text.lower().removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{3}", digits):
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch(r"[0-9a-f]{6}", digits):
        raise HubError(f"colour {text}: must look like #ff6347", 400)
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _hex(red: float, green: float, blue: float) -> str:
    parts = (min(255, max(0, int(part + 0.5))) for part in (red, green, blue))
    return "#" + "".join(f"{part:02x}" for part in parts)


# ---------------------------------------------------------------- ColorNames
naming = Tool("ColorNames", "Visual_Design", "The 147 named colours of CSS.", ("webcolors",))


@lru_cache(maxsize=1)
def _css() -> dict[str, Rgb]:
    import webcolors

    rows = ((name, webcolors.name_to_rgb(name)) for name in webcolors.names("css3"))
    return {name: (rgb.red, rgb.green, rgb.blue) for name, rgb in sorted(rows)}


@lru_cache(maxsize=1)
def _name_of() -> dict[Rgb, str]:
    """The names by colour; of two for one colour, the American and the shorter."""
    out: dict[Rgb, str] = {}
    for name, rgb in _css().items():
        best = out.get(rgb)
        if best is None or "grey" in best or len(name) < len(best) and "grey" not in name:
            out[rgb] = name
    return out


@naming.api(
    "The colour of a CSS name.",
    {"name": takes("color_name", "tomato")},
    {
        "hex": gives(
            "color_hex", "the hex code of {name}", entity="the shade of {name}",
        ),
        "red": gives("channel", "the red component (0 to 255) of {name}"),
        "green": gives("channel", "the green component (0 to 255) of {name}"),
        "blue": gives("channel", "the blue component (0 to 255) of {name}"),
    },
)  # fmt: skip
def color_of_name(name: str) -> Response:
    red, green, blue = found(_css().get(name.lower().replace(" ", "")), f"colour {name}")
    return {"hex": _hex(red, green, blue), "red": red, "green": green, "blue": blue}


@naming.api(
    "The CSS name that is nearest to a colour, by the straight distance in RGB.",
    {"hex": takes("color_hex", "#fe6245")},
    {
        "name": gives(
            "color_name",
            "the CSS colour name nearest in RGB to {hex}",
            ask="Which CSS colour name is nearest in RGB to {hex}?",
        ),
        "distance": gives(
            "color_distance", "the RGB distance to the nearest CSS colour name of {hex}"
        ),
    },
)
def nearest_name(hex: str) -> Response:
    rgb = _rgb(hex)
    squares = {
        name: sum((a - b) ** 2 for a, b in zip(rgb, other, strict=True))
        for other, name in _name_of().items()
    }
    best = min(sorted(squares), key=squares.__getitem__)
    return {
        "name": best,
        "distance": round(squares[best] ** 0.5, 4),
        "exact": squares[best] == 0,
    }


@naming.api(
    "The CSS colour names that contain a word, as sea in seagreen.",
    {"word": takes("color_word", "sea")},
    {
        "count": gives("count", "the number of CSS colour names that contain the word {word}"),
        "names": gives("color_name[]", "the CSS colour names that contain the word {word}"),
    },
)
def names_with(word: str) -> Response:
    names = [name for name in _css() if word.lower() in name]
    return {"count": len(found(names, f"colour names with {word}")), "names": names[:60]}


# ---------------------------------------------------------------- ColorKit
kit = Tool(
    "ColorKit", "Visual_Design", "Contrast, difference and conversion of colours.", ("coloraide",)
)


@lru_cache(maxsize=4096)
def _color(text: str) -> Any:
    from coloraide import Color

    return Color(_hex(*_rgb(text)))


@kit.api(
    "The WCAG 2.1 contrast ratio of two colours, and whether it passes AA (4.5) and AAA (7).",
    {
        "foreground": takes("color_hex", "#ff6347"),
        "background": takes("color_hex", "#ffffff"),
    },
    {
        "ratio": gives(
            "ratio",
            "the WCAG contrast ratio of text in {foreground} on {background}",
            "the contrast ratio by WCAG 2.1 between {foreground} and {background}",
        ),
        "passes_aa": gives(
            "bool",
            "the answer (true or false) to whether normal text in {foreground} on {background} "
            "meets WCAG level AA",
            ask="Does normal text in {foreground} on {background} meet WCAG level AA?",
        ),
    },
)
def contrast(foreground: str, background: str) -> Response:
    ratio = float(_color(foreground).contrast(_color(background), method="wcag21"))
    return {"ratio": round(ratio, 3), "passes_aa": ratio >= 4.5, "passes_aaa": ratio >= 7}


@kit.api(
    "The difference of two colours by CIEDE2000.",
    {"first": takes("color_hex", "#ff6347"), "second": takes("color_hex", "#ff7f50")},
    {
        "delta_e": gives("color_distance", "the CIEDE2000 colour difference of {first} and "
                         "{second}"),
    },
)  # fmt: skip
def difference(first: str, second: str) -> Response:
    return {"delta_e": round(float(_color(first).delta_e(_color(second), method="2000")), 4)}


@kit.api(
    "The coordinates of a colour in another colour space.",
    {"hex": takes("color_hex", "#ff6347"), "space": takes("color_space", "hsl")},
    {"values": gives("number[]", "the three coordinates in {space} of {hex}")},
)
def convert_color(hex: str, space: str) -> Response:
    values = [float(value) for value in _color(hex).convert(space).coords(nans=False)]
    return {"values": [round(value, 4) + 0.0 for value in values]}


@kit.api(
    "Lightness, chroma and hue of a colour in Oklch.",
    {"hex": takes("color_hex", "#ff6347")},
    {
        "lightness": gives("number", "the Oklch lightness (0 to 1) of {hex}"),
        "chroma": gives("number", "the Oklch chroma of {hex}"),
        "luminance": gives("number", "the relative luminance (0 to 1) by WCAG of {hex}"),
    },
)
def perceived(hex: str) -> Response:
    color = _color(hex)
    lightness, chroma, hue = (float(v) for v in color.convert("oklch").coords(nans=False))
    return {
        "lightness": round(lightness, 5),
        "chroma": round(chroma, 5),
        "hue": round(hue, 3),
        "luminance": round(float(color.luminance()), 5),
    }


@kit.api(
    "The even mix of two colours in sRGB.",
    {"first": takes("color_hex", "#ff0000"), "second": takes("color_hex", "#0000ff")},
    {
        "hex": gives(
            "color_hex",
            "the hex code of the even sRGB mix of {first} and {second}",
            entity="the even sRGB mix of {first} and {second}",
        )
    },
)
def mix(first: str, second: str) -> Response:
    made = _color(first).mix(_color(second), 0.5, space="srgb")
    return {"hex": _hex(*(255 * float(part) for part in made.coords(nans=False)))}


# ---------------------------------------------------------------- Palettes
palettes = Tool("Palettes", "Visual_Design", "Harmonies and tones on the HSL colour wheel.")


def _hsl(text: str) -> tuple[float, float, float]:
    """Hue in degrees, saturation and lightness in percent."""
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _rgb(text)))
    return 360 * hue, 100 * saturation, 100 * light


def _from_hsl(hue: float, saturation: float, lightness: float) -> str:
    light = min(100.0, max(0.0, lightness)) / 100
    rgb = colorsys.hls_to_rgb(hue % 360 / 360, light, saturation / 100)
    return _hex(*(255 * part for part in rgb))


@palettes.api(
    "Hue, saturation and lightness of a colour.",
    {"hex": takes("color_hex", "#ff6347")},
    {
        "hue": gives("degrees", "the HSL hue in degrees of {hex}"),
        "saturation": gives("percent", "the HSL saturation in percent of {hex}"),
        "lightness": gives("percent", "the HSL lightness in percent of {hex}"),
    },
)
def to_hsl(hex: str) -> Response:
    hue, saturation, lightness = (round(value, 2) for value in _hsl(hex))
    return {"hue": hue, "saturation": saturation, "lightness": lightness}


@palettes.api(
    "The complementary colour: opposite on the HSL colour wheel.",
    {"hex": takes("color_hex", "#ff6347")},
    {
        "hex": gives(
            "color_hex",
            "the hex code of the complementary colour (HSL) of {hex}",
            entity="the complementary colour (HSL) of {hex}",
        )
    },
)
def complement(hex: str) -> Response:
    hue, saturation, lightness = _hsl(hex)
    return {"hex": _from_hsl(hue + 180, saturation, lightness)}


@palettes.api(
    "A colour turned on the HSL colour wheel.",
    {"hex": takes("color_hex", "#ff6347"), "degrees": takes("turn_degrees", 120)},
    {
        "hex": gives(
            "color_hex",
            "the hex code that results when {hex} is turned by {degrees} on the HSL colour wheel",
            entity="the colour that results when {hex} is turned by {degrees} on the HSL colour "
            "wheel",
        )
    },
)
def rotate(hex: str, degrees: float) -> Response:
    hue, saturation, lightness = _hsl(hex)
    return {"hex": _from_hsl(hue + degrees, saturation, lightness)}


@palettes.api(
    "A lighter colour: HSL lightness raised by percentage points.",
    {"hex": takes("color_hex", "#8b0000"), "points": takes("share_percent", 20)},
    {
        "hex": gives(
            "color_hex",
            "the hex code that results when the HSL lightness of {hex} is raised by {points} "
            "percentage points",
            entity="the colour that results when the HSL lightness of {hex} is raised by {points} "
            "percentage points",
        )
    },
)
def lighten(hex: str, points: float) -> Response:
    hue, saturation, lightness = _hsl(hex)
    return {"hex": _from_hsl(hue, saturation, lightness + points)}


@palettes.api(
    "The two colours that form a triad with a colour on the HSL wheel, and its analogous colours.",
    {"hex": takes("color_hex", "#1e90ff")},
    {
        "triad": gives(
            "color_hex[]", "the two other colours of the triad (HSL wheel, 120° apart) of {hex}"
        ),
        "analogous": gives(
            "color_hex[]", "the two analogous colours (HSL wheel, 30° to each side) of {hex}"
        ),
    },
)
def harmonies(hex: str) -> Response:
    hue, saturation, lightness = _hsl(hex)
    return {
        "triad": [_from_hsl(hue + turn, saturation, lightness) for turn in (120, 240)],
        "analogous": [_from_hsl(hue + turn, saturation, lightness) for turn in (-30, 30)],
    }


@palettes.api(
    "The grey of a colour's luma (Rec. 601: 0.299 red, 0.587 green, 0.114 blue), and its negative.",
    {"hex": takes("color_hex", "#ff6347")},
    {
        "gray": gives(
            "color_hex",
            "the hex code of the grey with the Rec. 601 luma of {hex}",
            entity="the grey with the Rec. 601 luma of {hex}",
        ),
        "inverted": gives(
            "color_hex",
            "the hex code of the RGB negative of {hex}",
            entity="the RGB negative of {hex}",
        ),
    },
)
def gray_and_negative(hex: str) -> Response:
    red, green, blue = _rgb(hex)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return {"gray": _hex(luma, luma, luma), "inverted": _hex(255 - red, 255 - green, 255 - blue)}


# ---------------------------------------------------------------- entities
def _names() -> list[str]:
    """One name a colour."""
    return sorted(_name_of().values())


def _twins(name: str) -> list[str]:
    """Other names of the same colour."""
    rgb = _css().get(name)
    return [other for other, same in _css().items() if same == rgb and other != name]


def _hexes() -> list[str]:
    rng = Random(41)
    return [_hex(*(rng.randrange(256) for _ in range(3))) for _ in range(300)]


entities("color_name", _names, says=lambda v: (f"the CSS colour {v}",), aliases=_twins)
entities("color_hex", _hexes, says=lambda v: (f"the colour {v}",))
entities("color_space", lambda: list(SPACES), says=lambda v: (SPACES[v],))
entities(
    "color_word",
    lambda: ("sea", "dark", "light", "green", "blue", "red", "violet", "orchid", "slate", "pink",
             "gold", "rose", "sky", "steel", "olive", "yellow", "orange", "white", "pale"),
    says=lambda v: (f'"{v}"',),
)  # fmt: skip
entities("turn_degrees", lambda: (30, 45, 60, 90, 120, 150), says=lambda v: (f"{v}°",))
entities("share_percent", lambda: (5, 10, 15, 20, 25, 30))
