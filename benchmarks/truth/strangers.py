"""Names among others of which nothing is known: of persons, titles and texts nobody has a list."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from .commitment import WIDEST_FRAME, Mention, Test, frame, plain
from .prose import Pieces

NEAR: Final = 80  # "Korea or the Republic of Korea"
NEIGHBOURS: Final = 6
MOST_LOOKS: Final = 100

_OR_AFTER: Final = re.compile(
    r"[\"'*_]*(?: ?\([^()\n]{0,60}\))?,? (?:(?:and/)?or (?!so\b|simply\b|rather\b|in\b)"
    r"[^\w\s]{0,3}\w|/ [^\w\s]{0,3}\w)"
)
_OR_BEFORE: Final = re.compile(
    r"[\w)\"'*],? (?:(?:and/)?or|/) (?:(?:in|at|the|maybe|possibly|perhaps|even) ){0,2}[\"'(*_]*\Z"
)
_AND_AFTER: Final = re.compile(
    r"[\"'*_]*,? (?:and|&|but also) [\"'*]*[^\s.,;]+(?: [^\s.,;]+){0,2}[\"'*]*\s*"
    r"(?:\.?$|\.? ?\n|\]|\. )"
)
_AND_BEFORE: Final = re.compile(
    r"(?:\b(?:is|are|was|were|be)|[:\[]|^) ?[\"'*]*(?:[^.;:\n]{1,40}, )?[^\s,;:]+"
    r"(?: [^\s,;:]+){0,3}[\"'*]*,? (?:and|&|but also) [\"'*]*\Z"
)
_POSSIBLE: Final = re.compile(
    r"\b(?:(?:could|might|may|can)(?: also| well| even)? be|possibly|perhaps|maybe|either)\b",
    re.IGNORECASE,
)
_ELEMENT_BEFORE: Final = re.compile(r"[\[,]\s*[\"']\Z")
_ELEMENT_AFTER: Final = re.compile(r"[\"']\s*[\],]")
_STRIP: Final = " \"'[](){}*_\n"
_PARTED: Final = re.compile(r",| and | or |;|\|")
_ONE: Final = r"(?:[^\W\da-z_][\w.'-]*|\d[\w.,:'-]*)"
_NAME: Final = re.compile(rf"{_ONE}(?: (?:{_ONE}|of|the|de|la|al|von|van|da|del)){{0,4}}")
_WORDS: Final = re.compile(r"[\w.'%-]+(?: [\w.'%-]+)?")
_ITEM: Final = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)])\s+[^:=]{1,80}")


class Strangers:
    """Finds right names that stand among strangers.

    Those are: another name after or before "or"; another sentence that differs in nothing but the
    name; and where nothing is known of other names of the type, also another one tied by "and" at
    the sentence's end, another element of a JSON list, whatever follows "it could be", and two in
    a list of bare names, between commas or on lines.

    Args:
        text: the answer, cleaned.
        mentions: the values of the type in it, in order.
        right: whether a value is the one wanted.
        bare: whether other values like it go unseen.
        spare: how many strangers may be parts of the truth, too.
    """

    def __init__(
        self, text: str, mentions: Sequence[Mention], right: Test, bare: Test, spare: int
    ) -> None:
        self._text, self._right, self._bare, self._spare = text, right, bare, spare
        self._sentences = Pieces(text)
        self._mentions = mentions
        self._places = [m.start for m in mentions if right(m)]

    def without(self) -> list[Mention]:
        """The mentions without those; where a name is said very often, some are looked at."""
        out, looks = [], 0
        for m in self._mentions:
            if self._right(m):
                looks += 1
                if looks > MOST_LOOKS or self._among(m):
                    continue
            out.append(m)
        return out

    def _among(self, m: Mention) -> bool:
        again = self._again(m.start - NEAR, m.start) or self._again(m.end, m.end + NEAR)
        if not again and self._tied(m):
            return True
        if self._parallels(m) > self._spare:
            return True
        return self._bare(m) and self._listed(m) >= 2 + self._spare

    def _again(self, first: int, last: int) -> bool:
        """Whether the right name stands between two places."""
        i = bisect_left(self._places, first)
        return i < len(self._places) and self._places[i] < last

    def _tied(self, m: Mention) -> bool:
        before = self._text[max(0, m.start - 64) : m.start]
        if _OR_AFTER.match(self._text, m.end) or _OR_BEFORE.search(before[-48:]):
            return not self._spare
        if self._spare or not self._bare(m):
            return False
        first = max(self._sentences.around(m.start)[0], m.start - 200)
        if _POSSIBLE.search(self._text, first, m.start):
            return True
        if _AND_AFTER.match(self._text, m.end) or _AND_BEFORE.search(before):
            return True
        element = _ELEMENT_BEFORE.search(before), _ELEMENT_AFTER.match(self._text, m.end)
        return all(element) and "," in "".join(each[0] for each in element if each)

    def _parallels(self, m: Mention) -> int:
        """How many sentences near by have the same words around another name."""
        first, last = self._sentences.around(m.start)
        before, after = frame(self._text, first, m.start, m.end, last)
        if not before and not after:
            return 0
        found = 0
        for start, end in self._sentences.near(m.start, NEIGHBOURS):
            there = plain(self._text[start : min(end, start + 3 * WIDEST_FRAME)])
            if there.startswith(before) and there.endswith(after) and not self._again(start, end):
                middle = there[len(before) : len(there) - len(after)].strip()
                found += bool(middle) and len(middle) <= WIDEST_FRAME
        return found

    def _listed(self, m: Mention) -> int:
        """How many bare names stand in a list with it."""
        text = self._text
        first, last = self._sentences.around(m.start)
        before, after = frame(text, first, m.start, m.end, last)
        if not before and not after:
            near = self._sentences.near(m.start, NEIGHBOURS)
            return sum(self._is_item(a, b) for a, b in near if a >= m.end or b <= m.start)
        *left, head = _PARTED.split(text[max(first, m.start - 300) : m.start])
        tail, *rest = _PARTED.split(text[m.end : min(last, m.end + 300)])
        if plain(tail):
            return 0
        left = [] if plain(head) else left
        shape = _WORDS if m.said(text)[:1].islower() else _NAME
        beside = 0
        for items in (reversed(left), rest):
            for item in items:
                if not shape.fullmatch(item.strip(_STRIP).rstrip(".")):
                    break
                beside += 1
        return beside

    def _is_item(self, start: int, end: int) -> bool:
        """Whether a sentence or line is a bare name, or an item of a list."""
        piece = self._text[start : min(end, start + 120)]
        if self._again(start, end) or not plain(piece):
            return False
        return len(plain(piece).split()) <= 3 or _ITEM.fullmatch(piece.rstrip("\n")) is not None
