"""Location: ZIP codes, states and cities of the United States."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..entities import entities
from ..pack import table
from ..registry import Tool, found, gives, takes
from ..types import sem
from .cities import city_label
from .location import Response, fold

sem("us_place", about="city and state of the US, as Springfield, IL", high=60, compare="name")
sem("us_city", about="city of the US, as Austin", high=40, compare="name", links=False)
sem("us_capital", about="capital of a US state, as Austin", high=40, compare="name")
sem("us_fips", about="two-digit FIPS code of a US state, as 06", high=2, entity=True)

us_places = Tool(
    "UsPlaces", "Location", "ZIP codes, states and cities of the United States.", ("us", "zipcodes")
)


@lru_cache(maxsize=1)
def _zips() -> dict[str, tuple[Any, ...]]:
    """ZIP code: city, state, county, latitude, longitude, time zone, area codes, kind, active."""
    from zipcodes import list_all

    keys = ("city", "state", "county", "lat", "long", "timezone", "area_codes", "zip_code_type")
    return {z["zip_code"]: (*(z[key] for key in keys), z["active"]) for z in list_all()}


@lru_cache(maxsize=1)
def _by_place() -> dict[tuple[str, str], list[str]]:
    """Active ZIP codes by city, without case and accents, and state."""
    out: dict[tuple[str, str], list[str]] = {}
    for code, (city, state, *_, active) in sorted(_zips().items()):
        if active:
            out.setdefault((fold(city), state), []).append(code)
    return out


@us_places.api(
    "City, state, county, position and time zone of a US ZIP code.",
    {"zip_code": takes("zip_code", "90210")},
    {
        "city": gives("us_city", "the city to which {zip_code} belongs"),
        "place": gives(
            "us_place",
            "the city and state to which {zip_code} belongs",
            entity="the city to which {zip_code} belongs",
        ),
        "state": gives(
            "us_state",
            "the two-letter code of the US state in which {zip_code} lies",
            entity="the US state in which {zip_code} lies",
        ),
        "county": gives(
            "text",
            "the county in which {zip_code} lies",
            ask="In which county does {zip_code} lie?",
        ),
        "latitude": gives("latitude", "the latitude of {zip_code}"),
        "longitude": gives("longitude", "the longitude of {zip_code}"),
        "timezone": gives("timezone", "the IANA time zone of {zip_code}"),
    },
)
def zip_lookup(zip_code: str) -> Response:
    city, state, county, latitude, longitude, zone, areas, kind, active = found(
        _zips().get(zip_code), f"ZIP code {zip_code}"
    )
    return {
        "zip_code": zip_code,
        "city": city,
        "state": state,
        "place": f"{city}, {state}",
        "county": county,
        "latitude": float(latitude),
        "longitude": float(longitude),
        "timezone": zone,
        "area_codes": areas,
        "type": kind,
        "active": active,
    }


@us_places.api(
    "The active ZIP codes of a US city, written with its state as Springfield, IL.",
    {"place": takes("us_place", "Springfield, IL")},
    {
        "count": gives(
            "count",
            "the number of active ZIP codes of {place}",
            ask="How many active ZIP codes has {place}?",
        ),
        "lowest": gives("zip_code", "the lowest active ZIP code of {place}"),
        "highest": gives("zip_code", "the highest active ZIP code of {place}"),
    },
)
def zips_of_city(place: str) -> Response:
    city, _, state = (part.strip() for part in place.rpartition(","))
    codes = found(_by_place().get((fold(city), state.upper())), f"{place} (city, state)")
    return {
        "count": len(codes),
        "lowest": codes[0],
        "highest": codes[-1],
        "zip_codes": codes[:50],
    }


@lru_cache(maxsize=1)
def _states() -> dict[str, Any]:
    from us import STATES

    return {state.abbr: state for state in STATES}


@us_places.api(
    "Facts about a US state: capital, year of statehood, counties, FIPS code, time zones.",
    {"state": takes("us_state", "TX")},
    {
        "name": gives("text", "the full name of {state}", entity="{state}"),
        "capital": gives(
            "us_capital",
            "the capital of {state}",
            ask="Which city is the capital of {state}?",
        ),
        "capital_place": gives(
            "us_place",
            "the capital, written with its state as Springfield, IL, of {state}",
            entity="the capital of {state}",
        ),
        "fips": gives("us_fips", "the two-digit FIPS code of {state}"),
        "statehood_year": gives(
            "year",
            "the year in which {state} was admitted to the Union",
            ask="In which year was {state} admitted to the Union?",
        ),
        "county_count": gives(
            "count", "the number of counties, or areas equal to counties, in {state}"
        ),
        "capital_timezone": gives("timezone", "the IANA time zone of the capital of {state}"),
    },
)
def us_state(state: str) -> Response:
    known = found(_states().get(state.upper()), f"state {state}")
    return {
        "name": known.name,
        "abbreviation": known.abbr,
        "capital": known.capital,
        "capital_place": f"{known.capital}, {known.abbr}",
        "capital_timezone": known.capital_tz,
        "fips": known.fips,
        "statehood_year": known.statehood_year,
        "county_count": len(known.counties),
        "time_zones": known.time_zones,
        "contiguous": known.is_contiguous,
    }


@us_places.api(
    "Which US state has this city as its capital.",
    {"capital": takes("us_capital", "Sacramento")},
    {
        "state": gives(
            "us_state",
            "the two-letter code of the US state whose capital is {capital}",
            entity="the US state whose capital is {capital}",
        ),
        "fips": gives("us_fips", "the FIPS code of the US state whose capital is {capital}"),
    },
)
def state_of_capital(capital: str) -> Response:
    wanted = fold(capital)
    known = [state for state in _states().values() if fold(state.capital) == wanted]
    state = found(known, f"US state with capital {capital}")[0]
    return {"state": state.abbr, "name": state.name, "fips": state.fips}


@us_places.api(
    "Which US state has this two-digit FIPS code.",
    {"fips": takes("us_fips", "06")},
    {
        "state": gives("us_state", "the two-letter code of {fips}", entity="{fips}"),
    },
)
def state_of_fips(fips: str) -> Response:
    known = [state for state in _states().values() if state.fips == fips.zfill(2)]
    state = found(known, f"US state with FIPS code {fips}")[0]
    return {"state": state.abbr, "name": state.name}


@lru_cache(maxsize=1)
def _cities_by_state() -> dict[str, list[list[Any]]]:
    out: dict[str, list[list[Any]]] = {}
    for row in sorted(table("cities"), key=lambda row: (-row[6], row[0])):
        if row[2] == "US":
            out.setdefault(row[3], []).append(row)
    return out


@us_places.api(
    "The most populous cities of a US state.",
    {"state": takes("us_state", "FL")},
    {
        "largest": gives(
            "city_name",
            "the most populous city of {state}",
            ask="Which city of {state} has the most inhabitants?",
        ),
        "place": gives(
            "us_place",
            "the most populous city, written with its state as Springfield, IL, of {state}",
            entity="the most populous city of {state}",
        ),
        "population": gives(
            "population", "the number of inhabitants of the most populous city of {state}"
        ),
        "cities": gives("city_name[]", "the five most populous cities of {state}"),
    },
)
def largest_cities_of_state(state: str) -> Response:
    rows = found(_cities_by_state().get(state.upper()), f"state {state}")
    return {
        "largest": city_label(rows[0]),
        "place": f"{rows[0][1]}, {state.upper()}",
        "population": rows[0][6],
        "cities": [city_label(row) for row in rows[:5]],
    }


@us_places.api(
    "Position, inhabitants and time zone of a US city, written with its state as Portland, ME.",
    {"place": takes("us_place", "Portland, ME")},
    {
        "population": gives("population", "the number of inhabitants of {place}"),
        "state": gives(
            "us_state",
            "the two-letter code of the state of {place}",
            entity="the US state to which {place} belongs",
        ),
        "latitude": gives("latitude", "the latitude of {place}"),
        "longitude": gives("longitude", "the longitude of {place}"),
        "timezone": gives("timezone", "the IANA time zone of {place}"),
    },
)
def us_city(place: str) -> Response:
    city, _, state = (part.strip() for part in place.rpartition(","))
    rows = _cities_by_state().get(state.upper(), [])
    row = found([row for row in rows if fold(row[1]) == fold(city)], f"{place} (city, state)")[0]
    return {
        "name": row[1],
        "state": row[3],
        "population": row[6],
        "latitude": row[4],
        "longitude": row[5],
        "timezone": row[7],
    }


# ---------------------------------------------------------------- entities
def _state_words(code: str) -> list[str]:
    return [f"the US state of {_states()[code].name}"]


def _known_places() -> list[tuple[str, str]]:
    """Cities of 100,000 and more that have ZIP codes of their own."""
    rows = [row for rows in _cities_by_state().values() for row in rows if row[6] >= 100_000]
    return sorted((row[1], row[3]) for row in rows if (fold(row[1]), row[3]) in _by_place())


def _known_zips() -> list[str]:
    """The first ordinary ZIP code of each known place."""
    out = []
    for city, state in _known_places():
        codes = _by_place()[fold(city), state]
        out += [code for code in codes if _zips()[code][7] == "STANDARD" and _zips()[code][2]][:1]
    return sorted({*out, "90210", "10001", "60601", "94103", "02108", "33139", "20500", "89109"})


entities(
    "us_state",
    lambda: sorted(_states()),
    says=_state_words,
    aliases=lambda code: [_states()[code].name],
)
entities("us_capital", lambda: sorted(state.capital for state in _states().values()))
entities("us_place", lambda: [f"{city}, {state}" for city, state in _known_places()])
entities("us_fips", lambda: sorted(state.fips for state in _states().values()),
         says=lambda code: (f"the US state with the FIPS code {code}",))  # fmt: skip
entities("zip_code", _known_zips, says=lambda code: (f"the ZIP code {code}",))
