"""Location: countries, their codes and borders, the world's cities; US places stand beside."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import measure, sem

Response = Mapping[str, Any]

sem("capital_city", about="capital of a country, as Canberra", compare="name", wider="city_name")
measure("cities_listed", "how many cities to list", 1, 30, kind="integer", tolerance=0)

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
        "subregion": _subregion(known),
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
    {"capital": takes("capital_city", "Canberra")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country whose capital is {capital}",
            entity="the country whose capital is {capital}",
        )
    },
)
def country_of_capital(capital: str) -> Response:
    wanted = fold(capital.partition(",")[0])
    codes = [code for code, c in _all_countries().items() if fold(c["capital"]) == wanted]
    return {"country_code": found(codes, f"capital {capital}")[0], "matches": codes}


@lru_cache(maxsize=1)
def _by_region() -> dict[str, list[str]]:
    """Codes of countries by region and by subregion, in lower case."""
    out: dict[str, list[str]] = {}
    for code, known in _all_countries().items():
        for key in {known["region"], known["subregion"], _subregion(known)}:
            out.setdefault(fold(key), []).append(code)
    return out


def _subregion(known: dict[str, Any]) -> str:
    """The smallest part of the world that the UN counts a country to (Eastern Africa)."""
    part = known.get("intermediateregion") or ""
    return str(known["subregion"] if part in ("", "Channel Islands") else part)


def _summary(codes: list[str]) -> dict[str, Any]:
    area = {code: _country(code).get("area") or 0 for code in codes}
    by_area = sorted(codes, key=lambda code: (-area[code], code))
    return {"count": len(codes), "largest": by_area[0], "largest_area_km2": area[by_area[0]]}


@atlas.api(
    "Countries and territories of a UN subregion, as Central Asia, and the largest of them.",
    {"subregion": takes("subregion", "Central Asia")},
    {
        "count": gives(
            "count",
            "the number of countries and territories in {subregion}",
            ask="How many countries and territories belong to {subregion}?",
        ),
        "country_codes": gives("country_code[]", "the countries and territories of {subregion}"),
        "largest": gives(
            "country_code",
            "the ISO alpha-2 code of the largest country by area in {subregion}",
            entity="the largest country by area in {subregion}",
        ),
    },
)
def countries_in_subregion(subregion: str) -> Response:
    codes = found(_by_region().get(fold(subregion)), f"subregion {subregion}")
    return {**_summary(codes), "country_codes": codes}


@atlas.api(
    "How many countries and territories a world region has, and the largest of them: Africa, "
    "Americas, Asia, Europe or Oceania.",
    {"region": takes("region", "Africa")},
    {
        "count": gives("count", "the number of countries and territories in {region}"),
        "largest": gives(
            "country_code",
            "the ISO alpha-2 code of the largest country by area in {region}",
            entity="the largest country by area in {region}",
        ),
    },
)
def region_summary(region: str) -> Response:
    return _summary(found(_by_region().get(fold(region)), f"region {region}"))


@atlas.api(
    "Which of two countries has the larger area.",
    {"country_1": takes("country_code", "FR"), "country_2": takes("country_code", "ES")},
    {
        "larger": gives(
            "country_code",
            "the ISO alpha-2 code of the larger by area of {country_1} and {country_2}",
            entity="the larger by area of {country_1} and {country_2}",
            ask="Which covers the larger area, {country_1} or {country_2}?",
        ),
        "ratio": gives("number", "the ratio of the area of {country_1} to the area of {country_2}"),
    },
)
def compare_areas(country_1: str, country_2: str) -> Response:
    codes = [country_1.upper(), country_2.upper()]
    first, second = (found(_country(code).get("area"), f"area of {code}") for code in codes)
    larger = codes[0] if first >= second else codes[1]
    return {
        "larger": larger,
        "area_1_km2": first,
        "area_2_km2": second,
        "ratio": round(first / second, 4),
    }


# ---------------------------------------------------------------- BorderAtlas
land = Tool("BorderAtlas", "Location", "Which countries share a land border, by GeoNames.")

# Listed by GeoNames for a base and for a shoal; no one crosses a border there.
NO_BORDERS: Final = ({"US", "CU"}, {"IN", "LK"})


@lru_cache(maxsize=1)
def _neighbours() -> dict[str, list[str]]:
    listed = {row[0]: set(row[13].split(",")) for row in table("countries")}
    both = {a: [b for b in codes if a in listed.get(b, ())] for a, codes in listed.items()}
    return {a: sorted(b for b in codes if {a, b} not in NO_BORDERS) for a, codes in both.items()}


def _neighbours_of(code: str) -> list[str]:
    found(_names().get(code.upper()), f"country {code}")
    return _neighbours().get(code.upper(), [])


@land.api(
    "The countries that border a country by land, and the most populous of them.",
    {"country_code": takes("country_code", "AT")},
    {
        "count": gives("count", "the number of land neighbours of {country_code}"),
        "neighbours": gives(
            "country_code[]", "the countries that share a land border with {country_code}"
        ),
        "most_populous": gives(
            "country_code",
            "the ISO alpha-2 code of the most populous land neighbour of {country_code}",
            entity="the most populous land neighbour of {country_code}",
        ),
        "largest": gives(
            "country_code",
            "the ISO alpha-2 code of the largest land neighbour by area of {country_code}",
            entity="the largest land neighbour by area of {country_code}",
        ),
    },
)
def neighbours(country_code: str) -> Response:
    codes = found(_neighbours_of(country_code), f"land border of {country_code}")
    size = {row[0]: row for row in table("countries")}
    return {
        "count": len(codes),
        "neighbours": codes,
        "most_populous": max(codes, key=lambda code: (size[code][7], code)),
        "largest": max(codes, key=lambda code: (size[code][6], code)),
    }


@land.api(
    "The countries that border both of two countries by land.",
    {"country_1": takes("country_code", "FR"), "country_2": takes("country_code", "DE")},
    {
        "count": gives(
            "count", "the number of countries that border both {country_1} and {country_2} by land"
        ),
        "neighbours": gives(
            "country_code[]", "the countries that border both {country_1} and {country_2} by land"
        ),
    },
)
def common_neighbours(country_1: str, country_2: str) -> Response:
    codes = sorted(set(_neighbours_of(country_1)) & set(_neighbours_of(country_2)))
    found(codes, f"country between {country_1} and {country_2}")
    return {"count": len(codes), "neighbours": codes}


@land.api(
    "The smallest number of land borders to cross between two countries, and one shortest way.",
    {"origin": takes("country_code", "PT"), "destination": takes("country_code", "PL")},
    {
        "crossings": gives(
            "count",
            "the smallest number of land borders to cross on the way from {origin} to "
            "{destination}",
            ask="How many land borders must one cross at least to travel overland from {origin} "
            "to {destination}?",
        )
    },
)
def border_crossings(origin: str, destination: str) -> Response:
    path = shortest_path(_neighbours_of, origin.upper(), destination.upper())
    if not path:
        raise HubError(f"no way by land from {origin} to {destination}")
    return {"crossings": len(path) - 1, "path": path}


def shortest_path(next_to: Callable[[str], Iterable[str]], start: str, goal: str) -> list[str]:
    """Breadth first; the first in the alphabet of the shortest; empty if there is none."""
    came: dict[str, str] = {start: ""}
    edge = [start]
    while edge and goal not in came:
        reached: dict[str, str] = {}
        for node in edge:
            for each in next_to(node):
                if each not in came:
                    reached.setdefault(each, node)
        came.update(reached)
        edge = list(reached)
    path = []
    node = goal if goal in came else ""
    while node:
        path.append(node)
        node = came[node]
    return path[::-1]


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


@iso.api(
    "ISO 3166-1 codes and short English name of a country, by its alpha-2 code.",
    {"code": takes("country_code", "BR")},
    {
        "alpha_3": gives(
            "country_code3",
            "the ISO alpha-3 code of {code}",
            "the three-letter ISO country code of {code}",
            entity="{code}",
        ),
        "numeric": gives(
            "iso_numeric",
            "the ISO numeric code of {code}",
            "the three-digit ISO country number of {code}",
        ),
        "name": gives(
            "country_name", "the short English name in ISO 3166 of {code}", entity="{code}"
        ),
    },
)
def country_codes(code: str) -> Response:
    from pycountry import countries

    known = found(countries.get(alpha_2=code.upper()), f"country {code}")
    return {
        "alpha_2": known.alpha_2,
        "alpha_3": known.alpha_3,
        "numeric": known.numeric,
        "name": getattr(known, "common_name", known.name),
    }


@iso.api(
    "The country of an ISO alpha-3 code.",
    {"alpha_3": takes("country_code3", "JAM")},
    {
        "alpha_2": gives("country_code", "the ISO alpha-2 code of {alpha_3}", entity="{alpha_3}"),
        "name": gives(
            "country_name",
            "the English name of {alpha_3}",
            "the name in ISO 3166 of {alpha_3}",
            entity="{alpha_3}",
        ),
    },
)
def country_of_alpha3(alpha_3: str) -> Response:
    from pycountry import countries

    known = found(countries.get(alpha_3=alpha_3.upper()), f"country {alpha_3}")
    return {"alpha_2": known.alpha_2, "name": getattr(known, "common_name", known.name)}


@lru_cache(maxsize=1)
def _subdivisions() -> dict[str, list[Any]]:
    from pycountry import subdivisions

    out: dict[str, list[Any]] = {}
    for each in subdivisions:
        out.setdefault(each.country_code, []).append(each)
    return {code: sorted(rows, key=lambda each: str(each.code)) for code, rows in out.items()}


@iso.api(
    "ISO 3166-2 subdivisions (states, provinces, cantons) of a country; 50 at most are listed.",
    {"country_code": takes("country_code", "CH"), "type": maybe("text", "Canton")},
    {
        "count": gives(
            "count",
            "the number of subdivisions that ISO 3166-2 lists for {country_code}",
            ask="How many subdivisions does ISO 3166-2 list for {country_code}?",
        ),
    },
)
def list_subdivisions(country_code: str, type: str | None = None) -> Response:
    rows = _subdivisions().get(country_code.upper(), [])
    rows = [row for row in rows if not type or fold(row.type) == fold(type)]
    listed = [{"code": row.code, "name": row.name, "type": row.type} for row in rows[:50]]
    return {"count": len(found(rows, f"subdivision of {country_code}")), "subdivisions": listed}


@iso.api(
    "Name, kind and country of an ISO 3166-2 subdivision.",
    {"code": takes("subdivision_code", "US-CA")},
    {
        "name": gives("text", "the name of {code}"),
        "type": gives("text", "the kind of subdivision, as ISO 3166-2 has it, of {code}"),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that has {code}",
            entity="the country that has {code}",
        ),
    },
)
def subdivision(code: str) -> Response:
    from pycountry import subdivisions

    known = found(subdivisions.get(code=code.upper()), f"subdivision {code}")
    return {
        "code": known.code,
        "name": known.name,
        "type": known.type,
        "country_code": known.country_code,
        "parent": known.parent_code,
    }


@iso.api(
    "Name and number of a currency in ISO 4217, by its letter code.",
    {"code": takes("currency_code", "JPY")},
    {
        "name": gives("text", "the English name in ISO 4217 of {code}"),
        "numeric": gives("iso_numeric", "the three-digit ISO 4217 number of {code}"),
    },
)
def currency_record(code: str) -> Response:
    from pycountry import currencies

    known = found(currencies.get(alpha_3=code.upper()), f"currency {code}")
    return {"code": known.alpha_3, "name": known.name, "numeric": known.numeric}


# ---------------------------------------------------------------- WorldCities
cities = Tool("WorldCities", "Location", "Cities of the world with over 15,000 inhabitants.")


def _city(row: Sequence[Any]) -> dict[str, Any]:
    keys = ("city_id", "name", "country_code", "admin1", "latitude", "longitude", "population",
            "timezone")  # fmt: skip
    return {**dict(zip(keys, row, strict=True)), "name": city_label(row)}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, list[list[Any]]]:
    out: dict[str, list[list[Any]]] = {}
    for row in table("cities"):
        out.setdefault(fold(row[1]), []).append(row)
    return out


@cities.api(
    "Position, inhabitants, country and time zone of a city by its name, which may be followed by "
    "a country code (San Jose, CR). Of cities of one name it takes the capital of a country, else "
    "the most populous. Accents do not matter.",
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
    return _city(find_city(name, country_code))


@lru_cache(maxsize=1)
def _capitals() -> frozenset[tuple[str, str]]:
    """Country and name of the capital, of countries that have a million inhabitants."""
    rows = table("countries")
    return frozenset((row[0], fold(row[4] or "")) for row in rows if row[7] >= 1_000_000)


def _first(rows: Iterable[list[Any]]) -> list[Any]:
    """The city that is meant where several have one name."""
    return max(rows, key=lambda row: ((row[2], fold(row[1])) in _capitals(), row[6], row[0]))


def find_city(name: str, country_code: str | None = None) -> list[Any]:
    """By ``Name``, ``Name, COUNTRY`` or ``Name, DIVISION, COUNTRY``."""
    plain, *parts = (part.strip() for part in name.split(","))
    if country_code:
        parts = [*parts, country_code]
    rows = _by_name().get(fold(plain), [])
    if parts:
        rows = [row for row in rows if row[2] == parts[-1].upper()]
    if len(parts) > 1:
        rows = [row for row in rows if str(row[3]).upper() == parts[-2].upper()]
    return _first(found(rows, f"city {name}"))


def city_label(row: Sequence[Any]) -> str:
    """The shortest name by which a city of the table is found again."""
    same = _by_name()[fold(row[1])]
    if _first(same)[0] == row[0]:
        return str(row[1])
    at_home = [each for each in same if each[2] == row[2]]
    if _first(at_home)[0] == row[0]:
        return f"{row[1]}, {row[2]}"
    return f"{row[1]}, {row[3]}, {row[2]}"


def city_near(name: str, latitude: float, longitude: float, reach: float = 100) -> list[Any] | None:
    """The city of a name that lies at most ``reach`` km from a point."""
    rows = _by_name().get(fold(name), [])
    near = [row for row in rows if distance_km(latitude, longitude, row[4], row[5]) <= reach]
    return max(near, key=lambda row: (row[6], row[0])) if near else None


@lru_cache(maxsize=1)
def _by_country() -> dict[str, list[list[Any]]]:
    out: dict[str, list[list[Any]]] = {}
    for row in sorted(table("cities"), key=lambda row: (-row[6], row[0])):
        out.setdefault(row[2], []).append(row)
    return out


@lru_cache(maxsize=512)
def _main_cities(code: str) -> list[list[Any]]:
    """Cities of a country by inhabitants, without what lies within 15 km of a larger one."""
    out: list[list[Any]] = []
    for row in _by_country().get(code, ()):
        if all(distance_km(row[4], row[5], each[4], each[5]) > 15 for each in out):
            out.append(row)
        if len(out) == 30:
            break
    return out


@cities.api(
    "The most populous cities of a country, 5 unless told. Parts and suburbs of a city, within "
    "15 km of its centre, are left out.",
    {
        "country_code": takes("country_code", "NZ"),
        "limit": maybe("cities_listed", 5, 5),
    },
    {
        "top": gives(
            "city_name",
            "the most populous city of {country_code}",
            "the city with the most inhabitants in {country_code}",
            ask="Which city of {country_code} has the most inhabitants?",
        ),
        "second": gives(
            "city_name",
            "the second most populous city of {country_code}",
            "the second largest city by inhabitants of {country_code}",
        ),
        "top_population": gives(
            "population", "the number of inhabitants of the most populous city of {country_code}"
        ),
        "cities": gives("city_name[]", "the five most populous cities of {country_code}"),
    },
)
def largest_cities(country_code: str, limit: int = 5) -> Response:
    rows = found(_main_cities(country_code.upper()), f"city of {country_code}")
    return {
        "top": city_label(rows[0]),
        "top_population": rows[0][6],
        "second": city_label(rows[1]) if len(rows) > 1 else None,
        "cities": [city_label(row) for row in rows[:limit]],
        "populations": [row[6] for row in rows[:limit]],
    }


class Nearby:
    """Rows with a position, found by degree cells instead of one by one."""

    def __init__(self, rows: Iterable[Any], at: Callable[[Any], tuple[float, float]]) -> None:
        self.at = at
        self.cells: dict[tuple[int, int], list[Any]] = {}
        for row in rows:
            latitude, longitude = at(row)
            self.cells.setdefault((int(latitude // 1), int(longitude // 1) % 360), []).append(row)

    def within(self, latitude: float, longitude: float, radius: float) -> list[tuple[float, Any]]:
        """Rows at most ``radius`` km away with their distance, in no order."""
        reach = radius / 111 + 0.1
        wide = min(180.0, reach / cos(radians(min(89.0, abs(latitude) + reach))))
        west, east = int((longitude - wide) // 1), int((longitude + wide) // 1)
        columns = sorted({column % 360 for column in range(west, east + 1)})
        out = []
        for line in range(int((latitude - reach) // 1), int((latitude + reach) // 1) + 1):
            for column in columns:
                for row in self.cells.get((line, column), ()):
                    away = distance_km(latitude, longitude, *self.at(row))
                    if away <= radius:
                        out.append((away, row))
        return out

    def nearest(self, latitude: float, longitude: float) -> tuple[float, Any]:
        """The nearest row, and how far away it is in km."""
        for radius in (60, 250, 1000, 4000):
            if rows := self.within(latitude, longitude, radius):
                return min(rows, key=lambda found: found[0])
        return min(self.within(latitude, longitude, 20_100), key=lambda found: found[0])


@lru_cache(maxsize=1)
def _city_map() -> Nearby:
    return Nearby(table("cities"), lambda row: (row[4], row[5]))


@cities.api(
    "Cities around a point within a radius: how many, and the most populous.",
    {
        "latitude": takes("latitude", 48.2),
        "longitude": takes("longitude", 16.37),
        "radius_km": takes("radius_km", 60),
        "min_population": maybe("population", 100_000, 0),
    },
    {
        "count": gives(
            "count",
            "the number of populated places of over 15,000 inhabitants that GeoNames lists within "
            "{radius_km} km of the point ({latitude}, {longitude})",
        ),
        "largest": gives(
            "city_name",
            "the most populous city within {radius_km} km of the point ({latitude}, {longitude})",
        ),
    },
)
def cities_within(
    latitude: float, longitude: float, radius_km: float, min_population: int = 0
) -> Response:
    near = _city_map().within(latitude, longitude, radius_km)
    rows = [row for _, row in near if row[6] >= min_population]
    rows.sort(key=lambda row: (-row[6], row[0]))
    names = [city_label(row) for row in found(rows, f"city within {radius_km} km")[:20]]
    return {"count": len(rows), "largest": names[0], "cities": names}


@lru_cache(maxsize=1)
def _large_city_map() -> Nearby:
    large = (row for row in table("cities") if row[6] >= 300_000)
    return Nearby(large, lambda row: (row[4], row[5]))


@cities.api(
    "The city of 300,000 inhabitants or more that is nearest to a point, with country and time "
    "zone.",
    {"latitude": takes("latitude", 48.8584), "longitude": takes("longitude", 2.2945)},
    {
        "name": gives(
            "city_name",
            "the city of over 300,000 inhabitants nearest to the point ({latitude}, {longitude})",
        ),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the city of over 300,000 inhabitants nearest "
            "to the point ({latitude}, {longitude})",
            entity="the country of the city of over 300,000 inhabitants nearest to the point "
            "({latitude}, {longitude})",
        ),
    },
)
def nearest_large_city(latitude: float, longitude: float) -> Response:
    away, row = _large_city_map().nearest(latitude, longitude)
    return {**_city(row), "distance_km": round(away, 2)}


@cities.api(
    "Geodesic distance between two cities, and the more populous of them.",
    {"city_1": takes("city_name", "Kyoto"), "city_2": takes("city_name", "Nairobi")},
    {
        "distance_km": gives(
            "distance_km",
            "the distance in km as the crow flies between {city_1} and {city_2}",
            "the geodesic distance in km from {city_1} to {city_2}",
            ask="How many kilometres as the crow flies is {city_1} from {city_2}?",
        ),
        "larger": gives(
            "city_name",
            "the more populous city of {city_1} and {city_2}",
            ask="Which has more inhabitants, {city_1} or {city_2}?",
        ),
    },
    libs=("geographiclib",),
)
def city_distance(city_1: str, city_2: str) -> Response:
    first, second = find_city(city_1), find_city(city_2)
    away = geodesic_km(first[4], first[5], second[4], second[5])
    larger = max(first, second, key=lambda row: (row[6], row[0]))
    return {"distance_km": round(away, 3), "larger": city_label(larger)}


@cities.api(
    "Area and perimeter of the geodesic triangle between three cities.",
    {
        "city_1": takes("city_name", "Paris"),
        "city_2": takes("city_name", "Berlin"),
        "city_3": takes("city_name", "Rome"),
    },
    {
        "area_km2": gives(
            "area_km2",
            "the area in km² of the triangle whose corners are {city_1}, {city_2} and {city_3}",
        ),
        "perimeter_km": gives(
            "distance_km",
            "the perimeter in km of the triangle whose corners are {city_1}, {city_2} and {city_3}",
        ),
    },
    libs=("geographiclib",),
)
def city_triangle(city_1: str, city_2: str, city_3: str) -> Response:
    from geographiclib.geodesic import Geodesic

    shape = Geodesic.WGS84.Polygon()
    for name in (city_1, city_2, city_3):
        row = find_city(name)
        shape.AddPoint(row[4], row[5])
    _, perimeter, area = shape.Compute()
    return {"area_km2": round(abs(area) / 1e6, 3), "perimeter_km": round(perimeter / 1000, 3)}


def geodesic_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Length of the shortest way on the WGS 84 ellipsoid; needs geographiclib."""
    from geographiclib.geodesic import Geodesic

    return float(Geodesic.WGS84.Inverse(lat1, lon1, lat2, lon2)["s12"]) / 1000


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
NO_COUNTRIES: Final = ("AN", "CS", "XK")  # dissolved, or without an ISO code


def _codes() -> list[str]:
    """Countries that have a million inhabitants."""
    rows = table("countries")
    return [row[0] for row in rows if row[7] >= 1_000_000 and row[0] not in NO_COUNTRIES]


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {row[0]: row[3] for row in table("countries")}


def _country_words(code: str) -> list[str]:
    name = _names().get(code, code).removeprefix("The ")
    the = ("United", "Netherlands", "Philippines", "Gambia", "Republic", "Democratic", "Palestin")
    return [f"the {name}" if name.startswith(the) or name.endswith("Republic") else name]


def _other_names(code: str) -> list[str]:
    from pycountry import countries

    known = countries.get(alpha_2=code)
    names = [getattr(known, key, None) for key in ("name", "common_name", "official_name")]
    return [_names().get(code, code), *(name for name in names if name)]


def _codes3() -> list[str]:
    wanted = set(_codes())
    return [row[1] for row in table("countries") if row[0] in wanted]


def _well_known_cities() -> list[str]:
    """Capitals and cities of 500,000 and more, where no other city of the name comes near."""
    out = []
    for name, rows in _by_name().items():
        best = _first(rows)
        known = best[6] >= 500_000 or (best[2], name) in _capitals()
        if known and all(best[6] >= 10 * row[6] for row in rows if row[0] != best[0]):
            out.append(str(best[1]))
    return sorted(out)


def _capital_cities() -> list[str]:
    known = set(_all_countries()) & set(_codes())
    return sorted(_country(code)["capital"] for code in known)


def _subdivision_codes() -> list[str]:
    """Those that are part of nothing smaller than a country, of countries that have some dozens."""
    out = []
    for code in _codes():
        rows = [row for row in _subdivisions().get(code, ()) if not row.parent_code]
        if 5 <= len(rows) <= 60:
            out += [str(row.code) for row in rows]
    return sorted(out)[::2]


# Landmarks; latitude and longitude stand at the same place in the two lists of entities.
POINTS: Final = (
    (48.8584, 2.2945), (51.5007, -0.1246), (40.6892, -74.0445), (41.8902, 12.4922),
    (27.1751, 78.0421), (29.9792, 31.1342), (-33.8568, 151.2153), (-22.9519, -43.2105),
    (-13.1631, -72.545), (40.4319, 116.5704), (37.9715, 23.7257), (55.752, 37.6175),
    (52.5163, 13.3777), (35.3606, 138.7274), (-3.0674, 37.3556), (27.9881, 86.925),
    (43.8791, -103.4591), (36.1069, -112.1129), (37.8199, -122.4783), (43.0896, -79.0849),
    (-17.9243, 25.8572), (30.3285, 35.4444), (13.4125, 103.867), (-7.6079, 110.2038),
    (25.1972, 55.2744), (41.0086, 28.9802), (41.4036, 2.1744), (50.0875, 14.4213),
    (47.5576, 10.7498), (45.8326, 6.8652), (64.3136, -20.3024), (60.3913, 5.3221),
    (59.9398, 30.3146), (20.6843, -88.5678), (19.6925, -98.8438), (-25.6953, -54.4367),
    (-33.9628, 18.4098), (-25.3444, 131.0369), (22.2759, 114.1455), (1.2834, 103.8607),
    (-36.8485, 174.7622), (21.3069, -157.8583), (61.2181, -149.9003), (-54.8019, -68.303),
)  # fmt: skip


def _degrees(value: float, plus: str, minus: str) -> tuple[str]:
    return (f"{abs(value)}° {plus if value >= 0 else minus}",)


entities("country_code", _codes, says=_country_words, aliases=_other_names)
entities("country_code3", _codes3, says=lambda code: (f"the country with the ISO code {code}",))
entities("country_name", lambda: [_names()[code] for code in _codes()])
# A label may tell the country, too; an answer need not.
entities("city_name", _well_known_cities, aliases=lambda name: (name.partition(",")[0],))
entities("capital_city", _capital_cities)
entities(
    "subdivision_code",
    _subdivision_codes,
    says=lambda code: (f"the subdivision with the ISO 3166-2 code {code}",),
)
entities("region", lambda: ("Africa", "Americas", "Asia", "Europe", "Oceania"),
         says=lambda name: ("the Americas" if name == "Americas" else name,))  # fmt: skip
entities("subregion", lambda: sorted({_subregion(c) for c in _all_countries().values()}))
entities("latitude", lambda: [p[0] for p in POINTS], says=lambda v: _degrees(v, "N", "S"))
entities("longitude", lambda: [p[1] for p in POINTS], says=lambda v: _degrees(v, "E", "W"))
entities("radius_km", lambda: (25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 300))
