"""References in a plan: ``#E1`` and its parts, with their types, and what is no reference."""

from __future__ import annotations

import pytest

from toolgrove.core import Action
from toolgrove.core.references import resolve

RESULTS = [
    '{"error": "", "response": [{"id": 7, "name": "Ann"}, {"id": 8, "tags": []}]}',
    "plain text",
    '{"response": {"response": "inner"}, "a-b": 1, "0": "zero"}',
    '{"price": 1.5, "found": true, "none": null, "city": "Münster"}',
]


@pytest.mark.parametrize(
    ("arguments", "filled"),
    [
        # alone, a reference takes the value with its type
        ('{"x": "#E4.price"}', '{"x": 1.5}'),
        ('{"x": "#E4.found"}', '{"x": true}'),
        ('{"x": "#E4.none"}', '{"x": null}'),
        ('{"x": "#E1.response.0.id"}', '{"x": 7}'),
        ('{"x": "#E1.0"}', '{"x": {"id": 7, "name": "Ann"}}'),
        ('{"x": "#E2"}', '{"x": "plain text"}'),
        # the envelope's response may be left out
        ('{"x": "#E1.0.name"}', '{"x": "Ann"}'),
        ('{"x": "#E3.response"}', '{"x": {"response": "inner"}}'),
        ('{"x": "#E3.a-b"}', '{"x": 1}'),
        ('{"x": "#E3.0"}', '{"x": "zero"}'),
        # within a text it is written out
        ('{"x": "id=#E1.0.id!"}', '{"x": "id=7!"}'),
        ('{"x": "#E4.city and #E2"}', '{"x": "Münster and plain text"}'),
        ('{"x": "#E1.1 "}', '{"x": "{\\"id\\": 8, \\"tags\\": []} "}'),
        # anywhere in the arguments, but not in keys
        ('{"a": ["#E1.0.id", {"b": "#E4.price"}], "#E2": 1}',
         '{"a": [7, {"b": 1.5}], "#E2": 1}'),
        # nothing there: it stays as it is
        ('{"x": "#E1.5"}', '{"x": "#E1.5"}'),
        ('{"x": "#E1.0.nobody"}', '{"x": "#E1.0.nobody"}'),
        ('{"x": "#E2.key"}', '{"x": "#E2.key"}'),
        ('{"x": "#E0"}', '{"x": "#E0"}'),
        ('{"x": "#E5"}', '{"x": "#E5"}'),
        ('{"x": "#E99999999999"}', '{"x": "#E99999999999"}'),
        ('{"x": "#E1.-1"}', '{"x": "#E1.-1"}'),
        ('{"x": "see #E9"}', '{"x": "see #E9"}'),
        ('{"x": "#Einstein"}', '{"x": "#Einstein"}'),
        # not JSON: as it was, to the letter
        ("#E1", "#E1"),
        ('{"x": #E1}', '{"x": #E1}'),
    ],
)  # fmt: skip
def test_resolve(arguments: str, filled: str) -> None:
    action = Action("f", arguments, "thought", 3, "0.1")
    assert resolve(action, RESULTS) == Action("f", filled, "thought", 3, "0.1")


def test_arguments_without_a_reference_are_left_to_the_letter() -> None:
    action = Action("f", '{ "x":1 }')
    assert resolve(action, RESULTS) is action


def test_arguments_nested_too_deep_are_left_to_the_environment() -> None:
    for depth in (400, 600, 900, 5000):
        action = Action("f", '{"x": "#E1", "deep": ' + "[" * depth + "]" * depth + "}")
        assert resolve(action, []).arguments.startswith('{"x": "#E1", "deep": [[[')


def test_a_reference_is_not_read_again_in_what_it_brought() -> None:
    assert resolve(Action("f", '{"x": "#E1 #E2"}'), ["#E2", "two"]).arguments == (
        '{"x": "#E2 two"}'
    )
