"""Food: what is in it, and how much of it one needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..entities import entities
from ..pack import columns, table
from ..registry import HubError, Tool, found, gives, takes
from ..types import measure, sem

Response = Mapping[str, Any]

# The nutrients of the food table: its column, and the unit.
NUTRIENTS = {
    "energy": ("Energy", "kcal"),
    "protein": ("Protein", "g"),
    "carbohydrate": ("Carbohydrate", "g"),
    "total fat": ("Total fat", "g"),
    "saturated fat": ("Fatty acids, total saturated", "g"),
    "dietary fiber": ("Fiber", "g"),
    "total sugars": ("Total Sugars", "g"),
    "cholesterol": ("Cholesterol", "mg"),
    "vitamin C": ("Vitamin C", "mg"),
    "vitamin B12": ("Vitamin B-12", "µg"),
    "calcium": ("Calcium", "mg"),
    "iron": ("Iron", "mg"),
    "magnesium": ("Magnesium", "mg"),
    "potassium": ("Potassium", "mg"),
    "sodium": ("Sodium", "mg"),
    "zinc": ("Zinc", "mg"),
}
# Daily values for adults and children of four and more: 21 CFR 101.9(c), since 2016.
DAILY = {
    "total fat": (78, "g"),
    "saturated fat": (20, "g"),
    "cholesterol": (300, "mg"),
    "sodium": (2300, "mg"),
    "carbohydrate": (275, "g"),
    "dietary fiber": (28, "g"),
    "added sugars": (50, "g"),
    "protein": (50, "g"),
    "vitamin A": (900, "µg"),
    "vitamin C": (90, "mg"),
    "vitamin D": (20, "µg"),
    "vitamin E": (15, "mg"),
    "vitamin K": (120, "µg"),
    "thiamin": (1.2, "mg"),
    "riboflavin": (1.3, "mg"),
    "niacin": (16, "mg"),
    "vitamin B6": (1.7, "mg"),
    "folate": (400, "µg"),
    "vitamin B12": (2.4, "µg"),
    "biotin": (30, "µg"),
    "pantothenic acid": (5, "mg"),
    "choline": (550, "mg"),
    "calcium": (1300, "mg"),
    "iron": (18, "mg"),
    "phosphorus": (1250, "mg"),
    "iodine": (150, "µg"),
    "magnesium": (420, "mg"),
    "zinc": (11, "mg"),
    "selenium": (55, "µg"),
    "copper": (0.9, "mg"),
    "manganese": (2.3, "mg"),
    "chromium": (35, "µg"),
    "molybdenum": (45, "µg"),
    "chloride": (2300, "mg"),
    "potassium": (4700, "mg"),
}
BOTH = tuple(name for name in NUTRIENTS if name in DAILY)
sem("food", about="food as the USDA table names it, as Bananas, raw", high=120, entity=True,
    compare="name")  # fmt: skip
sem("food_query", about="words for a food, as raw bananas", high=80, compare="name")
sem("food_category", about="food category of the USDA", high=60, compare="name")
sem("nutrient", about="nutrient", choices=tuple(NUTRIENTS))
sem("label_nutrient", about="nutrient with a daily value", choices=BOTH, wider="nutrient")
sem("dv_nutrient", about="nutrient with a daily value", choices=tuple(DAILY))
sem("mg_nutrient", about="nutrient whose daily value is in mg", wider="dv_nutrient",
    choices=tuple(name for name, (_, unit) in DAILY.items() if unit == "mg"))  # fmt: skip
measure("kcal", "kilocalories", 0, 1e7)
measure("milligrams", "milligrams", 0, 1e7)
measure("nutrient_mg", "milligrams of a nutrient", 0, 1e6)
measure("nutrient_amount", "amount in the nutrient's unit", 0, 1e7)
measure("protein_g", "grams of protein", 0, 1e5)
measure("carbohydrate_g", "grams of carbohydrate", 0, 1e5)
measure("fat_g", "grams of fat", 0, 1e5)

# ---------------------------------------------------------------- FoodNutrients
foods = Tool(
    "FoodNutrients", "Food", "Nutrients of foods, from USDA's FoodData Central (for each 100 g)."
)


@lru_cache(maxsize=1)
def _columns() -> dict[str, int]:
    return {name: i for i, name in enumerate(columns("foods"))}


@lru_cache(maxsize=1)
def _foods() -> dict[str, list[Any]]:
    return {row[0].lower(): row for row in table("foods")}


def _food(name: str) -> list[Any]:
    row: list[Any] = found(_foods().get(name.lower()), f"food {name}")
    return row


def _amount(row: list[Any], nutrient: str) -> float | None:
    """How much 100 g of a food have of it."""
    value: float | None = row[_columns()[NUTRIENTS[nutrient][0]]]
    return value


def _stems(text: str) -> set[str]:
    """The words without plural endings."""
    words = re.findall(r"[a-z]+", text.lower())
    return {re.sub(r"(?<=oe)s$|(?<=[^s])s$", "", re.sub(r"ies$", "y", word)) for word in words}


@lru_cache(maxsize=1)
def _by_word() -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}
    for row in table("foods"):
        for word in _stems(row[0]):
            out.setdefault(word, set()).add(row[0])
    return out


@foods.api(
    "Find foods whose name has all the words; the shortest name comes first.",
    {"query": takes("food_query", "raw bananas")},
    {
        "best": gives(
            "food",
            "the name under which the USDA food table lists {query}",
            entity="the food commonly called {query}",
        ),
        "category": gives("food_category", "the USDA food category of {query}"),
    },
)
def search_food(query: str) -> Response:
    sets = [_by_word().get(word, set()) for word in sorted(_stems(query))]
    names = set.intersection(*sets) if sets else set()
    ranked = sorted(names, key=lambda name: (len(name), name))
    best = found(ranked, f"food {query}")[0]
    return {"best": best, "category": _food(best)[1], "count": len(ranked), "foods": ranked[:30]}


def _of(noun: str, unit: str) -> Any:
    type = {"kcal": "kcal", "g": "grams", "mg": "milligrams"}[unit]
    return gives(
        type,
        f"the {noun} in {unit} of {{grams}} of {{food}}",
        ask=f"How many {unit} of {noun} are in {{grams}} of {{food}}?" if unit != "kcal" else (),
    )


@foods.api(
    "Energy and nutrients of an amount of a food.",
    {"food": takes("food", "Bananas, raw"), "grams": takes("grams", 150)},
    {
        "energy_kcal": gives(
            "kcal",
            "the energy in kcal of {grams} of {food}",
            ask="How many kcal do {grams} of {food} have?",
        ),
        "protein_g": _of("protein", "g"),
        "fat_g": _of("fat", "g"),
        "carbohydrate_g": _of("carbohydrate", "g"),
        "potassium_mg": _of("potassium", "mg"),
        "calcium_mg": _of("calcium", "mg"),
        "iron_mg": _of("iron", "mg"),
    },
)
def nutrients(food: str, grams: float) -> Response:
    row = _food(food)

    def part(nutrient: str) -> float | None:
        value = _amount(row, nutrient)
        return None if value is None else round(value * grams / 100, 4)

    return {
        "food": row[0],
        "energy_kcal": part("energy"),
        "protein_g": part("protein"),
        "fat_g": part("total fat"),
        "carbohydrate_g": part("carbohydrate"),
        "fiber_g": part("dietary fiber"),
        "sugars_g": part("total sugars"),
        "vitamin_c_mg": part("vitamin C"),
        "potassium_mg": part("potassium"),
        "calcium_mg": part("calcium"),
        "iron_mg": part("iron"),
    }


@foods.api(
    "The category of a food.",
    {"food": takes("food", "Cheese, feta")},
    {"category": gives("food_category", "the USDA food category of {food}")},
)
def category_of(food: str) -> Response:
    return {"category": _food(food)[1]}


@foods.api(
    "How much of a nutrient 100 g of a food have.",
    {"food": takes("food", "Kale, raw"), "nutrient": takes("nutrient", "vitamin C")},
    {
        "per_100g": gives(
            "nutrient_amount",
            "the amount of {nutrient} in 100 g of {food}",
            "the content of {nutrient} for each 100 g of {food}",
        )
    },
)
def nutrient_content(food: str, nutrient: str) -> Response:
    value = _amount(_food(food), nutrient)
    if value is None:
        raise HubError(f"{nutrient} of {food} not found")
    return {"per_100g": value, "unit": NUTRIENTS[nutrient][1]}


@lru_cache(maxsize=512)
def _ranking(category: str, nutrient: str) -> list[list[Any]]:
    rows = [row for row in table("foods") if row[1].lower() == category.lower()]
    rows = [row for row in found(rows, f"category {category}") if _amount(row, nutrient)]
    return sorted(rows, key=lambda row: (-(_amount(row, nutrient) or 0), row[0]))


@foods.api(
    "The food of a category that has most of a nutrient.",
    {
        "category": takes("food_category", "Fruits and Fruit Juices"),
        "nutrient": takes("nutrient", "vitamin C"),
    },
    {
        "food": gives(
            "food",
            "the food with the most {nutrient} for its weight in the USDA category {category}",
            entity="the food with the most {nutrient} for its weight in the USDA category "
            "{category}",
        ),
        "per_100g": gives(
            "nutrient_amount",
            "the highest amount of {nutrient} in 100 g of any food of the USDA category {category}",
        ),
    },
)
def richest(category: str, nutrient: str) -> Response:
    rows = found(_ranking(category, nutrient), f"{nutrient} in {category}")
    unit = NUTRIENTS[nutrient][1]
    top = [{"food": row[0], "per_100g": _amount(row, nutrient)} for row in rows[:5]]
    return {"food": rows[0][0], "per_100g": top[0]["per_100g"], "unit": unit, "top": top}


# ---------------------------------------------------------------- DailyValues
values = Tool("DailyValues", "Food", "Daily values of nutrition labels (FDA), and what meets them.")


@values.api(
    "The FDA's daily value of a nutrient, for adults and children of four and more.",
    {"nutrient": takes("dv_nutrient", "vitamin D")},
    {
        "daily_value": gives(
            "nutrient_amount",
            "the daily value on US food labels for {nutrient}",
            "the FDA's daily value for adults of {nutrient}",
        ),
        "unit": gives("text", "the unit in which US food labels state the daily value of "
                      "{nutrient}"),
    },
)  # fmt: skip
def daily_value(nutrient: str) -> Response:
    amount, unit = DAILY[nutrient]
    return {"daily_value": amount, "unit": unit}


@values.api(
    "What percentage of the FDA's daily value an amount in mg is.",
    {"nutrient": takes("mg_nutrient", "calcium"), "mg": takes("nutrient_mg", 325)},
    {
        "percent": gives(
            "percent",
            "the percentage of the FDA's daily value that {mg} of {nutrient} make up",
            ask="What percentage of the FDA's daily value are {mg} of {nutrient}?",
        )
    },
)
def percent_daily_value(nutrient: str, mg: float) -> Response:
    return {"percent": round(100 * mg / DAILY[nutrient][0], 2)}


def _percent(food: str, nutrient: str) -> float:
    """The share of the daily value in 100 g of a food, in percent."""
    value = _amount(_food(food), nutrient)
    if value is None:
        raise HubError(f"{nutrient} of {food} not found")
    return 100 * value / DAILY[nutrient][0]


@values.api(
    "What percentage of the FDA's daily value of a nutrient an amount of food has.",
    {
        "food": takes("food", "Oranges, raw, navels"),
        "nutrient": takes("label_nutrient", "vitamin C"),
        "grams": takes("grams", 150),
    },
    {
        "percent": gives(
            "percent",
            "the percentage of the FDA's daily value of {nutrient} in {grams} of {food}",
        )
    },
)
def food_percent(food: str, nutrient: str, grams: float) -> Response:
    return {"percent": round(_percent(food, nutrient) * grams / 100, 2)}


@values.api(
    "How many grams of a food have the whole daily value of a nutrient.",
    {
        "food": takes("food", "Spinach, raw"),
        "nutrient": takes("label_nutrient", "iron"),
    },
    {
        "grams": gives(
            "grams",
            "the number of grams of {food} that hold the whole FDA daily value of {nutrient}",
            ask="How many grams of {food} hold the whole FDA daily value of {nutrient}?",
        )
    },
)
def grams_for_daily_value(food: str, nutrient: str) -> Response:
    percent = _percent(food, nutrient)
    if percent < 0.01:
        raise HubError(f"{food} has no {nutrient} to speak of")
    return {"grams": round(10_000 / percent, 1)}


@values.api(
    "Energy from macronutrients by Atwater's general factors: 4 kcal for each gram of protein and "
    "carbohydrate, 9 for fat.",
    {
        "protein_g": takes("protein_g", 30),
        "carbohydrate_g": takes("carbohydrate_g", 60),
        "fat_g": takes("fat_g", 20),
    },
    {
        "kcal": gives(
            "kcal",
            "the energy in kcal (4-4-9 rule) of a meal with {protein_g} of protein, "
            "{carbohydrate_g} of carbohydrate and {fat_g} of fat",
        ),
        "fat_percent": gives(
            "percent",
            "the percentage of the energy (4-4-9 rule) that comes from fat in a meal with "
            "{protein_g} of protein, {carbohydrate_g} of carbohydrate and {fat_g} of fat",
        ),
    },
)
def meal_energy(protein_g: float, carbohydrate_g: float, fat_g: float) -> Response:
    energy = 4 * protein_g + 4 * carbohydrate_g + 9 * fat_g
    if not energy:
        raise HubError("the meal is empty", 400)
    return {"kcal": round(energy, 2), "fat_percent": round(900 * fat_g / energy, 2)}


# ---------------------------------------------------------------- entities
# Well-known foods of which all is known.
KNOWN = """
Apricots, raw; Avocados, raw, all commercial varieties; Bananas, raw; Blackberries, raw;
Blueberries, raw; Cherries, sweet, raw; Clementines, raw; Cranberries, raw; Figs, raw;
Grapes, red, seedless, raw; Guavas, common, raw; Kiwifruit, green, raw; Lemons, raw, without peel;
Limes, raw; Mangos, raw; Melons, cantaloupe, raw; Nectarines, raw; Papayas, raw; Pears, raw;
Pineapple, raw; Plums, raw; Pomegranates, raw; Raspberries, raw; Rhubarb, raw; Strawberries, raw;
Watermelon, raw; Asparagus, raw; Beets, raw; Broccoli, raw; Brussels sprouts, raw; Cabbage, raw;
Carrots, raw; Cauliflower, raw; Celery, raw; Collards, raw; Eggplant, raw; Kale, raw;
Okra, raw; Onions, raw; Parsnips, raw; Pumpkin, raw; Radishes, raw; Spinach, raw; Turnips, raw;
Watercress, raw; Honey; Lard; Natto; Tempeh; Miso; Molasses; Couscous, dry; Couscous, cooked;
Quinoa, uncooked; Quinoa, cooked; Bulgur, dry; Bulgur, cooked; Lentils, raw; Butter, salted;
Butter, without salt; Cheese, brie; Cheese, camembert; Cheese, cheddar; Cheese, edam; Cheese, feta;
Cheese, gouda; Cheese, gruyere; Cheese, parmesan, hard; Cheese, provolone; Cheese, roquefort;
Cheese, swiss; Egg, whole, raw, fresh; Egg, whole, cooked, hard-boiled; Yogurt, plain, whole milk;
Oil, coconut; Oil, canola; Oil, walnut; Oil, palm; Peanut butter, creamy; Nuts, pecans;
Nuts, walnuts, english; Nuts, cashew nuts, raw; Nuts, macadamia nuts, raw; Nuts, pine nuts, dried;
Seeds, flaxseed; Fish, haddock, raw; Fish, herring, Atlantic, raw; Fish, swordfish, raw;
Fish, salmon, sockeye, raw; Fish, tuna, fresh, bluefin, raw; Crustaceans, shrimp, raw;
Candies, milk chocolate; Candies, white chocolate; Candies, marshmallows; Ice creams, vanilla;
Ice creams, chocolate; Bread, rye; Bread, pumpernickel; Croissants, butter;
Spices, cinnamon, ground; Spices, paprika; Spices, thyme, dried; Spices, saffron;
Spices, turmeric, ground; Salt, table;
McDONALD'S, BIG MAC; McDONALD'S, Cheeseburger; Snacks, popcorn, air-popped; Cornstarch;
Oranges, raw, navels; Tofu, fried; Wild rice, cooked; Buckwheat
"""


def _known() -> list[str]:
    names = [" ".join(name.split()) for name in KNOWN.split(";")]
    return [name for name in names if name.lower() in _foods()]


# How names of the table are said: Cheese, feta is feta cheese.
SAID = (
    (r"([A-Z][a-z]+(?: [a-z]+)?)", r"\1"),
    (r"([A-Z][a-z]+(?: [a-z]+)?), (raw|cooked|uncooked|dry)", r"\2 \1"),
    (r"Cheese, ([a-z]+)", r"\1 cheese"),
    (r"Oil, ([a-z]+)", r"\1 oil"),
    (r"Bread, ([a-z]+)", r"\1 bread"),
    (r"Ice creams, ([a-z]+)", r"\1 ice cream"),
    (r"Candies, ([a-z ]+)", r"\1"),
    (r"Nuts, ([a-z ]+)", r"\1"),
    (r"Nuts, ([a-z ]+), (raw|dried)", r"\2 \1"),
    (r"Fish, ([a-z]+), raw", r"raw \1"),
    (r"Spices, ([a-z]+)(?:, (dried|ground))", r"\2 \1"),
    (r"Spices, ([a-z]+)", r"\1"),
)


@lru_cache(maxsize=4096)
def _said(name: str) -> str:
    """What one calls a food; "" where the search would not lead back from it."""
    ways = (re.sub(pattern, said, name) for pattern, said in SAID if re.fullmatch(pattern, name))
    said = next(ways, "").lower()
    return said if said and search_food(said)["best"] == name else ""


def _food_words(name: str) -> list[str]:
    return [_said(name) or f'"{name}"']


def _queries() -> list[str]:
    return [said for name in _known() if (said := _said(name))]


def _declare(type: str, values: list[float], words: str) -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


def _with_unit(nutrient: str) -> list[str]:
    unit = (DAILY.get(nutrient) or NUTRIENTS[nutrient])[1]
    return [f"{nutrient} (in {unit})"]


entities("food", _known, says=_food_words, aliases=lambda v: (v, *_food_words(v)))
entities("food_query", _queries)
entities(
    "food_category",
    lambda: sorted({row[1] for row in table("foods")}),
    says=lambda v: (f'"{v}"',),
)
entities("nutrient", lambda: list(NUTRIENTS), says=_with_unit)
entities("label_nutrient", lambda: list(BOTH))
entities("dv_nutrient", lambda: list(DAILY), says=_with_unit)
entities("mg_nutrient", lambda: [name for name, (_, unit) in DAILY.items() if unit == "mg"])
_declare("nutrient_mg", [2, 3, 5, 8, 12, 15, 20, 40, 60, 80, 120, 200, 350, 500], "{:g} mg")
_declare("grams", [30, 40, 50, 60, 75, 80, 100, 120, 125, 150, 180, 200, 250, 300], "{:g} g")
_declare("protein_g", list(range(5, 61, 5)), "{:g} g")
_declare("carbohydrate_g", list(range(10, 121, 10)), "{:g} g")
_declare("fat_g", list(range(4, 49, 4)), "{:g} g")
