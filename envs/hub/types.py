"""Semantic types: what a value of the hub means, which values are taken, how two are compared.

Types make the hub's type graph: what one API returns, another takes. A type says how its values
look as JSON, which bounds hold before any library sees them, and (``compare``) how an answer of
that type is checked against the truth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

Kind = Literal["string", "integer", "number", "boolean", "array"]
Compare = Literal["exact", "name", "number", "date", "time", "bool"]


@dataclass(frozen=True)
class SemType:
    """One semantic type.

    Attributes:
        name: as tools name it.
        kind: the JSON type of its values.
        about: how a value looks, for the API's documentation.
        low, high: bounds of a number; of a string or an array, of its length.
        wider: the type whose values include these (a ``wpp_year`` is a ``year``).
        items: for an array, the type of its elements.
        choices: the only values, where there are few.
        entity: the value is a code that stands for something (a country, an airport): sentences
            name the thing, not the code.
        links: whether an API that takes the type can be fed by one that returns it; counts and
            measures only answer.
        compare: how an answer is checked.
        tolerance: relative for numbers; minutes for times.
    """

    name: str
    kind: Kind = "string"
    about: str = ""
    low: float = 0
    high: float = 200
    wider: str = ""
    items: str = ""
    choices: tuple[Any, ...] = ()
    entity: bool = False
    links: bool = True
    compare: Compare = "exact"
    tolerance: float = 1e-3


_types: dict[str, SemType] = {}
TYPES: Final[Mapping[str, SemType]] = MappingProxyType(_types)


def sem(name: str, **fields: Any) -> SemType:
    """Declare a type; a tools module declares those that it alone uses.

    Raises:
        ValueError: another type has that name.
    """
    made = SemType(name, **fields)
    if _types.setdefault(name, made) != made:
        raise ValueError(f"there is a semantic type {name!r} already, and it is another")
    return made


def lists(name: str, *, most: int = 50) -> SemType:
    """Declare the type of lists of a type (``country_code[]``)."""
    of = TYPES[name]
    about = f"list of: {of.about}" if of.about else f"list of {name}"
    return sem(f"{name}[]", kind="array", items=name, high=most, about=about, compare=of.compare)


def measure(name: str, about: str, low: float = -1e12, high: float = 1e12, **fields: Any) -> None:
    """Declare a quantity: it answers and is not passed on."""
    given = {"kind": "number", "links": False, "compare": "number", **fields}
    sem(name, about=about, low=low, high=high, **given)


def fits(value: Any, type: SemType) -> tuple[Any, str]:
    """The value as the type has it, and "" or what is wrong with it.

    As over HTTP, a number may come as text and a text as a number; nothing else is guessed.
    """
    if type.kind == "boolean":
        return _as_bool(value)
    if type.kind in ("integer", "number"):
        value, wrong = _as_number(value, type)
    elif type.kind == "array":
        value, wrong = _as_list(value, type)
    else:
        value, wrong = _as_text(value, type)
    if not wrong and type.choices and value not in type.choices:
        wrong = f"must be one of {', '.join(map(str, type.choices))}"
    return value, wrong


def _as_bool(value: Any) -> tuple[Any, str]:
    if isinstance(value, bool):
        return value, ""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true", ""
    return value, "must be true or false"


def _as_number(value: Any, type: SemType) -> tuple[Any, str]:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value) if "." in value or "e" in value.lower() else int(value)
        except ValueError:
            return value, "must be a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, "must be a number"
    if not type.low <= value <= type.high:  # false for nan, too
        return value, f"must be from {type.low:g} to {type.high:g}"
    if type.kind == "integer":
        if isinstance(value, float) and not value.is_integer():
            return value, "must be a whole number"
        return int(value), ""
    return (value, "") if math.isfinite(value) else (value, "must be finite")


def _as_text(value: Any, type: SemType) -> tuple[Any, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value, "must be a text"
    if len(value) > type.high:
        return value, f"must have at most {type.high:.0f} characters"
    if not value.strip():
        return value, "must not be empty"
    if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
        return value, "must not hold control characters"
    return value.strip(), ""


def _as_list(value: Any, type: SemType) -> tuple[Any, str]:
    if not isinstance(value, list | tuple):
        return value, "must be a list"
    if len(value) > type.high:
        return value, f"must have at most {type.high:.0f} elements"
    if not value:
        return value, "must not be empty"
    out = []
    for i, each in enumerate(value):
        got, wrong = fits(each, TYPES[type.items])
        if wrong:
            return value, f"element {i}: {wrong}"
        out.append(got)
    return out, ""


# ---------------------------------------------------------------- places
sem("country_code", about="ISO 3166-1 alpha-2 country code, as JP", high=2, entity=True)
sem("country_code3", about="ISO 3166-1 alpha-3 country code, as JPN", high=3, entity=True)
sem("iso_numeric", about="three-digit ISO numeric code, as 392", high=3)
sem("country_name", about="English name of a country, as Japan", compare="name")
sem("city_name", about="name of a city, as Kyoto", compare="name")
sem("region", about="world region, as Asia", compare="name")
sem("subregion", about="UN subregion, as Central Asia", compare="name")
sem("subdivision_code", about="ISO 3166-2 code, as US-CA", high=6, entity=True)
sem("us_state", about="two-letter code of a US state, as TX", high=2, entity=True)
sem("zip_code", about="five-digit US ZIP code, as 90210", high=5)
sem("latitude", kind="number", about="degrees, north positive", low=-90, high=90, compare="number")
sem(
    "longitude", kind="number", about="degrees, east positive", low=-180, high=180, compare="number"
)
sem("latlon", kind="array", about="[latitude, longitude]", items="longitude", high=2)
sem("geohash", about="geohash, as u09tunqu", high=12)
sem("plus_code", about="full Plus Code, as 8FW4V75V+9R", high=15)
sem("iata", about="IATA code of an airport, as NRT", high=3, entity=True)
sem("icao", about="ICAO code of an airport or station, as RJAA", high=4, entity=True)
measure("distance_km", "kilometres", 0, 40_100)
measure("radius_km", "kilometres", 1, 500)
measure("bearing", "degrees clockwise from north", 0, 360)
measure("degrees", "degrees", -360, 360)
measure("area_km2", "square kilometres", 0)
measure("feet", "feet", -2000, 60_000)

# ---------------------------------------------------------------- time
sem("date", about="date as YYYY-MM-DD", high=10, compare="date")
sem("datetime", about="date and time as YYYY-MM-DDTHH:MM", high=16, compare="time", tolerance=1)
sem("year", kind="integer", about="year", low=1, high=2200, compare="number", tolerance=0)
sem("month", kind="integer", about="month, 1 to 12", low=1, high=12, compare="number", tolerance=0)
sem("timezone", about="IANA time zone, as Europe/Paris", high=40)
sem("weekday", about="day of the week, as Friday", compare="name")
measure("hours", "hours", -1e6, 1e6)
measure("minutes", "minutes", -1e9, 1e9)
measure("seconds", "seconds", -1e12, 1e12)
measure("days", "days", -4e6, 4e6, kind="integer", tolerance=0)
measure("years", "years", 0, 1000)

# ---------------------------------------------------------------- money
sem("currency_code", about="ISO 4217 currency code, as EUR", high=3, entity=True)
sem(
    "amount", kind="number", about="amount of money", low=0, high=1e12, compare="number", links=True
)
measure("amount_usd", "US dollars", 0, 1e13, links=True)
measure("rate", "exchange rate", 0, 1e9)
sem("ticker", about="stock ticker, as AAPL", high=6, entity=True)
sem("iban", about="IBAN without spaces", high=34)
sem("bic", about="BIC (SWIFT code)", high=11)
sem("bank_code", about="national bank code", high=12)

# ---------------------------------------------------------------- people, language, text
sem("person", about="full name of a person", compare="name")
sem("language_code", about="ISO 639 language code, as sw", high=3, entity=True)
sem("language_name", about="English name of a language, as Swahili", compare="name")
sem("locale", about="locale, as pt_BR", high=10, entity=True)
sem("calling_code", about="international calling code without +, as 81", high=4)
sem("phone", about="phone number in E.164, as +81332110000", high=20)
sem("domain", about="domain name, as www.example.co.uk", high=120)
sem("text", about="text", high=2000, links=False, compare="name")
sem("word", about="one word", high=40, compare="name")

# ---------------------------------------------------------------- numbers
sem("integer", kind="integer", about="whole number", low=-1e15, high=1e15, compare="number",
    tolerance=0)  # fmt: skip
measure("number", "number", -1e15, 1e15)
measure("count", "how many", 0, 1e12, kind="integer", tolerance=0)
measure("population", "inhabitants", 0, 1e11, kind="integer")
measure("percent", "percent", -1e6, 1e6)
measure("bool", "true or false", kind="boolean", compare="bool")
measure("celsius", "degrees Celsius", -273.15, 1e5)
measure("kelvin", "kelvin", 0, 1e6)
measure("kg", "kilograms", 0, 1e6)
measure("grams", "grams", 0, 1e7)
measure("cm", "centimetres", 0, 1e5)
measure("mm", "millimetres", 0, 1e6)

for each in ("country_code", "date", "number", "text", "word", "latlon", "iata", "city_name"):
    lists(each)
