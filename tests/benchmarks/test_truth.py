"""The check of an answer against the truth: what people and models write, and what must fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.benchmarks.truth import check
from toolgrove.benchmarks.truth.judge import Truth
from toolgrove.core import Task
from toolgrove.envs.hub.registry import everything
from toolgrove.envs.hub.types import TYPES

everything()  # declares types and names


def passes(answer: str, truth: Any, types: str | list[str] = "", instruction: str = "") -> bool:
    names = [types] if isinstance(types, str) else types
    return check(answer, truth, types=[t for t in names if t], instruction=instruction).passed


BIGGER = "Which has more inhabitants, Kyoto or Osaka?"
SMALLEST = "Compare the population of Kyoto, Osaka and Nagoya: which of the 3 has the smallest value?"
GROUP = "Among the land neighbours of Austria, for which one is the number of inhabitants largest?"
HOLIDAY = "Tell me whether 2018-05-01 is a public holiday in Venezuela."
SUNSET = "When does the sun set (UTC) in Madrid on 29 March 2024?"

PASS: list[tuple[str, Any, str | list[str], str]] = [
    # codes
    ("JP", "JP", "country_code", ""),
    ("The country is Japan.", "JP", "country_code", "In which country is NRT?"),
    ("The code is jp", "JP", "country_code", "What is the ISO alpha-2 code of Japan?"),
    ('{"alpha_2": "JP"}', "JP", "country_code", "What is the ISO alpha-2 code of Japan?"),
    ("Japan (JP)", "JP", "country_code", "Give the country's ISO code."),
    ("It is South Korea.", "KR", "country_code", ""),
    ("the Republic of Korea", "KR", "country_code", ""),
    ("Côte d’Ivoire", "CI", "country_code", ""),
    ("Ivory Coast", "CI", "country_code", ""),
    ("It lies in the UK.", "GB", "country_code", ""),
    ("It is the USA", "US", "country_code", ""),
    ("It's in the U.S.", "US", "country_code", ""),
    ("The main official language is Swahili (sw).", "sw", "language_code", ""),
    ('The language code is "is".', "is", "language_code", ""),
    ("The state is Texas.", "TX", "us_state", "In which state is Austin?"),
    ("**DE89 3704 0044 0532 0130 00**", "DE89370400440532013000", "iban", ""),
    ("You can call +81 3-3211-0000.", "+81332110000", "phone", ""),
    ("The calling code is +81.", "81", "calling_code", ""),
    ("ISBN 978-3-16-148410-0", "9783161484100", "", ""),
    ("The time zone is europe/paris.", "Europe/Paris", "timezone", ""),
    ("It's US-CA, i.e. California", "US-CA", "subdivision_code", ""),
    ("Its geohash: u09tunqu.", "u09tunqu", "geohash", ""),
    ("Gold has the symbol Au.", "Au", "element_symbol", ""),
    # names
    ("The capital is Bogota.", "Bogotá", "city_name", ""),
    ("BOGOTÁ", "Bogotá", "city_name", ""),
    ("Sao Tome & Principe", "São Tomé and Príncipe", "country_name", ""),
    ("It is the Netherlands", "The Netherlands", "country_name", ""),
    ("South Korea", "Korea, Republic of", "country_name", ""),
    ("It's in St. Louis", "Saint Louis", "city_name", ""),
    ("Portland, Maine", "Portland, ME", "us_place", ""),
    ("**Usain Bolt** won gold for Jamaica.", "Usain Bolt", "person", ""),
    ("首都は東京です", "東京", "", ""),
    ("It was a friday.", "Friday", "weekday", ""),
    ("Friday, not Thursday", "Friday", "weekday", ""),
    ("The language is C++, of course", "C++", "", ""),
    ("Spelled out it is forty four.", "forty-four", "text", ""),
    (
        "The IBAN is from Belgium, whose capital is Brussels.",
        "Brussels",
        "city_name",
        "",
    ),
    # numbers
    ("There are 9,733,276 people.", 9733276, "population", ""),
    ("9 733 276", 9733276, "population", ""),
    ("9.733.276 Einwohner", 9733276, "population", ""),
    ("about 9.73 million people", 9733276, "population", ""),
    ("roughly 9.733M", 9733276, "population", ""),
    ("It is 1.234,5 in German writing", 1234.5, "number", ""),
    ("1 234,5", 1234.5, "number", ""),
    ("3,14", 3.14, "number", ""),
    ("The distance is 344 km (214 miles).", 344.1, "distance_km", ""),
    ("It is 213.8 miles away.", 344.1, "distance_km", ""),
    ("185.8 nautical miles", 344.1, "distance_km", ""),
    ("68.07 °F", 20.04, "celsius", ""),
    ("293.19 K", 20.04, "celsius", ""),
    ("5.2 degrees below zero", -5.2, "celsius", ""),
    ("−5.2 °C", -5.2, "celsius", ""),
    ("The day lasts 15 h 5 min.", 905, "minutes", ""),
    ("15:05 hours", 905, "minutes", ""),
    ("15 hours and 5 minutes", 905, "minutes", ""),
    ("It covers 377,975 km²", 377975, "area_km2", ""),
    ("145,937 square miles", 377975, "area_km2", ""),
    ("141 feet", 141, "feet", ""),
    ("43 m", 141.076, "feet", ""),
    ("558.6 kJ", 133.5, "kcal", ""),
    ("Three countries.", 3, "count", ""),
    ("It has 3 land borders", 3, "count", ""),
    ("No countries at all.", 0, "count", ""),
    ("1.5 × 10^3", 1500, "number", ""),
    ("1.5 × 10³", 1500, "number", ""),
    ("6.02e23", 6.02e23, "number", ""),
    ("12 %", 12.0, "percent", ""),
    ("It is $1,234.50.", 1234.5, "amount", ""),
    ("The year was 1969.", 1969, "year", ""),
    ("On July 20, 1969", 1969, "year", ""),
    (
        "Tokyo has 9,733,276 inhabitants and Osaka 2,592,413, so the difference is 7,140,863.",
        7140863,
        "population",
        "",
    ),
    (
        "The difference is 7,140,863 (9,733,276 - 2,592,413).",
        7140863,
        "population",
        "",
    ),
    (
        "1. Paris: 5\n2. Rome: 7\n3. Oslo: 9\n4. Bern: 4\n5. Kyiv: 6\nSo the answer is 31.",
        31,
        "count",
        "",
    ),
    ("In 2019, 15 countries were members.", 15, "count", ""),
    ("It takes 90 minutes, that is 1.5 hours.", 1.5, "hours", ""),
    # dates and times
    ("3 May 2019", "2019-05-03", "date", ""),
    ("May 3rd, 2019", "2019-05-03", "date", ""),
    ("It fell on Friday, the 3rd of May 2019.", "2019-05-03", "date", ""),
    ("3.5.2019", "2019-05-03", "date", ""),
    ("05/03/2019", "2019-05-03", "date", ""),
    ("20190503", "2019-05-03", "date", ""),
    ("May 3", "2019-05-03", "date", "When was Easter Monday of 2019?"),
    ("18:53 on 29 March 2024", "2024-03-29T18:53", "datetime", ""),
    ("2024-03-29 18:53 UTC", "2024-03-29T18:53", "datetime", ""),
    ("2024-03-29T18:53:20Z", "2024-03-29T18:53", "datetime", ""),
    ("On March 29, 2024 the sun sets at 6:53 PM.", "2024-03-29T18:53", "datetime", ""),
    ("At 18:53 UTC.", "2024-03-29T18:53", "datetime", SUNSET),
    # yes and no
    ("Yes.", True, "bool", HOLIDAY),
    ("Yes, 1 May 2018 is a public holiday there.", True, "bool", HOLIDAY),
    ("It is a public holiday in Venezuela (Labour Day).", True, "bool", HOLIDAY),
    ("It is not a public holiday in Venezuela.", False, "bool", HOLIDAY),
    ("No, it isn't.", False, "bool", HOLIDAY),
    ('{"holiday": false}', False, "bool", HOLIDAY),
    ("That is not true.", False, "bool", "Is it true that Rome is in Spain?"),
    # several parts
    ("Rosh Hashana, 3 October 2024", ["2024-10-03", "Rosh Hashana"], ["date", "text"], ""),
    ("EUR and 1083.2 dollars", ["EUR", 1083.2], ["currency_code", "amount"], ""),
    ("It has 5 and 7.", [7, 5], ["count", "count"], ""),
    ("Both are in Asia.", ["Asia", "Asia"], ["region", "region"], ""),
    ("AT, CH, DE", ["DE", "AT", "CH"], "country_code[]", ""),
    ("Yes; the capital is Bern.", [True, "Bern"], ["bool", "city_name"], HOLIDAY),
    ("The first is true, the second is false.", [True, False], ["bool", "bool"], ""),
    # choices
    ("Osaka", "Osaka", "city_name", BIGGER),
    ("Osaka has more inhabitants than Kyoto.", "Osaka", "city_name", BIGGER),
    ("Kyoto has fewer inhabitants than Osaka.", "Osaka", "city_name", BIGGER),
    ("Kyoto: 1,463,723. Osaka: 2,592,413. So Osaka is larger.", "Osaka", "city_name", BIGGER),
    ("Of Kyoto, Osaka and Nagoya, Nagoya has the smallest.", "Nagoya", "city_name", SMALLEST),
    ("Osaka is the largest, Nagoya the smallest.", "Nagoya", "city_name", SMALLEST),
    (
        "The neighbours are Germany, Italy, Hungary, Slovakia, Slovenia, Switzerland and Czechia. "
        "Germany has the largest population (83 million).",
        "DE",
        "country_code",
        GROUP,
    ),
    # in spite of
    ("I could not reach the first API, but the capital is Bern.", "Bern", "city_name", ""),
    ("Sorry for the wait! The capital is Bern.", "Bern", "city_name", ""),
    ("Is it Lyon or Paris? It is Paris.", "Paris", "city_name", ""),
]

FAIL: list[tuple[str, Any, str | list[str], str]] = [
    # nothing there
    ("", "JP", "country_code", ""),
    ("  \n ", 5, "count", ""),
    ("I could not find it.", "JP", "country_code", ""),
    ("I'm sorry, I was unable to determine whether it is Bern.", "Bern", "city_name", ""),
    ("Unfortunately the API is not available.", 12, "count", ""),
    # codes
    ("The country is Japan.", "JP", "country_code", "What is the ISO alpha-2 code of Japan?"),
    ("The language is Swahili.", "is", "language_code", ""),
    ("It is in the north.", "IT", "country_code", ""),
    ("tell us more", "US", "country_code", ""),
    ("It is North Korea.", "KR", "country_code", ""),
    ("It is Nigeria", "NE", "country_code", ""),
    ("It is Equatorial Guinea.", "GN", "country_code", ""),
    ("The subdivision is JP-13.", "JP", "country_code", ""),
    ("DE89 3704 0044 0532 0130 01", "DE89370400440532013000", "iban", ""),
    ("+81332110001", "+81332110000", "phone", ""),
    ("The calling code is +811.", "81", "calling_code", ""),
    ("u09tunq", "u09tunqu", "geohash", ""),
    ("In as many words", "As", "element_symbol", ""),
    # names
    ("It is Parisian.", "Paris", "city_name", ""),
    ("It is not Paris.", "Paris", "city_name", ""),
    ("London rather than Paris", "Paris", "city_name", ""),
    ("It could be Paris.", "Paris", "city_name", ""),
    ("Either Paris or London", "Paris", "city_name", ""),
    ("Paris, London, Rome or Berlin", "Paris", "city_name", ""),
    ("Paris / London", "Paris", "city_name", ""),
    ("- Paris\n- London\n- Rome", "Paris", "city_name", ""),
    ("Usain Bolt or Carl Lewis", "Usain Bolt", "person", ""),
    ("Carl Lewis, Usain Bolt, Maurice Greene, Ben Johnson", "Usain Bolt", "person", ""),
    ("- Carl Lewis\n- Usain Bolt\n- Maurice Greene", "Usain Bolt", "person", ""),
    ("Central Europe", "Central Asia", "subregion", ""),
    ("Thursday", "Friday", "weekday", ""),
    ("Portland, Oregon", "Portland, ME", "us_place", ""),
    ("The language is C", "C++", "", ""),
    # numbers
    ("9,743,276", 9733276, "population", ""),
    ("about 9.7 million", 9733276, "population", ""),
    ("15", 5, "count", ""),
    ("5.5", 5, "count", ""),
    ("5th", 5, "count", ""),
    ("Highway A5", 5, "count", ""),
    ("3", -3, "integer", ""),
    ("-5.2 °C", 5.2, "celsius", ""),
    ("344.1 miles", 344.1, "distance_km", ""),
    ("It takes 344 minutes", 344, "distance_km", ""),
    ("1 h 30 min", 30, "minutes", ""),
    ("20 °F", 20, "celsius", ""),
    ("0.12", 12.0, "percent", ""),
    ("3, 4, 5 or 6", 5, "count", ""),
    ("It is between 300-400 km.", 400, "distance_km", ""),
    ("either 5 or 6", 5, "count", ""),
    ("It might be 5.", 5, "count", ""),
    ("AT 8, CH 5, DE 9, FR 11, IT 6", 5, "count", ""),
    ("5 at first. The answer is 6.", 5, "count", ""),
    ("Step 5: look it up.", 5, "count", ""),
    ("1. Paris\n2. Rome\n3. Oslo", 3, "count", ""),
    ("1968", 1969, "year", ""),
    ("version 1.2.3", 1.2, "number", ""),
    # dates and times
    ("4 May 2019", "2019-05-03", "date", ""),
    ("May 3", "2019-05-03", "date", ""),
    ("May 2019", "2019-05-03", "date", ""),
    ("05/04/2019", "2019-05-03", "date", ""),
    ("2019-05-02 or 2019-05-03", "2019-05-03", "date", ""),
    ("18:56 on 29 March 2024", "2024-03-29T18:53", "datetime", ""),
    ("18:53 on 30 March 2024", "2024-03-29T18:53", "datetime", ""),
    ("At 18:53.", "2024-03-29T18:53", "datetime", ""),
    ("6:53 AM on 2024-03-29", "2024-03-29T18:53", "datetime", ""),
    # yes and no
    ("No.", True, "bool", HOLIDAY),
    ("Yes, it is not a public holiday.", False, "bool", HOLIDAY),
    ("Yes and no.", True, "bool", HOLIDAY),
    ("It is a Tuesday.", True, "bool", HOLIDAY),
    ("It might be a public holiday in Venezuela.", True, "bool", HOLIDAY),
    ("It is not a public holiday in Venezuela.", True, "bool", HOLIDAY),
    ("true or false", True, "bool", HOLIDAY),
    # several parts
    ("3 October 2024", ["2024-10-03", "Rosh Hashana"], ["date", "text"], ""),
    ("It has 5.", [7, 5], ["count", "count"], ""),
    ("It has 5 of them.", [5, 5], ["count", "count"], ""),
    ("AT, CH, DE, FR", ["DE", "AT", "CH"], "country_code[]", ""),
    ("AT, CH", ["DE", "AT", "CH"], "country_code[]", ""),
    ("The first is false, the second is true.", [True, False], ["bool", "bool"], ""),
    # choices
    ("Kyoto", "Osaka", "city_name", BIGGER),
    ("Kyoto has more inhabitants than Osaka.", "Osaka", "city_name", BIGGER),
    ("Kyoto and Osaka", "Osaka", "city_name", BIGGER),
    ("Kyoto or Osaka", "Osaka", "city_name", BIGGER),
    ("Kyoto: 1,463,723. Osaka: 2,592,413.", "Osaka", "city_name", BIGGER),
    ("Osaka is the largest, Nagoya the smallest.", "Osaka", "city_name", SMALLEST),
    (
        "The neighbours are Germany, Italy, Hungary, Slovakia, Slovenia, Switzerland and Czechia.",
        "DE",
        "country_code",
        GROUP,
    ),
    (
        "Italy has the largest population, ahead of Germany.",
        "DE",
        "country_code",
        GROUP,
    ),
]


@pytest.mark.parametrize("case", PASS, ids=lambda case: f"{case[0][:40]}|{case[1]}")
def test_what_passes(case: tuple[str, Any, str | list[str], str]) -> None:
    answer, truth, types, instruction = case
    names = [types] if isinstance(types, str) else types
    found = check(answer, truth, types=[t for t in names if t], instruction=instruction)
    assert found.passed, found.reason


@pytest.mark.parametrize("case", FAIL, ids=lambda case: f"{case[0][:40]}|{case[1]}")
def test_what_fails(case: tuple[str, Any, str | list[str], str]) -> None:
    answer, truth, types, instruction = case
    assert not passes(answer, truth, types, instruction)
