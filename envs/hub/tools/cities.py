"""Location: the world's cities, and what lies around a point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import Tool, found, gives, maybe, takes
from ..types import measure
from .location import Response, different, fold

measure("cities_listed", "how many cities to list", 1, 30, kind="integer", tolerance=0)

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
            "the number of inhabitants of {name}",
            "the population of {name}",
            ask="How many people live in {name}?",
        ),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country in which {name} lies",
            entity="the country in which {name} lies",
        ),
        "timezone": gives("timezone", "the IANA time zone of {name}"),
        "latitude": gives("latitude", "the latitude of {name}"),
        "longitude": gives("longitude", "the longitude of {name}"),
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
        out = []
        for row in self._around(latitude, longitude, radius):
            away = distance_km(latitude, longitude, *self.at(row))
            if away <= radius:
                out.append((away, row))
        return out

    def _around(self, latitude: float, longitude: float, radius: float) -> Iterator[Any]:
        reach = radius / 111 + 0.1
        wide = min(180.0, reach / cos(radians(min(89.0, abs(latitude) + reach))))
        lines = range(int((latitude - reach) // 1), int((latitude + reach) // 1) + 1)
        west, east = int((longitude - wide) // 1), int((longitude + wide) // 1)
        columns = {column % 360 for column in range(west, east + 1)}
        if len(lines) * len(columns) > len(self.cells):
            yield from chain.from_iterable(self.cells.values())
            return
        for line in lines:
            for column in columns:
                yield from self.cells.get((line, column), ())

    def nearest(self, latitude: float, longitude: float) -> tuple[float, Any]:
        """The nearest row, and how far away it is in km."""
        for radius in (60, 250, 1000):
            if near := self.within(latitude, longitude, radius):
                return min(near, key=lambda found: found[0])
        rows = chain.from_iterable(self.cells.values())
        away = ((distance_km(latitude, longitude, *self.at(row)), row) for row in rows)
        return min(away, key=lambda found: found[0])


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
            "the more populous of {city_1} and {city_2}",
            ask="Which has more inhabitants, {city_1} or {city_2}?",
        ),
    },
    libs=("geographiclib",),
)
def city_distance(city_1: str, city_2: str) -> Response:
    first, second = find_city(city_1), find_city(city_2)
    different(city_label(first), city_label(second))
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

    rows = [find_city(name) for name in (city_1, city_2, city_3)]
    different(*map(city_label, rows))
    shape = Geodesic.WGS84.Polygon()
    for row in rows:
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


# ---------------------------------------------------------------- entities
def _well_known_cities() -> list[str]:
    """Capitals and cities of 500,000 and more, where no other city of the name comes near."""
    out = []
    for name, rows in _by_name().items():
        best = _first(rows)
        known = best[6] >= 500_000 or (best[2], name) in _capitals()
        if known and all(best[6] >= 10 * row[6] for row in rows if row[0] != best[0]):
            out.append(str(best[1]))
    return sorted(out)


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


# A label may tell the country, too; an answer need not.
entities(
    "city_name",
    _well_known_cities,
    says=lambda name: (name, f"the city of {name}"),
    aliases=lambda name: (name.partition(",")[0],),
)
entities("latitude", lambda: [p[0] for p in POINTS], says=lambda v: _degrees(v, "N", "S"))
entities("longitude", lambda: [p[1] for p in POINTS], says=lambda v: _degrees(v, "E", "W"))
entities("radius_km", lambda: (25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 300))
