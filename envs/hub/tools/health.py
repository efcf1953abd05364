"""Health and fitness: body measures and training by published formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..entities import entities
from ..registry import Tool, gives, takes
from ..types import measure, sem

Response = Mapping[str, Any]

# MET values of the Compendium of Physical Activities (2011), in round terms.
ACTIVITIES = {
    "walking at 5 km/h": 3.5,
    "brisk walking at 6.4 km/h": 5.0,
    "running at 8 km/h": 8.3,
    "running at 9.7 km/h": 9.8,
    "running at 11.3 km/h": 11.0,
    "running at 12.9 km/h": 11.8,
    "cycling at 16 to 19 km/h": 6.8,
    "cycling at 19 to 22 km/h": 8.0,
    "cycling at 22 to 26 km/h": 10.0,
    "swimming laps at a moderate pace": 5.8,
    "swimming laps at a fast pace": 9.8,
    "rope skipping at a moderate pace": 11.8,
    "rowing on a machine at 100 watts": 7.0,
    "general hiking": 5.3,
    "yoga": 2.5,
    "singles tennis": 8.0,
    "competitive football (soccer)": 10.0,
    "a basketball game": 8.0,
    "beach volleyball": 8.0,
    "table tennis": 4.0,
    "ballroom dancing at a fast pace": 5.5,
    "general gardening": 3.8,
    "cross-country skiing at 6.4 km/h": 9.0,
    "sitting at a desk": 1.5,
}
LEVELS = {
    "sedentary": (1.2, "a sedentary life"),
    "light": (1.375, "light activity"),
    "moderate": (1.55, "moderate activity"),
    "active": (1.725, "high activity"),
    "very_active": (1.9, "very high activity"),
}
sem("sex", about="sex, as the formula has it", choices=("female", "male"))
measure("age", "age in years", 18, 110, kind="integer", tolerance=0)
measure("resting_rate", "resting heart rate in beats a minute", 25, 150)
measure("kcal", "kilocalories", 0, 1e7)
measure("waist_cm", "waist in cm", 30, 300)
measure("intensity", "training intensity in percent", 10, 100)
measure("workout_minutes", "minutes of training", 1, 1440)
measure("lifted_kg", "weight of the bar in kg", 1, 500)
measure("repetitions", "repetitions", 1, 15, kind="integer", tolerance=0)
measure("beats", "heart beats a minute", 0, 400)
measure("vo2max", "mL of oxygen per kg and minute", 0, 200)
measure("met", "metabolic equivalents", 0, 30)
sem("activity", about="physical activity", choices=tuple(ACTIVITIES))
sem("activity_level", about="level of daily activity", choices=tuple(LEVELS))

# ---------------------------------------------------------------- BodyMetrics
body = Tool("BodyMetrics", "Health_and_Fitness", "Body mass index, energy need, proportions.")


@body.api(
    "Body mass index, and its class by the WHO.",
    {"weight_kg": takes("kg", 70), "height_cm": takes("cm", 175)},
    {
        "bmi": gives(
            "number",
            "the body mass index of a person of {weight_kg} and {height_cm}",
            "the BMI in kg/m² at a weight of {weight_kg} and a height of {height_cm}",
        ),
        "category": gives(
            "text",
            "the WHO weight class (underweight, normal weight, overweight or obesity) of an adult "
            "of {weight_kg} and {height_cm}",
        ),
    },
)
def bmi(weight_kg: float, height_cm: float) -> Response:
    value = weight_kg / (max(height_cm, 1) / 100) ** 2
    bounds = ((18.5, "underweight"), (25, "normal weight"), (30, "overweight"))
    category = next((name for bound, name in bounds if value < bound), "obesity")
    return {"bmi": round(value, 2), "category": category}


def _bmr(weight_kg: float, height_cm: float, age: int, sex: str) -> float:
    """Mifflin and St Jeor (1990)."""
    return 10 * weight_kg + 6.25 * height_cm - 5 * age + (5 if sex == "male" else -161)


@body.api(
    "Basal metabolic rate by Mifflin and St Jeor (1990): 10 × kg + 6.25 × cm - 5 × age, + 5 for "
    "men, - 161 for women.",
    {
        "weight_kg": takes("kg", 70),
        "height_cm": takes("cm", 175),
        "age": takes("age", 30),
        "sex": takes("sex", "female"),
    },
    {
        "bmr_kcal": gives(
            "kcal",
            "the basal metabolic rate in kcal a day (Mifflin-St Jeor) of a {age}-year-old {sex} of "
            "{weight_kg} and {height_cm}",
        )
    },
)
def bmr(weight_kg: float, height_cm: float, age: int, sex: str) -> Response:
    return {"bmr_kcal": round(max(0.0, _bmr(weight_kg, height_cm, age, sex)), 1)}


@body.api(
    "Daily energy need: the basal metabolic rate by Mifflin and St Jeor times 1.2 (sedentary), "
    "1.375 (light), 1.55 (moderate), 1.725 (active) or 1.9 (very active).",
    {
        "weight_kg": takes("kg", 70),
        "height_cm": takes("cm", 175),
        "age": takes("age", 30),
        "sex": takes("sex", "female"),
        "level": takes("activity_level", "moderate"),
    },
    {
        "energy_kcal": gives(
            "kcal",
            "the daily energy need in kcal (Mifflin-St Jeor and the usual activity factors) of a "
            "{age}-year-old {sex} of {weight_kg} and {height_cm} with {level}",
        )
    },
)
def daily_energy(weight_kg: float, height_cm: float, age: int, sex: str, level: str) -> Response:
    rate = max(0.0, _bmr(weight_kg, height_cm, age, sex))
    return {"energy_kcal": round(rate * LEVELS[level][0], 1)}


@body.api(
    "Waist-to-height ratio.",
    {"waist_cm": takes("waist_cm", 84), "height_cm": takes("cm", 175)},
    {
        "ratio": gives(
            "number",
            "the waist-to-height ratio of a person with a waist of {waist_cm} and a height of "
            "{height_cm}",
        )
    },
)
def waist_to_height(waist_cm: float, height_cm: float) -> Response:
    ratio = waist_cm / max(height_cm, 1)
    return {"ratio": round(ratio, 3), "above_half": ratio >= 0.5}


# ---------------------------------------------------------------- TrainingZones
training = Tool("TrainingZones", "Health_and_Fitness", "Heart rates, energy and strength.")


@training.api(
    "Maximum heart rate by Tanaka (2001): 208 - 0.7 × age; also Fox's 220 - age.",
    {"age": takes("age", 40)},
    {
        "tanaka_bpm": gives(
            "beats",
            "the maximum heart rate in beats per minute (Tanaka's formula) at the age of {age}",
        ),
        "fox_bpm": gives(
            "beats",
            "the maximum heart rate in beats per minute by the rule 220 minus age at the age of "
            "{age}",
        ),
    },
)
def max_heart_rate(age: int) -> Response:
    return {"tanaka_bpm": round(208 - 0.7 * age, 1), "fox_bpm": 220 - age}


@training.api(
    "Target heart rate by Karvonen, with Tanaka's maximum: resting rate plus the intensity's share "
    "of the heart rate reserve.",
    {
        "age": takes("age", 40),
        "resting_bpm": takes("resting_rate", 60),
        "intensity": takes("intensity", 70),
    },
    {
        "target_bpm": gives(
            "beats",
            "the target heart rate (Karvonen, with Tanaka's maximum) at an intensity of "
            "{intensity} for a {age}-year-old with a resting heart rate of {resting_bpm}",
        )
    },
)
def target_heart_rate(age: int, resting_bpm: float, intensity: float) -> Response:
    most = 208 - 0.7 * age
    return {"target_bpm": round(resting_bpm + (most - resting_bpm) * intensity / 100, 1)}


@training.api(
    "VO2max estimated by Uth (2004): 15.3 × maximum heart rate (Tanaka) / resting heart rate.",
    {"age": takes("age", 40), "resting_bpm": takes("resting_rate", 60)},
    {
        "vo2max": gives(
            "vo2max",
            "the VO2max in mL/kg/min by Uth's formula (with Tanaka's maximum heart rate) of a "
            "{age}-year-old with a resting heart rate of {resting_bpm}",
        )
    },
)
def vo2max(age: int, resting_bpm: float) -> Response:
    return {"vo2max": round(15.3 * (208 - 0.7 * age) / resting_bpm, 2)}


@training.api(
    "Energy that an activity takes: MET × kg × hours (Compendium of Physical Activities).",
    {
        "activity": takes("activity", "running at 9.7 km/h"),
        "weight_kg": takes("kg", 70),
        "minutes": takes("workout_minutes", 45),
    },
    {
        "kcal": gives(
            "kcal",
            "the energy in kcal that {minutes} of {activity} take for a person of {weight_kg}, "
            "as MET × kg × hours",
            ask="How many kcal does a person of {weight_kg} burn in {minutes} of {activity} (MET × "
            "kg × hours)?",
        )
    },
)
def activity_energy(activity: str, weight_kg: float, minutes: float) -> Response:
    met = ACTIVITIES[activity]
    return {"kcal": round(met * weight_kg * minutes / 60, 1), "met": met}


@training.api(
    "The MET value of an activity (Compendium of Physical Activities, 2011).",
    {"activity": takes("activity", "yoga")},
    {"met": gives("met", "the MET value of {activity}")},
)
def met_value(activity: str) -> Response:
    return {"met": ACTIVITIES[activity]}


@training.api(
    "One-repetition maximum by Epley (1985): weight × (1 + repetitions / 30).",
    {"weight_kg": takes("lifted_kg", 80), "repetitions": takes("repetitions", 8)},
    {
        "one_rep_max_kg": gives(
            "kg",
            "the one-repetition maximum in kg (Epley's formula) of someone who lifts {weight_kg} "
            "{repetitions}",
        )
    },
)
def one_rep_max(weight_kg: float, repetitions: int) -> Response:
    best = weight_kg if repetitions == 1 else weight_kg * (1 + repetitions / 30)
    return {"one_rep_max_kg": round(best, 2)}


# ---------------------------------------------------------------- entities
def _declare(type: str, values: list[float], words: str) -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


_declare("waist_cm", list(range(64, 121, 4)), "{:g} cm")
_declare("intensity", list(range(50, 96, 5)), "{:g} %")
_declare("workout_minutes", [15, 20, 25, 30, 40, 45, 50, 60, 75, 90, 120], "{:g} minutes")
_declare("lifted_kg", list(range(30, 181, 10)), "{:g} kg")
_declare("repetitions", list(range(2, 13)), "{:g} times")
entities("activity", lambda: list(ACTIVITIES))
entities("activity_level", lambda: list(LEVELS), says=lambda v: (LEVELS[v][1],))
_declare("resting_rate", list(range(46, 83, 2)), "{:g} beats per minute")
