"""Weather: Seattle day by day, and how warm, cold or damp the air feels."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import atan, exp, log, sqrt
from statistics import fmean
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import measure, sem
from .location import Response

sem("air_celsius", kind="number", about="air temperature in degrees Celsius", low=-90, high=60,
    compare="number")  # fmt: skip
sem("cold_celsius", kind="number", about="air temperature in degrees Celsius, 10 at most", low=-90,
    high=10, compare="number", wider="air_celsius")  # fmt: skip
sem("warm_celsius", kind="number", about="air temperature in degrees Celsius, 20 at least", low=20,
    high=60, compare="number", wider="air_celsius")  # fmt: skip
sem("humidity", kind="number", about="relative humidity in percent", low=1, high=100,
    compare="number")  # fmt: skip
sem("speed_kmh", kind="number", about="kilometres an hour", low=0, high=450, compare="number")
sem("wind_kmh", kind="number", about="wind of 5 km/h at least, in kilometres an hour", low=5,
    high=450, compare="number", wider="speed_kmh")  # fmt: skip
sem("date_2012_2015", about="date from 2012-01-01 to 2015-12-31", high=10, compare="date",
    wider="date")  # fmt: skip
sem("year_2012_2015", kind="integer", about="year from 2012 to 2015", low=2012, high=2015,
    compare="number", tolerance=0, wider="year")  # fmt: skip
sem("beaufort", kind="integer", about="Beaufort number, 0 to 12", low=0, high=12, links=False,
    compare="number", tolerance=0)  # fmt: skip
measure("air_celsius_felt", "degrees Celsius", -200, 200)
measure("cloud_base_m", "metres above the ground", 0, 20_000)

# ---------------------------------------------------------------- SeattleWeather
seattle = Tool("SeattleWeather", "Weather", "Seattle's weather day by day, 2012 to 2015 (NOAA).")


@lru_cache(maxsize=1)
def _days() -> dict[str, dict[str, Any]]:
    keys = ("precipitation_mm", "temp_max_c", "temp_min_c", "wind_kmh", "label")
    out = {}
    for day, rain, warmest, coldest, wind, kind in table("seattle_weather"):
        out[day] = dict(
            zip(keys, (rain, warmest, coldest, round(wind * 3.6, 2), kind), strict=True)
        )
    return dict(sorted(out.items()))


@seattle.api(
    "Seattle's weather on a day from 2012 to 2015.",
    {"date": takes("date_2012_2015", "2014-07-04")},
    {
        "temp_max_c": gives(
            "air_celsius",
            "the highest temperature in °C in Seattle on {date}",
            entity="the highest temperature in Seattle on {date}",
            ask="How warm did it get in Seattle on {date}, in °C?",
        ),
        "temp_min_c": gives(
            "air_celsius",
            "the lowest temperature in °C in Seattle on {date}",
            entity="the lowest temperature in Seattle on {date}",
        ),
        "precipitation_mm": gives(
            "mm",
            "the precipitation in mm in Seattle on {date}",
            ask="How many millimetres of precipitation fell in Seattle on {date}?",
        ),
        "wind_kmh": gives(
            "speed_kmh",
            "the mean wind speed in km/h in Seattle on {date}",
            entity="the mean wind in Seattle on {date}",
        ),
    },
)
def daily_weather(date: str) -> Response:
    known: dict[str, Any] = found(_days().get(date), f"weather of Seattle on {date}")
    return {"date": date, **known}


def _summary(start: str) -> dict[str, Any]:
    """Of the days whose date begins so; of equal days the first counts."""
    days = {day: known for day, known in _days().items() if day.startswith(start)}
    if not days:
        raise HubError(f"weather of Seattle in {start} not found")

    def first(value: Callable[[dict[str, Any]], float]) -> str:
        return max(days, key=lambda day: value(days[day]))

    return {
        "total_precipitation_mm": round(sum(d["precipitation_mm"] for d in days.values()), 1),
        "mean_temp_max_c": round(fmean(d["temp_max_c"] for d in days.values()), 2),
        "hottest_day": first(lambda known: known["temp_max_c"]),
        "coldest_day": first(lambda known: -known["temp_min_c"]),
        "wettest_day": first(lambda known: known["precipitation_mm"]),
        "rain_days": sum(d["precipitation_mm"] > 0 for d in days.values()),
    }


def _summary_gives(when: str) -> dict[str, Any]:
    return {
        "total_precipitation_mm": gives(
            "mm",
            f"the total precipitation in mm in Seattle in {when}",
            ask=f"How many millimetres of precipitation fell in Seattle in {when}?",
        ),
        "mean_temp_max_c": gives(
            "air_celsius",
            f"the mean of the daily highest temperatures in °C in Seattle in {when}",
            entity=f"the mean of the daily highest temperatures in Seattle in {when}",
        ),
        "hottest_day": gives(
            "date_2012_2015",
            f"the day (the first of several) with the highest temperature in Seattle in {when}",
        ),
        "coldest_day": gives(
            "date_2012_2015",
            f"the day (the first of several) with the lowest temperature in Seattle in {when}",
        ),
        "wettest_day": gives(
            "date_2012_2015",
            f"the day (the first of several) with most precipitation in Seattle in {when}",
        ),
        "rain_days": gives(
            "count",
            f"the number of days with precipitation in Seattle in {when}",
            ask=f"On how many days was there precipitation in Seattle in {when}?",
        ),
    }


@seattle.api(
    "Summary of a month of Seattle's weather, from 2012 to 2015.",
    {"year": takes("year_2012_2015", 2013), "month": takes("month", 9)},
    _summary_gives("{month} {year}"),
)
def month_summary(year: int, month: int) -> Response:
    return _summary(f"{year}-{month:02d}-")


@seattle.api(
    "Summary of a year of Seattle's weather, from 2012 to 2015.",
    {"year": takes("year_2012_2015", 2014)},
    _summary_gives("{year}"),
)
def year_summary(year: int) -> Response:
    return _summary(f"{year}-")


@seattle.api(
    "On how many days of a year, from 2012 to 2015, Seattle reached a temperature, and the first "
    "of them.",
    {"year": takes("year_2012_2015", 2015), "temp_c": takes("warm_celsius", 30)},
    {
        "count": gives(
            "count",
            "the number of days in {year} on which it reached {temp_c} or more in Seattle",
            ask="On how many days in {year} did it reach {temp_c} or more in Seattle?",
        ),
        "first": gives(
            "date_2012_2015", "the first day in {year} on which it reached {temp_c} in Seattle"
        ),
    },
)
def days_reaching(year: int, temp_c: float) -> Response:
    days = [
        day
        for day, known in _days().items()
        if known["temp_max_c"] >= temp_c and day.startswith(f"{year}-")
    ]
    return {"count": len(found(days, f"day of {temp_c} °C in {year}")), "first": days[0]}


@seattle.api(
    "The next day without precipitation in Seattle after a day from 2012 to 2015, and the next "
    "with.",
    {"date": takes("date_2012_2015", "2012-11-17")},
    {
        "dry": gives(
            "date_2012_2015", "the first day after {date} without precipitation in Seattle"
        ),
        "wet": gives("date_2012_2015", "the first day after {date} with precipitation in Seattle"),
    },
)
def next_dry_day(date: str) -> Response:
    found(_days().get(date), f"weather of Seattle on {date}")
    later = [(each, known["precipitation_mm"]) for each, known in _days().items() if each > date]
    dry = next((each for each, rain in later if rain == 0), None)
    wet = next((each for each, rain in later if rain > 0), None)
    return {"dry": found(dry, "dry day before 2016"), "wet": found(wet, "wet day before 2016")}


# ---------------------------------------------------------------- ComfortIndex
comfort = Tool(
    "ComfortIndex", "Weather", "Humidity, dew point, and how warm or cold the air feels."
)
MAGNUS: Final = (17.625, 243.04)
AIR: Final = "of air at {temp_c} and {humidity}"
BEAUFORT: Final = (1, 6, 12, 20, 29, 39, 50, 62, 75, 89, 103, 118)


def _saturation(celsius: float) -> float:
    """Pressure of saturated vapour in hPa, by Magnus."""
    a, b = MAGNUS
    return 6.1094 * exp(a * celsius / (b + celsius))


@comfort.api(
    "Dew point of air by Magnus's formula (17.625, 243.04 °C).",
    {"temp_c": takes("air_celsius", 25), "humidity": takes("humidity", 60)},
    {
        "dew_point_c": gives(
            "air_celsius",
            f"the dew point in °C, by Magnus's formula, {AIR}",
            entity=f"the dew point, by Magnus's formula, {AIR}",
        )
    },
)
def dew_point(temp_c: float, humidity: float) -> Response:
    a, b = MAGNUS
    gamma = log(humidity / 100) + a * temp_c / (b + temp_c)
    return {"dew_point_c": round(b * gamma / (a - gamma), 2)}


@comfort.api(
    "Relative humidity of air by its temperature and dew point, by Magnus's formula, and the base "
    "of clouds that form of it.",
    {"temp_c": takes("air_celsius", 25), "dew_point_c": takes("air_celsius", 16.7)},
    {
        "humidity": gives(
            "humidity",
            "the relative humidity in percent, by Magnus's formula, of air at {temp_c} that has a "
            "dew point of {dew_point_c}",
            entity="the relative humidity, by Magnus's formula, of air at {temp_c} that has a dew "
            "point of {dew_point_c}",
        ),
        "cloud_base_m": gives(
            "cloud_base_m",
            "the height in metres of the cloud base, at 125 m for each °C between temperature and "
            "dew point, of air at {temp_c} that has a dew point of {dew_point_c}",
        ),
    },
)
def relative_humidity(temp_c: float, dew_point_c: float) -> Response:
    if dew_point_c > temp_c:
        raise HubError("the dew point cannot be above the temperature", 400)
    share = 100 * _saturation(dew_point_c) / _saturation(temp_c)
    if share < 1:
        raise HubError("such dry air has less than 1 % relative humidity", 400)
    return {
        "humidity": round(min(100.0, share), 2),
        "cloud_base_m": round(125 * (temp_c - dew_point_c), 1),
    }


@comfort.api(
    "Heat index: how warm humid air feels in the shade, by the US National Weather Service.",
    {"temp_c": takes("warm_celsius", 32), "humidity": takes("humidity", 70)},
    {
        "heat_index_c": gives(
            "air_celsius_felt",
            f"the heat index in °C, by the formula of the US National Weather Service, {AIR}",
        )
    },
)
def heat_index(temp_c: float, humidity: float) -> Response:
    t, h = temp_c * 1.8 + 32, humidity
    felt = 0.5 * (t + 61 + (t - 68) * 1.2 + h * 0.094)
    if (felt + t) / 2 >= 80:
        felt = (
            -42.379 + 2.04901523 * t + 10.14333127 * h - 0.22475541 * t * h
            - 6.83783e-3 * t * t - 5.481717e-2 * h * h + 1.22874e-3 * t * t * h
            + 8.5282e-4 * t * h * h - 1.99e-6 * t * t * h * h
        )  # fmt: skip
        if h < 13 and 80 <= t <= 112:
            felt -= (13 - h) / 4 * sqrt((17 - abs(t - 95)) / 17)
        elif h > 85 and 80 <= t <= 87:
            felt += (h - 85) / 10 * (87 - t) / 5
    return {"heat_index_c": round((felt - 32) / 1.8, 2), "heat_index_f": round(felt, 2)}


@comfort.api(
    "Wind chill: how cold air of 10 °C at most feels in a wind of 5 km/h at least.",
    {"temp_c": takes("cold_celsius", -10), "wind_kmh": takes("wind_kmh", 30)},
    {
        "wind_chill_c": gives(
            "air_celsius_felt",
            "the wind chill temperature in °C, by the North American formula of 2001, at {temp_c} "
            "in {wind_kmh}",
        )
    },
)
def wind_chill(temp_c: float, wind_kmh: float) -> Response:
    power = wind_kmh**0.16
    felt = 13.12 + 0.6215 * temp_c - 11.37 * power + 0.3965 * temp_c * power
    return {"wind_chill_c": round(felt, 2)}


@comfort.api(
    "Apparent temperature in the shade by the Australian Bureau of Meteorology (Steadman).",
    {
        "temp_c": takes("air_celsius", 28),
        "humidity": takes("humidity", 55),
        "wind_kmh": takes("speed_kmh", 15),
    },
    {
        "apparent_c": gives(
            "air_celsius_felt",
            "the apparent temperature in °C in the shade, by the formula of the Australian Bureau "
            "of Meteorology, at {temp_c}, {humidity} and {wind_kmh}",
        )
    },
)
def apparent_temperature(temp_c: float, humidity: float, wind_kmh: float) -> Response:
    vapour = humidity / 100 * 6.105 * exp(17.27 * temp_c / (237.7 + temp_c))
    return {"apparent_c": round(temp_c + 0.33 * vapour - 0.7 * wind_kmh / 3.6 - 4, 2)}


@comfort.api(
    "Wet-bulb temperature of air at sea level by Stull's formula (2011), for 5 to 99 % relative "
    "humidity and -20 to 50 °C.",
    {"temp_c": takes("air_celsius", 30), "humidity": takes("humidity", 50)},
    {
        "wet_bulb_c": gives(
            "air_celsius_felt", f"the wet-bulb temperature in °C, by Stull's formula, {AIR}"
        )
    },
)
def wet_bulb(temp_c: float, humidity: float) -> Response:
    if not (5 <= humidity <= 99 and -20 <= temp_c <= 50):
        raise HubError("the formula holds for 5 to 99 % and -20 to 50 °C", 400)
    value = (
        temp_c * atan(0.151977 * sqrt(humidity + 8.313659))
        + atan(temp_c + humidity)
        - atan(humidity - 1.676331)
        + 0.00391838 * humidity**1.5 * atan(0.023101 * humidity)
        - 4.686035
    )
    return {"wet_bulb_c": round(value, 2)}


@comfort.api(
    "Beaufort number of a wind.",
    {"wind_kmh": takes("speed_kmh", 45)},
    {
        "beaufort": gives(
            "beaufort",
            "the Beaufort number of {wind_kmh}",
            ask="Which Beaufort number has {wind_kmh}?",
        )
    },
)
def beaufort_number(wind_kmh: float) -> Response:
    return {"beaufort": sum(wind_kmh >= least for least in BEAUFORT)}


# ---------------------------------------------------------------- entities
MONTHS: Final = (
    "January February March April May June July August September October November December"
)


def _celsius(value: float) -> list[str]:
    return [f"{value:g} °C".replace("-", "−")]


def _long_date(day: str) -> list[str]:
    year, month, number = day.split("-")
    return [f"{int(number)} {MONTHS.split()[int(month) - 1]} {year}"]


def _speed(value: float) -> list[str]:
    return [f"a wind of {value:g} km/h"]


entities("air_celsius", lambda: tuple(range(-20, 41)), says=_celsius)
entities("cold_celsius", lambda: tuple(range(-35, 11)), says=_celsius)
entities("warm_celsius", lambda: tuple(range(24, 46)), says=_celsius)
entities(
    "humidity", lambda: tuple(range(15, 99)), says=lambda value: (f"{value:g} % relative humidity",)
)
entities("speed_kmh", lambda: tuple(range(3, 131)), says=_speed)
entities("wind_kmh", lambda: tuple(range(5, 91)), says=_speed)
entities("celsius", lambda: tuple(range(-40, 121, 5)))
entities("percent", lambda: tuple(range(2, 100)))
entities("date_2012_2015", lambda: tuple(_days()), says=_long_date)
entities("year_2012_2015", lambda: (2012, 2013, 2014, 2015))
entities("month", lambda: tuple(range(1, 13)), says=lambda month: (MONTHS.split()[month - 1],))
