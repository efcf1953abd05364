"""Weather: sunrise and sunset, twilight, the height of the sun, the phases of the moon."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import pi
from typing import Any, Final

from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .location import Response

sem("sun_time", about="date and time in UTC as YYYY-MM-DDTHH:MM", high=16, compare="time",
    tolerance=5, wider="datetime")  # fmt: skip
sem("lunar_phase", about="one of eight phases, as waxing gibbous", compare="name", links=False)

# ---------------------------------------------------------------- SunMoon
sun = Tool("SunMoon", "Weather", "Sunrise, sunset, twilight, day length, phases of the moon.")

PLACE_AND_DAY: Final = {
    "latitude": takes("latitude", 48.8566),
    "longitude": takes("longitude", 2.3522),
    "date": takes("date", "2025-06-21"),
}
AT: Final = "at the point ({latitude}, {longitude}) on {date}"
PHASES: Final = (
    "new moon", "waxing crescent", "first quarter", "waxing gibbous",
    "full moon", "waning gibbous", "last quarter", "waning crescent",
)  # fmt: skip


def _day(text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise HubError(f"date {text} is not YYYY-MM-DD", 400) from None
    if not 1900 <= day.year <= 2100:
        raise HubError("the date must be from 1900 to 2100", 400)
    return day


def _minute(moment: datetime) -> str:
    """To the nearest minute, in UTC."""
    return (moment.astimezone(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M")


def _between(
    latitude: float, longitude: float, day: date, zenith: float
) -> tuple[datetime, datetime, datetime, str]:
    """Rise, noon and set of the day whose noon is on that date of the place's own clocks.

    The library answers for days of UTC, which elsewhere mix two days.
    """
    from zoneinfo import ZoneInfo

    from astral import Observer, SunDirection
    from astral.sun import noon, time_of_transit
    from tzfpy import get_tz

    here = Observer(max(-89.8, min(89.8, latitude)), longitude, 0.0)
    zone = get_tz(longitude, latitude) or "UTC"
    days = [day + timedelta(days=n) for n in (-1, 0, 1)]
    noons = {each: noon(here, each) for each in days}
    on_date = [at for at in noons.values() if at.astimezone(ZoneInfo(zone)).date() == day]
    middle = found(on_date, f"noon on {day}")[0]

    def crossing(direction: Any) -> datetime:
        times = [time_of_transit(here, each, zenith, direction) for each in days]
        near: datetime = min(times, key=lambda at: abs(at - wanted))
        return near

    try:
        wanted = middle - timedelta(hours=6)
        rise = crossing(SunDirection.RISING)
        wanted = middle + timedelta(hours=6)
        return rise, middle, crossing(SunDirection.SETTING), zone
    except ValueError:
        raise HubError(f"the sun does not cross that height there on {day}") from None


@sun.api(
    "Sunrise, solar noon and sunset in UTC at a place on a date of its own calendar, and how long "
    "the sun is up.",
    PLACE_AND_DAY,
    {
        "sunrise_utc": gives(
            "sun_time",
            f"the time of sunrise in UTC {AT}",
            ask=f"When, in UTC, does the sun rise {AT}?",
        ),
        "sunset_utc": gives(
            "sun_time",
            f"the time of sunset in UTC {AT}",
            ask=f"When, in UTC, does the sun set {AT}?",
        ),
        "noon_utc": gives("sun_time", f"the time of solar noon in UTC {AT}"),
        "day_length_minutes": gives(
            "minutes",
            f"the length of the day in minutes, from sunrise to sunset, {AT}",
            ask=f"How many minutes pass from sunrise to sunset {AT}?",
        ),
    },
    libs=("astral", "tzfpy"),
)
def sun_times(latitude: float, longitude: float, date: str) -> Response:
    from astral.sun import SUN_APPARENT_RADIUS

    zenith = 90.0 + SUN_APPARENT_RADIUS
    rise, noon, set_, zone = _between(latitude, longitude, _day(date), zenith)
    return {
        "sunrise_utc": _minute(rise),
        "noon_utc": _minute(noon),
        "sunset_utc": _minute(set_),
        "day_length_minutes": round((set_ - rise).total_seconds() / 60),
        "timezone": zone,
    }


@sun.api(
    "Beginning and end of civil twilight (sun 6° below the horizon) in UTC at a place on a date of "
    "its own calendar.",
    PLACE_AND_DAY,
    {
        "dawn_utc": gives("sun_time", f"the time of civil dawn in UTC {AT}"),
        "dusk_utc": gives("sun_time", f"the time of civil dusk in UTC {AT}"),
        "minutes": gives("minutes", f"the minutes from civil dawn to civil dusk {AT}"),
    },
    libs=("astral", "tzfpy"),
)
def twilight(latitude: float, longitude: float, date: str) -> Response:
    dawn, _, dusk, zone = _between(latitude, longitude, _day(date), 96.0)
    minutes = round((dusk - dawn).total_seconds() / 60)
    return {
        "dawn_utc": _minute(dawn),
        "dusk_utc": _minute(dusk),
        "minutes": minutes,
        "timezone": zone,
    }


@sun.api(
    "Height of the sun above the horizon and its azimuth, at a place and a moment in UTC.",
    {
        "latitude": takes("latitude", 40.0),
        "longitude": takes("longitude", -3.7),
        "datetime_utc": takes("datetime", "2025-03-20T12:00"),
    },
    {
        "elevation": gives(
            "degrees",
            "the height of the sun in degrees above the horizon (negative below) at the point "
            "({latitude}, {longitude}) at {datetime_utc} UTC",
        ),
        "azimuth": gives(
            "bearing",
            "the azimuth of the sun in degrees clockwise from north at the point ({latitude}, "
            "{longitude}) at {datetime_utc} UTC",
        ),
    },
    libs=("astral",),
)
def sun_position(latitude: float, longitude: float, datetime_utc: str) -> Response:
    from astral import Observer
    from astral.sun import zenith_and_azimuth

    try:
        moment = datetime.strptime(datetime_utc, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise HubError(f"{datetime_utc} is not YYYY-MM-DDTHH:MM", 400) from None
    _day(datetime_utc[:10])
    zenith, azimuth = zenith_and_azimuth(Observer(latitude, longitude, 0.0), moment)
    return {"elevation": round(90 - zenith, 3), "azimuth": round(azimuth % 360, 3)}


@sun.api(
    "Phase of the moon at noon UTC of a date, by name, days since new moon and lit share.",
    {"date": takes("date", "2025-01-13")},
    {
        "phase": gives(
            "lunar_phase",
            "the phase of the moon (new moon, waxing crescent, first quarter, waxing gibbous, full "
            "moon, waning gibbous, last quarter or waning crescent) at noon UTC on {date}",
        ),
        "illuminated_percent": gives(
            "percent",
            "the percentage of the moon's disc that is lit at noon UTC on {date}",
        ),
        "age_days": gives(
            "number",
            "the days (with decimals) since the last new moon at noon UTC on {date}",
        ),
    },
    libs=("ephem",),
)
def moon_phase(date: str) -> Response:
    from ephem import Date, Ecliptic, Moon, Sun, previous_new_moon

    noon = Date(f"{_day(date).isoformat().replace('-', '/')} 12:00:00")
    moon, sun_ = Moon(noon), Sun(noon)
    ahead = float(Ecliptic(moon, epoch=noon).lon - Ecliptic(sun_, epoch=noon).lon) % (2 * pi)
    return {
        "phase": PHASES[round(ahead / (pi / 4)) % 8],
        "illuminated_percent": round(float(moon.phase), 1),
        "age_days": round(float(noon - previous_new_moon(noon)), 2),
    }
