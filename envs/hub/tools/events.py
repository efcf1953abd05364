"""Events: time zones, public holidays, calendars, date arithmetic."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem
from .location import fold

Response = Mapping[str, Any]
Ymd = tuple[int, int, int]

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
HIJRI_MONTHS: Final = (
    "Muharram", "Safar", "Rabi' al-Awwal", "Rabi' al-Thani", "Jumada al-Ula", "Jumada al-Akhirah",
    "Rajab", "Sha'ban", "Ramadan", "Shawwal", "Dhu al-Qa'dah", "Dhu al-Hijjah",
)  # fmt: skip
CALENDARS: Final = {
    "coptic": "the Coptic calendar",
    "ethiopian": "the Ethiopian calendar",
    "indian_national": "the Indian national (Saka) calendar",
    "islamic_tabular": "the tabular (arithmetic, civil) Islamic calendar",
    "julian": "the Julian calendar",
    "minguo": "the Minguo (Republic of China) calendar",
    "persian": "the Persian (Solar Hijri) calendar",
    "thai_solar": "the Thai solar calendar",
}
NTH: Final = ("first", "second", "third", "fourth", "last")
LONGEST_SPAN: Final = 3660
FIRST_HOLIDAYS: Final = 1950
LAST_HOLIDAYS: Final = 2050

sem("hijri_date", about="date of the Umm al-Qura calendar as YYYY-MM-DD, as 1446-09-01", high=10)
sem("hijri_year", kind="integer", about="year of the Umm al-Qura calendar, as 1446", low=1343,
    high=1500, compare="number", tolerance=0)  # fmt: skip
sem("calendar", about="a calendar", choices=tuple(CALENDARS), entity=True)
sem("cron", about="cron expression of five fields, as 30 9 * * 1", high=60)
sem("holiday_name", about="English name of a holiday, as Labor Day", high=100, compare="name")
sem("julian_day_number", kind="integer", about="Julian Day Number, as 2451545", low=1_721_426,
    high=5_373_484, compare="number", tolerance=0)  # fmt: skip
sem("month_name", about="English name of a month", choices=MONTHS, compare="name")
sem("weekday_name", about="day of the week", choices=WEEKDAYS, compare="name")
sem("nth", about="which one of a month", choices=NTH)
measure("ordinal", "place in a sequence", 0, 1e7, kind="integer", tolerance=0)
measure("working_days", "working days", 1, 500, kind="integer", tolerance=0)
measure("month_count", "months", 1, 1200, kind="integer", tolerance=0)
lists("timezone")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")


def day(text: str) -> dt.date:
    """A date of the type ``date``.

    Raises:
        HubError: it is none; 400.
    """
    if _DATE.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    raise HubError(f"{text} is not a date as YYYY-MM-DD", 400)


def moment(text: str) -> dt.datetime:
    """A date and time of the type ``datetime``, without a zone.

    Raises:
        HubError: it is none; 400.
    """
    if _MOMENT.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            pass
    raise HubError(f"{text} is not a date and time as YYYY-MM-DDTHH:MM", 400)


def say_day(date: str) -> str:
    """A date as people write it: 3 May 2019."""
    when = day(date)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def later(date: dt.date, days: int) -> dt.date:
    """The date so many days later.

    Raises:
        HubError: it is before the year 1 or after 9999; 400.
    """
    try:
        return date + dt.timedelta(days=days)
    except OverflowError:
        raise HubError("the result is outside the years 1 to 9999", 400) from None


# ---------------------------------------------------------------- TimeZones
zones = Tool(
    "TimeZones",
    "Events",
    "The IANA time zones: offsets, clock changes, conversions.",
    ("tzdata",),
)


@lru_cache(maxsize=1)
def _zone_names() -> dict[str, str]:
    from importlib.resources import files

    names = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return {name.casefold(): name for name in names}


@lru_cache(maxsize=640)
def zone(name: str) -> dt.tzinfo:
    """A time zone as the package ``tzdata`` has it, whatever the machine has.

    Raises:
        HubError: there is none of that name; 404.
    """
    from importlib.resources import files
    from zoneinfo import ZoneInfo

    key = found(_zone_names().get(name.casefold()), f"time zone {name}")
    with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=key)


def offset_hours(when: dt.datetime) -> float:
    """The UTC offset of an aware date and time."""
    offset = when.utcoffset()
    return 0.0 if offset is None else round(offset.total_seconds() / 3600, 4)


def at(naive: dt.datetime, timezone: str) -> dt.datetime:
    """A local time of a zone; of two that are equal when clocks go back, the first.

    Raises:
        HubError: clocks skip that time, or it is at the end of time; 400.
    """
    if not 1 < naive.year < 9999:
        raise HubError("the date is too early or too late", 400)
    local = naive.replace(tzinfo=zone(timezone))
    same = local.astimezone(dt.UTC).astimezone(local.tzinfo)
    if same.replace(tzinfo=None) != naive:
        raise HubError(f"in {timezone} the clocks skip {minutes(naive)}", 400)
    return local


def minutes(when: dt.datetime) -> str:
    """A date and time as the type ``datetime`` has it."""
    return when.replace(tzinfo=None).isoformat(timespec="minutes")


@zones.api(
    "The time zone at a place on Earth, given by its coordinates.",
    {"latitude": takes("latitude", 35.68), "longitude": takes("longitude", 139.69)},
    {
        "timezone": gives(
            "timezone",
            "the IANA time zone at latitude {latitude} and longitude {longitude}",
            "the IANA time zone used at latitude {latitude} and longitude {longitude}",
        )
    },
    libs=("tzfpy",),
)
def timezone_at(latitude: float, longitude: float) -> Response:
    import tzfpy

    place = f"time zone at {latitude}, {longitude}"
    return {"timezone": found(tzfpy.get_tz(longitude, latitude), place)}


@zones.api(
    "The UTC offset of a time zone at noon of a date, summer time included.",
    {"timezone": takes("timezone", "Australia/Adelaide"), "date": takes("date", "2024-07-01")},
    {
        "utc_offset_hours": gives(
            "hours",
            "the UTC offset in hours of {timezone} at noon on {date}",
            "the number of hours by which {timezone} is ahead of UTC at noon on {date} "
            "(negative if behind)",
        ),
    },
)
def utc_offset(timezone: str, date: str) -> Response:
    noon = at(dt.datetime.combine(day(date), dt.time(12)), timezone)
    return {"utc_offset_hours": offset_hours(noon), "abbreviation": noon.tzname()}


@zones.api(
    "What the clocks show in one time zone when they show a given date and time in another.",
    {
        "datetime": takes("datetime", "2024-11-05T18:30"),
        "from_timezone": takes("timezone", "America/New_York"),
        "to_timezone": takes("timezone", "Asia/Kolkata"),
    },
    {
        "datetime": gives(
            "datetime",
            "the local date and time in {to_timezone} when, in {from_timezone}, it is {datetime}",
            "the date and time on clocks in {to_timezone} when those in {from_timezone} show "
            "{datetime}",
            ask="When, in {from_timezone}, it is {datetime}, what are the local date and time in "
            "{to_timezone}?",
        ),
    },
)
def convert_time(datetime: str, from_timezone: str, to_timezone: str) -> Response:
    there = at(moment(datetime), from_timezone).astimezone(zone(to_timezone))
    return {"datetime": minutes(there), "utc_offset_hours": offset_hours(there)}


@zones.api(
    "By how many hours one time zone is ahead of another, at noon UTC of a date.",
    {
        "timezone": takes("timezone", "Asia/Tokyo"),
        "other_timezone": takes("timezone", "Europe/London"),
        "date": takes("date", "2024-07-01"),
    },
    {
        "hours": gives(
            "hours",
            "the number of hours by which clocks in {timezone} are ahead of clocks in "
            "{other_timezone} at noon UTC on {date} (negative if behind)",
            "the time difference in hours of {timezone} to {other_timezone} at noon UTC on {date} "
            "(positive if the former is ahead)",
        )
    },
)
def time_difference(timezone: str, other_timezone: str, date: str) -> Response:
    noon = dt.datetime.combine(day(date), dt.time(12), dt.UTC)
    here, there = noon.astimezone(zone(timezone)), noon.astimezone(zone(other_timezone))
    return {"hours": round(offset_hours(here) - offset_hours(there), 4)}


@zones.api(
    "The dates in a year on which the clocks of a time zone change.",
    {"timezone": takes("timezone", "Europe/Paris"), "year": takes("year", 2024)},
    {
        "count": gives(
            "count",
            "the number of clock changes in {timezone} in {year}",
            ask="How many times do the clocks change in {timezone} in {year}?",
        ),
        "first_change": gives("date", "the date of the first clock change of {year} in {timezone}"),
        "last_change": gives("date", "the date of the last clock change of {year} in {timezone}"),
        "changes": gives("date[]", "the dates in {year} on which the clocks change in {timezone}"),
    },
)
def clock_changes(timezone: str, year: int) -> Response:
    changes = [f"{_change(zone(timezone), noon):%F}" for noon in _changed(timezone, year)]
    return {
        "count": len(changes),
        "first_change": changes[0] if changes else None,
        "last_change": changes[-1] if changes else None,
        "changes": changes[:20],
    }


@lru_cache(maxsize=4096)
def _changed(timezone: str, year: int) -> tuple[dt.datetime, ...]:
    """The noons (UTC) before which, by at most a day, the clocks changed."""
    start = dt.datetime(year, 1, 1, 12, tzinfo=dt.UTC)
    noons = [start + dt.timedelta(days=i) for i in range(366 + _leap(year))]
    offsets = [noon.astimezone(zone(timezone)).utcoffset() for noon in noons]
    near = [noon for i, noon in enumerate(noons) if i and offsets[i] != offsets[i - 1]]
    return tuple(noon for noon in near if _change(zone(timezone), noon).year == year)


def _change(here: dt.tzinfo, noon: dt.datetime) -> dt.date:
    """The local date on which the clocks change in the day before a noon (UTC)."""
    before, after = noon - dt.timedelta(days=1), noon
    old = before.astimezone(here).utcoffset()
    while after - before > dt.timedelta(seconds=1):
        half = before + (after - before) / 2
        if half.astimezone(here).utcoffset() == old:
            before = half
        else:
            after = half
    last = before.replace(microsecond=0).astimezone(here)
    return (last.replace(tzinfo=None) + dt.timedelta(seconds=1)).date()


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@lru_cache(maxsize=1)
def _zone_countries() -> tuple[dict[str, str], dict[str, list[str]]]:
    """The country of each zone, and the zones of each country, from IANA's ``zone.tab``."""
    from importlib.resources import files

    text = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    country: dict[str, str] = {}
    of_country: dict[str, list[str]] = {}
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    for code, _, name, *_ in sorted(rows, key=lambda row: row[2]):
        country[name] = code
        of_country.setdefault(code, []).append(name)
    return country, of_country


@zones.api(
    "The time zones of a country.",
    {"country_code": takes("country_code", "JP")},
    {
        "count": gives(
            "count",
            "the number of IANA time zones that are listed for {country_code}",
            ask="How many IANA time zones are there for {country_code}?",
        ),
        "timezones": gives("timezone[]", "the IANA time zones of {country_code}"),
        "only_timezone": gives("timezone", "the only IANA time zone of {country_code}"),
    },
)
def zones_of_country(country_code: str) -> Response:
    names = _zone_countries()[1].get(country_code.upper())
    names = found(names, f"time zones of country {country_code}")
    return {
        "count": len(names),
        "timezones": names[:50],
        "only_timezone": names[0] if len(names) == 1 else None,
    }


@zones.api(
    "The country that a time zone belongs to.",
    {"timezone": takes("timezone", "Asia/Colombo")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country to which {timezone} belongs",
            entity="the country to which {timezone} belongs",
            ask="To which country does {timezone} belong?",
        )
    },
)
def country_of_zone(timezone: str) -> Response:
    name = _zone_names().get(timezone.casefold(), timezone)
    return {"country_code": found(_zone_countries()[0].get(name), f"country of {timezone}")}


# ---------------------------------------------------------------- WorldClock
clock = Tool(
    "WorldClock",
    "Events",
    "The time around the world, by the time zone tables of another provider.",
    ("dateutil",),
)


@lru_cache(maxsize=640)
def _other_zone(name: str) -> dt.tzinfo:
    from dateutil.zoneinfo import get_zonefile_instance

    known: dt.tzinfo = found(get_zonefile_instance().get(name), f"time zone {name}")
    return known


@clock.api(
    "How many hours a time zone is ahead of UTC at noon of a date.",
    {"zone_name": takes("timezone", "America/Bogota"), "date": takes("date", "2024-07-01")},
    {
        "offset": gives(
            "hours",
            "the UTC offset in hours of {zone_name} at noon on {date}",
            "the number of hours by which {zone_name} is ahead of UTC at noon on {date} "
            "(negative if behind)",
        )
    },
)
def offset(zone_name: str, date: str) -> Response:
    noon = dt.datetime.combine(day(date), dt.time(12), _other_zone(zone_name))
    return {"offset": offset_hours(noon), "abbreviation": noon.tzname()}


@clock.api(
    "The local time of another time zone, and its weekday, for a local time of one.",
    {
        "local_time": takes("datetime", "2024-11-05T18:30"),
        "home_zone": takes("timezone", "Europe/Rome"),
        "away_zone": takes("timezone", "Asia/Seoul"),
    },
    {
        "away_time": gives(
            "datetime",
            "the local date and time in {away_zone} when, in {home_zone}, it is {local_time}",
        ),
        "away_weekday": gives(
            "weekday",
            "the day of the week in {away_zone} when, in {home_zone}, it is {local_time}",
            ask="Which day of the week is it in {away_zone} when, in {home_zone}, it is "
            "{local_time}?",
        ),
    },
)
def world_time(local_time: str, home_zone: str, away_zone: str) -> Response:
    here = moment(local_time).replace(tzinfo=_other_zone(home_zone))
    if not 1 < here.year < 9999:
        raise HubError("the date is too early or too late", 400)
    there = here.astimezone(_other_zone(away_zone))
    return {"away_time": minutes(there), "away_weekday": WEEKDAYS[there.weekday()]}


# ---------------------------------------------------------------- HolidayCalendar
calendar = Tool(
    "HolidayCalendar",
    "Events",
    "Nationwide public holidays and working days of some 250 countries, 1950 to 2050.",
    ("holidays",),
)

_NOTES = re.compile(
    r" \((?:observed|estimated|observed, estimated|in lieu|substituted from [0-9/]+)\)"
)
_ESTIMATED = re.compile(r" \(estimated\)")
_KNOWN_YEARS: Final = {"IN": (2001, 2035)}


@lru_cache(maxsize=1)
def _holiday_countries() -> frozenset[str]:
    from holidays.registry import EntityLoader

    return frozenset(EntityLoader.get_country_codes(include_aliases=False))


def _calendar_of(country_code: str, year: int) -> Any:
    """The holidays of a country and year, as the library has them."""
    from holidays import country_holidays

    code = country_code.upper()
    if code not in _holiday_countries():
        raise HubError(f"public holidays of country {country_code} not found")
    first, last = _KNOWN_YEARS.get(code, (FIRST_HOLIDAYS, LAST_HOLIDAYS))
    if not first <= year <= last:
        raise HubError(f"public holidays of {code} are known for {first} to {last}, not {year}")
    return country_holidays(code, years=year, expand=False, language="en_US")


@lru_cache(maxsize=4096)
def _holidays(country_code: str, year: int) -> dict[dt.date, str]:
    """The names of a country's holidays, by date; several on one date are parted by "; "."""
    return dict(sorted(_calendar_of(country_code, year).items()))


@lru_cache(maxsize=1024)
def _working(country_code: str, year: int) -> tuple[list[bool], list[int]]:
    """For each day of the year whether it is a working day, and how many went before it."""
    known = _calendar_of(country_code, year)
    start = dt.date(year, 1, 1)
    days = [start + dt.timedelta(days=i) for i in range(365 + _leap(year))]
    works = [bool(known.is_working_day(each)) for each in days]
    return works, [0, *accumulate(map(int, works))]


def _works(country_code: str, date: dt.date) -> bool:
    return _working(country_code, date.year)[0][date.timetuple().tm_yday - 1]


def _worked(country_code: str, date: dt.date) -> int:
    """The number of working days in the year up to and including the date."""
    return _working(country_code, date.year)[1][date.timetuple().tm_yday]


@calendar.api(
    "The nationwide public holidays of a country in a year, substitute days included.",
    {"country_code": takes("country_code", "JP"), "year": takes("year", 2025)},
    {
        "count": gives(
            "count",
            "the number of days in {year} that are nationwide public holidays in {country_code}, "
            "substitute days included",
            ask="How many days of {year} are nationwide public holidays in {country_code}, "
            "substitute days included?",
        ),
        "last": gives(
            "date",
            "the date of the last nationwide public holiday of {year} in {country_code}",
        ),
        "dates": gives(
            "date[]", "the dates of the nationwide public holidays of {year} in {country_code}"
        ),
    },
)
def list_holidays(country_code: str, year: int) -> Response:
    known = _holidays(country_code, year)
    dates = list(found(list(known), f"public holidays of {country_code} in {year}"))
    return {
        "count": len(dates),
        "first": dates[0],
        "last": dates[-1],
        "dates": dates[:50],
        "names": [known[date] for date in dates[:50]],
    }


@calendar.api(
    "The nationwide public holidays of a country in a month, substitute days included.",
    {
        "country_code": takes("country_code", "PL"),
        "month": takes("month_name", "May"),
        "year": takes("year", 2025),
    },
    {
        "count": gives(
            "count",
            "the number of days in {month} of {year} that are nationwide public holidays in "
            "{country_code}, substitute days included",
            ask="How many days in {month} of {year} are nationwide public holidays in "
            "{country_code}, substitute days included?",
        ),
        "dates": gives(
            "date[]",
            "the dates of the nationwide public holidays in {month} of {year} in {country_code}",
        ),
    },
)
def holidays_in_month(country_code: str, month: str, year: int) -> Response:
    number = MONTHS.index(month) + 1
    names = {d: name for d, name in _holidays(country_code, year).items() if d.month == number}
    return {"count": len(names), "dates": list(names), "names": list(names.values())}


@calendar.api(
    "Whether a date is a nationwide public holiday, and whether it is a working day, in a country.",
    {"country_code": takes("country_code", "FR"), "date": takes("date", "2025-07-14")},
    {
        "is_holiday": gives(
            "bool",
            "whether {date} is a nationwide public holiday in {country_code}",
            ask="Is {date} a nationwide public holiday in {country_code}?",
        ),
        "is_working_day": gives(
            "bool",
            "whether {date} is a working day in {country_code}, neither weekend nor nationwide "
            "public holiday",
            ask="Is {date} a working day in {country_code}, neither weekend nor nationwide "
            "public holiday?",
        ),
    },
)
def holiday_on(country_code: str, date: str) -> Response:
    when = day(date)
    name = _holidays(country_code, when.year).get(when)
    return {
        "is_holiday": name is not None,
        "name": name,
        "is_working_day": _works(country_code, when),
    }


@calendar.api(
    "The first nationwide public holiday of a country after a date.",
    {"country_code": takes("country_code", "DE"), "date": takes("date", "2025-06-10")},
    {
        "date": gives(
            "date",
            "the date of the first public holiday in {country_code} after {date}",
            "the next date after {date} that is a nationwide public holiday in {country_code}",
        ),
        "name": gives(
            "holiday_name",
            "the name of the first public holiday in {country_code} after {date}",
            entity="the same as the first public holiday in {country_code} after {date}",
        ),
        "days_until": gives(
            "days",
            "the number of days from {date} to the next public holiday in {country_code}",
            ask="How many days are there from {date} to the next public holiday in {country_code}?",
        ),
    },
)
def next_holiday(country_code: str, date: str) -> Response:
    when = day(date)
    for year in (when.year, when.year + 1):
        for each, name in _holidays(country_code, year).items():
            if each > when:
                return {
                    "date": each,
                    "name": _NOTES.sub("", name),
                    "days_until": (each - when).days,
                }
    raise HubError(f"no public holiday of {country_code} found within a year after {date}")


@calendar.api(
    "The number of working days of a country from one date to another, both included; at most "
    "ten years.",
    {
        "country_code": takes("country_code", "GB"),
        "start": takes("date", "2025-04-01"),
        "end": takes("date", "2025-04-30"),
    },
    {
        "working_days": gives(
            "days",
            "the number of working days in {country_code} from {start} to {end}, both included",
            "the number of days from {start} to {end}, both included, that are neither weekend "
            "nor nationwide public holiday in {country_code}",
            ask="How many working days are there in {country_code} from {start} to {end}, both "
            "included?",
        )
    },
)
def working_days(country_code: str, start: str, end: str) -> Response:
    first, last = day(start), day(end)
    if not 0 <= (last - first).days <= LONGEST_SPAN:
        raise HubError(f"end must be 0 to {LONGEST_SPAN} days after start", 400)
    years = range(first.year, last.year)
    whole = sum(_working(country_code, year)[1][-1] for year in years)
    before = _worked(country_code, first) - _works(country_code, first)
    return {"working_days": whole + _worked(country_code, last) - before}


@calendar.api(
    "The date that lies a number of working days after a date in a country.",
    {
        "country_code": takes("country_code", "CA"),
        "date": takes("date", "2025-06-27"),
        "working_days": takes("working_days", 10),
    },
    {
        "date": gives(
            "date",
            "the date {working_days} working days after {date} in {country_code}",
            "the date that comes {working_days} working days after {date} in {country_code}",
        )
    },
)
def add_working_days(country_code: str, date: str, working_days: int) -> Response:
    when = day(date)
    for _ in range(working_days):
        when = later(when, 1)
        while not _works(country_code, when):
            when = later(when, 1)
    return {"date": when}


@calendar.api(
    "The date of a public holiday of a country in a year, by its English name or a part of it.",
    {
        "country_code": takes("country_code", "US"),
        "year": takes("year", 2026),
        "name": takes("holiday_name", "Thanksgiving Day"),
    },
    {
        "date": gives(
            "date",
            "the first date in {year} on which {country_code} has the public holiday called {name}",
            ask="On which date of {year}, the first if there are several, does {country_code} have "
            "the public holiday called {name}?",
        )
    },
)
def find_holiday(country_code: str, year: int, name: str) -> Response:
    wanted = fold(name)
    ranked = []
    for date, text in _holidays(country_code, year).items():
        for each in text.split("; "):
            if wanted in fold(each):
                exact = fold(_ESTIMATED.sub("", each)) == wanted
                ranked.append((not exact, bool(_NOTES.search(_ESTIMATED.sub("", each))), date))
    best = min(found(ranked, f"holiday {name} of {country_code} in {year}"))[2]
    return {"date": best, "name": _holidays(country_code, year)[best]}


@calendar.api(
    "The days of a year that are nationwide public holidays in both of two countries.",
    {
        "country_code": takes("country_code", "AT"),
        "other_country_code": takes("country_code", "IT"),
        "year": takes("year", 2025),
    },
    {
        "count": gives(
            "count",
            "the number of days in {year} that are nationwide public holidays both in "
            "{country_code} and in {other_country_code}",
            ask="How many days of {year} are nationwide public holidays both in {country_code} "
            "and in {other_country_code}?",
        ),
        "dates": gives(
            "date[]",
            "the dates in {year} that are nationwide public holidays both in {country_code} and "
            "in {other_country_code}",
        ),
    },
)
def shared_holidays(country_code: str, other_country_code: str, year: int) -> Response:
    others = _holidays(other_country_code, year)
    dates = [date for date in _holidays(country_code, year) if date in others]
    return {"count": len(dates), "dates": dates[:50]}


# ---------------------------------------------------------------- CalendarConverter
converter = Tool(
    "CalendarConverter",
    "Events",
    "Dates of the Islamic, Hebrew, Persian and other calendars.",
)


def _hijri_text(text: str) -> Ymd:
    if not _DATE.fullmatch(text):
        raise HubError(f"{text} is not a Hijri date as YYYY-MM-DD", 400)
    year, month, number = map(int, text.split("-"))
    return year, month, number


@converter.api(
    "The date of the Umm al-Qura (Saudi) Islamic calendar for a Gregorian date; 1924 to 2077.",
    {"date": takes("date", "2025-03-01")},
    {
        "hijri": gives(
            "hijri_date",
            "the Hijri date (Umm al-Qura calendar) of {date}",
            "the date of {date} in the Umm al-Qura Islamic calendar",
        ),
        "month_name": gives(
            "text",
            "the Islamic month (Umm al-Qura calendar) in which {date} falls",
            ask="In which Islamic month (Umm al-Qura calendar) does {date} fall?",
        ),
        "hijri_year": gives(
            "hijri_year", "the Hijri year (Umm al-Qura calendar) in which {date} falls"
        ),
        "weekday": gives(
            "weekday",
            "the day of the week on which {date} falls",
            ask="On which day of the week does {date} fall?",
        ),
    },
    libs=("hijridate",),
)
def to_hijri(date: str) -> Response:
    from hijridate import Gregorian

    when = day(date)
    try:
        hijri = Gregorian(when.year, when.month, when.day).to_hijri()
    except OverflowError:
        raise HubError("the date must be from 1924-08-01 to 2077-11-16", 400) from None
    return {
        "hijri": hijri.isoformat(),
        "month_name": HIJRI_MONTHS[hijri.month - 1],
        "hijri_year": hijri.year,
        "weekday": hijri.day_name(),
    }


@lru_cache(maxsize=4096)
def _from_hijri(year: int, month: int, number: int) -> dt.date:
    from hijridate import Hijri

    try:
        return day(Hijri(year, month, number).to_gregorian().isoformat())
    except (OverflowError, ValueError) as error:
        raise HubError(f"{year}-{month:02}-{number:02}: {error}", 400) from None


@converter.api(
    "The Gregorian date of a date of the Umm al-Qura (Saudi) Islamic calendar; 1343 to 1500 AH.",
    {"hijri": takes("hijri_date", "1446-09-01")},
    {
        "date": gives(
            "date",
            "the Gregorian date of {hijri} in the Umm al-Qura calendar",
            "the day of the Gregorian calendar on which {hijri} (Umm al-Qura calendar) falls",
        )
    },
    libs=("hijridate",),
)
def from_hijri(hijri: str) -> Response:
    return {"date": _from_hijri(*_hijri_text(hijri))}


@converter.api(
    "The Gregorian dates of the feasts of an Islamic year, by the Umm al-Qura calendar.",
    {"hijri_year": takes("hijri_year", 1446)},
    {
        "new_year": gives("date", "the Gregorian date of the first day of {hijri_year}"),
        "ramadan": gives(
            "date",
            "the Gregorian date of the first day of Ramadan in {hijri_year}",
        ),
        "eid_al_fitr": gives(
            "date",
            "the Gregorian date of Eid al-Fitr (1 Shawwal) in {hijri_year}",
        ),
        "eid_al_adha": gives(
            "date",
            "the Gregorian date of Eid al-Adha (10 Dhu al-Hijjah) in {hijri_year}",
        ),
    },
    libs=("hijridate",),
)
def islamic_feasts(hijri_year: int) -> Response:
    return {
        "new_year": _from_hijri(hijri_year, 1, 1),
        "ramadan": _from_hijri(hijri_year, 9, 1),
        "eid_al_fitr": _from_hijri(hijri_year, 10, 1),
        "eid_al_adha": _from_hijri(hijri_year, 12, 10),
    }


@converter.api(
    "The Hebrew date of a Gregorian date (its daytime), with the holiday that falls on it.",
    {"date": takes("date", "2025-04-13")},
    {
        "hebrew": gives(
            "text",
            "the Hebrew calendar date of {date}, as in 15 Nissan 5785",
        ),
        "hebrew_year": gives(
            "ordinal",
            "the year of the Hebrew calendar in which {date} falls",
            ask="In which year of the Hebrew calendar does {date} fall?",
        ),
        "month_name": gives(
            "text",
            "the month of the Hebrew calendar in which {date} falls",
            ask="In which month of the Hebrew calendar does {date} fall?",
        ),
    },
    libs=("pyluach",),
)
def to_hebrew(date: str) -> Response:
    from pyluach.dates import GregorianDate

    when = day(date)
    hebrew = GregorianDate(when.year, when.month, when.day).to_heb()
    return {
        "hebrew": f"{hebrew.day} {hebrew.month_name()} {hebrew.year}",
        "hebrew_year": hebrew.year,
        "month_name": hebrew.month_name(),
        "holiday": hebrew.holiday(),
    }


@converter.api(
    "The Gregorian dates on which Jewish feasts begin (their first full day) in a year from 1600.",
    {"year": takes("year", 2025)},
    {
        "passover": gives("date", "the date of the first day of Passover in {year}"),
        "rosh_hashanah": gives("date", "the date of the first day of Rosh Hashanah in {year}"),
        "yom_kippur": gives("date", "the date of Yom Kippur in {year}"),
        "hanukkah": gives("date", "the date of the first day of Hanukkah (25 Kislev) in {year}"),
    },
    libs=("pyluach",),
)
def jewish_feasts(year: int) -> Response:
    from pyluach.dates import HebrewDate

    if year < 1600:
        raise HubError("the year must be from 1600", 400)
    spring, autumn = year + 3760, year + 3761
    return {
        "passover": HebrewDate(spring, 1, 15).to_pydate(),
        "rosh_hashanah": HebrewDate(autumn, 7, 1).to_pydate(),
        "yom_kippur": HebrewDate(autumn, 7, 10).to_pydate(),
        "hanukkah": HebrewDate(autumn, 9, 25).to_pydate(),
    }


@converter.api(
    "The dates of the movable feasts of the Western churches in a year from 1583.",
    {"year": takes("year", 2025)},
    {
        "ash_wednesday": gives("date", "the date of Ash Wednesday (Western churches) in {year}"),
        "easter": gives("date", "the date of Western Easter Sunday in {year}"),
        "ascension": gives("date", "the date of Ascension Day (Western churches) in {year}"),
        "pentecost": gives("date", "the date of Pentecost Sunday (Western churches) in {year}"),
    },
    libs=("convertdate",),
)
def christian_feasts(year: int) -> Response:
    from convertdate.holidays import easter

    if year < 1583:
        raise HubError("the year must be from 1583", 400)
    sunday = dt.date(*map(int, easter(year)))
    return {
        "ash_wednesday": sunday - dt.timedelta(days=46),
        "easter": sunday,
        "ascension": sunday + dt.timedelta(days=39),
        "pentecost": sunday + dt.timedelta(days=49),
    }


def nowruz(year: int) -> dt.date:
    """The Persian new year of a Gregorian year from 1901 to 2100."""
    early = (
        (year % 4 == 0 and year >= 1996 and year != 2100)
        or (year % 4 == 1 and year >= 2029)
        or (year % 4 == 2 and year >= 2062)
        or (year % 4 == 3 and year >= 2095)
    )
    late = (year % 4 == 2 and year <= 1926) or (year % 4 == 3 and year <= 1959)
    return dt.date(year, 3, 20 if early else 22 if late else 21)


def _to_persian(year: int, month: int, number: int) -> Ymd:
    when = dt.date(year, month, number)
    if not nowruz(1901) <= when < dt.date(2101, 1, 1):
        raise HubError("dates of the Persian calendar are known for March 1901 to 2100", 400)
    start = nowruz(year) if when >= nowruz(year) else nowruz(year - 1)
    past = (when - start).days
    first_half = past < 186
    of_month, rest = divmod(past, 31) if first_half else divmod(past - 186, 30)
    return start.year - 621, of_month + (1 if first_half else 7), rest + 1


def _from_persian(year: int, month: int, number: int) -> Ymd:
    if not 1901 <= year + 621 <= 2100:
        raise HubError("dates of the Persian calendar are known for March 1901 to 2100", 400)
    past = 31 * (month - 1) if month <= 7 else 30 * (month - 7) + 186
    when = nowruz(year + 621) + dt.timedelta(days=past + number - 1)
    return when.year, when.month, when.day


def _shifted(years: int, convert: Callable[[int, int, int], Ymd]) -> Callable[..., Ymd]:
    """A conversion to a calendar that counts its years from another epoch."""

    def there(year: int, month: int, number: int) -> Ymd:
        y, m, d = convert(year, month, number)
        return y + years, m, d

    return there


def _unshifted(years: int, convert: Callable[[int, int, int], Ymd]) -> Callable[..., Ymd]:
    """The way back."""
    return lambda year, month, number: convert(year - years, month, number)


def _same(year: int, month: int, number: int) -> Ymd:
    return year, month, number


@lru_cache(maxsize=1)
def _conversions() -> dict[str, tuple[Callable[..., Ymd], Callable[..., Ymd]]]:
    """Of each calendar, the ways from and to the Gregorian one."""
    from convertdate import coptic, indian_civil, islamic, julian

    return {
        "coptic": (coptic.from_gregorian, coptic.to_gregorian),
        "ethiopian": (
            _shifted(276, coptic.from_gregorian),
            _unshifted(276, coptic.to_gregorian),
        ),
        "indian_national": (indian_civil.from_gregorian, indian_civil.to_gregorian),
        "islamic_tabular": (islamic.from_gregorian, islamic.to_gregorian),
        "julian": (julian.from_gregorian, julian.to_gregorian),
        "minguo": (_shifted(-1911, _same), _unshifted(-1911, _same)),
        "persian": (_to_persian, _from_persian),
        "thai_solar": (_shifted(543, _same), _unshifted(543, _same)),
    }


@converter.api(
    "The date of another calendar for a Gregorian date from 1901 to 2100; year, month and day as "
    "numbers. The Islamic calendar here is the arithmetic one, not that of Saudi Arabia.",
    {"date": takes("date", "2025-01-01"), "calendar": takes("calendar", "persian")},
    {
        "result": gives(
            "text",
            "the date of {date} in {calendar}, as year-month-day in numbers",
            "the year, month and day in numbers that {date} has in {calendar}",
        ),
        "year": gives(
            "ordinal",
            "the year of {calendar} in which {date} falls",
            ask="In which year of {calendar} does {date} fall?",
        ),
    },
    libs=("convertdate",),
)
def to_calendar(date: str, calendar: str) -> Response:
    when = day(date)
    if not 1901 <= when.year <= 2100:
        raise HubError("the date must be from 1901 to 2100", 400)
    there, _ = _conversions()[calendar]
    year, month, number = map(int, there(when.year, when.month, when.day))
    return {"result": f"{year}-{month:02}-{number:02}", "year": year}


@converter.api(
    "The first date in a Gregorian year from 1902 to 2100 on which a new year of another calendar "
    "begins.",
    {"calendar": takes("calendar", "coptic"), "year": takes("year", 2025)},
    {
        "date": gives(
            "date",
            "the first date in {year} on which a new year of {calendar} begins",
            "the date of the New Year's Day of {calendar} that comes first in {year}",
        )
    },
    libs=("convertdate",),
)
def new_year(calendar: str, year: int) -> Response:
    if not 1902 <= year <= 2100:
        raise HubError("the year must be from 1902 to 2100", 400)
    there, back = _conversions()[calendar]
    running = int(there(year, 1, 1)[0])
    for each in (running, running + 1):
        when = dt.date(*map(int, back(each, 1, 1)))
        if when.year == year:
            return {"date": when}
    raise HubError(f"no new year of the calendar {calendar} begins in {year}")


@converter.api(
    "The Mayan Long Count and Haab' date of a Gregorian date.",
    {"date": takes("date", "2012-12-21")},
    {
        "long_count": gives(
            "text",
            "the Mayan Long Count of {date}",
            "the date of {date} in the Long Count of the Maya",
        )
    },
    libs=("convertdate",),
)
def mayan(date: str) -> Response:
    from convertdate import gregorian, mayan

    when = day(date)
    count = mayan.from_gregorian(when.year, when.month, when.day)
    haab = mayan.to_haab(gregorian.to_jd(when.year, when.month, when.day))
    return {"long_count": ".".join(str(int(n)) for n in count), "haab": f"{haab[0]} {haab[1]}"}


_ERAS: Final = (
    ("Reiwa", dt.date(2019, 5, 1)),
    ("Heisei", dt.date(1989, 1, 8)),
    ("Showa", dt.date(1926, 12, 25)),
    ("Taisho", dt.date(1912, 7, 30)),
    ("Meiji", dt.date(1868, 10, 23)),
)


@converter.api(
    "The Japanese era and its year for a date from 1873.",
    {"date": takes("date", "2019-05-03")},
    {
        "era": gives(
            "text",
            "the Japanese era in which {date} falls",
            ask="In which Japanese era does {date} fall?",
        ),
        "era_year": gives(
            "ordinal", "the number of the year of its Japanese era in which {date} falls"
        ),
    },
)
def japanese_era(date: str) -> Response:
    when = day(date)
    if when.year < 1873:
        raise HubError("the date must be from 1873", 400)
    era, start = next((era, start) for era, start in _ERAS if when >= start)
    return {"era": era, "era_year": when.year - start.year + 1}


@converter.api(
    "The Julian Day Number that begins at noon of a Gregorian date.",
    {"date": takes("date", "2000-01-01")},
    {
        "jdn": gives(
            "julian_day_number",
            "the Julian Day Number of {date}",
            "the Julian Day Number that begins at noon on {date}",
        )
    },
)
def julian_day(date: str) -> Response:
    return {"jdn": day(date).toordinal() + 1_721_425}


@converter.api(
    "The Gregorian date on whose noon a Julian Day Number begins.",
    {"jdn": takes("julian_day_number", 2_451_545)},
    {
        "date": gives(
            "date",
            "the Gregorian date of {jdn}",
            "the Gregorian date on which {jdn} begins at noon",
        )
    },
)
def from_julian_day(jdn: int) -> Response:
    return {"date": dt.date.fromordinal(jdn - 1_721_425)}


# ---------------------------------------------------------------- DateMath
arithmetic = Tool("DateMath", "Events", "Date arithmetic, weekdays, Easter, cron schedules.")


@arithmetic.api(
    "The time from one date to another, in days and in whole weeks and years.",
    {"start": takes("date", "2020-02-01"), "end": takes("date", "2024-03-01")},
    {
        "days": gives(
            "days",
            "the number of days from {start} to {end} (negative if the latter is earlier)",
            ask="How many days are there from {start} to {end} (negative if the latter is "
            "earlier)?",
        )
    },
)
def days_between(start: str, end: str) -> Response:
    first, last = day(start), day(end)
    early, late = min(first, last), max(first, last)
    days = (last - first).days
    return {
        "days": days,
        "whole_weeks": abs(days) // 7,
        "whole_years": late.year - early.year - ((late.month, late.day) < (early.month, early.day)),
    }


@arithmetic.api(
    "The date a number of days after (negative: before) a date.",
    {"date": takes("date", "2024-01-31"), "days": takes("days", 100)},
    {
        "date": gives(
            "date",
            "the date {days} days after {date}",
            "the date that comes {days} days after {date}",
        )
    },
)
def add_days(date: str, days: int) -> Response:
    return {"date": later(day(date), days)}


@arithmetic.api(
    "The date a number of months after a date; where a month is too short, its last day.",
    {"date": takes("date", "2024-01-31"), "months": takes("month_count", 13)},
    {
        "date": gives(
            "date",
            "the date {months} months after {date} (the last day of the month if it is shorter)",
        )
    },
    libs=("dateutil",),
)
def add_months(date: str, months: int) -> Response:
    from dateutil.relativedelta import relativedelta

    try:
        when: dt.date = day(date) + relativedelta(months=months)
    except (OverflowError, ValueError):
        raise HubError("the result is outside the years 1 to 9999", 400) from None
    return {"date": when}


@arithmetic.api(
    "The weekday of a date, its ISO week and its place in the year.",
    {"date": takes("date", "1969-07-20")},
    {
        "weekday": gives(
            "weekday",
            "the day of the week on which {date} falls",
            "the weekday of {date}",
            ask="On which day of the week does {date} fall?",
        ),
        "iso_week": gives("ordinal", "the ISO 8601 week number of {date}"),
        "day_of_year": gives(
            "ordinal",
            "the day of the year of {date}, counting 1 January as 1",
        ),
    },
)
def weekday(date: str) -> Response:
    when = day(date)
    return {
        "weekday": WEEKDAYS[when.weekday()],
        "iso_week": when.isocalendar().week,
        "day_of_year": when.timetuple().tm_yday,
    }


def _weekday_number(name: str) -> int:
    names = [each.casefold() for each in WEEKDAYS]
    if name.casefold() not in names:
        raise HubError(f"weekday {name} not found; there are: {', '.join(WEEKDAYS)}", 400)
    return names.index(name.casefold())


@arithmetic.api(
    "The first date after a date that falls on a weekday.",
    {"date": takes("date", "2025-03-01"), "weekday": takes("weekday", "Friday")},
    {
        "date": gives(
            "date",
            "the first date after {date} whose day of the week is {weekday}",
        )
    },
)
def next_weekday(date: str, weekday: str) -> Response:
    when = day(date)
    ahead = (_weekday_number(weekday) - when.weekday() - 1) % 7 + 1
    return {"date": later(when, ahead)}


@arithmetic.api(
    "The date of the first, second, third, fourth or last such weekday of a month.",
    {
        "nth": takes("nth", "third"),
        "weekday": takes("weekday_name", "Friday"),
        "month": takes("month_name", "March"),
        "year": takes("year", 2025),
    },
    {
        "date": gives(
            "date",
            "the date of the {nth} {weekday} in {month} of {year}",
            "the date on which the {nth} {weekday} in {month} of {year} falls",
        )
    },
)
def nth_weekday(nth: str, weekday: str, month: str, year: int) -> Response:
    number = MONTHS.index(month) + 1
    wanted = WEEKDAYS.index(weekday)
    if nth == "last":
        after = dt.date(year + number // 12, number % 12 + 1, 1)
        return {"date": after - dt.timedelta(days=(after.weekday() - wanted - 1) % 7 + 1)}
    first = dt.date(year, number, 1)
    ahead = (wanted - first.weekday()) % 7 + 7 * NTH.index(nth)
    return {"date": first + dt.timedelta(days=ahead)}


@arithmetic.api(
    "The dates of the Fridays of a year that fall on the 13th of a month.",
    {"year": takes("year", 2026)},
    {
        "count": gives(
            "count",
            "the number of Fridays the 13th in {year}",
            ask="How many Fridays of {year} fall on the 13th of a month?",
        ),
        "dates": gives("date[]", "the dates of the Fridays the 13th in {year}"),
        "first": gives("date", "the date of the first Friday the 13th in {year}"),
    },
)
def fridays_the_13th(year: int) -> Response:
    thirteenths = [dt.date(year, month, 13) for month in range(1, 13)]
    fridays = [date for date in thirteenths if date.weekday() == 4]
    return {"count": len(fridays), "dates": fridays, "first": fridays[0]}


@arithmetic.api(
    "Easter Sunday of a year from 1583, in the Western and in the Orthodox churches, as Gregorian "
    "dates.",
    {"year": takes("year", 2025)},
    {
        "date": gives(
            "date",
            "the date of Western Easter Sunday in {year}",
            "the date on which Western churches celebrate Easter Sunday in {year}",
        ),
        "orthodox": gives(
            "date",
            "the Gregorian date of Orthodox Easter Sunday in {year}",
            "the Gregorian date on which Orthodox churches celebrate Easter Sunday in {year}",
        ),
    },
    libs=("dateutil",),
)
def easter_sunday(year: int) -> Response:
    from dateutil.easter import easter

    if year < 1583:
        raise HubError("the year must be from 1583", 400)
    return {"date": easter(year), "orthodox": easter(year, 2)}


_CRON_FIELD = re.compile(
    r"(?:\*|[0-9]{1,2}|[A-Za-z]{3})(?:-(?:[0-9]{1,2}|[A-Za-z]{3}))?(?:/[1-9][0-9]?)?"
)


@arithmetic.api(
    "The next times at which a cron expression of five fields (minute, hour, day of the month, "
    "month, day of the week) runs after a moment.",
    {"expression": takes("cron", "30 9 * * 1"), "after": takes("datetime", "2025-01-01T00:00")},
    {
        "next": gives(
            "datetime",
            "the date and time of the first run of {expression} after {after}",
            "the first moment after {after} at which {expression} runs",
        )
    },
    libs=("croniter",),
)
def cron_next(expression: str, after: str) -> Response:
    from croniter import croniter

    fields = expression.split()
    items = [item for each in fields for item in each.split(",")]
    if len(fields) != 5 or not all(_CRON_FIELD.fullmatch(item) for item in items):
        raise HubError(f"{expression} is not a cron expression of five plain fields", 400)
    start = moment(after)
    if not 1970 <= start.year <= 2200:
        raise HubError("the moment must be from 1970 to 2200", 400)
    try:
        runs = croniter(expression, start, max_years_between_matches=8)
        nexts = [minutes(runs.get_next(dt.datetime)) for _ in range(3)]
    except (ValueError, KeyError) as error:
        raise HubError(f"{expression}: {error}", 400) from None
    return {"next": nexts[0], "runs": nexts}


@arithmetic.api(
    "The calendar date and the weekday of a date and time.",
    {"datetime": takes("datetime", "2024-11-05T18:30")},
    {
        "date": gives("date", "the calendar date of {datetime}"),
        "weekday": gives("weekday", "the day of the week of {datetime}"),
    },
)
def date_of(datetime: str) -> Response:
    when = moment(datetime)
    return {
        "date": when.date(),
        "weekday": WEEKDAYS[when.weekday()],
        "minute_of_day": 60 * when.hour + when.minute,
    }


# ---------------------------------------------------------------- entities
_CITIES_OF_ZONES: Final = """
    Africa/Accra Africa/Algiers Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos
    Africa/Nairobi America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Caracas
    America/Chicago America/Denver America/Halifax America/Havana America/Lima America/Los_Angeles
    America/Mexico_City America/Montevideo America/New_York America/Panama America/Phoenix
    America/Santiago America/Sao_Paulo America/St_Johns America/Toronto America/Vancouver
    Asia/Almaty Asia/Baghdad Asia/Bangkok Asia/Beirut Asia/Colombo Asia/Dhaka Asia/Dubai
    Asia/Ho_Chi_Minh Asia/Hong_Kong Asia/Jakarta Asia/Jerusalem Asia/Kabul Asia/Karachi
    Asia/Kathmandu Asia/Kolkata Asia/Manila Asia/Riyadh Asia/Seoul Asia/Shanghai Asia/Singapore
    Asia/Taipei Asia/Tashkent Asia/Tehran Asia/Tokyo Asia/Ulaanbaatar Asia/Yangon Atlantic/Azores
    Atlantic/Reykjavik Australia/Adelaide Australia/Brisbane Australia/Darwin Australia/Perth
    Australia/Sydney Europe/Athens Europe/Berlin Europe/Bucharest Europe/Dublin Europe/Helsinki
    Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London Europe/Madrid Europe/Moscow
    Europe/Paris Europe/Rome Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich
    Pacific/Auckland Pacific/Chatham Pacific/Fiji Pacific/Guam Pacific/Honolulu Pacific/Tongatapu
"""
_WELL_KNOWN_HOLIDAYS: Final = (
    "All Saints' Day", "Ascension Day", "Assumption Day", "Boxing Day", "Christmas Day",
    "Christmas Eve", "Constitution Day", "Corpus Christi", "Easter Monday", "Easter Sunday",
    "Eid al-Adha", "Eid al-Fitr", "Epiphany", "Good Friday", "Immaculate Conception",
    "Independence Day", "International Women's Day", "Islamic New Year", "Labor Day",
    "Liberation Day", "Maundy Thursday", "Mother's Day", "National Day", "New Year's Day",
    "New Year's Eve", "Pentecost", "Prophet's Birthday", "Republic Day", "Revolution Day",
    "Victory Day", "Vesak Day", "Women's Day",
)  # fmt: skip


_DAYS: Final = (10, 15, 20, 25, 30, 40, 45, 50, 60, 75, 80, 90, 100, 111, 120, 125, 150, 175, 180,
                200, 222, 250, 270, 300, 333, 400, 444, 500, 600, 666, 750, 777, 800, 900, 1000,
                1234, 1500, 2000, 2500, 3000, 5000)  # fmt: skip


def _days() -> list[str]:
    """Every 29th day of 2000-01-01 to 2026-06-30: all weekdays, all parts of the month."""
    start, last = dt.date(2000, 1, 1), (dt.date(2026, 6, 30) - dt.date(2000, 1, 1)).days
    return [(start + dt.timedelta(days=i)).isoformat() for i in range(0, last + 1, 29)]


def _moments() -> list[str]:
    days = _days()[4::5]
    return [f"{date}T{i * 7 % 24:02}:{i * 25 % 60:02}" for i, date in enumerate(days)]


def _say_moment(when: str) -> list[str]:
    return [f"{when[11:16]} on {say_day(when[:10])}"]


def _hijri_days() -> list[str]:
    return [f"{1420 + i // 8}-{i * 5 % 12 + 1:02}-{i * 7 % 29 + 1:02}" for i in range(224)]


def _say_hijri(date: str) -> list[str]:
    year, month, number = _hijri_text(date)
    return [f"{number} {HIJRI_MONTHS[month - 1]} {year} AH"]


def _hijri_aliases(date: str) -> list[str]:
    year, month, number = _hijri_text(date)
    name = HIJRI_MONTHS[(month - 1) % 12]
    return [f"{number} {name} {year} AH", f"{number} {name} {year}", f"{date} AH"]


def _crons() -> list[str]:
    daily = [f"{i * 15 % 60} {i} * * *" for i in range(0, 24, 3)]
    weekly = [f"{i * 10} {i + 6} * * {i}" for i in range(6)]
    working = [f"{i * 20 % 60} {7 + 2 * i} * * 1-5" for i in range(6)]
    monthly = [f"0 {i} {i * 2 + 1} * *" for i in range(1, 13)]
    quarterly = [f"30 {6 + i} {i + 1} */3 *" for i in range(6)]
    yearly = [f"0 12 {i * 2 + 3} {i} *" for i in range(1, 13)]
    return [*daily, *weekly, *working, *monthly, *quarterly, *yearly]


entities("date", _days, says=lambda v: (say_day(v), str(v)))
entities("datetime", _moments, says=_say_moment)
entities("year", lambda: range(1975, 2027))
entities("month_name", lambda: MONTHS)
entities("weekday", lambda: WEEKDAYS)
entities("weekday_name", lambda: WEEKDAYS)
entities("nth", lambda: NTH)
entities(
    "timezone", _CITIES_OF_ZONES.split, says=lambda v: (f"the {v} time zone", f"the time zone {v}")
)
entities("holiday_name", lambda: _WELL_KNOWN_HOLIDAYS)
entities("hijri_date", _hijri_days, says=_say_hijri, aliases=_hijri_aliases)
entities(
    "hijri_year", lambda: range(1400, 1449), says=lambda v: (f"{v} AH (Umm al-Qura calendar)",)
)
entities(
    "calendar", lambda: list(CALENDARS), says=lambda v: (CALENDARS[v],), aliases=lambda v: (v,)
)
entities("cron", _crons, says=lambda v: (f'the cron schedule "{v}"',))
entities("days", lambda: _DAYS)
entities(
    "working_days", lambda: (*range(5, 31), 35, 40, 45, 50, 60, 75, 80, 90, 100, 120, 150, 200)
)
entities("month_count", lambda: (*range(2, 12), *range(13, 24), 27, 30, 33, 40, 42, 45, 50, 54, 66))
entities(
    "julian_day_number",
    lambda: range(2_451_545, 2_461_000, 157),
    says=lambda v: (f"Julian Day Number {v}",),
)
