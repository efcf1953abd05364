"""Which of the options that it names an answer chooses: "Osaka has more inhabitants than Kyoto"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .commitment import Mention, begins_bare, denied, different, hedged, side_by_side
from .prose import END, Pieces, Spans

_UP: Final = re.compile(
    r"\b(?:largest|biggest|greatest|highest|most|longest|tallest|heaviest|oldest|latest|farthest|"
    r"maximum|larger|bigger|greater|higher|more|longer|taller|heavier|older|later|farther)\b",
    re.IGNORECASE,
)
_DOWN: Final = re.compile(
    r"\b(?:smallest|least|lowest|fewest|shortest|lightest|youngest|earliest|nearest|closest|"
    r"minimum|smaller|less|lower|fewer|shorter|lighter|younger|earlier|nearer|closer)\b",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(
    r"\bwhich (?:one )?(?:of|has|is|lies|was|had|country|city)\b|\bfor which\b|\bamong\b|"
    r"\bcompar(?:e|ing)\b|\bis it (?:largest|smallest)\b|\bmore populous\b",
    re.IGNORECASE,
)
_LEAD: Final = r"\s+(?:(?:the|that|of|in|for|those|is|are)\s+){0,3}[\"'(*_\[]*\Z"
_THAN: Final = re.compile(rf"\bthan{_LEAD}", re.IGNORECASE)
_AGAINST: Final = re.compile(
    rf"\b(?:compared (?:to|with)|versus|vs\.?|unlike|ahead of|followed by|beats|behind){_LEAD}",
    re.IGNORECASE,
)
_SCOPE: Final = re.compile(
    r"\b(?:among|between|out of|of|from|comparing|compared|consider(?:ing|ed)?|for|in|are:?|"
    rf"candidates|options){_LEAD}",
    re.IGNORECASE,
)
_NEGATED: Final = re.compile(r"\b(?:not|never|nor|neither|false)\b|n't\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(
    rf"[,]|{END}|\b(?:and|while|whereas|but|because|since)\b", re.IGNORECASE
)
REACH: Final = 300


def asks_to_choose(instruction: str) -> bool:
    """Whether the instruction asks which one of several it is."""
    return _ASKS.search(instruction) is not None


def chosen(text: str, mentions: Sequence[Mention], instruction: str) -> list[Mention]:
    """The value that an answer chooses among those that it names, each time it does; [] if none.

    Set aside are values in parentheses, after "than", "compared to", "not" and their like, in a
    clause with a negation, and several side by side after "among", "of" and their like; but
    "fewer than X" where most is asked chooses X. If one value is left, it is chosen. If several
    are, the last clause, else sentence, decides that has a word for what is asked ("largest") and
    names one of them; without any, an answer that begins with one bare value, or whose last
    sentence names one and has no figure in it.
    """
    down = _DOWN.search(instruction) is not None and _UP.search(instruction) is None
    asked, opposite = (_DOWN, _UP) if down else (_UP, _DOWN)
    sentences, clauses = Pieces(text), Pieces(text, _CLAUSE)
    brackets = Spans(m.span() for m in re.finditer(r"\([^()]*\)", text))
    kept: list[Mention] = []
    clear: set[int] = set()
    for run in side_by_side(text, mentions):
        head, several = run[0], len(different(run)) > 1
        before = text[max(0, head.start - 64) : head.start]
        if _THAN.search(before):
            start = sentences.around(head.start)[0]
            said = text[max(start, head.start - REACH) : head.start]
            if not opposite.search(said) or asked.search(said):
                continue
            while kept and kept[-1].start >= start:
                kept.pop()
        elif _AGAINST.search(before) or denied(text, head) or hedged(text, head):
            continue
        elif several:
            if _SCOPE.search(before):
                continue
        else:
            last = min(clauses.around(head.start)[1], head.end + REACH)
            if _NEGATED.search(text, head.end, last):
                continue
            clear.update(m.start for m in run)
        kept += run
    kept = [m for m in kept if not brackets.meet(m.start, m.end)] or kept
    if len(different(kept)) <= 1:
        return kept
    for pieces in (clauses, sentences):
        told: dict[tuple[int, int], list[Mention]] = {}
        for m in kept:
            told.setdefault(pieces.around(m.start), []).append(m)
        for (first, last), here in reversed(told.items()):
            sure = here[0].start in clear and len(different(here)) == 1
            if sure and asked.search(text, first, last):
                return here
    if kept[0].start in clear and begins_bare(text, kept):
        return [kept[0]]
    first, last = sentences.around(kept[-1].start)
    here = [m for m in kept if m.start >= first]
    sure = here[-1].start in clear and len(different(here)) == 1
    return here if sure and not re.search(r"\d", text[first:last]) else []
