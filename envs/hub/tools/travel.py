"""Travel: the world's airports; flights in the United States stand beside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from ..registry import HubError, Tool, found, gives, maybe, takes
from .cities import Nearby, city_label, city_near, distance_km, find_city, geodesic_km
from .location import Response, different, fold

# ---------------------------------------------------------------- AirportDirectory
airports = Tool(
    "AirportDirectory",
    "Travel",
    "Airports of the world with IATA and ICAO codes, position, elevation and time zone.",
    ("airportsdata",),
)

# Cities that airports name otherwise than the table of cities.
CITIES: Final = {
    "ad dammam": "Dammam", "arnavutkoy, istanbul": "Istanbul", "arbil": "Erbil",
    "bangalore": "Bengaluru", "belgrad": "Belgrade",
    "cochin": "Kochi", "cologne": "Köln", "davao city": "Davao", "denpasar-bali island": "Denpasar",
    "kaohsiung city": "Kaohsiung", "marrakech": "Marrakesh", "napoli": "Naples",
    "new york": "New York City", "newcastle": "Newcastle upon Tyne", "penang": "George Town",
    "quebec city": "Québec", "saint john": "St. John's", "senou": "Bamako",
    "st louis": "St. Louis", "st. petersburg": "Saint Petersburg", "taipei city": "Taipei",
    "venezia": "Venice", "dallas-fort worth": "Dallas", "palma de mallorca": "Palma",
}  # fmt: skip


@lru_cache(maxsize=1)
def by_iata() -> dict[str, dict[str, Any]]:
    from airportsdata import load

    known: dict[str, dict[str, Any]] = load("IATA")
    return known


@lru_cache(maxsize=1)
def by_icao() -> dict[str, dict[str, Any]]:
    from airportsdata import load

    known: dict[str, dict[str, Any]] = load("ICAO")
    return known


@lru_cache(maxsize=4096)
def served_city(iata_or_icao: str) -> str | None:
    """The city that an airport serves as the table of cities has it; none if it has not."""
    airport = by_iata().get(iata_or_icao) or by_icao()[iata_or_icao]
    names = [airport["city"], *re.split(r"\s*[/,]\s*", airport["city"])]
    for name in names:
        name = CITIES.get(fold(name), name)
        if name and (row := city_near(name, airport["lat"], airport["lon"])):
            return city_label(row)
    return None


def _airport(code: str) -> dict[str, Any]:
    if not (airport := by_iata().get(code)):
        airport = by_icao()[code]
    return {
        "iata": airport["iata"] or None,
        "icao": airport["icao"] or None,
        "name": airport["name"],
        "city": served_city(code),
        "serves": ", ".join(part for part in (airport["city"], airport["subd"]) if part),
        "country_code": airport["country"],
        "elevation_ft": airport["elevation"],
        "latitude": airport["lat"],
        "longitude": airport["lon"],
        "timezone": airport["tz"],
    }


def iata_code(iata: str) -> str:
    """The IATA code of an airport that there is."""
    found(by_iata().get(iata.upper()), f"airport {iata}")
    return iata.upper()


def _facts(slot: str) -> dict[str, Any]:
    """What both look-ups of an airport give."""
    return {
        "city": gives(
            "city_name",
            f"the city that {slot} serves",
            ask=f"Which city does {slot} serve?",
        ),
        "country_code": gives(
            "country_code",
            f"the ISO alpha-2 code of the country in which {slot} lies",
            entity=f"the country in which {slot} lies",
        ),
        "elevation_ft": gives(
            "feet",
            f"the elevation in feet of {slot}",
            f"the height above sea level in feet of {slot}",
        ),
        "latitude": gives("latitude", f"the latitude of {slot}"),
        "longitude": gives("longitude", f"the longitude of {slot}"),
        "timezone": gives("timezone", f"the IANA time zone of {slot}"),
    }


@airports.api(
    "Name, city, country, position, elevation and time zone of an airport by its IATA code.",
    {"iata": takes("iata", "NRT")},
    {
        **_facts("{iata}"),
        "icao": gives(
            "icao",
            "the ICAO code of {iata}",
            "the four-letter ICAO airport code of {iata}",
            entity="{iata}",
        ),
    },
)
def airport_by_iata(iata: str) -> Response:
    return _airport(iata_code(iata))


@airports.api(
    "Name, city, country, position, elevation and time zone of an airport by its ICAO code.",
    {"icao": takes("icao", "EDDF")},
    {
        **_facts("{icao}"),
        "iata": gives(
            "iata",
            "the IATA code of {icao}",
            "the three-letter IATA airport code of {icao}",
            entity="{icao}",
        ),
    },
)
def airport_by_icao(icao: str) -> Response:
    found(by_icao().get(icao.upper()), f"airport {icao}")
    return _airport(icao.upper())


@lru_cache(maxsize=1)
def _by_city() -> dict[str, list[str]]:
    """IATA codes by city, as the table of cities labels it."""
    out: dict[str, list[str]] = {}
    for code in sorted(by_iata()):
        if city := served_city(code):
            out.setdefault(city, []).append(code)
    return out


@airports.api(
    "Airports with an IATA code that serve a city.",
    {"city": takes("city_name", "Berlin"), "country_code": maybe("country_code", "DE")},
    {
        "count": gives(
            "count",
            "the number of airports with an IATA code that the airport directory lists for {city}",
        ),
        "airports": gives("iata[]", "the airports with an IATA code that serve {city}"),
        "closest": gives(
            "iata",
            "the IATA code of the airport closest to the city centre among those that serve {city}",
            entity="the airport closest to the city centre among those that serve {city}",
        ),
    },
)
def airports_in_city(city: str, country_code: str | None = None) -> Response:
    row = find_city(city, country_code)
    codes = found(_by_city().get(city_label(row)), f"airport of {city}")
    away = {
        code: distance_km(row[4], row[5], by_iata()[code]["lat"], by_iata()[code]["lon"])
        for code in codes
    }
    names = [by_iata()[code]["name"] for code in codes]
    closest = min(codes, key=lambda code: (away[code], code))
    return {"count": len(codes), "airports": codes, "names": names, "closest": closest}


@lru_cache(maxsize=1)
def _airport_map() -> Nearby:
    return Nearby(by_iata().values(), lambda airport: (airport["lat"], airport["lon"]))


@airports.api(
    "The airport with an IATA code that is nearest to a point.",
    {"latitude": takes("latitude", 47.05), "longitude": takes("longitude", 8.31)},
    {
        "iata": gives(
            "iata",
            "the IATA code of the airport nearest to the point ({latitude}, {longitude})",
            entity="the airport with an IATA code nearest to the point ({latitude}, {longitude})",
        ),
        "distance_km": gives(
            "distance_km",
            "the distance in km from the point ({latitude}, {longitude}) to the nearest airport "
            "with an IATA code",
        ),
    },
    libs=("geographiclib",),
)
def nearest_airport(latitude: float, longitude: float) -> Response:
    _, airport = _airport_map().nearest(latitude, longitude)
    away = geodesic_km(latitude, longitude, airport["lat"], airport["lon"])
    return {
        "iata": airport["iata"],
        "name": airport["name"],
        "country_code": airport["country"],
        "distance_km": round(away, 3),
    }


@lru_cache(maxsize=1)
def _by_country() -> dict[str, list[str]]:
    """IATA codes by country, the highest airport first."""
    out: dict[str, list[str]] = {}
    rows = by_iata()
    for code in sorted(rows, key=lambda code: (-rows[code]["elevation"], code)):
        out.setdefault(rows[code]["country"], []).append(code)
    return out


@airports.api(
    "The highest airport with an IATA code in a country, and how many airports it has.",
    {"country_code": takes("country_code", "BO")},
    {
        "iata": gives(
            "iata",
            "the IATA code of the highest airport in {country_code}",
            entity="the highest airport with an IATA code in {country_code}",
        ),
        "elevation_ft": gives(
            "feet",
            "the elevation in feet of the highest airport with an IATA code in {country_code}",
        ),
        "count": gives("count", "the number of airports with an IATA code in {country_code}"),
    },
)
def highest_airport(country_code: str) -> Response:
    codes = found(_by_country().get(country_code.upper()), f"airport in {country_code}")
    top = by_iata()[codes[0]]
    return {
        "iata": codes[0],
        "name": top["name"],
        "elevation_ft": top["elevation"],
        "count": len(codes),
    }


@airports.api(
    "Geodesic distance between two airports, and which of them lies higher.",
    {"origin": takes("iata", "JFK"), "destination": takes("iata", "LHR")},
    {
        "distance_km": gives(
            "distance_km",
            "the distance in km as the crow flies between {origin} and {destination}",
            "the geodesic distance in km from {origin} to {destination}",
        ),
        "higher": gives(
            "iata",
            "the IATA code of the airport at the higher elevation of {origin} and {destination}",
            entity="the airport at the higher elevation of {origin} and {destination}",
        ),
    },
    libs=("geographiclib",),
)
def airport_distance(origin: str, destination: str) -> Response:
    different(origin.upper(), destination.upper())
    first, second = (by_iata()[iata_code(code)] for code in (origin, destination))
    away = geodesic_km(first["lat"], first["lon"], second["lat"], second["lon"])
    higher = max(first, second, key=lambda airport: (airport["elevation"], airport["iata"]))
    return {
        "distance_km": round(away, 3),
        "distance_miles": round(away / 1.609344, 3),
        "higher": higher["iata"],
    }


@airports.api(
    "By how many hours the clocks at one airport are ahead of those at another on a day.",
    {
        "origin": takes("iata", "LHR"),
        "destination": takes("iata", "NRT"),
        "date": takes("date", "2025-07-01"),
    },
    {
        "hours_ahead": gives(
            "hours",
            "the number of hours by which the clocks at {destination} are ahead of those at "
            "{origin} (negative if behind) on {date} at noon UTC",
            ask="By how many hours are the clocks at {destination} ahead of those at {origin} "
            "(negative if behind) on {date} at noon UTC?",
        )
    },
)
def time_difference(origin: str, destination: str, date: str) -> Response:
    from zoneinfo import ZoneInfo

    try:
        noon = datetime.strptime(date, "%Y-%m-%d").replace(hour=12, tzinfo=UTC)
    except ValueError:
        raise HubError(f"date {date} is not YYYY-MM-DD", 400) from None
    zones = [by_iata()[iata_code(code)]["tz"] for code in (origin, destination)]
    first, second = (noon.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones)
    assert first is not None and second is not None
    return {"hours_ahead": (second - first).total_seconds() / 3600, "timezones": zones}
