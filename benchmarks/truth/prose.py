"""An answer's text: one spelling for what looks the same, what was not found, what it concludes."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 100_000

_ALIKE: Final = str.maketrans(
    dict.fromkeys("‐‑‒–—―−﹘﹣－", "-")
    | dict.fromkeys("‘’‛´", "'")
    | dict.fromkeys("“”„«»`", '"')
    | {"٫": ".", "٬": ","}
    | dict.fromkeys(
        "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e"
    )
)
_SUPERSCRIPT: Final = re.compile("[⁺⁻]?[⁰¹²³⁴-⁹]+")
_LATEX: Final = {"{,}": ",", "\\,": " ", "\\times": "×", "\\%": "%", "\\circ": "°"}


def clean(text: str) -> str:
    """The text with one minus sign, one kind of quote, plain digits and single blanks.

    A superscript becomes ``^2``; lines stay lines.
    """
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda m: "^" + unicodedata.normalize("NFKC", m[0]), text)
        text = unicodedata.normalize("NFKC", text.translate(_ALIKE)).translate(_ALIKE)
        text = "".join(
            str(unicodedata.decimal(c)) if c > "9" and c.isdecimal() else c for c in text
        )
    else:
        text = text.replace("`", '"')
    for written, plain in _LATEX.items():
        text = text.replace(written, plain)
    text = re.sub(r"\r\n?|[\u2028\u2029\v\f]", "\n", text)
    return re.sub(r"\n\s*\n", "\n\n", re.sub(r"[^\S\n]+", " ", text)).strip()


END: Final = r"[.!?](?=[\s\"')*_]|$)|[;\n]"
SENTENCE: Final = re.compile(END)

_SEEK: Final = (
    r"(?:find|found|determine|retrieve|get|access|answer|obtain|compute|calculate|provide|locate|"
    r"complete|look up|confirm|verify|tell|fetch|identify|know|resolve|give|help|say)"
)
_REFUSAL: Final = re.compile(
    rf"\b(?:(?:could|can|did|do|does|have|has|had)(?: not|n't)|can't|cannot|unable|failed|"
    rf"(?:not|n't) (?:been )?(?:able|possible))(?: to)?(?: be)?(?: [a-z]{{1,20}}ly)? "
    rf"{_SEEK}(?:e?d)?\b|\b(?:not|n't) known\b",
    re.IGNORECASE,
)
_APOLOGY: Final = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|no (?:information|data|answer|results?|idea)|"
    r"not available|unavailable|unknown|give up|not (?:be )?found|did not work|error)\b",
    re.IGNORECASE,
)
_BOUNDARY: Final = re.compile(
    r"[.!?](?=[\s\"')*_]|$)|[;\n]|\b(?:but|however|yet|so|still|nevertheless|instead|therefore|"
    r"thus|hence)\b",
    re.IGNORECASE,
)
_CONCESSION: Final = re.compile(
    r"\W*(?:and )?(?:although|though|even though|while|whereas|since|because|as|after|when)\b",
    re.IGNORECASE,
)


def without_refusals(text: str) -> str:
    """The text, of the same length, with each clause blank that says that nothing was found.

    A clause ends where a sentence does, or at "but", "however", "so" and their like; one that
    begins with "although" or its like ends at its comma.
    """
    found = [m.start() for m in _REFUSAL.finditer(text)]
    if not found:
        return text
    ends = [(m.start(), m.end()) for m in _BOUNDARY.finditer(text)]
    starts = [start for start, _ in ends]
    kept, at = [], 0
    for where in found:
        if where < at:
            continue
        i = bisect_right(starts, where)
        first = ends[i - 1][1] if i else 0
        last = starts[i] if i < len(starts) else len(text)
        if _CONCESSION.match(text, first):
            comma = text.find(",", where, last)
            last = comma if comma >= 0 else last
        first = max(first, at)
        kept += [text[at:first], re.sub(r"[^\n]", " ", text[first:last])]
        at = last
    return "".join([*kept, text[at:]])


SHORTEST_ECHO: Final = 20


def without_echo(text: str, instruction: str) -> str:
    """The text, of the same length, with what repeats a sentence of the instruction blank."""
    ends = [0, *(m.end() for m in SENTENCE.finditer(instruction)), len(instruction)]
    pieces = [instruction[first:last] for first, last in zip(ends, ends[1:], strict=False)]
    for sentence in map(str.strip, (instruction, *pieces)):
        if len(sentence) >= SHORTEST_ECHO:
            text = re.sub(
                re.escape(sentence),
                lambda m: re.sub(r"[^\n]", " ", m[0]),
                text,
                flags=re.IGNORECASE,
            )
    return text


def apologises(text: str) -> bool:
    """Whether the text says that there is no answer."""
    return bool(_REFUSAL.search(text) or _APOLOGY.search(text))


_CONCLUDES: Final = re.compile(
    r"\b(?P<sure>(?:final )?answer\"?\s?(?:is|:|=)|final answer)|\b(?:therefore|thus|hence|"
    r"in conclusion|to conclude|in summary|to sum up|overall|in short|results?\"?\s?(?:is|:|=))"
    r"|\\boxed|=>|⇒|∴|(?:(?<=[.!?] )|(?<=\n))so\b(?! far)",
    re.IGNORECASE,
)
MOST_CONCLUSIONS: Final = 8


def conclusions(text: str) -> list[tuple[int, bool]]:
    """Where the text begins to conclude, the last first, and whether it says "the answer is"."""
    found = [(m.start(), m["sure"] is not None) for m in _CONCLUDES.finditer(text)]
    return found[: -MOST_CONCLUSIONS - 1 : -1]


class Pieces:
    """The pieces of a text between the places where a pattern matches: its sentences."""

    def __init__(self, text: str, ends: re.Pattern[str] = SENTENCE) -> None:
        self._size = len(text)
        self._ends = [m.end() for m in ends.finditer(text)]

    def around(self, at: int) -> tuple[int, int]:
        """Begin and end of the piece at a place."""
        i = bisect_right(self._ends, at)
        return self._piece(i)

    def near(self, at: int, most: int) -> list[tuple[int, int]]:
        """The pieces before and after that at a place, at most so many on each side."""
        i = bisect_right(self._ends, at)
        around = range(max(0, i - most), min(len(self._ends), i + most) + 1)
        return [self._piece(j) for j in around if j != i]

    def _piece(self, i: int) -> tuple[int, int]:
        first = self._ends[i - 1] if i else 0
        return first, self._ends[i] if i < len(self._ends) else self._size


class Spans:
    """Parts of a text."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def meet(self, start: int, end: int) -> bool:
        """Whether a part of what lies between two places is in one of them."""
        i = bisect_left(self._ends, start + 1)
        return i < len(self._starts) and self._starts[i] < end


def short(value: object, most: int = 60) -> str:
    """The value in quotes, cut."""
    text = str(value)
    return f'"{text if len(text) <= most else text[: most - 1] + "…"}"'
