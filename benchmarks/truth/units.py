"""Units of measurement: their names, their dimensions, and how one becomes another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ...envs.hub.types import SemType


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit.

    Attributes:
        dimension: units of one dimension can be converted.
        factor, offset: a number times the factor plus the offset is in the base unit.
        vague: its name may mean something else, as ``m`` or ``degrees``.
        joins: numbers of it and of a smaller one make one quantity, as 5 ft 11 in.
    """

    dimension: str
    factor: Decimal
    offset: Decimal = Decimal(0)
    vague: bool = False
    joins: bool = False

    def base(self, value: Decimal) -> Decimal:
        """A number of this unit in the base unit."""
        return value * self.factor + self.offset

    def of(self, base: Decimal) -> Decimal:
        """A number of the base unit in this unit."""
        return (base - self.offset) / self.factor


# Dimension, factor, names; "*" marks a vague name, "+" a dimension whose units join.
_TABLE: Final = """
length | 1000 | km kms kilometer kilometers kilometre kilometres
length | 1 | m* meter meters metre metres
length | 0.01 | cm centimeter centimeters centimetre centimetres
length | 0.001 | mm millimeter millimeters millimetre millimetres
length | 1609.344 | mi mile miles statute_mile statute_miles
length | 1852 | nmi nm* nautical_mile nautical_miles
length+ | 0.3048 | ft foot feet
length+ | 0.0254 | inch inches in*
length | 0.9144 | yd yard yards
area | 1000000 | km^2 km2 sq_km sq._km sqkm square_kilometer square_kilometers square_kilometre \
square_kilometres square_km
area | 1 | m^2 m2 sq_m sq._m square_meter square_meters square_metre square_metres
area | 2589988.110336 | mi^2 sq_mi sq._mi square_mile square_miles
area | 10000 | ha hectare hectares
area | 4046.8564224 | acre acres
volume | 1 | l* liter liters litre litres
volume | 0.001 | ml milliliter milliliters millilitre millilitres
volume | 3.785411784 | gallon gallons gal
mass | 1000 | kg kgs kilogram kilograms kilogramme kilogrammes
mass | 1 | g* gram grams gramme grammes
mass | 0.001 | mg milligram milligrams
mass | 0.000001 | µg μg mcg microgram micrograms
mass | 1000000 | t* tonne tonnes metric_ton metric_tons
mass+ | 453.59237 | lb lbs pound* pounds*
mass+ | 28.349523125 | oz ounce ounces
time+ | 604800 | week weeks
time+ | 86400 | d* day days
time+ | 3600 | h* hr hrs hour hours
time+ | 60 | min mins minute minutes
time+ | 1 | s* sec secs second* seconds
time | 0.001 | ms millisecond milliseconds
years | 1 | year years yr yrs
energy | 4184 | kcal kcals kilocalorie kilocalories cal* calories
energy | 1000 | kj kilojoule kilojoules
energy | 1 | j* joule joules
speed | 1 | m/s mps meters_per_second metres_per_second
speed | 0.2777777777777777777777777778 | km/h kmh kph kilometers_per_hour kilometres_per_hour
speed | 0.44704 | mph miles_per_hour mi/h
speed | 0.5144444444444444444444444444 | kn* kt* kts knot knots
pressure | 1 | hpa mbar millibar millibars hectopascal hectopascals
pressure | 33.86389 | inhg inches_of_mercury
percent | 1 | % percent per_cent pct percentage_points
angle | 1 | °* deg* degree* degrees*
usd | 1 | $ us$ usd dollar* dollars* us_dollar us_dollars
eur | 1 | € eur euro euros
gbp | 1 | £ gbp pounds_sterling
jpy | 1 | ¥ jpy yen
inr | 1 | ₹ inr rupees
"""
SCALES: Final = {
    "hundred": 2, "thousand": 3, "million": 6, "millions": 6, "billion": 9, "billions": 9,
    "trillion": 12, "mn": 6, "mln": 6, "mio": 6, "bn": 9, "tn": 12, "lakh": 5, "crore": 7,
}  # fmt: skip


def _read_table() -> dict[str, tuple[Unit, ...]]:
    out: dict[str, tuple[Unit, ...]] = {}
    for line in _TABLE.replace("\\\n", "").strip().splitlines():
        dimension, factor, names = (part.strip() for part in line.split("|"))
        for name in names.split():
            joins = dimension.endswith("+") or dimension == "time"
            unit = Unit(dimension.rstrip("+"), Decimal(factor), Decimal(0), "*" in name, joins)
            key = name.rstrip("*").replace("_", " ")
            out[key] = (*out.get(key, ()), unit)
    celsius = Unit("temperature", Decimal(1), Decimal("273.15"))
    ninth = Decimal(5) / 9
    fahrenheit = Unit("temperature", ninth, Decimal("273.15") - 32 * ninth)
    for letter, word, unit in (
        ("c", "celsius", celsius),
        ("f", "fahrenheit", fahrenheit),
        ("k", "kelvin", Unit("temperature", Decimal(1))),
    ):
        vague = Unit(unit.dimension, unit.factor, unit.offset, vague=True)
        out[letter] = (*out.get(letter, ()), vague)
        for name in (word, f"°{letter}", f"° {letter}", f"deg {letter}", f"degrees {word}",
                     f"degree {word}", f"degrees {letter}"):  # fmt: skip
            out[name] = (unit,)
    out["kelvins"] = out["kelvin"]
    return out


_UNITS: Final = _read_table()
UNIT: Final = re.compile(
    rf"[ -]?(?:{'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![A-Za-z^])",
    re.IGNORECASE,
)


def units_named(name: str) -> tuple[Unit, ...]:
    """What a name may mean."""
    return _UNITS.get(name.strip(" -").lower(), ())


# A type's name may end like a unit and be none: a "birth_year" is no duration.
_NO_UNITS: Final = frozenset(
    {"year", "month", "week", "day", "hour", "minute", "second", "degree", "number", "in"}
)


def unit_of(type: SemType) -> Unit | None:
    """The unit of a type's values, by the type's name (``distance_km``) or by what is said of it.

    A count has none.
    """
    name = type.name.lower()
    if "_per_" in name:
        return None
    about = type.about.lower().partition(",")[0]
    for each in (name, name.rpartition("_")[2], about):
        units = () if each in _NO_UNITS else units_named(each.replace("_", " "))
        clear = [unit for unit in units if not unit.vague] or list(units)
        if clear:
            return clear[0]
    return None
