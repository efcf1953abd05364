"""To which of the values that it names an answer commits itself.

Nothing here knows the truth until the last step: which values count is decided by how they are
said, so that naming many of them never helps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .prose import Pieces, short

MOST_OTHERS: Final = 3


@dataclass(frozen=True, slots=True)
class Mention:
    """A value in a text.

    Attributes:
        start, end: where it stands.
        keys: what it can be read as; two mentions that share a reading are the same value.
        competes: whether it may count as another candidate for the answer.
        detail: what its reader keeps.
    """

    start: int
    end: int
    keys: frozenset[Hashable]
    competes: bool = True
    detail: Any = None

    def said(self, text: str) -> str:
        """As the text has it."""
        return text[self.start : self.end]


class Reader(Protocol):
    """Finds the values of one type in a text."""

    def read(self, text: str) -> list[Mention]:
        """The values, in order."""

    def agrees(self, mention: Mention, truth: Any) -> bool:
        """Whether a value is the truth."""


Test = Callable[[Mention], bool]

_SMALL: Final = (
    r"(?:(?:in|at|on|the|a|an|about|around|roughly|approximately|called|named|equal|to|of|be|by|for"
    r"|really|actually|these|following|maybe|possibly|perhaps|even|also)\b[\s:]*){0,3}"
)
_DENIED: Final = re.compile(
    r"(?:\bnot|n't|\bnever|\brather than|\binstead of|\bunlike|\bother than|\bexcept(?: for)?"
    rf"|\bno longer|\bneither|\bnor)\s+{_SMALL}[\s\"'(*_\[]*\Z",
    re.IGNORECASE,
)
_HEDGED: Final = re.compile(
    r"(?:\b(?:could|might|may|can)(?: also| well| even)? be|\bpossibly|\bperhaps|\bmaybe|\beither"
    r"|\b(?:one of (?:the following|these)|options|candidates|possibilities|choices)(?: \w+)?)"
    rf"[\s:]+{_SMALL}[\s\"'(*_\[]*\Z",
    re.IGNORECASE,
)
_DENIES: Final = re.compile(
    r"\b(?:not|never|than|instead|unlike|except|no longer|neither|nor)\b|n't", re.IGNORECASE
)
_HEDGES: Final = re.compile(
    r"\bbe\b|\b(?:possibly|perhaps|maybe|either|one of|options|candidates|possibilities|choices)\b",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(r"\([^()\n]{0,60}\)")
_MARKS: Final = re.compile(r"[\s\"'()\[\]{}*_]+")
_BESIDE: Final = re.compile(
    r"[,;/|&•-]?(?: ?(?:and/or|and also|but also|or else|alternatively|otherwise|and|or|nor|"
    r"versus|vs\.?)\b)?(?: ?(?:[-•|+]|\d{1,3}[.)]?|"
    r"[a-z]))?(?: ?(?:in|at|on|the|about|of|maybe|possibly|perhaps|even|also|else)\b){0,3}",
    re.IGNORECASE,
)
_OR: Final = re.compile(r"\bor\b", re.IGNORECASE)
_VERB: Final = re.compile(r"[\"')*_]*\s+(?:is|was|has|had|comes|follows)\b", re.IGNORECASE)
FARTHEST_BESIDE: Final = 90


def denied(text: str, mention: Mention) -> bool:
    """Whether the value is named to be denied: "not 5", "rather than Paris"."""
    return _DENIED.search(text[max(0, mention.start - 48) : mention.start]) is not None


def hedged(text: str, mention: Mention) -> bool:
    """Whether the value is named as a possibility: "it could be 5"."""
    return _HEDGED.search(text[max(0, mention.start - 64) : mention.start]) is not None


def side_by_side(text: str, mentions: Sequence[Mention]) -> list[list[Mention]]:
    """Values that stand for each other, together; each value in one run, runs by their first.

    Those that nothing but commas, blanks, "and", "or", brackets or a line's end parts, and those
    of sentences or lines that differ in nothing but the value and figures: "It is 5. It is 7.",
    rows of a table. A value after a comma that a verb follows ("Kyoto, Osaka is larger") begins a
    new run.
    """
    runs: list[list[Mention]] = []
    for mention in mentions:
        if runs and _beside(text, runs[-1][-1], mention):
            runs[-1].append(mention)
        else:
            runs.append([mention])
    if len(runs) < 2:
        return runs
    sentences = Pieces(text)
    alike: dict[tuple[str, str], list[Mention]] = {}
    for run in runs:
        first, last = sentences.around(run[0].start)[0], sentences.around(run[-1].start)[1]
        alike.setdefault(frame(text, first, run[0].start, run[-1].end, last), []).extend(run)
    return list(alike.values())


_FRAME: Final = re.compile(r"[^\w|]+")
_FIGURES: Final = re.compile(r"\d+")
WIDEST_FRAME: Final = 60


def frame(text: str, first: int, start: int, end: int, last: int) -> tuple[str, str]:
    """What stands before and after a value in its sentence, figures and signs aside."""
    before = text[max(first, start - WIDEST_FRAME) : start]
    after = text[end : min(max(last, end), end + WIDEST_FRAME)]
    return plain(before), plain(after)


def plain(text: str) -> str:
    """Words in small letters, figures alike, the number of a list's item left out."""
    return re.sub(
        r"^0 ", "", _FRAME.sub(" ", _FIGURES.sub("0", text.lower())).strip() + " "
    ).strip()


def _beside(text: str, last: Mention, mention: Mention) -> bool:
    between = text[last.end : max(last.end, mention.start)]
    if len(between) > FARTHEST_BESIDE:
        return False
    between = _ASIDE.sub(" ", between)
    core = _MARKS.sub(" ", between).strip()
    if not _BESIDE.fullmatch(core) or ("(" in between and not core):
        return False
    choice = "," not in core or _OR.search(core) is not None
    return choice or _VERB.match(text, mention.end) is None


def begins_bare(text: str, mentions: Sequence[Mention]) -> bool:
    """Whether the text begins with a bare value, of which more is said after: "Osaka. It ..."."""
    head = mentions[0]
    last = Pieces(text).around(head.start)[1]
    return len(plain(text[: head.start])) <= 12 and len(plain(text[head.end : last])) <= 4


def uncommitted(
    text: str,
    mentions: Sequence[Mention],
    right: Test,
    *,
    wanted: str,
    neutral: Test = lambda mention: False,
    known: frozenset[Hashable] = frozenset(),
    count: int = 1,
) -> str:
    """Why the text does not commit itself to the value wanted, or "".

    Args:
        text: the answer, cleaned.
        mentions: the values of the type in it, in order.
        right: whether a value is the one wanted.
        wanted: the value in words.
        neutral: values that answer another part of the question.
        known: readings of the values that the instruction names.
        count: how often the value is wanted.
    """
    found = [m for m in mentions if right(m)]
    if not found:
        return missing(text, mentions, wanted)
    deniable, possible = _DENIES.search(text), _HEDGES.search(text)
    live = [m for m in mentions if not (deniable and denied(text, m))]
    found = [m for m in live if right(m)]
    if not found:
        return f"{wanted} is named only to be denied"
    if not (found := [m for m in found if not (possible and hedged(text, m))]):
        return f"{wanted} is named only as a possibility"
    keys = frozenset().union(*(m.keys for m in found))

    def other(m: Mention) -> bool:
        return m.competes and not (m.keys & keys) and not right(m) and not neutral(m)

    aside = _bracketed(text, live, other)
    found = [m for m in found if m.start not in aside]
    if not found:
        return f"{wanted} stands only in brackets after another value"
    for run in side_by_side(text, live):
        strangers = [m for m in run if other(m)]
        if strangers:
            there = {m.start for m in run}
            found = [m for m in found if m.start not in there]
            if not found:
                beside = _some(text, strangers)
                return f"{wanted} stands side by side with {beside}: the answer does not choose"
    others = [m for m in live if other(m) and not m.keys & known]
    if len(distinct := different(others)) > MOST_OTHERS:
        return (
            f"beside {wanted} the answer names {len(distinct)} other values "
            f"({_some(text, distinct)}): it does not choose"
        )
    if len(found) < count:
        return f"{wanted} is wanted {count} times and named {len(found)} times"
    return ""


_OPENS: Final = re.compile(r"[\s\"'*_]*\([\s\"'*_]*")


def _bracketed(text: str, live: Sequence[Mention], other: Test) -> set[int]:
    """Where a value begins in brackets right after another one: "Rome (Paris)"."""
    return {
        m.start
        for last, m in zip(live, live[1:], strict=False)
        if m.start - last.end < 8 and _OPENS.fullmatch(text, last.end, m.start) and other(last)
    }


def missing(text: str, mentions: Sequence[Mention], wanted: str) -> str:
    """The reason where the value is not there, with what is there in its place."""
    if not mentions:
        return f"{wanted} is not in the answer"
    return f"{wanted} is not in the answer, which says {_some(text, different(mentions))}"


def different(mentions: Iterable[Mention]) -> list[Mention]:
    """One mention of each value."""
    seen: set[Hashable] = set()
    out = []
    for m in mentions:
        if not m.keys & seen:
            out.append(m)
        seen |= m.keys
    return out


def _some(text: str, mentions: Sequence[Mention]) -> str:
    shown = [short(m.said(text), 30) for m in mentions[:3]]
    return ", ".join(shown) + (", ..." if len(mentions) > 3 else "")
