"""Numbers with their units in free text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from ...envs.hub.types import SemType
from .commitment import Mention
from .moments import MONTHS, clocks, dates
from .prose import Spans
from .units import SCALES, UNIT, Unit, unit_of, units_named

_ONE_TO_TWELVE: Final = "zero one two three four five six seven eight nine ten eleven twelve"
WORDS: Final = {word: i for i, word in enumerate(_ONE_TO_TWELVE.split())}
LONGEST_NUMBER: Final = 60
ENOUGH_DIGITS: Final = 4

_NUMBER: Final = re.compile(
    r"\d{1,3}(?: \d{3})+(?!\d)(?:[.,]\d+)?|\d{1,3}(?:['_]\d{3})+(?!\d)(?:[.,]\d+)?"
    r"|\d+(?:[.,]\d+)*|(?<![\w.])\.\d+"
    rf"|\b(?:{'|'.join(WORDS)})\b(?![-'])",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(
    r"(?:(?:(?<![\w)\]%])|(?<=UTC)|(?<=GMT))(?P<sign>[-+])|\b(?P<minus>minus|negative) )?"
    r"(?:(?P<money>(?:\bUS|\bA|\bC|\bNZ|\bHK)?\$|[€£¥₹]|\b(?:USD|EUR|GBP|JPY)) ?)?(?P<inner>-)?\Z"
)
_LEADS: Final = re.compile(r"[-+$€£¥₹]|(?:minus|negative|USD|EUR|GBP|JPY) \Z")
_SCALE: Final = re.compile(rf"[ -]?(?:{'|'.join(SCALES)})\b", re.IGNORECASE)
_LETTER: Final = re.compile(r"(?:[kKm]| ?[MB])(?!\w)")
LETTERS: Final = {"k": 3, "m": 6, "b": 9}
_POWER: Final = re.compile(r"[eE]([-+]?\d{1,3})(?!\w)| ?[x×*·] ?10 ?(?:\^|\*\*)[({]?([-+]?\d{1,3})")
_YEARLY: Final = re.compile(
    r"(?:\b(?:in|of|since|from|until|by|during|year|circa|before|after|for|the|late|early|mid"
    rf"|{'|'.join(MONTHS)})\b,? |\()\Z",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"(?:\b(?:step|option|figure|table|no\.?|question|section|version|flight|method|attempt|PEP|RFC"
    r"|ISO)s? |[#^№]|[\w.)]\[)#?\Z",
    re.IGNORECASE,
)
_PRONOUN: Final = re.compile(r"\b(?:the|no|this|that|which|any|each|every|last|other) \Z", re.I)
_LISTED: Final = re.compile(r"^[ *_]*(\d{1,3})[.)][*_]* +\S", re.MULTILINE)
_HEMISPHERE: Final = re.compile(r" ?°? ?(?:([NSEW])|(north|south|east|west))\b", re.IGNORECASE)
_BELOW: Final = re.compile(r" (?:below (?:zero|freezing|sea level)|behind)\b", re.IGNORECASE)
_OFFSET: Final = re.compile(r"(?<![\d:])([-+])(\d{1,2}):([0-5]\d)(?![\d:])")
_JOINED: Final = re.compile(r",? ?(?:and )?")
_OWN_WORK: Final = re.compile(r" (?:API |tool )?(?:calls?|requests?|attempts?)\b", re.IGNORECASE)
_RATE: Final = re.compile(r" ?(?:/|per\b)")
_FEET: Final = re.compile(r"(?:ft|foot|feet) ?(?:and )?\Z", re.IGNORECASE)
_AGAIN: Final = re.compile(r"\(|approx|about|roughly|rounded")
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_EUROPEAN: Final = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")
_MONTH_NAME: Final = re.compile(
    rf"\b(?:{'|'.join(m.title() for m in MONTHS if len(m) > 4)}|May|June|July)\b"
)
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)\b")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it is written.

    Attributes:
        value: the number in the unit of the type, where it is known.
        written: the number in the unit it is written in, scale included.
        place: the value of its last significant digit, in the same unit.
        digits: how many significant digits it has.
        unit: its unit, if it has one of the dimension wanted.
        percent: whether it is written as a percentage.
        weak: only counts where no other number is given ("no countries").
    """

    value: Decimal
    written: Decimal
    place: Decimal
    digits: int
    unit: Unit | None = None
    percent: bool = False
    weak: bool = False


class Quantities:
    """Reads numbers.

    Written forms: ``1,234.5``, ``1 234,5``, ``1'234``, ``1.234.567``, ``1.5e3``, ``1.5 × 10^3``,
    ``1.5 thousand``, ``$5M``, ``twelve``, ``minus 3``. A comma that exactly three digits follow
    parts thousands (``1,234``), any other is a decimal comma (``3,14``), unless there are several
    or it stands in square brackets: then it parts numbers. A single point is a decimal point.

    A number with a unit of the type's dimension is converted; one with a unit of another dimension
    is no value of the type, nor are labels (``step 2``, list numbers) and parts of a date or a
    time (for years and months, those of dates are). Years after "in", "since" and their like, and
    numbers without a unit where others have one, do not count as candidates.
    """

    def __init__(self, type: SemType) -> None:
        self._type = type
        self._unit = unit_of(type)
        self._tolerance = Decimal(repr(float(type.tolerance)))
        last = type.name.rpartition("_")[2]
        self._dimension = self._unit.dimension if self._unit else None
        self._times = self._dimension == "time"
        self._calendar = last if last in ("year", "month") else ""
        self._ordinal = last in ("ordinal", "place")
        self._whole = type.kind == "integer"

    def read(self, text: str) -> list[Mention]:
        """The numbers in a text that can be values of the type."""
        found = list(self._read(text))
        found = self._joined(text, found)
        if self._unit is not None:
            found += self._durations(text)
            found.sort(key=lambda m: m.start)
            if any(m.detail.unit for m in found):
                found = [replace(m, competes=bool(m.detail.unit)) for m in found]
        if self._calendar:
            found += self._parts_of_dates(text)
            found.sort(key=lambda m: m.start)
        if not found and self._whole:
            found = [
                _mention(m.start(), m.end(), Quantity(*_exactly(0), weak=True), competes=False)
                for m in re.finditer(r"\b(?:none\b|no(?= [a-z]))", text, re.IGNORECASE)
            ]
        return _restated(text, found)

    def agrees(self, mention: Mention, truth: Any) -> bool:
        """Whether a number is the truth: within the tolerance, or rounded from it.

        Tolerance 0 means equal. Else a number passes within the relative tolerance, and one of at
        least four significant digits where the truth, in the unit it is written in, rounds to it.
        """
        wanted, quantity = decimal(truth), mention.detail
        if wanted is None:
            return False
        if self._close(quantity, quantity.value, wanted):
            return True
        if quantity.percent and self._unit is None:
            return self._close(quantity, quantity.value / 100, wanted)
        if quantity.digits < ENOUGH_DIGITS or not self._tolerance:
            return False
        there = wanted
        if quantity.unit is not None and self._unit is not None:
            there = quantity.unit.of(self._unit.base(wanted))
        return bool(abs(quantity.written - there) * 2 <= quantity.place)

    def _close(self, quantity: Quantity, value: Decimal, wanted: Decimal) -> bool:
        converted = quantity.unit is not None and quantity.unit != self._unit
        slack = self._tolerance or (Decimal("1e-9") if converted else Decimal(0))
        return abs(value - wanted) <= slack * abs(wanted) * (1 + Decimal("1e-9"))

    def _read(self, text: str) -> Iterator[Mention]:
        masked = Spans(self._masked(text))
        at = 0
        for m in _NUMBER.finditer(text):
            if m.start() < at or masked.meet(m.start(), m.start() + 1):
                continue
            for start, written in _pieces(text, m):
                made = self._quantity(text, start, written)
                if made is not None:
                    at = made.end
                    yield made

    def _masked(self, text: str) -> list[tuple[int, int]]:
        """Where numbers stand that are none: dates, times, the numbers of a list."""
        spans = [(d.start, d.end) for d in dates(text, (2000,)) if d.sure]
        spans += [(c.start, c.end) for c in clocks(text) if text[c.start].isdigit()]
        listed = list(_LISTED.finditer(text))
        if len(listed) > 1 and int(listed[0][1]) == 1:
            spans += [m.span(1) for m in listed]
        return spans

    def _quantity(self, text: str, start: int, written: str) -> Mention | None:
        """The quantity that a number begins; None where it is part of something else."""
        end = start + len(written)
        before = text[max(0, start - 20) : start]
        lead = _LEAD.search(before) if _LEADS.search(before[-9:]) else None
        sign = lead[0] if lead else ""
        before = before[: len(before) - len(sign)]
        minutes = self._times and before[-1:] in ("h", "H") and before[-2:-1].isdigit()
        glued = (before[-1:].isalnum() or before[-1:] in "_^") and before and not sign
        if (glued and not minutes) or _LABEL.search(before):
            return None
        if _OWN_WORK.match(text, end):
            return None
        word = written.lower() if written[0].isalpha() else ""
        if word == "one" and _PRONOUN.search(before):
            return None
        number = Decimal(WORDS[word]) if word else _parse(written)
        if number is None:
            return None
        tail = self._tail(text, end, before)
        named, after = tail.units, text[tail.end : tail.end + 1]
        if lead and lead["money"] and not named:
            named = units_named(lead["money"])
        unit = next((u for u in named if u.dimension == self._dimension), None)
        percent = any(u.dimension == "percent" for u in named)
        if unit is None and self._unit is not None:
            if any(not u.vague for u in named):
                return None
        elif percent and self._whole:
            return None
        if self._unit is not None and named and _RATE.match(text, tail.end):
            return None
        if (after.isalnum() or after == "_") and not tail.units:
            ordinal = self._ordinal and _ORDINAL.match(text, tail.end)
            if not word and not ordinal and not (self._times and after in "hH"):
                return None
        if minutes and unit is None:
            unit = units_named("min")[0]
        value, end = number.scaleb(tail.scale), tail.end
        negative = lead is not None and ("-" in lead[0] or lead["minus"] is not None)
        if self._unit is not None and _BELOW.match(text, end):
            negative = True
        if self._type.name in ("latitude", "longitude") and (m := _HEMISPHERE.match(text, end)):
            negative, end = negative or m[0].strip(" °")[0].lower() in "sw", m.end()
        value = -value if negative else value
        base = value if unit is None or self._unit is None else self._unit.of(unit.base(value))
        digits, place = _precision(number)
        made = Quantity(base, value, place.scaleb(tail.scale), digits, unit, percent)
        yearly = end == start + len(written) and _is_year(written) and not self._calendar
        competes = word != "one" and not (yearly and _YEARLY.search(before))
        return _mention(start - len(sign), end, made, competes)

    def _tail(self, text: str, end: int, before: str) -> _Tail:
        """What follows a number: powers of ten, "million", a unit."""
        scale = 0
        if m := _POWER.match(text, end):
            scale, end = int(m[1] or m[2]), m.end()
        elif m := _SCALE.match(text, end):
            scale, end = SCALES[m[0].strip(" -").lower()], m.end()
        elif (m := _LETTER.match(text, end)) and not self._mine(text, end):
            scale, end = LETTERS[m[0].strip().lower()], m.end()
        m = UNIT.match(text, end)
        if m is None or (m[0].strip(" -").lower() == "in" and not _FEET.search(before)):
            return _Tail(scale, end, ())
        return _Tail(scale, m.end(), units_named(m[0]))

    def _mine(self, text: str, end: int) -> bool:
        """Whether a unit of the type's dimension follows."""
        m = UNIT.match(text, end)
        named = units_named(m[0]) if m else ()
        return any(u.dimension == self._dimension for u in named)

    def _joined(self, text: str, found: list[Mention]) -> list[Mention]:
        """``1 h 30 min`` and ``5 ft 11 in`` are one quantity."""
        out: list[Mention] = []
        for m in found:
            last = out[-1] if out else None
            if last is not None and self._belongs(text, last, m):
                a, b = last.detail, m.detail
                value = a.value + b.value
                written = b.unit.of(self._unit.base(value)) if self._unit else value
                digits = len(str(int(abs(written)))) if b.place >= 1 else ENOUGH_DIGITS
                joined = Quantity(value, written, b.place, digits, b.unit)
                out[-1] = _mention(last.start, m.end, joined)
            else:
                out.append(m)
        return out

    def _belongs(self, text: str, last: Mention, m: Mention) -> bool:
        a, b = last.detail.unit, m.detail.unit
        if a is None or b is None or not a.joins or not b.joins or m.start - last.end > 6:
            return False
        fits = b.factor < a.factor and abs(b.base(m.detail.written)) < a.factor
        return bool(fits) and _JOINED.fullmatch(text, last.end, m.start) is not None

    def _durations(self, text: str) -> Iterator[Mention]:
        """``15:05`` as a duration in hours and minutes."""
        assert self._unit is not None
        if self._unit.dimension != "time":
            return
        minute = units_named("min")[0]
        for clock in clocks(text):
            if text[clock.start].isdigit() and ":" in text[clock.start : clock.end]:
                written = Decimal(clock.seconds) / 60
                value = self._unit.of(Decimal(clock.seconds))
                made = Quantity(value, written, Decimal(1), ENOUGH_DIGITS, minute)
                yield _mention(clock.start, clock.end, made)
        for m in _OFFSET.finditer(text):
            seconds = Decimal(int(m[1] + m[2]) * 3600 + int(m[1] + m[3]) * 60)
            made = Quantity(self._unit.of(seconds), seconds / 60, Decimal(1), ENOUGH_DIGITS, minute)
            yield _mention(m.start(), m.end(), made)

    def _parts_of_dates(self, text: str) -> Iterator[Mention]:
        """Years, or months, of the dates in the text, and names of months."""
        for day in dates(text):
            for part in {getattr(each, self._calendar) for each in day.days}:
                yield _mention(day.start, day.end, Quantity(*_exactly(part)))
        if self._calendar == "month":
            for m in _MONTH_NAME.finditer(text):
                yield _mention(m.start(), m.end(), Quantity(*_exactly(MONTHS[m[0].lower()])))


class _Tail(NamedTuple):
    scale: int
    end: int
    units: tuple[Unit, ...]


def _mention(start: int, end: int, quantity: Quantity, competes: bool = True) -> Mention:
    return Mention(start, end, frozenset({quantity.value}), competes, quantity)


def _exactly(value: int) -> tuple[Decimal, Decimal, Decimal, int]:
    return Decimal(value), Decimal(value), Decimal(1), len(str(abs(value)))


def _restated(text: str, found: list[Mention]) -> list[Mention]:
    """A number in another unit, or in brackets, within a hundredth of the last is the same one."""
    out: list[Mention] = []
    for m in found:
        last = out[-1] if out else None
        if last is not None and 0 <= m.start - last.end <= 20:
            a, b = last.detail, m.detail
            again = a.unit != b.unit or _AGAIN.search(text, last.end, m.start)
            if again and abs(a.value - b.value) * 100 <= abs(a.value):
                m = replace(m, keys=m.keys | last.keys)
        out.append(m)
    return out


def _is_year(written: str) -> bool:
    return len(written) == 4 and written.isdigit() and "1000" <= written <= "2200"


def _precision(number: Decimal) -> tuple[int, Decimal]:
    """Significant digits of a number as written, and the value of the last; see there for zeros."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    count = len(digits)
    if exponent == 0:  # of a whole number, zeros at the end may be rounded ones
        while count > 1 and digits[count - 1] == 0:
            count -= 1
            exponent += 1
    return count, Decimal(1).scaleb(exponent)


def _pieces(text: str, m: re.Match[str]) -> list[tuple[int, str]]:
    """The numbers of a token: a comma may part them."""
    token = m[0]
    if "," not in token or " " in token or "'" in token or "_" in token:
        return [(m.start(), token)]
    listed = text[m.start() - 1 : m.start()] == "[" or text[m.end() : m.end() + 1] == "]"
    if _THOUSANDS.fullmatch(token) or _EUROPEAN.fullmatch(token):
        return [(m.start(), token)]
    if token.count(",") == 1 and "." not in token and not listed:
        return [(m.start(), token)]
    out, at = [], m.start()
    for piece in token.split(","):
        out.append((at, piece))
        at += len(piece) + 1
    return out


def _parse(written: str) -> Decimal | None:
    """The number; None where it is none, as a version."""
    if len(written) > LONGEST_NUMBER:
        return None
    plain = re.sub("[ '_]", "", written)
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    elif "," in plain:
        plain = plain.replace(".", "").replace(",", ".")
    elif plain.count(".") > 1:
        if not re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", plain):
            return None
        plain = plain.replace(".", "")
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def decimal(value: Any) -> Decimal | None:
    """A number, also as text; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        made = Decimal(value.strip() if isinstance(value, str) else repr(value))
    except (InvalidOperation, ValueError):
        return None
    return made if made.is_finite() and abs(made.adjusted()) <= 1000 else None
