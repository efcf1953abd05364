"""Yes or no, said in so many words or by a plain statement."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Final, NamedTuple

from .prose import END, SENTENCE, short

_CLAUSE: Final = re.compile(
    rf",|{END}|\b(?:but|because|since|while|although|whereas)\b", re.IGNORECASE
)
_YES: Final = re.compile(
    r"^\W*(?:that(?:'s| is) )?(?:yes|yep|yeah|affirmative|indeed|correct|right)\b"
    r"|(?<!or )\b(?:yes|true)\b"
    r"(?!\W+or\b| (?:value|north|bearing|course|solar))",
    re.IGNORECASE,
)
_NO: Final = re.compile(
    r"^\W*(?:no|nope|incorrect|wrong)(?:\W*$| ?[-:(]| (?:it|this|that|there|they|the)\b)"
    r"|(?<!or )\b(?:false|untrue)\b(?!\W+or\b)|(?:[:=]|\bis|\banswer) ?[\"'*]*no\b"
    r"|\bno\b(?!\.? ?\d)[^\w,;]*(?:$| (?:and|as well|but|because)\b)",
    re.IGNORECASE,
)
_TURNED: Final = re.compile(r"(?:\bnot|n't|\bnever) (?:\w+ )?\Z", re.IGNORECASE)
_WHETHER: Final = re.compile(r"\b(?:whether|if) (?:it is |it's |this is )?[\"']?\Z", re.IGNORECASE)
_NEGATION: Final = re.compile(r"\b(?:not|never|no|neither|nor|cannot|without)\b|n't\b", re.I)
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|does|do|did|has|have|had|can|will|would|falls?|lies?|counts?)\b|'s\b",
    re.IGNORECASE,
)
_BRIEF: Final = re.compile(
    r"\W*(?:(?:and|so|then|therefore|hence|thus) )?(?:it|this|that|they|he|she|there|the \w+|both)"
    r" ?(?:is|was|are|were|does|do|did|has|have|will|can|'s)(?P<no> ?n't| not)?\W*",
    re.IGNORECASE,
)
_HEDGE: Final = re.compile(
    r"\b(?:maybe|perhaps|possibly|might|may be|could be|not sure|unsure|unclear|uncertain|"
    r"depends)\b",
    re.IGNORECASE,
)
_FRAME: Final = """
the and for are was were been being does did has have had whether tell know please find out could
can you would like also what which that this with from into than then them they there true false
statement date day look need let say one
"""
_COMMON: Final = frozenset(_FRAME.split())


class Said(NamedTuple):
    """What an answer says, in order, equal neighbours once; how often explicitly; why nothing."""

    signs: list[bool]
    explicit: int = 0
    why: str = ""


def said(text: str, instruction: str) -> Said:
    """What an answer says.

    "Yes", "no", "true" and "false" count wherever they stand; without any of them plain
    statements do, with the words of what was asked and with or without a negation: "it is not a
    public holiday". A yes and a negation in one breath contradict each other.
    """
    about = _asked(instruction)
    explicit: list[bool] = []
    stated: list[bool] = []
    for sentence in SENTENCE.split(text):
        here, plain = _read(sentence, about)
        if True in here and False not in here and False in plain:
            return Said([], why=f"the answer contradicts itself: {short(_flat(sentence), 80)}")
        if False in here and True not in here and _brief(sentence) == [True]:
            return Said([], why=f"the answer contradicts itself: {short(_flat(sentence), 80)}")
        explicit += here
        stated += plain
    if explicit:
        return Said(_once(explicit), explicit=len(explicit))
    if _HEDGE.search(text):
        return Said([], why="the answer does not decide between yes and no")
    if stated:
        return Said(_once(stated))
    return Said([], why="the answer says neither yes nor no")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _once(signs: list[bool]) -> list[bool]:
    return [sign for sign, _ in groupby(signs)]


def _asked(instruction: str) -> frozenset[str]:
    """The words of what was asked, names and numbers aside."""
    found = re.findall(r"[^\W\d_]{3,}", instruction)
    return frozenset(_stem(w) for w in found if w.islower() and w not in _COMMON)


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


def _read(sentence: str, about: frozenset[str]) -> tuple[list[bool], list[bool]]:
    """What a sentence says explicitly, and by statements."""
    explicit: list[bool] = []
    stated: list[bool] = []
    for clause in _CLAUSE.split(sentence):
        if not clause.strip():
            continue
        signs = [(m.start(), True) for m in _YES.finditer(clause)]
        signs += [(m.start(), False) for m in _NO.finditer(clause)]
        for at, sign in sorted(signs):
            before = clause[max(0, at - 24) : at]
            if not _WHETHER.search(before):
                explicit.append(sign != (_TURNED.search(before) is not None))
        if signs:
            clause = _NO.sub(" ", _YES.sub(" ", clause))
        brief = _BRIEF.fullmatch(clause)
        if brief:
            stated.append(not brief["no"])
            continue
        words = {_stem(w) for w in re.findall(r"[^\W\d_]{3,}", clause.lower())} & about
        negated = _NEGATION.search(clause)
        if negated and words and not signs:
            stated.append(False)
        elif not negated and 2 * len(words) >= len(about) > 0 and _VERB.search(clause):
            stated.append(True)
    return explicit, stated


def _brief(sentence: str) -> list[bool]:
    """What a sentence says by "it is" and "it isn't" alone."""
    found = [_BRIEF.fullmatch(clause) for clause in _CLAUSE.split(sentence) if clause.strip()]
    return _once([not m["no"] for m in found if m])
