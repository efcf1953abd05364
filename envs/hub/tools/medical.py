"""Medical: the ICD-10-CM classification, and formulas of everyday clinical arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from math import sqrt
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import XMLParser

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]

sem("icd10", about="ICD-10-CM code, as E11.9", high=10, entity=True)
sem("diagnosis", about="words of a diagnosis, as sleep apnea", high=120, compare="name")
sem("sex", about="sex, as the formula has it", choices=("female", "male"))
measure("age", "age in years", 18, 110, kind="integer", tolerance=0)
measure("square_metres", "square metres", 0, 1e6)
measure("milligrams", "milligrams", 0, 1e7)
measure("mg_per_kg", "milligrams for each kilogram of body weight", 0, 1000)
measure("creatinine", "serum creatinine in mg/dL", 0.1, 30)
measure("ml_per_min", "millilitres a minute", 0, 1000)
measure("egfr", "mL/min/1.73 m²", 0, 400)
measure("systolic", "systolic blood pressure in mmHg", 40, 300)
measure("diastolic", "diastolic blood pressure in mmHg", 20, 200)
measure("mmhg", "millimetres of mercury", 0, 1000)
measure("total_cholesterol", "total cholesterol in mg/dL", 20, 1000)
measure("hdl_cholesterol", "HDL cholesterol in mg/dL", 5, 300)
measure("triglycerides", "triglycerides in mg/dL", 10, 5000)
measure("mg_per_dl", "mg/dL", -1000, 10_000)
measure("qt_interval", "QT interval in milliseconds", 100, 1000)
measure("milliseconds", "milliseconds", 0, 1e6)
measure("heart_rate", "heart beats a minute", 20, 300)
measure("sodium", "serum sodium in mmol/L", 80, 220)
measure("chloride", "serum chloride in mmol/L", 50, 180)
measure("bicarbonate", "serum bicarbonate in mmol/L", 1, 80)
measure("hba1c", "HbA1c in percent", 3, 20)
measure("calcium", "serum calcium in mg/dL", 2, 20)
measure("albumin", "serum albumin in g/dL", 0.5, 7)
measure("mmol_per_l", "mmol/L", -500, 5000)
lists("icd10")

# ---------------------------------------------------------------- Icd10cm
icd = Tool(
    "Icd10cm",
    "Medical",
    "The ICD-10-CM classification of diseases: chapters, blocks, categories and subcategories.",
    ("simple_icd_10_cm",),
)


class _Reader:
    """Collects (code, description, parent, children) from the classification's XML."""

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, Any]] = {}
        self._open: list[dict[str, Any]] = []
        self._tags: list[str] = []
        self._text = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._tags.append(tag)
        self._text = ""
        if tag in ("chapter", "section", "diag"):
            self._open.append({"code": attributes.get("id", ""), "tag": tag})

    def data(self, text: str) -> None:
        self._text += text

    def end(self, tag: str) -> None:
        self._tags.pop()
        inside = self._tags[-1] if self._tags else ""
        if inside in ("chapter", "section", "diag"):
            if tag == "name":
                self._open[-1]["code"] = self._text.strip()
            elif tag == "desc":
                self._add(self._text.strip())
        if tag in ("chapter", "section", "diag"):
            self._open.pop()

    def _add(self, description: str) -> None:
        """Add the innermost open node; a block of one category goes by the category's name."""
        code = self._open[-1]["code"]
        if self._open[-1]["tag"] != "diag":
            description = re.sub(r"\s*\([A-Z]\w{2}(-[A-Z]\w{2})?\)$", "", description)
        above = [each["code"] for each in self._open[:-1] if each["code"] != code]
        parent = above[-1] if above else None
        if code not in self.codes and parent:
            self.codes[parent]["children"].append(code)
        children = self.codes.get(code, {}).get("children", [])
        self.codes[code] = {"text": description, "parent": parent, "children": children}

    def close(self) -> dict[str, dict[str, Any]]:
        return self.codes


@lru_cache(maxsize=1)
def _codes() -> dict[str, dict[str, Any]]:
    """All codes down to subcategories, without the injuries' seventh characters.

    Read from the package's data: importing the package takes seconds. Empty without it.
    """
    spec = find_spec("simple_icd_10_cm")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "data"
    parser = XMLParser(target=_Reader())
    parser.feed(sorted(folder.glob("*.xml"))[-1].read_bytes())
    codes: dict[str, dict[str, Any]] = parser.close()  # type: ignore[assignment]
    return codes


def _code(text: str) -> str:
    """The code as the classification has it: ``e119`` is E11.9.

    Raises:
        HubError: there is none.
    """
    upper = text.upper()
    dotted = f"{upper[:3]}.{upper[3:]}" if len(upper) > 3 and "-" not in upper else upper
    return str(found(next((c for c in (upper, dotted) if c in _codes()), None), f"code {text}"))


def _above(code: str) -> list[str]:
    """The code and what it belongs to, up to its chapter."""
    chain = [code]
    while parent := _codes()[chain[-1]]["parent"]:
        chain.append(parent)
    return chain


@icd.api(
    "Description of an ICD-10-CM code, and the category, block and chapter that it belongs to.",
    {"code": takes("icd10", "E11.9")},
    {
        "parent": gives(
            "icd10",
            "the ICD-10-CM code one level above {code}",
            "the code of the ICD-10-CM category or block directly above {code}",
            entity="the ICD-10-CM group directly above {code}",
        ),
        "parent_description": gives(
            "text", "the description of the ICD-10-CM group directly above {code}"
        ),
        "chapter": gives("count", "the number of the ICD-10-CM chapter that {code} belongs to"),
        "chapter_title": gives("text", "the title of the ICD-10-CM chapter with {code}"),
    },
)
def icd_code(code: str) -> Response:
    wanted = _code(code)
    chain = _above(wanted)
    parent = found(_codes()[wanted]["parent"], f"a group above {code}")
    return {
        "code": wanted,
        "description": _codes()[wanted]["text"],
        "parent": parent,
        "parent_description": _codes()[parent]["text"],
        "chapter": int(chain[-1]),
        "chapter_title": _codes()[chain[-1]]["text"],
        "has_subcodes": bool(_codes()[wanted]["children"]),
    }


@icd.api(
    "The codes directly below an ICD-10-CM code; 404 if there are none.",
    {"code": takes("icd10", "J45")},
    {
        "count": gives(
            "count",
            "the number of ICD-10-CM codes directly below {code}",
            ask="How many direct subcodes does ICD-10-CM have for {code}?",
        ),
        "children": gives("icd10[]", "the ICD-10-CM codes directly below {code}"),
    },
)
def icd_children(code: str) -> Response:
    wanted = _code(code)
    children = found(_codes()[wanted]["children"], f"subcodes of {code}")
    texts = {child: _codes()[child]["text"][:80] for child in children[:40]}
    return {"count": len(children), "children": children[:40], "descriptions": texts}


@icd.api(
    "The nearest group that two ICD-10-CM codes have in common; 404 for different chapters.",
    {"code1": takes("icd10", "J45.20"), "code2": takes("icd10", "J44.9")},
    {
        "ancestor": gives(
            "icd10",
            "the code of the nearest ICD-10-CM group that holds both {code1} and {code2}",
            entity="the nearest ICD-10-CM group that holds both {code1} and {code2}",
        ),
        "description": gives(
            "text",
            "the description of the nearest ICD-10-CM group that holds both {code1} and {code2}",
        ),
    },
)
def icd_common(code1: str, code2: str) -> Response:
    first, second = _above(_code(code1)), _above(_code(code2))
    common = found(next((c for c in first if c in second), None), "a common group")
    return {"ancestor": common, "description": _codes()[common]["text"]}


@lru_cache(maxsize=1)
def _words() -> dict[str, set[str]]:
    """The codes in whose description a word stands."""
    out: dict[str, set[str]] = {}
    for code, entry in _codes().items():
        for word in re.findall(r"\w+", entry["text"].lower()):
            out.setdefault(word, set()).add(code)
    return out


@icd.api(
    "Search the descriptions of ICD-10-CM for all words of a diagnosis; the shortest match comes "
    "first.",
    {"query": takes("diagnosis", "sleep apnea")},
    {
        "code": gives(
            "icd10",
            "the ICD-10-CM code of the diagnosis {query}",
            "the code that ICD-10-CM has for {query}",
            entity="the diagnosis {query}",
        )
    },
)
def search_diagnosis(query: str) -> Response:
    words = re.findall(r"\w+", query.lower())[:12]
    sets = sorted((_words().get(word, set()) for word in words), key=len)
    codes = set.intersection(*sets) if sets else set()
    ranked = sorted(codes, key=lambda c: (len(_codes()[c]["text"]), c))
    return {
        "code": found(ranked, f"diagnosis {query}")[0],
        "matches": len(ranked),
        "codes": {code: _codes()[code]["text"][:100] for code in ranked[:15]},
    }


# ---------------------------------------------------------------- DoseMath
dose = Tool("DoseMath", "Medical", "Body size, kidney function and doses by clinical formulas.")


@dose.api(
    "Body surface area by Mosteller's formula (1987): √(height in cm × weight in kg / 3600).",
    {"weight_kg": takes("kg", 70), "height_cm": takes("cm", 175)},
    {
        "bsa_m2": gives(
            "square_metres",
            "the body surface area in m² (Mosteller) of a person of {weight_kg} and {height_cm}",
            "the Mosteller body surface area in square metres at a weight of {weight_kg} and a "
            "height of {height_cm}",
        )
    },
)
def body_surface_area(weight_kg: float, height_cm: float) -> Response:
    return {"bsa_m2": round(sqrt(height_cm * weight_kg / 3600), 4)}


@dose.api(
    "Creatinine clearance by Cockcroft and Gault (1976): (140 - age) × weight / (72 × creatinine), "
    "for women × 0.85.",
    {
        "age": takes("age", 60),
        "sex": takes("sex", "male"),
        "weight_kg": takes("kg", 72),
        "creatinine_mg_dl": takes("creatinine", 1.2),
    },
    {
        "ml_min": gives(
            "ml_per_min",
            "the Cockcroft-Gault creatinine clearance in mL/min of a {age}-year-old {sex} of "
            "{weight_kg} with a serum creatinine of {creatinine_mg_dl}",
        )
    },
)
def creatinine_clearance(age: int, sex: str, weight_kg: float, creatinine_mg_dl: float) -> Response:
    clearance = (140 - age) * weight_kg / (72 * creatinine_mg_dl)
    return {"ml_min": round(clearance * (0.85 if sex == "female" else 1), 2)}


@dose.api(
    "Estimated glomerular filtration rate by the CKD-EPI creatinine equation of 2021.",
    {
        "age": takes("age", 60),
        "sex": takes("sex", "female"),
        "creatinine_mg_dl": takes("creatinine", 1.1),
    },
    {
        "egfr": gives(
            "egfr",
            "the estimated glomerular filtration rate (CKD-EPI 2021, mL/min/1.73 m²) of a "
            "{age}-year-old {sex} with a serum creatinine of {creatinine_mg_dl}",
        )
    },
)
def egfr(age: int, sex: str, creatinine_mg_dl: float) -> Response:
    kappa, alpha = (0.7, -0.241) if sex == "female" else (0.9, -0.302)
    ratio = creatinine_mg_dl / kappa
    rate = 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age
    return {"egfr": round(rate * (1.012 if sex == "female" else 1), 2)}


@dose.api(
    "Ideal body weight by Devine (1974): 50 kg for men, 45.5 kg for women, and 2.3 kg for each "
    "inch of height above 5 feet.",
    {"sex": takes("sex", "female"), "height_cm": takes("cm", 170)},
    {
        "ideal_kg": gives(
            "kg", "the ideal body weight in kg (Devine's formula) of a {sex} of {height_cm}"
        )
    },
)
def ideal_body_weight(sex: str, height_cm: float) -> Response:
    if not 152.4 <= height_cm <= 250:
        raise HubError("the formula holds from 152.4 to 250 cm", 400)
    start = 50.0 if sex == "male" else 45.5
    return {"ideal_kg": round(start + 2.3 * (height_cm / 2.54 - 60), 2)}


@dose.api(
    "A dose by body weight.",
    {"mg_per_kg": takes("mg_per_kg", 15), "weight_kg": takes("kg", 70)},
    {
        "dose_mg": gives(
            "milligrams",
            "the dose in mg for a person of {weight_kg} at {mg_per_kg} of body weight",
            ask="How many mg does a person of {weight_kg} get at {mg_per_kg} of body weight?",
        )
    },
)
def dose_by_weight(mg_per_kg: float, weight_kg: float) -> Response:
    return {"dose_mg": round(mg_per_kg * weight_kg, 3)}


# ---------------------------------------------------------------- LabMath
labs = Tool("LabMath", "Medical", "What is reckoned from laboratory values and vital signs.")


@labs.api(
    "Mean arterial pressure: diastolic pressure plus a third of the pulse pressure.",
    {"systolic": takes("systolic", 120), "diastolic": takes("diastolic", 80)},
    {
        "mean_mmhg": gives(
            "mmhg",
            "the mean arterial pressure in mmHg (one-third rule) at a blood pressure of {systolic} "
            "systolic and {diastolic} diastolic",
        )
    },
)
def mean_arterial_pressure(systolic: float, diastolic: float) -> Response:
    if diastolic >= systolic:
        raise HubError("diastolic must be below systolic", 400)
    return {
        "mean_mmhg": round(diastolic + (systolic - diastolic) / 3, 2),
        "pulse_pressure": systolic - diastolic,
    }


@labs.api(
    "LDL cholesterol by Friedewald (1972): total - HDL - triglycerides / 5, for triglycerides of "
    "up to 400 mg/dL.",
    {
        "total": takes("total_cholesterol", 210),
        "hdl": takes("hdl_cholesterol", 50),
        "triglycerides": takes("triglycerides", 150),
    },
    {
        "ldl": gives(
            "mg_per_dl",
            "the LDL cholesterol in mg/dL by the Friedewald formula at a total cholesterol of "
            "{total}, HDL of {hdl} and triglycerides of {triglycerides}",
        )
    },
)
def ldl_cholesterol(total: float, hdl: float, triglycerides: float) -> Response:
    if triglycerides > 400:
        raise HubError("the formula holds up to 400 mg/dL of triglycerides", 400)
    return {"ldl": round(total - hdl - triglycerides / 5, 2)}


@labs.api(
    "The QT interval corrected for the heart rate, by Bazett (1920): QT / √(60 / heart rate).",
    {"qt_ms": takes("qt_interval", 400), "bpm": takes("heart_rate", 75)},
    {
        "qtc_ms": gives(
            "milliseconds",
            "the corrected QT interval in ms (Bazett) for a QT interval of {qt_ms} at {bpm}",
        )
    },
)
def corrected_qt(qt_ms: float, bpm: float) -> Response:
    return {"qtc_ms": round(qt_ms / sqrt(60 / bpm), 2)}


@labs.api(
    "The anion gap without potassium: sodium - chloride - bicarbonate.",
    {
        "sodium": takes("sodium", 140),
        "chloride": takes("chloride", 104),
        "bicarbonate": takes("bicarbonate", 24),
    },
    {
        "gap": gives(
            "mmol_per_l",
            "the anion gap in mmol/L (without potassium) at a sodium of {sodium}, a chloride of "
            "{chloride} and a bicarbonate of {bicarbonate}",
        )
    },
)
def anion_gap(sodium: float, chloride: float, bicarbonate: float) -> Response:
    return {"gap": round(sodium - chloride - bicarbonate, 2)}


@labs.api(
    "The average blood glucose that an HbA1c stands for, by the ADAG study (2008): 28.7 × HbA1c - "
    "46.7 mg/dL.",
    {"hba1c_percent": takes("hba1c", 6.5)},
    {
        "glucose_mg_dl": gives(
            "mg_per_dl",
            "the estimated average glucose in mg/dL (ADAG formula) at an HbA1c of {hba1c_percent}",
        ),
        "glucose_mmol_l": gives(
            "mmol_per_l",
            "the estimated average glucose in mmol/L (ADAG formula) at an HbA1c of {hba1c_percent}",
        ),
    },
)
def average_glucose(hba1c_percent: float) -> Response:
    glucose = 28.7 * hba1c_percent - 46.7
    return {"glucose_mg_dl": round(glucose, 2), "glucose_mmol_l": round(glucose / 18.016, 3)}


@labs.api(
    "Serum calcium corrected for albumin (Payne, 1973): calcium + 0.8 × (4 - albumin).",
    {"calcium": takes("calcium", 8.2), "albumin": takes("albumin", 2.8)},
    {
        "corrected_mg_dl": gives(
            "mg_per_dl",
            "the albumin-corrected calcium in mg/dL (Payne) at a calcium of {calcium} and an "
            "albumin of {albumin}",
        )
    },
)
def corrected_calcium(calcium: float, albumin: float) -> Response:
    return {"corrected_mg_dl": round(calcium + 0.8 * (4 - albumin), 3)}


# ---------------------------------------------------------------- entities
# Codes that most people have heard of.
KNOWN = """
A00 A15 A36 A37 A38 A69.2 A82 A90 A92.3 B01 B02 B05 B06 B15 B16 B20 B26 B27 B86 C18 C25 C34 C43 C50
C61 C67 C71 C73 C81 D50 D57 E03.9 E06.3 E10 E11 E11.9 E24 E27.1 E55 E66 E78.5 E83.110 E84 F03 F10.2
F17.2 F20 F31 F33 F40.1 F41.0 F41.1 F42 F43.1 F50.0 F84.0 F90 G12.21 G20 G30 G35 G40 G43 G44.2 G47.3
G51.0 G56.0 G61.0 G70.0 G80 H10 H25 H40 H52.1 H81.0 H93.1 I10 I20 I21 I26 I42 I48 I50 I63 I71 I73.0
I83 J00 J02 J03 J18 J20 J30 J32 J43 J45 J45.2 J80 J93 K02 K21 K25 K26 K35 K40 K50 K51 K57 K58 K59.0
K70 K80 K85 K90.0 L20 L40 L50 L63 L70 L71 L80 M10 M17 M32 M35.0 M41 M54.5 M79.7 M86 N18 N20 N30
N39.0 N40 N80 Q21.0 Q90 R05 R51 S52 S72 T78.2
"""
SEXES = {"female": "woman", "male": "man"}


def _known() -> list[str]:
    return [code for code in KNOWN.split() if code in _codes()]


def _diagnoses() -> list[str]:
    """Descriptions that the search leads back to their code."""
    texts = [(code, _codes()[code]["text"]) for code in _known()]
    return [text for code, text in texts if search_diagnosis(text)["code"] == code]


def _declare(type: str, values: list[float], words: str) -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


entities(
    "icd10",
    _known,
    says=lambda v: (f"{_codes()[v]['text']} ({v})",),
    aliases=lambda v: (v, _codes()[v]["text"]),
)
entities("diagnosis", _diagnoses)
entities("sex", lambda: list(SEXES), says=lambda v: (SEXES[v],))
entities("age", lambda: range(20, 80, 3))
_declare("kg", [*range(45, 121, 5), 52, 58, 63, 68, 72, 77, 84, 88, 93], "{:g} kg")
_declare("cm", [*range(155, 201, 5), 158, 162, 168, 172, 178, 183, 188, 193], "{:g} cm")
_declare("mg_per_kg", [0.5, 1, 2, 5, 7.5, 10, 15, 20, 25, 30, 40, 50], "{:g} mg per kg")
_declare("creatinine", [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.1, 2.5, 3, 4],
         "{:g} mg/dL")  # fmt: skip
_declare("systolic", list(range(100, 186, 5)), "{:g} mmHg")
_declare("diastolic", list(range(55, 96, 5)), "{:g} mmHg")
_declare("total_cholesterol", list(range(150, 301, 10)), "{:g} mg/dL")
_declare("hdl_cholesterol", list(range(30, 91, 5)), "{:g} mg/dL")
_declare("triglycerides", list(range(60, 391, 15)), "{:g} mg/dL")
_declare("qt_interval", list(range(320, 481, 10)), "{:g} ms")
_declare("heart_rate", list(range(48, 111, 3)), "{:g} beats per minute")
_declare("sodium", list(range(128, 149)), "{:g} mmol/L")
_declare("chloride", list(range(94, 113)), "{:g} mmol/L")
_declare("bicarbonate", list(range(12, 31)), "{:g} mmol/L")
_declare("hba1c", [n / 10 for n in range(50, 121, 3)], "{:g} %")
_declare("calcium", [n / 10 for n in range(70, 116, 3)], "{:g} mg/dL")
_declare("albumin", [n / 10 for n in range(18, 51, 2)], "{:g} g/dL")
