"""Science: units of measurement and their conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, gives, takes
from ..types import measure, sem

Response = Mapping[str, Any]

sem("temperature_k", kind="number", about="temperature in kelvin", low=0, high=1e6,
    compare="number")  # fmt: skip
measure("fahrenheit", "degrees Fahrenheit", -459.67, 2e6)

# ---------------------------------------------------------------- units
# By kind of quantity: unit, the SI value of one, what one calls many.
KINDS: dict[str, dict[str, tuple[float, str]]] = {
    "length": {
        "meter": (1, "metres"),
        "kilometer": (1000, "kilometres"),
        "centimeter": (0.01, "centimetres"),
        "mile": (1609.344, "miles"),
        "yard": (0.9144, "yards"),
        "foot": (0.3048, "feet"),
        "inch": (0.0254, "inches"),
        "nautical_mile": (1852, "nautical miles"),
    },
    "mass": {
        "kilogram": (1, "kilograms"),
        "gram": (0.001, "grams"),
        "pound": (0.45359237, "pounds"),
        "ounce": (0.028349523125, "ounces"),
        "stone": (6.35029318, "stone"),
        "troy_ounce": (0.0311034768, "troy ounces"),
        "metric_ton": (1000, "tonnes"),
        "carat": (0.0002, "carats"),
    },
    "volume": {
        "liter": (0.001, "litres"),
        "milliliter": (1e-6, "millilitres"),
        "gallon": (0.003785411784, "US gallons"),
        "quart": (0.000946352946, "US quarts"),
        "pint": (0.000473176473, "US pints"),
        "fluid_ounce": (2.95735295625e-5, "US fluid ounces"),
        "imperial_gallon": (0.00454609, "imperial gallons"),
        "imperial_pint": (0.00056826125, "imperial pints"),
    },
    "area": {
        "square_meter": (1, "square metres"),
        "square_kilometer": (1e6, "square kilometres"),
        "hectare": (1e4, "hectares"),
        "acre": (4046.8564224, "acres"),
        "square_mile": (2589988.110336, "square miles"),
        "square_foot": (0.09290304, "square feet"),
    },
    "speed": {
        "meter_per_second": (1, "metres per second"),
        "kilometer_per_hour": (1 / 3.6, "kilometres per hour"),
        "mile_per_hour": (0.44704, "miles per hour"),
        "knot": (1852 / 3600, "knots"),
        "foot_per_second": (0.3048, "feet per second"),
    },
    "pressure": {
        "pascal": (1, "pascals"),
        "kilopascal": (1000, "kilopascals"),
        "bar": (1e5, "bars"),
        "atmosphere": (101325, "atmospheres"),
        "psi": (6894.757293168, "pounds per square inch"),
        "mmHg": (133.322387415, "millimetres of mercury"),
    },
    "energy": {
        "joule": (1, "joules"),
        "kilojoule": (1000, "kilojoules"),
        "kilocalorie": (4184, "kilocalories"),
        "kilowatt_hour": (3.6e6, "kilowatt-hours"),
        "british_thermal_unit": (1055.05585262, "British thermal units"),
        "watt_hour": (3600, "watt-hours"),
    },
    "power": {
        "watt": (1, "watts"),
        "kilowatt": (1000, "kilowatts"),
        "horsepower": (745.69987158227, "mechanical horsepower"),
        "metric_horsepower": (735.49875, "metric horsepower"),
    },
    "temperature": {
        "degC": (1, "degrees Celsius"),
        "degF": (5 / 9, "degrees Fahrenheit"),
        "kelvin": (1, "kelvin"),
        "degR": (5 / 9, "degrees Rankine"),
    },
}
# The temperature in kelvin at a scale's zero.
ZEROS = {"degC": 273.15, "degF": 459.67 * 5 / 9, "kelvin": 0.0, "degR": 0.0}
KIND_OF = {unit: kind for kind, units in KINDS.items() for unit in units}
PLURALS = {unit: words for units in KINDS.values() for unit, (_, words) in units.items()}
# What pint calls a unit, where it is not the unit's name.
PINT = {
    "square_meter": "meter ** 2",
    "square_kilometer": "kilometer ** 2",
    "square_mile": "mile ** 2",
    "square_foot": "foot ** 2",
    "meter_per_second": "meter / second",
    "kilometer_per_hour": "kilometer / hour",
    "mile_per_hour": "mile / hour",
    "foot_per_second": "foot / second",
}
sem("unit", about="unit of measurement", choices=tuple(KIND_OF))
for each in KINDS:
    sem(f"{each}_unit", about=f"unit of {each}", choices=tuple(KINDS[each]), wider="unit")

pint_units = Tool(
    "UnitConverter",
    "Science",
    "Conversions between physical units, with dimensional analysis.",
    ("pint",),
)


@lru_cache(maxsize=1)
def _registry() -> Any:
    from pint import UnitRegistry

    return UnitRegistry(cache_folder=None)


@pint_units.api(
    "Convert a value from one unit to another of the same kind of quantity.",
    {
        "value": takes("number", 26.2),
        "from_unit": takes("unit", "mile"),
        "to_unit": takes("unit", "kilometer"),
    },
    {
        "result": gives(
            "number",
            "the value in {to_unit} of {value} {from_unit}",
            "the number of {to_unit} that equals {value} {from_unit}",
            ask="How much are {value} {from_unit} in {to_unit}?",
        )
    },
)
def convert_unit(value: float, from_unit: str, to_unit: str) -> Response:
    if KIND_OF[from_unit] != KIND_OF[to_unit]:
        a, b = KIND_OF[from_unit], KIND_OF[to_unit]
        raise HubError(f"cannot convert {a} ({from_unit}) to {b} ({to_unit})", 422)
    names = (PINT.get(from_unit, from_unit), PINT.get(to_unit, to_unit))
    quantity = _registry().Quantity(float(value), names[0]).to(names[1])
    return {"result": _significant(float(quantity.magnitude))}


@pint_units.api(
    "The kind of quantity that a unit measures, and its value in SI base units.",
    {"unit": takes("unit", "horsepower")},
    {
        "quantity": gives(
            "text",
            "the kind of physical quantity that is measured in {unit}",
            "the physical quantity whose unit is {unit}",
        )
    },
)
def unit_info(unit: str) -> Response:
    base = _registry().Quantity(1, PINT.get(unit, unit)).to_base_units()
    return {
        "quantity": KIND_OF[unit],
        "si_value": _significant(float(base.magnitude)),
        "si_unit": str(base.units),
    }


def _significant(value: float, digits: int = 9) -> float:
    return float(f"{value:.{digits}g}")


measures = Tool(
    "EverydayMeasures", "Science", "Lengths, weights, temperatures and more, converted."
)


def _converted(kind: str, value: float, from_unit: str, to_unit: str) -> Response:
    units = KINDS[kind]
    return {"result": _significant(value * units[from_unit][0] / units[to_unit][0])}


def _units(kind: str, value: float, from_unit: str, to_unit: str) -> dict[str, Any]:
    return {
        "value": takes("number", value),
        "from_unit": takes(f"{kind}_unit", from_unit),
        "to_unit": takes(f"{kind}_unit", to_unit),
    }


def _result(noun: str) -> dict[str, Any]:
    return {
        "result": gives(
            "number",
            f"the {noun} in {{to_unit}} of {{value}} {{from_unit}}",
            "the number of {to_unit} in {value} {from_unit}",
            ask="How many {to_unit} are {value} {from_unit}?",
        )
    }


@measures.api("Convert a length.", _units("length", 26.2, "mile", "kilometer"), _result("length"))
def convert_length(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("length", value, from_unit, to_unit)


@measures.api("Convert a weight.", _units("mass", 150, "pound", "kilogram"), _result("weight"))
def convert_mass(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("mass", value, from_unit, to_unit)


@measures.api("Convert a volume.", _units("volume", 5, "gallon", "liter"), _result("volume"))
def convert_volume(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("volume", value, from_unit, to_unit)


@measures.api("Convert an area.", _units("area", 12, "acre", "hectare"), _result("area"))
def convert_area(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("area", value, from_unit, to_unit)


@measures.api(
    "Convert a speed.", _units("speed", 20, "knot", "kilometer_per_hour"), _result("speed")
)
def convert_speed(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("speed", value, from_unit, to_unit)


@measures.api("Convert a pressure.", _units("pressure", 32, "psi", "bar"), _result("pressure"))
def convert_pressure(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("pressure", value, from_unit, to_unit)


@measures.api(
    "Convert an energy.", _units("energy", 2.5, "kilowatt_hour", "kilojoule"), _result("energy")
)
def convert_energy(value: float, from_unit: str, to_unit: str) -> Response:
    return _converted("energy", value, from_unit, to_unit)


@measures.api(
    "Convert a temperature.",
    _units("temperature", 100, "degC", "degF"),
    {
        "result": gives(
            "number",
            "the temperature in {to_unit} that equals {value} {from_unit}",
            ask="What temperature in {to_unit} are {value} {from_unit}?",
        )
    },
)
def convert_temperature(value: float, from_unit: str, to_unit: str) -> Response:
    units = KINDS["temperature"]
    kelvin = ZEROS[from_unit] + value * units[from_unit][0]
    if kelvin < -1e-9:
        raise HubError("this is below absolute zero", 400)
    return {"result": round((kelvin - ZEROS[to_unit]) / units[to_unit][0], 4)}


@measures.api(
    "A temperature in kelvin as degrees Celsius and Fahrenheit.",
    {"kelvin": takes("temperature_k", 1808)},
    {
        "celsius": gives("celsius", "the equivalent in degrees Celsius of {kelvin}"),
        "fahrenheit": gives("fahrenheit", "the equivalent in degrees Fahrenheit of {kelvin}"),
    },
)
def from_kelvin(kelvin: float) -> Response:
    return {"celsius": round(kelvin - 273.15, 2), "fahrenheit": round(kelvin * 1.8 - 459.67, 2)}


# ---------------------------------------------------------------- entities
def _declare(type: str, names: Sequence[str]) -> None:
    entities(type, lambda: names, says=lambda v: (PLURALS[v],))


_declare("unit", tuple(KIND_OF))
for each in KINDS:
    _declare(f"{each}_unit", tuple(KINDS[each]))
entities(
    "temperature_k",
    lambda: [4, 20, 77, 150, 273, 300, 373, 500, 933, 1200, 1808, 2500, 5772],
    says=lambda v: (f"{v:g} K",),
)
