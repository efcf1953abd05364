"""Location: countries, their codes, the world's cities, US places."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Any

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, maybe, takes

Response = Mapping[str, Any]

# ---------------------------------------------------------------- CountryAtlas
atlas = Tool(
    "CountryAtlas",
    "Location",
    "Facts about the countries of the world: capital, currency, area, borders.",
    ("countryinfo", "pycountry"),
)


@lru_cache(maxsize=512)
def _country(code: str) -> dict[str, Any]:
    from countryinfo import CountryInfo
    from pycountry import countries

    if not countries.get(alpha_2=code.upper()):
        raise HubError(f"country {code} not found")
    try:
        known: dict[str, Any] = CountryInfo(code.upper()).info()
    except (KeyError, ValueError):
        known = {}
    if not known.get("currencies") or not known.get("capital"):
        raise HubError(f"country {code} not found")
    return known


@lru_cache(maxsize=1)
def _all_countries() -> dict[str, dict[str, Any]]:
    from pycountry import countries

    out = {}
    for country in countries:
        try:
            out[country.alpha_2] = _country(country.alpha_2)
        except HubError:
            continue
    return dict(sorted(out.items()))


@atlas.api(
    "Profile of a country by its ISO alpha-2 code: name, capital, area, region and more.",
    {"country_code": takes("country_code", "JP")},
    {
        "capital": gives(
            "city_name",
            "the capital of {country_code}",
            "the capital city of {country_code}",
            ask="Which city is the capital of {country_code}?",
        ),
        "area_km2": gives(
            "area_km2",
            "the area of {country_code} in square kilometres",
            "the total area in km² of {country_code}",
            ask="How many square kilometres does {country_code} cover?",
        ),
        "demonym": gives("text", "the English demonym for people from {country_code}"),
        "region": gives("region", "the world region that {country_code} belongs to"),
        "subregion": gives("subregion", "the UN subregion of {country_code}"),
        "calling_code": gives(
            "calling_code",
            "the international calling code of {country_code}",
            "the phone country code of {country_code}",
        ),
    },
)
def country_profile(country_code: str) -> Response:
    known = _country(country_code)
    latitude, longitude = (*(known.get("capital_latlng") or ()), None, None)[:2]
    return {
        "name": known["name"],
        "capital": known["capital"],
        "capital_lat": latitude,
        "capital_lon": longitude,
        "area_km2": known.get("area"),
        "demonym": known.get("demonym"),
        "region": known.get("region"),
        "subregion": known.get("subregion"),
        "calling_code": (known.get("callingCodes") or [None])[0],
        "currency": known["currencies"][0],
        "languages": known.get("languages"),
    }


@atlas.api(
    "Land neighbours of a country, as ISO alpha-2 codes.",
    {"country_code": takes("country_code", "AT")},
    {
        "count": gives(
            "count",
            "the number of countries that share a land border with {country_code}",
            ask="How many countries border {country_code} by land?",
        ),
        "borders": gives("country_code[]", "the land neighbours of {country_code}"),
    },
)
def land_borders(country_code: str) -> Response:
    from pycountry import countries

    codes = []
    for alpha_3 in _country(country_code).get("borders") or ():
        country = countries.get(alpha_3=alpha_3)
        codes.append(alpha_3 if country is None else country.alpha_2)
    return {"count": len(codes), "borders": sorted(codes)}


@atlas.api(
    "Which country has this city as its capital.",
    {"capital": takes("city_name", "Canberra")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country whose capital is {capital}",
            entity="the country whose capital is {capital}",
        )
    },
)
def country_of_capital(capital: str) -> Response:
    wanted = fold(capital)
    codes = [code for code, c in _all_countries().items() if fold(c["capital"]) == wanted]
    return {"country_code": found(codes, f"capital {capital}")[0], "matches": codes}


# ---------------------------------------------------------------- IsoRegistry
iso = Tool("IsoRegistry", "Location", "The ISO 3166 and ISO 4217 registers.", ("pycountry",))


@iso.api(
    "Find a country by its English name, also approximately, and give its ISO codes.",
    {"query": takes("country_name", "South Korea")},
    {
        "alpha_2": gives(
            "country_code", "the ISO alpha-2 code of {query}", entity="the country called {query}"
        ),
        "alpha_3": gives("country_code3", "the ISO alpha-3 code of {query}"),
        "numeric": gives("iso_numeric", "the ISO numeric code of {query}"),
    },
)
def search_country(query: str) -> Response:
    from pycountry import countries

    try:
        best = countries.search_fuzzy(query)[0]
    except LookupError:
        raise HubError(f"country {query} not found") from None
    return {
        "name": best.name,
        "alpha_2": best.alpha_2,
        "alpha_3": best.alpha_3,
        "numeric": best.numeric,
    }


# ---------------------------------------------------------------- WorldCities
cities = Tool("WorldCities", "Location", "Cities of the world with over 15,000 inhabitants.")


def _city(row: Sequence[Any]) -> dict[str, Any]:
    keys = ("city_id", "name", "country_code", "admin1", "latitude", "longitude", "population",
            "timezone")  # fmt: skip
    return dict(zip(keys, row, strict=True))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, list[list[Any]]]:
    out: dict[str, list[list[Any]]] = {}
    for row in table("cities"):
        out.setdefault(fold(row[1]), []).append(row)
    return out


@cities.api(
    "The most populous city of a name, with position, inhabitants, country and time zone. "
    "Accents do not matter.",
    {"name": takes("city_name", "Kyoto"), "country_code": maybe("country_code", "JP")},
    {
        "population": gives(
            "population",
            "the number of inhabitants of the city of {name}",
            "the population of {name}",
            ask="How many people live in {name}?",
        ),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country in which the city of {name} lies",
            entity="the country in which the city of {name} lies",
        ),
        "timezone": gives("timezone", "the IANA time zone of the city of {name}"),
        "latitude": gives("latitude", "the latitude of the city of {name}"),
        "longitude": gives("longitude", "the longitude of the city of {name}"),
    },
)
def search_city(name: str, country_code: str | None = None) -> Response:
    rows = _by_name().get(fold(name), [])
    if country_code:
        rows = [row for row in rows if row[2] == country_code.upper()]
    return _city(max(found(rows, f"city {name}"), key=lambda row: (row[6], row[0])))


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance on a sphere of the Earth's mean radius."""
    a, b, c, d = map(radians, (lat1, lon1, lat2, lon2))
    half = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(min(1.0, half)))


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).strip()


# ---------------------------------------------------------------- entities
def _codes() -> list[str]:
    """Countries that have a million inhabitants."""
    return [row[0] for row in table("countries") if row[7] >= 1_000_000]


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {row[0]: row[3] for row in table("countries")}


def _country_words(code: str) -> list[str]:
    name = _names().get(code, code)
    the = ("United", "Netherlands", "Philippines", "Democratic Republic", "Republic", "Czech R")
    return [f"the {name}" if name.startswith(the) else name]


def _other_names(code: str) -> list[str]:
    from pycountry import countries

    known = countries.get(alpha_2=code)
    names = [getattr(known, key, None) for key in ("name", "common_name", "official_name")]
    return [_names().get(code, code), *(name for name in names if name)]


def _well_known_cities() -> list[str]:
    """Cities of 300,000 and more whose name no other listed city has."""
    count = Counter(fold(row[1]) for row in table("cities"))
    large = [row[1] for row in table("cities") if row[6] >= 300_000 and count[fold(row[1])] == 1]
    return sorted(large)


entities("country_code", _codes, says=_country_words, aliases=_other_names)
entities("country_name", lambda: [_names()[code] for code in _codes()])
entities("city_name", _well_known_cities)
