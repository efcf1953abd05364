"""The check of an answer against the truth: what people and models write, and what must fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.benchmarks.truth import check, names
from toolgrove.benchmarks.truth.choice import chosen
from toolgrove.benchmarks.truth.codes import asks_for_code
from toolgrove.benchmarks.truth.judge import Truth
from toolgrove.benchmarks.truth.prose import LONGEST, clean, without_refusals
from toolgrove.benchmarks.truth.units import unit_of
from toolgrove.core import Task
from toolgrove.envs.hub.entities import ENTITIES, Entities
from toolgrove.envs.hub.registry import everything
from toolgrove.envs.hub.types import TYPES

everything()  # declares types and names

# By hand: real phrasings, one a line; more than a third must fail.
CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("truth_cases.jsonl").read_text("utf-8").splitlines()
]


def passes(answer: str, truth: Any, types: str | list[str] = "", instruction: str = "") -> bool:
    given = [types] if isinstance(types, str) else types
    return check(answer, truth, types=[t for t in given if t], instruction=instruction).passed


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['answer'][:40]}|{case['truth']}")
def test_what_people_and_models_write(case: dict[str, Any]) -> None:
    types = case.get("type", ())
    types = [types] if isinstance(types, str) else types
    found = check(
        case["answer"], case["truth"], types=types, instruction=case.get("instruction", "")
    )
    assert found.passed == case["passes"], found.reason
    assert found.reason


def test_the_cases_are_balanced() -> None:
    failing = sum(not case["passes"] for case in CASES)
    assert len(CASES) > 250 and 2 * failing > 0.8 * len(CASES)


@pytest.mark.parametrize(
    ("answer", "truth", "types", "instruction", "reason"),
    [
        ("", "JP", ["country_code"], "", "the answer is empty"),
        (
            "I could not find it.",
            "JP",
            ["country_code"],
            "",
            'the answer says that it does not know; "JP" is not in the answer',
        ),
        ("It is Peru.", "JP", ["country_code"], "", '"JP" is not in the answer, which says "Peru"'),
        (
            "It is Japan.",
            "JP",
            ["country_code"],
            "What is its ISO code?",
            'the code "JP" is asked for, and only the name is given',
        ),
        (
            "Bern, 5",
            ["Bern", 8],
            ["city_name", "count"],
            "",
            'part 2 of 2: "8" is not in the answer, which says "5"',
        ),
        (
            "5 or 6",
            5,
            ["count"],
            "",
            '"5" stands side by side with "6": the answer does not choose',
        ),
        ("not 5", 5, ["count"], "", '"5" is named only to be denied'),
        ("It could be 5.", 5, ["count"], "", '"5" is named only as a possibility'),
        (
            "Oslo 1, Rome 2, Bern 3, Kyiv 4, Riga 5",
            5,
            ["count"],
            "",
            'beside "5" the answer names 4 other values ("1", "2", "3", ...): it does not choose',
        ),
        ("No.", True, ["bool"], "", "the truth is yes; the answer says no"),
        ("Hm.", True, ["bool"], "", "the answer says neither yes nor no"),
        (
            "Yes. No.",
            True,
            ["bool"],
            "",
            "the answer contradicts itself: it says both yes and no",
        ),
        ("x" * (LONGEST + 1), "x", [], "", "the answer is longer than 100,000 characters"),
        ("x", None, [], "", "there is no truth to compare with"),
        ("x", ["y", ""], [], "", "there is no truth to compare with"),
    ],
)
def test_reasons_say_what_failed(
    answer: str, truth: Any, types: list[str], instruction: str, reason: str
) -> None:
    found = check(answer, truth, types=types, instruction=instruction)
    assert (found.passed, found.reason) == (False, reason)


# ---------------------------------------------------------------- without types
@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ("There are 5.", 5, True),
        ("There are 5.0.", 5, True),
        ("There are 6.", 5, False),
        ("You paid 1,234.5", 1234.50, True),
        ("You paid 1,234.4", 1234.50, False),
        ("It is 0.3333", 1 / 3, True),
        ("It is 0.33", 1 / 3, False),
        ("3 May 2019", "2019-05-03", True),
        ("yes", True, True),
        ("It is paris.", "Paris", True),
        ("It is London.", "Paris", False),
        ("Rome, then Oslo", ["oslo", "Rome"], True),
        ("Rome has 3 million", ["Rome", 3_000_000], True),
        ("James Bond is agent 007.", "007", True),
        ("James Bond is agent 7.", "007", False),
        ("12.5", "12.50", True),
        ("in C++, of course", "C++", True),
        ("a.b*c", "a.b*c", True),
        ("a.bxc", "a.b*c", False),
        ("Bern, in 8 parts", {"city": "Bern", "parts": 8}, True),
        ("Bern", {"city": "Bern", "parts": 8}, False),
    ],
)
def test_types_are_inferred(answer: str, truth: Any, right: bool) -> None:
    assert passes(answer, truth) is right


def test_a_type_that_does_not_fit_the_value_is_inferred_too() -> None:
    assert passes("It is Bern.", "Bern", "count")
    assert passes("It is Bern.", "Bern", "no such type")


# ---------------------------------------------------------------- invariants
def rendered(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


KINDS = [name for name, known in ENTITIES.items() if TYPES[name].kind != "array"]


@pytest.mark.parametrize("type", KINDS)
def test_what_an_entity_is_called_passes(type: str) -> None:
    values = ENTITIES[type].values
    for value in (*values[:3], values[len(values) // 2], values[-1]):
        for text in (f"{value}", f"The answer is {value}.", f"It is **{value}**, says the API."):
            assert check(text, value, types=[type]).passed, (text, value)
        if TYPES[type].entity or TYPES[type].compare == "name":
            for name in (*ENTITIES[type].says(value), *ENTITIES[type].aliases(value)):
                assert check(f"It is {name}.", value, types=[type]).passed, (name, value)


numbers = st.integers(-(10**12), 10**12) | st.floats(
    min_value=1e-6, max_value=1e12, allow_nan=False
)
days = st.dates(dt.date(1000, 1, 1)).map(dt.date.isoformat)
moments = st.datetimes(dt.datetime(1000, 1, 1)).map(lambda d: d.isoformat("T", "minutes"))
words = st.text(st.characters(categories=["L"], max_codepoint=0x2AF), min_size=1, max_size=20)


@given(
    st.one_of(
        st.tuples(numbers, st.just("number")),
        st.tuples(days, st.just("date")),
        st.tuples(moments, st.just("datetime")),
        st.tuples(st.booleans(), st.just("bool")),
        st.tuples(words, st.just("text")),
        st.tuples(st.text(max_size=60), st.just("text")),
        st.tuples(numbers | days | moments | words, st.just("")),
    )
)
def test_a_truth_passes_as_it_is(case: tuple[Any, str]) -> None:
    truth, type = case
    assume(clean(rendered(truth)) and (not isinstance(truth, str) or truth))
    assert passes(rendered(truth), truth, type)


@given(numbers.filter(lambda n: n != 0), st.sampled_from(["number", "percent", "distance_km"]))
def test_a_number_off_by_more_than_the_tolerance_fails(truth: float, type: str) -> None:
    for factor in (1.0011, 0.9989, -1):
        wrong = truth * factor
        if abs(wrong - truth) > 0.00101 * abs(truth):
            assert not passes(f"It is {wrong!r}.", truth, type)


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_count_off_by_any_number_fails(truth: int, off: int) -> None:
    assert passes(f"There are {truth:,} of them.", truth, "count")
    assert not passes(f"There are {truth + off:,} of them.", truth, "count")


@given(st.floats(1, 1e6), st.sampled_from(["km", "mi", "m", "ft", "nautical miles", "yards"]))
def test_units_are_converted_there_and_back(km: float, unit: str) -> None:
    per = {"km": 1, "mi": 1.609344, "m": 1e-3, "ft": 3.048e-4, "nautical miles": 1.852}
    given = km / per.get(unit, 9.144e-4)
    assert passes(f"It is {given:.6f} {unit} away.", km, "distance_km")
    assert not passes(f"It is {given * 1.01:.6f} {unit} away.", km, "distance_km")


@given(st.permutations(["AT", "CH", "DE", "FR"]), st.permutations(["AT", "CH", "DE", "FR"]))
def test_the_order_of_a_list_does_not_matter(said: list[str], truth: list[str]) -> None:
    assert passes(", ".join(said), truth, "country_code[]")
    assert not passes(", ".join(said), truth[:3], "country_code[]")
    assert not passes(", ".join(said[:3]), truth, "country_code[]")


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6, unique=True), st.data())
def test_among_many_candidates_none_passes(values: list[int], data: st.DataObject) -> None:
    truth = data.draw(st.sampled_from(values))
    shown = list(map(str, values))
    for text in (
        f"{', '.join(shown[:-1])} or {shown[-1]}",
        "\n".join(shown),
        " ".join(f"It is {each}." for each in shown),
        "\n".join(f"- {each}" for each in shown),
        json.dumps(values),
    ):
        assert not passes(text, truth, "count")


@given(st.sampled_from(["Kyoto", "Osaka"]), st.sampled_from(["more", "fewer"]))
def test_a_comparison_chooses_the_same_whatever_is_true(first: str, word: str) -> None:
    second = "Osaka" if first == "Kyoto" else "Kyoto"
    text = f"{first} has {word} inhabitants than {second}."
    asked = "Which has more inhabitants, Kyoto or Osaka?"
    larger = first if word == "more" else second
    assert passes(text, larger, "city_name", asked)
    assert not passes(text, second if word == "more" else first, "city_name", asked)


TRUTHS: list[tuple[Any, Any, str]] = [
    ("JP", "country_code", "In which country is it?"),
    ("Paris", "city_name", "Which has more inhabitants, Paris or Kyoto?"),
    ("Usain Bolt", "person", ""),
    ("东京", "text", ""),
    (5, "count", ""),
    (905, "minutes", ""),
    (344.1, "distance_km", ""),
    (-33.9, "latitude", ""),
    (20.0, "celsius", ""),
    (1969, "year", ""),
    (5, "month", ""),
    ("2019-05-03", "date", "When in 2019?"),
    ("2024-03-29T18:53", "datetime", "When on 29 March 2024?"),
    (True, "bool", "Is it a public holiday?"),
    ("DE89370400440532013000", "iban", ""),
    (["AT", 5, "AT", 5], ["country_code", "count", "country_code", "count"], ""),
]
PIECES = [
    *"0123456789.,:;-+/()[]{}\"'|*_^°%$€ \n\t\\",
    "Paris", "JP", "May", "2019", "or", "and", "not", "yes", "no", " than ", "18:53", "km", "½",
    "1e9", "e999999", "×10^", "²", "\u202e", "\x00", "ﷺ", "𝟙", "東京", "Answer:", "could not find",
]  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=120).map("".join)),
    st.sampled_from(TRUTHS),
)
def test_no_text_raises(text: str, case: tuple[Any, Any, str]) -> None:
    truth, types, instruction = case
    given = [types] if isinstance(types, str) else types
    assert check(text, truth, types=given, instruction=instruction).reason
    assert check(text, text, types=given, instruction=text).reason


LONG = [
    "1", "5 ", "1.2.", "1,234,", "2019-05-03 ", "18:53 on 3 May 2019, ", "Paris. ", "Paris or ",
    "Paris\n", "(", "(Paris) ", "\n", "\"' ", "not ", "could not find ", "Therefore 5. ",
    "Kyoto than Osaka ", "San ", "no, ", "not a public holiday ", "5 h 3 min ", "-", "5²", "ﷺ",
    "東京", "A.", "81 3-", "1. Paris\n", '["Paris", ', "Foo, ",
]  # fmt: skip


@pytest.mark.parametrize("piece", LONG)
def test_long_answers_cost_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            for truth, types, instruction in TRUTHS[:4] + TRUTHS[5:7] + TRUTHS[12:14]:
                given = [types] if isinstance(types, str) else types
                assert check(text, truth, types=given, instruction=instruction).reason
            best = min(best, time.process_time() - start)
        return best

    short, long = seconds(3_000), seconds(12_000)
    assert long < 10 * short + 0.5  # quadratic would be 16 times


def test_a_hundred_thousand_characters_are_read() -> None:
    text = "Lorem ipsum dolor sit amet. " * 3500 + "The capital is Bern."
    assert len(text) < LONGEST
    assert passes(text, "Bern", "city_name")
    assert not passes(text, "Rome", "city_name")


# ---------------------------------------------------------------- the parts
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I could not find the capital of Peru.", " " * 36 + "."),
        ("I can't say. It is Lima.", " " * 11 + ". It is Lima."),
        ("I was unable to get it, but it is Lima.", " " * 24 + "but it is Lima."),
        ("Although I could not find it, it is Lima.", " " * 28 + ", it is Lima."),
        ("It could be Lima.", "It could be Lima."),
    ],
)
def test_clauses_that_found_nothing_are_left_out(text: str, kept: str) -> None:
    assert without_refusals(text) == kept


@pytest.mark.parametrize(
    ("instruction", "type", "asked"),
    [
        ("What is the ISO alpha-2 code of Japan?", "country_code", True),
        ("Give its ISO code.", "country_code", True),
        ("What is the country with the ISO code JPN?", "country_code", False),
        ("What is the currency of the country with the ISO code JP?", "currency_code", False),
        ("Tell me the two-letter code of the state of Austin, TX.", "us_state", True),
        ("Which airport is nearest?", "iata", False),
        ("What is the IATA code of the airport?", "iata", True),
        ("What is the IATA code of the airport?", "icao", False),
    ],
)
def test_whether_the_code_is_asked_for(instruction: str, type: str, asked: bool) -> None:
    assert asks_for_code(instruction, TYPES[type]) is asked


@pytest.mark.parametrize(
    ("type", "dimension"),
    [
        ("distance_km", "length"),
        ("feet", "length"),
        ("area_km2", "area"),
        ("minutes", "time"),
        ("celsius", "temperature"),
        ("amount_usd", "usd"),
        ("percent", "percent"),
        ("count", None),
        ("year", None),
        ("population", None),
        ("rate", None),
    ],
)
def test_the_unit_of_a_type(type: str, dimension: str | None) -> None:
    unit = unit_of(TYPES[type])
    assert (unit and unit.dimension) == dimension


def test_a_type_whose_library_is_missing_has_no_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: Any) -> Any:
        raise ModuleNotFoundError("no such library")

    broken = Entities("nth", missing, missing, missing)
    monkeypatch.setattr(names, "ENTITIES", {"nth": broken})
    names.lexicon.cache_clear()
    assert passes("It is the second.", "second", "nth")
    assert not passes("It is the third.", "second", "nth")
    names.lexicon.cache_clear()


def test_nothing_is_chosen_from_nothing() -> None:
    assert chosen("", [], "Which of them?") == []


# ---------------------------------------------------------------- the judge
def verdict(answer: str | None, wanted: Any, **extra: Any) -> Verdict:
    task = Task("t", "What is the capital?", answer=wanted, extra=extra)
    trial = Trial(Key("s", "t", "p", 0), task.digest, 0, "answered", answer, {}, {})
    return asyncio.run(Truth()(task, trial))


def test_the_judge_uses_the_types_of_the_task() -> None:
    assert verdict("9.73 million people", 9_733_276, type="population").decision == "passed"
    assert verdict("9.73 million people", 9_733_276).decision == "failed"
    both = {"type": ["country_code", "count"]}
    assert verdict("Japan has 5.", ["JP", 5], **both).decision == "passed"
    assert verdict("Japan has 6.", ["JP", 5], **both) == Verdict(
        "failed", 'part 2 of 2: "5" is not in the answer, which says "6"'
    )


@pytest.mark.parametrize("wanted", [None, "", [], {}])
def test_a_task_without_an_answer_is_unjudged(wanted: Any) -> None:
    assert verdict("Bern", wanted).decision == "unjudged"


@pytest.mark.parametrize("extra", [{}, {"type": 5}, {"type": [5]}, {"type": None}])
def test_types_that_are_none_are_inferred(extra: dict[str, Any]) -> None:
    assert verdict("It is Bern.", "Bern", **extra).decision == "passed"


def test_an_answer_that_is_none_fails() -> None:
    assert verdict(None, "Bern") == Verdict("failed", "the answer is empty")
