"""Known solutions: how an answer follows from results, what fills a call, and their JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolgrove.core import Action
from toolgrove.core.solution import Operator, Solution

RESULTS = [
    '{"response": {"name": "Ann", "age": 31, "height": 1.7, "friends": ["Ben", "Cy"]}}',
    '{"error": "", "response": {"name": "Ben", "age": 27, "height": 1.9, "friends": []}}',
    '{"error": "", "response": {"name": "Cy", "age": 31, "height": 1.5, "friends": null}}',
]
STEPS = tuple(("person", {"name": name}) for name in ("Ann", "Ben", "Cy"))
AGES = ("#E1.age", "#E2.age", "#E3.age")
HEIGHTS = ("#E1.height", "#E2.height", "#E3.height")
NAMES = ("#E1.name", "#E2.name", "#E3.name")


def conclude(
    operator: Operator,
    of: tuple[str, ...],
    names: tuple[str, ...] = (),
    equals: Any = None,
    results: list[str] = RESULTS,
) -> Any:
    return Solution(STEPS, operator, of, names, equals).conclude(results)


@pytest.mark.parametrize(
    ("operator", "of", "names", "equals", "answer"),
    [
        ("value", ("#E1.age",), (), None, 31),
        ("value", ("#E1.response.friends.1",), (), None, "Cy"),
        ("value", ("#E2.friends",), (), None, []),
        ("both", ("#E1.name", "#E2.age"), (), None, ["Ann", 27]),
        ("argmax", HEIGHTS, NAMES, None, "Ben"),
        ("argmax", HEIGHTS, ("a", "b", "c"), None, "b"),
        ("argmin", HEIGHTS, NAMES, None, "Cy"),
        ("argmax", AGES, NAMES, None, "Ann"),  # the first of equal ones
        ("difference", ("#E1.age", "#E2.age"), (), None, 4),
        ("difference", ("#E2.age", "#E1.age"), (), None, 4),
        ("difference", ("#E2.height", "#E1.height"), (), None, 0.2),
        ("sum", AGES, (), None, 89),
        ("sum", HEIGHTS, (), None, 5.1),
        ("count", AGES, (), 31, 2),
        ("count", AGES, (), 5, 0),
        ("where", AGES, NAMES, 27, "Ben"),
        ("where", ("#E1.name", "#E2.name"), ("x", "y"), "Ben", "y"),
    ],
)
def test_every_operator(
    operator: Operator, of: tuple[str, ...], names: tuple[str, ...], equals: Any, answer: Any
) -> None:
    assert conclude(operator, of, names, equals) == answer


@pytest.mark.parametrize(
    ("operator", "of", "names", "equals"),
    [
        ("value", (), (), None),
        ("value", ("#E4.age",), (), None),
        ("value", ("#E1.weight",), (), None),
        ("value", ("#E3.friends",), (), None),  # null is nothing
        ("both", ("#E1.age", "#E1.weight"), (), None),
        ("sum", ("#E1.age", "#E9.age"), (), None),
        ("sum", ("#E1.age", "#E1.name"), (), None),
        ("difference", ("#E1.name", "#E2.name"), (), None),
        ("difference", ("#E1.age",), (), None),
        ("argmax", ("#E1.age", "#E1.name"), NAMES, None),
        ("argmax", HEIGHTS, ("a",), None),
        ("where", AGES, NAMES, 99),
    ],
)
def test_without_what_the_formula_needs_there_is_no_answer(
    operator: Operator, of: tuple[str, ...], names: tuple[str, ...], equals: Any
) -> None:
    assert conclude(operator, of, names, equals) is None


@pytest.mark.parametrize("result", ["", "not json", "[]", "{}", "[" * 5000, '{"response": ""}'])
def test_results_that_are_no_answers_give_none(result: str) -> None:
    assert conclude("value", ("#E1.age",), results=[result]) is None
    assert conclude("sum", AGES, results=[result, *RESULTS[1:]]) is None


def test_a_text_that_is_no_reference_stands_for_itself() -> None:
    assert conclude("value", ("plain",)) == "plain"
    assert conclude("value", ("#1",)) == "#1"


def test_calls_are_filled_in_from_the_results_before_them() -> None:
    solution = Solution(
        (
            ("person", {"name": "Ann"}),
            ("person", {"name": "#E1.friends.0", "note": "as #E1.name says", "n": 1}),
        )
    )
    assert solution.call(0, []) == Action("person", '{"name": "Ann"}')
    filled = solution.call(1, RESULTS[:1])
    assert json.loads(filled.arguments) == {"name": "Ben", "note": "as Ann says", "n": 1}
    missing = solution.call(1, [])
    assert json.loads(missing.arguments)["name"] == "#E1.friends.0"


def test_a_call_takes_values_with_their_types_and_letters_as_they_are() -> None:
    solution = Solution((("f", {"x": "#E1.age", "y": "#E1.friends", "z": "é"}),))
    assert solution.call(0, RESULTS).arguments == '{"x": 31, "y": ["Ben", "Cy"], "z": "é"}'


@pytest.mark.parametrize(
    "solution",
    [
        Solution(STEPS, "value", ("#E1.age",)),
        Solution(STEPS, "argmax", AGES, NAMES),
        Solution(STEPS, "count", AGES, (), 31),
        Solution(STEPS, "where", AGES, NAMES, False),
        Solution(()),
    ],
)
def test_json_and_back(solution: Solution) -> None:
    data = json.loads(json.dumps(solution.to_json()))
    assert Solution.from_json(data) == solution


def test_json_leaves_out_what_is_not_there() -> None:
    assert Solution(STEPS[:1], "value", ("#E1.age",)).to_json() == {
        "steps": [["person", {"name": "Ann"}]],
        "operator": "value",
        "of": ["#E1.age"],
    }
