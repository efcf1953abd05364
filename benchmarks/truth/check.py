"""The check of an answer against the truth, part by part."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .choice import asks_to_choose, chosen
from .commitment import (
    Mention,
    Reader,
    Test,
    begins_bare,
    different,
    missing,
    side_by_side,
    uncommitted,
)
from .moments import Dates, Times
from .names import Names
from .parts import MOST_PARTS, Part, parts_of
from .prose import (
    LONGEST,
    Pieces,
    Spans,
    apologises,
    clean,
    conclusions,
    without_echo,
    without_refusals,
)
from .quantities import Quantities
from .strangers import Strangers
from .yesno import said

_SHARED: Final = frozenset({"both", "each", "all", "same", "also", "too"})


@dataclass(frozen=True)
class Finding:
    """Whether an answer passed, and the reason in words."""

    passed: bool
    reason: str


def check(
    final_answer: str, truth: Any, *, types: Sequence[str] = (), instruction: str = ""
) -> Finding:
    """Compare a free-text answer with the truth.

    Every part of the truth must be there, each by its type, in any order. How values are found
    and compared stands at :class:`.names.Names`, :class:`.quantities.Quantities`,
    :class:`.moments.Dates`, :class:`.moments.Times` and :func:`.yesno.said`.

    Text around the value is welcome; a list of candidates is not. The rule is the same whatever
    is true:

    1. What repeats a sentence of the instruction is left out, and so are clauses that say that
       nothing was found, with what they name.
    2. Where the answer concludes ("the answer is", "therefore", "in summary"), only what follows
       the last such word counts, if a value of the type follows it; else what follows the one
       before; without any, the sentence of a bare value with which the answer begins; at last the
       whole text.
    3. A value does not count that is named to be denied ("not 5"), as a possibility ("it could be
       5") or in brackets after another one, nor one that stands side by side with another value
       of the type: with nothing but commas, "and", "or", a dash, a slash or a line's end between
       ("either A or B", "A, B, C or D"), or in sentences, lines or rows that differ in nothing
       but the value and figures ("It is A. It is B."). It counts if it is named elsewhere, too.
    4. Beside the value at most three other values of the type may be named, as in a worked
       answer. Not counted are those that the instruction names, values of another part of the
       truth, and what is no candidate: numbers with a unit of another dimension, years after
       "in", list numbers, parts of dates, names without a capital letter.
    5. Where the instruction asks to choose ("which of", "for which", "among") or names the truth
       itself, and the answer names several values, it must choose one: "Osaka has more
       inhabitants than Kyoto" chooses Osaka (:func:`.choice.chosen`).

    Of types whose values nobody can list (persons, titles) other values go unseen; there bare
    lists and a few words beside the value tell (:class:`.strangers.Strangers`).

    Args:
        final_answer: the answer.
        truth: a JSON value; of a list or an object each element must be there, as often as it
            stands there.
        types: the semantic type of each part, or one for all; without it, and for types that are
            not declared (the hub's tools declare theirs when they are loaded), it is inferred:
            a number must be equal or rounded to at least four digits, ``true`` is a yes, an ISO
            date is a date, all else is a name.
        instruction: what was asked: it says whether a code or a name is wanted, names the date
            of a time, and what it names is no candidate.
    """
    parts = parts_of(truth, types)
    if not parts:
        return Finding(False, "there is no truth to compare with")
    if len(parts) > MOST_PARTS:
        return Finding(False, f"the truth has more than {MOST_PARTS} parts")
    if len(final_answer) > LONGEST:
        return Finding(False, f"the answer is longer than {LONGEST:,} characters")
    text = clean(final_answer)
    if not text:
        return Finding(False, "the answer is empty")
    if len(text) > 2 * LONGEST:
        return Finding(False, "the answer is too long")
    if len(parts) == 1 and text.casefold() == clean(str(parts[0].value)).casefold():
        return Finding(True, "the answer is the truth itself")
    reasons = _reasons(text, clean(instruction[:LONGEST]), parts)
    failed = [(i, reason) for i, reason in enumerate(reasons, 1) if reason]
    if not failed:
        return Finding(True, "all parts are in the answer" if len(parts) > 1 else "it is there")
    told = [f"part {i} of {len(parts)}: {why}" if len(parts) > 1 else why for i, why in failed[:3]]
    if apologises(text) and told[0].endswith(("not in the answer", "neither yes nor no")):
        told.insert(0, "the answer says that it does not know")
    return Finding(False, "; ".join(told))


@dataclass(frozen=True)
class _View:
    """What an answer says of one type: the values in it, and those that the instruction names."""

    reader: Reader
    mentions: list[Mention]
    known: frozenset[Hashable]


@dataclass(frozen=True)
class _Asked:
    """One part of the truth, what the answer says of its type, and the values that are right."""

    part: Part
    view: _View
    right: list[Mention]


def _reasons(text: str, instruction: str, parts: Sequence[Part]) -> list[str]:
    """For each part, why it fails, or ""."""
    text = without_refusals(without_echo(text, instruction))
    views: dict[str, _View] = {}
    asked: list[_Asked | None] = []
    for part in parts:
        if part.type.compare == "bool":
            asked.append(None)
            continue
        if part.type.name not in views:
            truths = [each.value for each in parts if each.type.name == part.type.name]
            views[part.type.name] = _view(text, instruction, part, truths)
        view = views[part.type.name]
        right = [m for m in view.mentions if view.reader.agrees(m, part.value)]
        asked.append(_Asked(part, view, right))
    asked = [each and _apart(each, asked) for each in asked]
    bools = [part.value for part in parts if part.type.compare == "bool"]
    return [
        _reason(text, instruction, each, asked) if each else _yes_or_no(text, instruction, bools)
        for each in asked
    ]


def _view(text: str, instruction: str, part: Part, truths: Sequence[Any]) -> _View:
    reader: Reader
    match part.type.compare:
        case "number":
            reader = Quantities(part.type)
        case "date":
            reader = Dates(instruction)
        case "time":
            reader = Times(part.type, truths, instruction)
        case _:
            reader = Names(part.type, truths, instruction)
    named = frozenset[Hashable]().union(*(m.keys for m in reader.read(instruction)))
    return _View(reader, reader.read(text), named)


def _apart(asked: _Asked, every: Sequence[_Asked | None]) -> _Asked:
    """Without right values inside what answers a part of another type, where others are not.

    In "1979-12-15 and 2003-12-22T13:12" the second date is none of the dates.
    """
    wider = Spans(
        (m.start, m.end)
        for other in every
        if other is not None and other.view is not asked.view
        for m in other.right
    )
    outside = [m for m in asked.view.mentions if not wider.meet(m.start, m.end)]
    right = [m for m in asked.right if not wider.meet(m.start, m.end)]
    return _Asked(asked.part, asked.view, right if outside else asked.right)


def _yes_or_no(text: str, instruction: str, wanted: Sequence[bool]) -> str:
    """Why the answer does not say yes or no as wanted, or ""."""
    for start, _ in conclusions(text):
        there = said(text[start:], instruction)
        if there.explicit >= len(wanted):
            text = text[start:]
            break
    signs, explicit, why = said(text, instruction)
    if why:
        return why
    if len(wanted) == 1 and not explicit:
        signs = signs[:1]
    expected = [sign for i, sign in enumerate(wanted) if not i or sign != wanted[i - 1]]
    if signs == expected:
        return ""
    if len(wanted) == 1 and len(signs) > 1:
        return "the answer contradicts itself: it says both yes and no"
    words = [", then ".join("yes" if s else "no" for s in each) for each in (expected, signs)]
    return f"the truth is {words[0]}; the answer says {words[1]}"


def _reason(text: str, instruction: str, asked: _Asked, every: Sequence[_Asked | None]) -> str:
    """Why the answer does not say one part of the truth, or ""."""
    part, view = asked.part, asked.view
    others = [each for each in every if each is not None and each is not asked]
    elsewhere = Spans((m.start, m.end) for other in others for m in other.right)
    places = {(m.start, m.end) for m in asked.right}

    def right(m: Mention) -> bool:
        return (m.start, m.end) in places

    def neutral(m: Mention) -> bool:
        return elsewhere.meet(m.start, m.end)

    if not asked.right:
        if isinstance(view.reader, Names) and view.reader.named(view.mentions, part.value):
            return f"the code {part.said} is asked for, and only the name is given"
        return missing(text, view.mentions, part.said)
    mentions = _concluded(text, asked, every)
    if not any(map(right, mentions)):
        return f"{missing(text, mentions, part.said)} where it concludes"
    if isinstance(view.reader, Names):
        several = len({m.keys for m in mentions if m.competes}) > 1
        choice = str(part.value) in view.known or asks_to_choose(instruction)
        if several and choice and view.reader.known and len(every) == 1:
            return _choice(text, instruction, asked, mentions, right)
        spare = len(every) - 1
        mentions = Strangers(text, mentions, right, view.reader.bare, spare).without()
        if not any(map(right, mentions)):
            return f"{part.said} stands among other names: the answer does not choose"
    count = 1 + sum(other.part == part for other in others)
    if count > 1 and not _SHARED.isdisjoint(text.lower().split()):
        count = 1
    return uncommitted(
        text,
        mentions,
        right,
        wanted=part.said,
        neutral=neutral,
        known=view.known,
        count=count,
    )


def _choice(
    text: str, instruction: str, asked: _Asked, mentions: Sequence[Mention], right: Test
) -> str:
    """Why the answer does not choose the right one of several."""
    picked = chosen(text, mentions, instruction)
    if not picked:
        return f"{asked.part.said} is one of several in the answer, which chooses none"
    if not any(map(right, picked)):
        return f"{missing(text, picked, asked.part.said)} in its place"
    return ""


def _concluded(text: str, asked: _Asked, every: Sequence[_Asked | None]) -> list[Mention]:
    """The values that count: those in the last conclusion that has any of the type.

    Of several parts a conclusion must hold all, or more of the text counts. Without a conclusion
    a bare value counts with which the answer begins.
    """
    found = asked.view.mentions
    for start, sure in conclusions(text):
        if len(every) > 1:
            if all(_holds(each, every, start) for each in every if each is not None):
                return [m for m in found if m.start >= start]
            continue
        here = [m for m in found if m.start >= start]
        if here or sure:
            return here
    if len(every) == 1 and found and begins_bare(text, found):
        run = next(run for run in side_by_side(text, found) if found[0] in run)
        end = Pieces(text).around(found[0].start)[1]
        return [m for m in found if m.start < end] if len(different(run)) == 1 else found
    return found


def _holds(asked: _Asked, every: Sequence[_Asked | None], start: int) -> bool:
    """Whether a part stands after a place, as often as it is wanted."""
    wanted = sum(each is not None and each.part == asked.part for each in every)
    return sum(m.start >= start for m in asked.right) >= wanted
