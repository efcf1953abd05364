"""Weather: what the weather reports of airports say, and NOAA's weather stations."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, Final

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import measure, sem
from .cities import Nearby, geodesic_km
from .location import Response

sem("air_celsius", kind="number", about="air temperature in degrees Celsius", low=-90, high=60,
    compare="number")  # fmt: skip
sem("speed_kmh", kind="number", about="kilometres an hour", low=0, high=450, compare="number")
sem("metar", about="METAR report, as EDDF 111850Z 24012KT 9999 BKN045 12/07 Q1015", high=200)
measure("hectopascal", "hectopascals", 0, 2000)
measure("visibility_m", "metres", 0, 1e6)

# ---------------------------------------------------------------- MetarDecoder
metars = Tool(
    "MetarDecoder",
    "Weather",
    "Airport weather reports (METAR) in plain numbers, and NOAA's list of weather stations.",
    ("metar",),
)


@metars.api(
    "What a METAR report says: station, temperature, dew point, wind, pressure, visibility, sky.",
    {"metar": takes("metar", "METAR KEWR 111851Z 03019KT 2SM TSRA BR FEW015 BKN040CB 22/21 A2987")},
    {
        "station": gives(
            "icao",
            "the ICAO code of the airport that issued {metar}",
            entity="the airport that issued {metar}",
        ),
        "temperature_c": gives(
            "air_celsius",
            "the air temperature in °C reported in {metar}",
            entity="the air temperature reported in {metar}",
        ),
        "dewpoint_c": gives(
            "air_celsius",
            "the dew point in °C reported in {metar}",
            entity="the dew point reported in {metar}",
        ),
        "wind_kmh": gives(
            "speed_kmh",
            "the wind speed in km/h reported in {metar}",
            entity="the wind reported in {metar}",
        ),
        "pressure_hpa": gives(
            "hectopascal", "the air pressure in hPa, to one decimal, reported in {metar}"
        ),
        "visibility_m": gives("visibility_m", "the visibility in metres reported in {metar}"),
    },
)
def decode_metar(metar: str) -> Response:
    from metar.Metar import Metar, ParserError

    try:
        report = Metar(metar, month=1, year=2025)
    except ParserError as error:
        raise HubError(f"no METAR report: {str(error)[:150]}", 400) from None

    def value(key: str, unit: str, digits: int) -> float | None:
        known = getattr(report, key)
        return None if known is None else round(float(known.value(unit)), digits)

    return {
        "station": found(report.station_id, "station in the report"),
        "day_of_month": report.time.day if report.time else None,
        "time_utc": report.time.strftime("%H:%M") if report.time else None,
        "temperature_c": value("temp", "C", 1),
        "dewpoint_c": value("dewpt", "C", 1),
        "wind_kmh": value("wind_speed", "KMH", 2),
        "pressure_hpa": value("press", "HPA", 1),
        "visibility_m": value("vis", "M", 0),
        "sky": report.sky_conditions(),
        "weather": report.present_weather(),
    }


def _degrees(text: str) -> float:
    """``40-40-57N`` as 40.6825."""
    parts = [int(part) for part in text[:-1].split("-")]
    value = sum(part / float(60**i) for i, part in enumerate(parts))
    return round(-value if text[-1] in "SW" else value, 4)


@lru_cache(maxsize=1)
def _stations() -> dict[str, dict[str, Any]]:
    from metar.Station import stations

    return {
        id: {
            "icao": id,
            "name": known.name.strip(),
            "country": known.country,
            "latitude": _degrees(str(known.position.latitude)),
            "longitude": _degrees(str(known.position.longitude)),
        }
        for id, known in sorted(stations.items())
        if known.position.latitude and known.position.longitude
    }


@metars.api(
    "Name, country and position of a weather station by its ICAO code.",
    {"icao": takes("icao", "KEWR")},
    {
        "country": gives(
            "country_name",
            "the country of the weather station at {icao}",
        ),
        "latitude": gives("latitude", "the latitude of the weather station at {icao}"),
        "longitude": gives("longitude", "the longitude of the weather station at {icao}"),
    },
)
def station(icao: str) -> Response:
    known: dict[str, Any] = found(_stations().get(icao.upper()), f"weather station {icao}")
    return known


@lru_cache(maxsize=1)
def _station_map() -> Nearby:
    return Nearby(_stations().values(), lambda known: (known["latitude"], known["longitude"]))


@metars.api(
    "The weather station of NOAA's list that is nearest to a point.",
    {"latitude": takes("latitude", 47.05), "longitude": takes("longitude", 8.31)},
    {
        "icao": gives(
            "icao",
            "the ICAO code of the NOAA weather station nearest to the point ({latitude}, "
            "{longitude})",
            entity="the NOAA weather station nearest to the point ({latitude}, {longitude})",
        ),
        "distance_km": gives(
            "distance_km",
            "the distance in km from the point ({latitude}, {longitude}) to the nearest NOAA "
            "weather station",
        ),
    },
    libs=("geographiclib",),
)
def nearest_station(latitude: float, longitude: float) -> Response:
    _, known = _station_map().nearest(latitude, longitude)
    away = geodesic_km(latitude, longitude, known["latitude"], known["longitude"])
    return {**known, "distance_km": round(away, 3)}


# ---------------------------------------------------------------- entities
REPORTERS: Final = (
    "EDDF EDDM EGLL EGPH EHAM EBBR EKCH ENGM ESSA EFHK EIDW LFPG LFLL LEMD LEBL LPPT LIRF "
    "LIMC LGAV LOWW LSZH LKPR EPWA LHBP LROP BIKF LTFM UUEE OMDB OTHH VIDP VABB VTBS WSSS "
    "VHHH RJTT RJBB RKSI RCTP ZBAA ZSPD YSSY YMML NZAA FACT FAOR HKJK HECA GMMN SBGR SAEZ "
    "SCEL SKBO MMMX CYYZ CYVR KJFK KLAX KORD KDEN KSEA KMIA KATL PANC PHNL"
)


def _metars() -> list[str]:
    """Plausible reports of large airports."""
    rng = Random(21)
    out = []
    for icao in REPORTERS.split():
        temperature = rng.randrange(-12, 36)
        dew_point = temperature - rng.randrange(1, 15)
        wind = f"{rng.randrange(1, 37):02d}0{rng.randrange(3, 28):02d}KT"
        sky = f"{rng.choice(('FEW', 'SCT', 'BKN'))}{rng.randrange(8, 60):03d}"
        both = "/".join(f"M{-v:02d}" if v < 0 else f"{v:02d}" for v in (temperature, dew_point))
        pressure = rng.randrange(988, 1036)
        if icao[0] in "KP":
            seen = f"{rng.randrange(2, 11)}SM"
            pressed = f"A{round(pressure * 2.953)}"
        else:
            seen = rng.choice(("9999", "8000", "6000", "4500", "3000"))
            pressed = f"Q{pressure:04d}"
        time = f"{rng.randrange(1, 29):02d}{rng.randrange(24):02d}{rng.choice(('00', '20', '50'))}Z"
        out.append(f"{icao} {time} {wind} {seen} {sky} {both} {pressed}")
    return out


entities("metar", _metars, says=lambda text: (f"the METAR report “{text}”",))
