"""The parts of a truth, each with its semantic type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...envs.hub.types import TYPES, SemType
from .moments import as_date, as_moment
from .prose import short
from .quantities import decimal

MOST_PARTS: Final = 100


@dataclass(frozen=True)
class Part:
    """One value of the truth, with its type."""

    value: Any
    type: SemType

    @property
    def said(self) -> str:
        """The value in words."""
        return short(self.value)


_INFERRED: Final = {
    "number": SemType("number", "number", compare="number", tolerance=1e-9),
    "integer": SemType("integer", "integer", compare="number", tolerance=0),
    "code": SemType("code", compare="exact"),
    "name": SemType("name", compare="name"),
    "date": SemType("date", compare="date"),
    "moment": SemType("moment", compare="time", tolerance=1),
    "bool": SemType("bool", "boolean", compare="bool"),
}


def parts_of(truth: Any, types: Sequence[str]) -> list[Part]:
    """The parts of the truth, none where it is empty or has an empty part."""
    values = truth
    if isinstance(truth, dict):
        values = list(truth.values())
    elif not isinstance(truth, list | tuple):
        values = [truth]
    names = [types] if isinstance(types, str) else list(types)
    if len(names) != len(values):
        names = names[:1] * len(values) if len(names) == 1 else [""] * len(values)
    out: list[Part] = []
    for value, name in zip(values, names, strict=True):
        if value is None or value == "" or value == [] or value == {}:
            return []
        if isinstance(value, list | tuple | dict):
            nested = parts_of(value, [name] if name else [])
            if not nested or len(out) > MOST_PARTS:
                return nested and out
            out += nested
        else:
            out.append(Part(value, _type(name.removesuffix("[]"), value)))
    return out


def _type(name: str, value: Any) -> SemType:
    """The type, if it fits the value; else one inferred from the value."""
    known = TYPES.get(name)
    if known is not None and known.kind == "array":
        known = TYPES.get(known.items)
    if isinstance(value, bool):
        return _INFERRED["bool"]
    if known is not None:
        fits = {
            "number": decimal(value) is not None,
            "date": as_date(value) is not None,
            "time": as_moment(value) is not None,
            "bool": False,
        }
        if fits.get(known.compare, True):
            return known
    if isinstance(value, int | float):
        return _INFERRED["integer" if isinstance(value, int) else "number"]
    if as_date(value):
        return _INFERRED["date"]
    if as_moment(value) is not None:
        return _INFERRED["moment"]
    if decimal(value) is not None:
        digits = value.strip()
        coded = digits.lstrip("+").isdigit() and len(digits) > 1
        coded = coded and (digits[0] in "0+" or len(digits) > 8)
        return _INFERRED["code" if coded else "number"]
    return _INFERRED["name"]
