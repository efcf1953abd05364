"""Dates and times in free text."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from ...envs.hub.types import SemType
from .commitment import Mention

_NAMES: Final = """
    january february march april may june july august september october november december
"""
MONTHS: Final = {name: i for i, name in enumerate(_NAMES.split(), 1)} | {
    name[:n]: i for i, name in enumerate(_NAMES.split(), 1) for n in (3, 4)
}
_MONTH: Final = f"(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})"
_TH: Final = "(?:st|nd|rd|th)?"
_DATE: Final = re.compile(
    rf"""(?<![\w.])(?:
      (?P<y1>\d{{4}})(?P<s1>[-/.])(?P<m1>\d{{1,2}})(?P=s1)(?P<d1>\d{{1,2}})(?!\d)
    | (?P<a>\d{{1,2}})(?P<s2>[-/.])(?P<b>\d{{1,2}})(?P=s2)(?P<y2>\d{{4}})(?!\d)
    | (?P<d3>\d{{1,2}}){_TH}[ -]?(?:of\ )?(?P<m3>{_MONTH})\b\.?(?:,?[ -]?(?P<y3>\d{{4}})(?!\d))?
    | (?P<m4>{_MONTH})\b\.?[ -](?:the\ )?(?P<d4>\d{{1,2}}){_TH}(?![\w:])(?:,?\ (?:of\ )?
          (?P<y4>\d{{4}})(?!\d))?
    | (?P<y5>\d{{4}}),?\ (?P<m5>{_MONTH})\b\.?\ (?P<d5>\d{{1,2}})(?!\d)
    | (?P<y6>\d{{4}})(?P<m6>\d{{2}})(?P<d6>\d{{2}})(?!\w|[.,]\d)
    | (?P<y7>\d{{4}})年(?P<m7>\d{{1,2}})月(?P<d7>\d{{1,2}})日
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOCK: Final = re.compile(
    r"(?<![\d:.,+/-])(?:(?P<h>\d{1,2})(?::|h(?=\d))(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.\d{1,9})?)?"
    r"(?![\d:])(?: ?(?P<half>[ap])\.?m\b\.?)?|(?P<h2>\d{1,2}) ?(?P<half2>[ap])\.?m\b\.?"
    r"|\b(?P<word>noon|midnight)\b)",
    re.IGNORECASE,
)


class Day(NamedTuple):
    """A date in a text: where it stands and the days that it can mean.

    ``sure`` is false for eight digits, which may be a number.
    """

    start: int
    end: int
    days: frozenset[dt.date]
    sure: bool


class Clock(NamedTuple):
    """A time of the day in a text, in seconds."""

    start: int
    end: int
    seconds: int


def dates(text: str, years: Iterable[int] = ()) -> list[Day]:
    """The dates in a text.

    ``05/03/2019`` and ``05-03-2019`` can mean two days, ``05.03.2019`` is the fifth of March. A
    day and a month alone mean that day in each of the given years; without any they are no date.
    """
    out, hints = [], tuple(years)
    for m in _DATE.finditer(text):
        got = m.groupdict()
        readings: list[tuple[Any, Any, Any]] = []
        for i in "13457":
            day, month, year = (got[f"{part}{i}"] for part in "dmy")
            if day is not None:
                readings += [(y, month, day) for y in ([year] if year else hints)]
        if got["a"] is not None:
            readings.append((got["y2"], got["b"], got["a"]))
            if got["s2"] != ".":
                readings.append((got["y2"], got["a"], got["b"]))
        if got["y6"] is not None:
            readings.append((got["y6"], got["m6"], got["d6"]))
        days = frozenset(day for day in map(_day, readings) if day is not None)
        if days:
            out.append(Day(m.start(), m.end(), days, got["y6"] is None))
    return out


def _day(parts: tuple[Any, Any, Any]) -> dt.date | None:
    year, month, day = parts
    try:
        return dt.date(int(year), MONTHS.get(str(month).lower()) or int(month), int(day))
    except ValueError:
        return None


def clocks(text: str) -> list[Clock]:
    """The times of the day in a text; offsets from UTC are none."""
    out = []
    for m in _CLOCK.finditer(text):
        if m["word"]:
            out.append(Clock(m.start(), m.end(), 43200 if m["word"].lower() == "noon" else 0))
            continue
        hour, minute = int(m["h"] or m["h2"]), int(m["m"] or 0)
        half = (m["half"] or m["half2"] or "").lower()
        if half:
            if not 1 <= hour <= 12:
                continue
            hour = hour % 12 + (12 if half == "p" else 0)
        if hour <= 24 and minute < 60:
            seconds = 3600 * hour + 60 * minute + min(int(m["s"] or 0), 59)
            out.append(Clock(m.start(), m.end(), seconds))
    return out


def as_date(value: Any) -> dt.date | None:
    """An ISO date."""
    try:
        return dt.date.fromisoformat(value) if len(value) == 10 else None
    except (TypeError, ValueError):
        return None


def as_moment(value: Any) -> dt.datetime | int | None:
    """An ISO date and time without its offset; of a time alone, its seconds."""
    if not isinstance(value, str) or not 4 <= len(value) <= 40:
        return None
    try:
        if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", value):
            time = dt.time.fromisoformat(value.zfill(5 if value.count(":") == 1 else 8))
            return 3600 * time.hour + 60 * time.minute + time.second
        if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value):
            return dt.datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError:
        pass
    return None


class Dates:
    """Reads dates; the years of the instruction are those of dates without a year."""

    def __init__(self, instruction: str) -> None:
        self._years = sorted({int(y) for y in re.findall(r"\b[12]\d{3}\b", instruction)})[:20]

    def read(self, text: str) -> list[Mention]:
        """The dates in a text."""
        return [Mention(d.start, d.end, d.days) for d in self.days(text)]

    def days(self, text: str) -> list[Day]:
        """The dates in a text, as dates."""
        return dates(text, self._years)

    def agrees(self, mention: Mention, truth: Any) -> bool:
        """Whether one reading is the truth."""
        return as_date(truth) in mention.keys


_DIRECTLY: Final = re.compile(
    r"[\s\"]*(?:\(?[A-Z]{1,5}\)?|local time)?[\s,]*(?:on|of|\()?\s*(?:[A-Z][a-z]{2,8},? )?(?:the )?"
)


class Times:
    """Reads moments: a time of the day with its date.

    The date is the one that follows directly ("18:53 on 3 May 2019"), else the last one before,
    else the next one after; where the text has none, each that the instruction names. A truth
    without a date is compared with the time alone.
    """

    def __init__(self, type: SemType, truths: Sequence[Any], instruction: str) -> None:
        self._slack = 60 * max(type.tolerance, 0)
        self._dated = any(isinstance(as_moment(truth), dt.datetime) for truth in truths)
        self._dates = Dates(instruction)
        named = dates(instruction)
        self._named: frozenset[dt.date] = frozenset().union(*(d.days for d in named[:20]))

    def read(self, text: str) -> list[Mention]:
        """The moments in a text."""
        found = clocks(text)
        if not self._dated:
            return [Mention(c.start, c.end, frozenset({c.seconds})) for c in found]
        days = self._dates.days(text)
        starts = [day.start for day in days]
        out = []
        for clock in found:
            start, end, of = clock.start, clock.end, self._named
            if days:
                i = bisect_left(starts, clock.start)
                joined = i > 0 and clock.start - days[i - 1].end <= 1
                if not joined and i < len(days) and _directly(text, clock.end, days[i].start):
                    of, end = days[i].days, days[i].end
                elif not i:
                    of = days[0].days
                else:
                    of = days[i - 1].days
                    if clock.start - days[i - 1].end < 12:
                        start = days[i - 1].start
            keys = frozenset(
                dt.datetime.combine(d, dt.time()) + dt.timedelta(seconds=clock.seconds)
                for d in of
                if d.year < 9999
            )
            if keys:
                out.append(Mention(start, end, keys))
        return out

    def agrees(self, mention: Mention, truth: Any) -> bool:
        """Whether one reading is within the tolerance."""
        wanted = as_moment(truth)
        for key in mention.keys:
            if isinstance(key, dt.datetime) and isinstance(wanted, dt.datetime):
                apart = abs((key - wanted).total_seconds())
            elif isinstance(key, int) and isinstance(wanted, int):
                apart = abs(key - wanted)
                apart = min(apart, 86400 - apart)
            else:
                continue
            if apart <= self._slack:
                return True
        return False


def _directly(text: str, end: int, start: int) -> bool:
    return start - end <= 40 and _DIRECTLY.fullmatch(text, end, start) is not None
