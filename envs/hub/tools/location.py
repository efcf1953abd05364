"""Location: countries, their codes and their borders; cities and US places stand beside."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import sem

Response = Mapping[str, Any]

sem("capital_city", about="capital of a country, as Canberra", compare="name", wider="city_name")

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
        codes.append("XK" if country is None else country.alpha_2)  # Kosovo has no ISO code
    return {"count": len(set(codes)), "borders": sorted(set(codes))}


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
            "the ISO alpha-2 code of the larger (by area) of {country_1} and {country_2}",
            entity="the larger (by area) of {country_1} and {country_2}",
            ask="Which covers the larger area, {country_1} or {country_2}?",
        ),
        "ratio": gives("number", "the ratio of the area of {country_1} to the area of {country_2}"),
    },
)
def compare_areas(country_1: str, country_2: str) -> Response:
    codes = [country_1.upper(), country_2.upper()]
    different(*codes)
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
            "the ISO alpha-2 code of the most populous of the land neighbours of {country_code}",
            entity="the most populous of the land neighbours of {country_code}",
        ),
        "largest": gives(
            "country_code",
            "the ISO alpha-2 code of the largest (by area) of the land neighbours of "
            "{country_code}",
            entity="the largest (by area) of the land neighbours of {country_code}",
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
    different(country_1.upper(), country_2.upper())
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
    different(origin.upper(), destination.upper())
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

    names, wanted = _iso_names(), fold(query)
    code = names.get(wanted)
    if not code:
        holds = {names[name] for name in names if len(wanted) > 3 and wanted in name}
        close = get_close_matches(wanted, names, n=1, cutoff=0.85)
        code = holds.pop() if len(holds) == 1 else names[found(close, f"country {query}")[0]]
    best = countries.get(alpha_2=code)
    return {
        "name": best.name,
        "alpha_2": best.alpha_2,
        "alpha_3": best.alpha_3,
        "numeric": best.numeric,
    }


@lru_cache(maxsize=1)
def _iso_names() -> dict[str, str]:
    """Codes by all names of countries, in lower case and without accents."""
    from pycountry import countries

    out: dict[str, str] = {}
    for key in ("name", "common_name", "official_name"):
        for each in countries:
            if name := getattr(each, key, None):
                out.setdefault(fold(name), each.alpha_2)
                out.setdefault(" ".join(reversed(fold(name).split(", "))), each.alpha_2)
    for each in countries:
        out.setdefault(each.alpha_3.lower(), each.alpha_2)
    for row in table("countries"):
        if countries.get(alpha_2=row[0]):
            out.setdefault(fold(row[3]), row[0])
            out.setdefault(fold(row[3]).removeprefix("the "), row[0])
    return out


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


def different(*names: str) -> None:
    """Refuse to compare a thing with itself."""
    if len(set(names)) < len(names):
        raise HubError(f"name {len(names)} that are different", 400)


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


entities("country_code", _codes, says=_country_words, aliases=_other_names)
entities("country_code3", _codes3, says=lambda code: (f"the country with the ISO code {code}",))
entities("country_name", lambda: [_names()[code] for code in _codes()])
entities("capital_city", _capital_cities)
entities(
    "subdivision_code",
    _subdivision_codes,
    says=lambda code: (f"the subdivision with the ISO 3166-2 code {code}",),
)
entities("region", lambda: ("Africa", "Americas", "Asia", "Europe", "Oceania"),
         says=lambda name: ("the Americas" if name == "Americas" else name,))  # fmt: skip
entities("subregion", lambda: sorted({_subregion(c) for c in _all_countries().values()}))
