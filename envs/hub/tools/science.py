"""Science: the chemical elements, and what formulas say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]

sem("element_symbol", about="symbol of a chemical element, as Fe", high=3, entity=True)
sem("common_element", about="symbol of a common element, as C", high=3, entity=True,
    wider="element_symbol")  # fmt: skip
sem("element_name", about="English name of a chemical element, as iron", high=20, compare="name")
sem("atomic_number", kind="integer", about="atomic number, 1 to 109", low=1, high=109,
    wider="integer", compare="number", tolerance=0)  # fmt: skip
sem("element_group", kind="integer", about="group of the periodic table, 1 to 18", low=1, high=18,
    compare="number", tolerance=0)  # fmt: skip
sem("element_period", kind="integer", about="period of the periodic table, 1 to 7", low=1, high=7,
    compare="number", tolerance=0)  # fmt: skip
sem("formula", about="chemical formula, as C8H10N4O2", high=60, entity=True)
sem("equation", about="unbalanced reaction, as C3H8 + O2 -> CO2 + H2O", high=200)
sem("temperature_k", kind="number", about="temperature in kelvin", low=0, high=1e6,
    compare="number")  # fmt: skip
measure("g_per_mol", "grams per mole", 0, 1e9)
measure("dalton", "dalton (unified atomic mass units)", 0, 1e9)
measure("density", "g/cm³; of a gas, g/L", 0, 100)
measure("electronvolts", "electronvolts", 0, 1e6)
measure("moles", "moles", 0, 1e9)
lists("element_symbol")

# ---------------------------------------------------------------- PeriodicTable
periodic = Tool(
    "PeriodicTable",
    "Science",
    "The chemical elements: masses, melting points, densities, isotopes.",
    ("molmass",),
)
# Elements without stable or long-lived isotopes: their natural abundances mean nothing.
RADIOACTIVE = {43, 61, *range(84, 90), *range(93, 119)}


@lru_cache(maxsize=1)
def _elements() -> dict[str, Any]:
    from molmass import ELEMENTS

    return {element.symbol.lower(): element for element in ELEMENTS}


@lru_cache(maxsize=1)
def _elements_by_name() -> dict[str, Any]:
    other = {"aluminum": "al", "cesium": "cs", "sulphur": "s"}
    named = {element.name.lower(): element for element in _elements().values()}
    return named | {name: _elements()[symbol] for name, symbol in other.items()}


def _element(symbol: str) -> Any:
    return found(_elements().get(symbol.lower()), f"element {symbol}")


@periodic.api(
    "Properties of a chemical element by its symbol: atomic number and mass, density, melting "
    "and boiling point, electron configuration.",
    {"symbol": takes("element_symbol", "Fe")},
    {
        "number": gives("atomic_number", "the atomic number of {symbol}"),
        "mass": gives(
            "g_per_mol",
            "the standard atomic mass of {symbol}",
            "the molar mass in g/mol of {symbol}",
        ),
        "density": gives(
            "density",
            "the density in g/cm³ (for a gas: in g/L) of {symbol}",
            "the density of {symbol}, in g/cm³, or in g/L if it is a gas",
        ),
        "melting_point": gives(
            "temperature_k",
            "the melting point in kelvin of {symbol}",
            ask="At how many kelvin does {symbol} melt?",
        ),
        "boiling_point": gives(
            "temperature_k",
            "the boiling point in kelvin of {symbol}",
            ask="At how many kelvin does {symbol} boil?",
        ),
        "configuration": gives(
            "text", "the electron configuration in noble-gas notation of {symbol}"
        ),
    },
)
def element(symbol: str) -> Response:
    known = _element(symbol)
    return {
        "symbol": known.symbol,
        "name": known.name,
        "number": known.number,
        "mass": known.mass,
        "density": known.density or None,
        "melting_point": known.tmelt or None,
        "boiling_point": known.tboil or None,
        "configuration": known.eleconfig,
    }


@periodic.api(
    "The element of an atomic number.",
    {"number": takes("atomic_number", 79)},
    {
        "symbol": gives(
            "element_symbol",
            "the symbol of the chemical element with atomic number {number}",
            entity="the element with atomic number {number}",
            ask="Which chemical element has the atomic number {number}?",
        ),
        "mass": gives(
            "g_per_mol", "the standard atomic mass of the element with atomic number {number}"
        ),
    },
)
def element_by_number(number: int) -> Response:
    known = next(each for each in _elements().values() if each.number == number)
    return {"symbol": known.symbol, "name": known.name, "mass": known.mass}


@periodic.api(
    "Find a chemical element by its English name.",
    {"name": takes("element_name", "tungsten")},
    {
        "symbol": gives(
            "element_symbol",
            "the chemical symbol of {name}",
            "the symbol that the periodic table has for {name}",
            entity="the element called {name}",
        ),
        "number": gives("atomic_number", "the atomic number of {name}"),
    },
)
def find_element(name: str) -> Response:
    known = found(_elements_by_name().get(name.lower()), f"element {name}")
    return {"symbol": known.symbol, "number": known.number}


@periodic.api(
    "Pauling electronegativity and first ionisation energy of an element; 404 where no "
    "electronegativity is known, as for most noble gases.",
    {"symbol": takes("element_symbol", "F")},
    {
        "electronegativity": gives("number", "the Pauling electronegativity of {symbol}"),
        "ionisation_ev": gives(
            "electronvolts",
            "the first ionisation energy in electronvolts of {symbol}",
            "the energy in eV that removes the first electron from an atom of {symbol}",
        ),
    },
)
def electronegativity(symbol: str) -> Response:
    known = _element(symbol)
    value = found(known.eleneg or None, f"electronegativity of {symbol}")
    return {"electronegativity": value, "ionisation_ev": (known.ionenergy or [None])[0]}


@periodic.api(
    "The most abundant natural isotope of an element, and how many natural isotopes it has; 404 "
    "for elements that do not occur in nature in measurable amounts.",
    {"symbol": takes("element_symbol", "Cl")},
    {
        "mass_number": gives(
            "count",
            "the mass number of the most abundant natural isotope of {symbol}",
            "the number of nucleons in the most common isotope of {symbol}",
        ),
        "abundance_percent": gives(
            "percent",
            "the natural abundance in percent of the most common isotope of {symbol}",
        ),
        "isotopes": gives("count", "the number of isotopes that {symbol} has in nature"),
    },
)
def main_isotope(symbol: str) -> Response:
    known = _element(symbol)
    if known.number in RADIOACTIVE:
        raise HubError(f"natural isotopes of {symbol} not found")
    best = max(known.isotopes.values(), key=lambda isotope: isotope.abundance)
    return {
        "mass_number": best.massnumber,
        "abundance_percent": round(best.abundance * 100, 4),
        "isotope_mass": best.mass,
        "isotopes": len(known.isotopes),
    }


@periodic.api(
    "Where an element stands in the periodic table. Lanthanides and actinides have no group: 404.",
    {"symbol": takes("element_symbol", "Br")},
    {
        "group": gives("element_group", "the group of the periodic table that {symbol} belongs to"),
        "period": gives("element_period", "the period of the periodic table that holds {symbol}"),
    },
)
def position(symbol: str) -> Response:
    known = _element(symbol)
    if known.block == "f":
        raise HubError(f"group of {symbol} not found: it is a lanthanide or an actinide")
    return {"group": known.group, "period": known.period, "block": known.block}


@periodic.api(
    "The elements of a group of the periodic table, up to atomic number 94.",
    {"group": takes("element_group", 17)},
    {
        "elements": gives(
            "element_symbol[]",
            "the elements with atomic numbers up to 94 in group {group} of the periodic table",
        ),
    },
)
def group_elements(group: int) -> Response:
    rows = [e for e in _elements().values() if e.group == group and e.block != "f"]
    return {"elements": [each.symbol for each in rows if each.number <= 94]}


@periodic.api(
    "The elements of a period of the periodic table, up to atomic number 94.",
    {"period": takes("element_period", 3)},
    {
        "elements": gives(
            "element_symbol[]",
            "the elements with atomic numbers up to 94 in period {period} of the periodic table",
        ),
    },
)
def period_elements(period: int) -> Response:
    rows = [each for each in _elements().values() if each.period == period and each.number <= 94]
    return {"count": len(rows), "elements": [each.symbol for each in rows]}


# ---------------------------------------------------------------- MoleculeCalc
molecules = Tool(
    "MoleculeCalc",
    "Science",
    "Molar masses, composition and balancing from chemical formulas.",
    ("molmass",),
)


@lru_cache(maxsize=1024)
def _formula(text: str) -> Any:
    from molmass import Formula, FormulaError

    if re.search(r"\d{4}|[^A-Za-z0-9().\[\]]", text):
        raise HubError(f"formula {text}: letters, numbers up to 999 and parentheses only", 400)
    try:
        made = Formula(text)
        made.composition()
    except FormulaError as error:
        raise HubError(f"formula {text}: {str(error).splitlines()[0]}", 400) from None
    return made


def _shares(text: str) -> dict[str, tuple[int, float]]:
    """Number of atoms and mass fraction, by element."""
    return {row[0]: (row[1], row[3]) for row in _formula(text).composition().astuple()}


@molecules.api(
    "Molar mass, monoisotopic mass and number of atoms of a chemical formula.",
    {"formula": takes("formula", "C8H10N4O2")},
    {
        "molar_mass": gives(
            "g_per_mol",
            "the molar mass in g/mol of {formula}",
            ask="How many grams does one mole of {formula} weigh?",
        ),
        "monoisotopic_mass": gives("dalton", "the monoisotopic mass in dalton of {formula}"),
        "atoms": gives(
            "count",
            "the number of atoms in one formula unit of {formula}",
            ask="How many atoms does one formula unit of {formula} have?",
        ),
    },
)
def molar_mass(formula: str) -> Response:
    made = _formula(formula)
    return {
        "molar_mass": round(made.mass, 4),
        "monoisotopic_mass": round(made.monoisotopic_mass, 5),
        "atoms": made.atoms,
        "hill": made.formula,
        "empirical": made.empirical,
    }


@molecules.api(
    "The share of an element in the mass of a compound.",
    {"formula": takes("formula", "C6H12O6"), "symbol": takes("common_element", "C")},
    {
        "mass_percent": gives(
            "percent",
            "the percentage by mass of {symbol} in {formula}",
            "the share in percent that {symbol} has in the mass of {formula}",
        ),
        "atoms": gives("count", "the number of atoms of {symbol} in one formula unit of {formula}"),
    },
)
def mass_percent(formula: str, symbol: str) -> Response:
    wanted = _element(symbol).symbol
    atoms, share = found(_shares(formula).get(wanted), f"{wanted} in {formula}")
    return {"mass_percent": round(share * 100, 3), "atoms": atoms}


@molecules.api(
    "The element that makes up most of the mass of a compound.",
    {"formula": takes("formula", "Fe2O3")},
    {
        "symbol": gives(
            "element_symbol",
            "the symbol of the element that makes up most of the mass of {formula}",
            entity="the element that makes up most of the mass of {formula}",
        ),
        "percent": gives(
            "percent",
            "the percentage by mass of the element that contributes most to the mass of {formula}",
        ),
        "elements": gives("count", "the number of different elements in {formula}"),
    },
)
def main_element(formula: str) -> Response:
    shares = {name: share for name, (_, share) in _shares(formula).items()}
    best = max(sorted(shares), key=lambda name: shares[name])
    return {"symbol": best, "percent": round(shares[best] * 100, 3), "elements": len(shares)}


@molecules.api(
    "The amount of substance in a mass of a compound, and the number of molecules.",
    {"formula": takes("formula", "H2O"), "grams": takes("grams", 100)},
    {
        "moles": gives(
            "moles",
            "the amount of substance in moles of {grams} of {formula}",
            ask="How many moles are {grams} of {formula}?",
        )
    },
)
def grams_to_moles(formula: str, grams: float) -> Response:
    moles = grams / _formula(formula).mass
    return {"moles": round(moles, 6), "molecules": moles * 6.02214076e23}


@molecules.api(
    "Balance a chemical reaction: the smallest whole-number coefficients.",
    {"equation": takes("equation", "C3H8 + O2 -> CO2 + H2O")},
    {
        "coefficient_sum": gives(
            "integer",
            "the sum of all coefficients when the reaction {equation} is balanced with the "
            "smallest whole numbers",
        ),
        "first_coefficient": gives(
            "integer",
            "the coefficient of the first substance when the reaction {equation} is balanced with "
            "the smallest whole numbers",
        ),
    },
)
def balance(equation: str) -> Response:
    sides = [re.split(r"\s*\+\s*", side.strip()) for side in re.split(r"->|=|→", equation)]
    if len(sides) != 2 or not all(map(all, sides)) or len(sides[0]) + len(sides[1]) > 8:
        raise HubError("equation must look like 'C3H8 + O2 -> CO2 + H2O', up to 8 substances", 400)
    substances = [*sides[0], *sides[1]]
    counts = [_shares(substance) for substance in substances]
    names = sorted({name for count in counts for name in count})
    signs = [1] * len(sides[0]) + [-1] * len(sides[1])
    rows = [
        [
            Fraction(sign * count.get(name, (0, 0.0))[0])
            for sign, count in zip(signs, counts, strict=True)
        ]
        for name in names
    ]
    solution = _null_vector(rows)
    if solution is None or min(solution) <= 0:
        raise HubError("the equation cannot be balanced in a unique way", 422)
    scale = math.lcm(*(each.denominator for each in solution))
    whole = [int(each * scale) for each in solution]
    whole = [each // math.gcd(*whole) for each in whole]
    terms = [f"{n} {s}" if n > 1 else s for n, s in zip(whole, substances, strict=True)]
    left, right = " + ".join(terms[: len(sides[0])]), " + ".join(terms[len(sides[0]) :])
    return {
        "balanced": f"{left} -> {right}",
        "coefficients": whole,
        "first_coefficient": whole[0],
        "coefficient_sum": sum(whole),
    }


def _null_vector(rows: list[list[Fraction]]) -> list[Fraction] | None:
    """The vector that all rows send to 0, last entry 1; None if it is not the only one."""
    width, pivots = len(rows[0]), list[int]()
    for column in range(width):
        at = len(pivots)
        row = next((i for i in range(at, len(rows)) if rows[i][column]), None)
        if row is None:
            continue
        rows[at], rows[row] = rows[row], rows[at]
        rows[at] = [value / rows[at][column] for value in rows[at]]
        for i in range(len(rows)):
            if i != at and (factor := rows[i][column]):
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[at], strict=True)]
        pivots.append(column)
    if pivots != list(range(width - 1)):
        return None
    return [*(-rows[i][-1] for i in range(width - 1)), Fraction(1)]


# ---------------------------------------------------------------- entities
# Well-known compounds and reactions, as "formula name; ..." and "reaction; ...".
COMPOUNDS = """
H2O water; CO2 carbon dioxide; NH3 ammonia; CH4 methane; C2H5OH ethanol; CH3OH methanol;
C2H6 ethane; C3H8 propane; C4H10 butane; C8H18 octane; C2H4 ethylene; C2H2 acetylene;
C6H6 benzene; C7H8 toluene; C10H8 naphthalene; C3H6O acetone; C2H4O2 acetic acid;
CH2O formaldehyde; C3H8O3 glycerol; C6H12O6 glucose; C12H22O11 sucrose; C6H8O6 ascorbic acid;
C6H8O7 citric acid; C8H10N4O2 caffeine; C9H8O4 aspirin; C8H9NO2 paracetamol; C13H18O2 ibuprofen;
C10H14N2 nicotine; C17H19NO3 morphine; C27H46O cholesterol; C9H13NO3 adrenaline;
C8H11NO2 dopamine; C10H12N2O serotonin; C13H16N2O2 melatonin; C19H28O2 testosterone;
C18H24O2 estradiol; C16H18N2O4S penicillin G; CH4N2O urea; C5H5N5 adenine; C5H5N5O guanine;
C4H5N3O cytosine; C5H6N2O2 thymine; C2H5NO2 glycine; C8H8O3 vanillin; C10H16O camphor;
C10H20O menthol; C7H6O2 benzoic acid; C14H9Cl5 DDT; CHCl3 chloroform; CCl4 carbon tetrachloride;
C2F4 tetrafluoroethylene; NaCl sodium chloride; KCl potassium chloride; NaOH sodium hydroxide;
KOH potassium hydroxide; NaHCO3 sodium bicarbonate; Na2CO3 sodium carbonate;
CaCO3 calcium carbonate; CaO calcium oxide; Ca(OH)2 calcium hydroxide; MgSO4 magnesium sulfate;
CuSO4 copper(II) sulfate; BaSO4 barium sulfate; Al2O3 aluminium oxide; Fe2O3 iron(III) oxide;
Fe3O4 magnetite; FeS2 pyrite; SiO2 silicon dioxide; TiO2 titanium dioxide; ZnO zinc oxide;
PbO2 lead dioxide; HgS cinnabar; UF6 uranium hexafluoride; SF6 sulfur hexafluoride;
H2SO4 sulfuric acid; HNO3 nitric acid; HCl hydrogen chloride; H3PO4 phosphoric acid;
H2O2 hydrogen peroxide; H2S hydrogen sulfide; O3 ozone; N2O nitrous oxide; NO2 nitrogen dioxide;
SO2 sulfur dioxide; CO carbon monoxide; HCN hydrogen cyanide; KMnO4 potassium permanganate;
K2Cr2O7 potassium dichromate; AgNO3 silver nitrate; NH4NO3 ammonium nitrate;
KNO3 potassium nitrate; NaClO sodium hypochlorite; LiCoO2 lithium cobalt oxide; C7H5N3O6 TNT;
C3H5N3O9 nitroglycerin
"""
REACTIONS = """
H2 + O2 -> H2O; N2 + H2 -> NH3; CH4 + O2 -> CO2 + H2O; C2H6 + O2 -> CO2 + H2O;
C3H8 + O2 -> CO2 + H2O; C4H10 + O2 -> CO2 + H2O; C8H18 + O2 -> CO2 + H2O;
C6H6 + O2 -> CO2 + H2O; C2H2 + O2 -> CO2 + H2O; C2H5OH + O2 -> CO2 + H2O;
CH3OH + O2 -> CO2 + H2O; C6H12O6 + O2 -> CO2 + H2O; C12H22O11 + O2 -> CO2 + H2O;
Fe + O2 -> Fe2O3; Fe2O3 + CO -> Fe + CO2; Fe2O3 + Al -> Al2O3 + Fe; Al + O2 -> Al2O3;
Al + HCl -> AlCl3 + H2; Na + H2O -> NaOH + H2; Ca3(PO4)2 + SiO2 + C -> CaSiO3 + CO + P;
NH3 + O2 -> NO + H2O; NO2 + H2O -> HNO3 + NO; H2SO4 + NaOH -> Na2SO4 + H2O;
H3PO4 + Ca(OH)2 -> Ca3(PO4)2 + H2O; KClO3 -> KCl + O2; H2O2 -> H2O + O2;
FeS2 + O2 -> Fe2O3 + SO2; KMnO4 + HCl -> KCl + MnCl2 + H2O + Cl2;
K2Cr2O7 + HCl -> KCl + CrCl3 + H2O + Cl2; Cu + HNO3 -> Cu(NO3)2 + NO + H2O; Mg + N2 -> Mg3N2;
P4 + O2 -> P4O10; SO2 + O2 -> SO3; C7H5N3O6 -> N2 + H2O + CO + C;
C3H5N3O9 -> CO2 + N2 + H2O + O2; NaHCO3 -> Na2CO3 + CO2 + H2O; CaCO3 + HCl -> CaCl2 + CO2 + H2O;
Zn + HCl -> ZnCl2 + H2; BaCl2 + Al2(SO4)3 -> BaSO4 + AlCl3; PbS + O2 -> PbO + SO2
"""


@lru_cache(maxsize=1)
def _compounds() -> dict[str, str]:
    pairs = (each.split(maxsplit=1) for each in COMPOUNDS.split(";"))
    return {formula: " ".join(name.split()) for formula, name in pairs}


def _reactions() -> list[str]:
    return [" ".join(each.split()) for each in REACTIONS.split(";")]


def _known_symbols() -> list[str]:
    """Elements up to uranium of which density, melting and boiling point are known."""
    rows = (each for each in _elements().values() if each.number <= 92)
    return [each.symbol for each in rows if each.density and each.tmelt and each.tboil]


def _element_words(symbol: str) -> list[str]:
    return [_element(symbol).name.lower()]


def _formula_words(formula: str) -> list[str]:
    name = _compounds().get(formula)
    return [f"{name} ({formula})" if name else formula]


entities(
    "element_symbol",
    _known_symbols,
    says=_element_words,
    aliases=lambda v: (v, _element(v).name),
)
entities("common_element", lambda: ["C", "H", "N", "O"], says=_element_words)
entities("element_name", lambda: [_element(symbol).name.lower() for symbol in _known_symbols()])
entities("atomic_number", lambda: [_element(symbol).number for symbol in _known_symbols()])
entities("element_group", lambda: range(1, 19))
entities("element_period", lambda: range(2, 7))
entities("formula", lambda: list(_compounds()), says=_formula_words)
entities("equation", _reactions)
