"""Cutting and compressing: JSON stays JSON, nothing is lost in silence, ToolBench's way exactly."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.envs.observations import (
    MARK,
    as_toolbench,
    characters,
    compress,
    counter,
    cut,
    estimate,
    fits,
    measure,
    only,
)

NAME, COUNT = counter()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=12), inner, max_size=12)
    ),
    max_leaves=40,
)
ENVELOPES = st.fixed_dictionaries({"error": st.text(max_size=60), "response": VALUES})


def words(text: str) -> int:
    return len(text.split())


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """What is truly there: no marks, and texts by their kept beginning."""
    if isinstance(value, dict):
        for key, each in value.items():
            if MARK not in key:
                yield from leaves(each, (*at, key))
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from leaves(each, (*at, i))
    elif isinstance(value, str):
        yield at, value.partition(MARK)[0]
    else:
        yield at, value


def less(small: Any, large: Any) -> bool:
    """Whether everything in the first stands in the second."""
    there = dict(leaves(large))
    paths = {at[:i] for at in there for i in range(len(at) + 1)}
    for at, value in leaves(small):
        if at in there and isinstance(value, str):
            if not str(there[at]).startswith(value):
                return False
        elif at in there:
            if there[at] != value:
                return False
        elif value != "" and at not in paths:
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(VALUES | ENVELOPES, st.integers(8, 300))
def test_json_stays_json_and_fits_and_a_second_cut_changes_nothing(value: Any, limit: int) -> None:
    text = dumps(value)
    for count in (estimate, COUNT):
        short = cut(text, limit, count)
        json.loads(short)
        assert fits(short, limit, count) or short == f'"{MARK}"'
        assert cut(short, limit, count) == short == cut(text, limit, count)
        if fits(text, limit, count):
            assert short == text
        else:
            assert MARK in short


@settings(max_examples=60, deadline=None)
@given(ENVELOPES, st.integers(8, 200), st.integers(0, 100))
def test_a_larger_limit_keeps_all_that_a_smaller_one_kept(
    value: Any, limit: int, more: int
) -> None:
    small = cut(dumps(value), limit, estimate)
    large = cut(dumps(value), limit + more, estimate)
    if small != f'"{MARK}"' and MARK not in dumps(value):
        assert less(json.loads(small), json.loads(large))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=2_000), st.integers(1, 200), st.integers(0, 50))
def test_a_text_that_is_no_json_keeps_its_beginning(text: str, limit: int, more: int) -> None:
    text = "<p>" + text.replace(MARK, "")
    small, large = cut(text, limit, estimate), cut(text, limit + more, estimate)
    assert text.startswith(small.partition(MARK)[0])
    assert large.partition(MARK)[0].startswith(small.partition(MARK)[0])
    assert cut(small, limit, estimate) == small
    if small != text:
        assert small == MARK or small.endswith("more characters]")


def test_what_was_left_out_is_said() -> None:
    items = [{"id": i, "text": "lorem ipsum " * 20} for i in range(1_000)]
    value = {"error": "careful", "response": {"items": items, "total": 1_000, "next": None}}
    got = json.loads(cut(dumps(value), 300, COUNT))
    assert got["error"] == "careful"
    assert got["response"]["total"] == 1_000 and got["response"]["next"] is None
    first, *_, last = got["response"]["items"]
    assert first["id"] == 0 and first["text"].startswith("lorem ipsum")
    shown = len(got["response"]["items"]) - 1
    assert last == f"{MARK} {1_000 - shown} of 1000 elements left out"


def test_every_key_survives_as_long_as_it_can() -> None:
    wide = {f"key_{i}": {"deep": {"deeper": list(range(100))}} for i in range(12)}
    got = json.loads(cut(dumps({"error": "", "response": wide}), 160, COUNT))
    assert list(got["response"]) == list(wide)
    assert got["response"]["key_0"] == f"{MARK} object of 1 key"
    got = json.loads(cut(dumps({"error": "", "response": wide}), 200, COUNT))
    assert list(got["response"]) == list(wide)
    assert got["response"]["key_0"] == {"deep": f"{MARK} object of 1 key"}
    few = json.loads(cut(dumps({"error": "", "response": wide}), 60, COUNT))
    shown = len(few["response"]) - 1
    assert 0 < shown < 12 and few["response"][MARK] == f"{12 - shown} of 12 keys left out"


def test_the_error_goes_last() -> None:
    error = "The parameter 'city' is missing. " * 6
    got = json.loads(cut(dumps({"error": error, "response": {"x": "y" * 90_000}}), 120, COUNT))
    assert got["error"] == error and MARK in dumps(got["response"])


def test_a_key_that_looks_like_the_mark_is_kept() -> None:
    value = {MARK: 1} | {f"k{i}": "x" * 100 for i in range(100)}
    got = json.loads(cut(dumps(value), 80, COUNT))
    assert got[MARK] == 1 and "keys left out" in got[MARK * 2]


def test_spaces_go_before_facts() -> None:
    value = {"a": list(range(40))}
    assert cut(json.dumps(value, indent=8), 100, COUNT) == dumps(value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5_000, "\ud800" * 5_000, "9" * 9_000])
def test_hostile_texts(text: str) -> None:
    assert fits(cut(text, 64, COUNT), 64, COUNT)


def test_long_responses_are_counted_in_bounded_parts() -> None:
    asked = 0

    def count(text: str) -> int:
        nonlocal asked
        asked += len(text)
        return estimate(text)

    text = dumps({"error": "", "response": [{"id": i, "t": "word " * 30} for i in range(20_000)]})
    assert len(text) > 3_000_000
    short = cut(text, 1_024, count)
    measure(text, count)
    assert fits(short, 1_024, estimate) and asked < 200_000


def test_numbers_that_json_cannot_write_become_texts() -> None:
    got = cut('{"a": 1e999, "b": NaN, "c": "' + "x" * 900 + '"}', 60, COUNT)
    assert {**json.loads(got), "c": ""} == {"a": "1e999", "b": "NaN", "c": ""}


def test_any_counter_will_do() -> None:
    text = dumps({"error": "", "response": ["a few words"] * 500})
    assert words(cut(text, 40, words)) <= 40


def test_the_long_are_measured_by_their_beginning() -> None:
    assert measure("abc" * 1_000_000, estimate) == pytest.approx(1_000_000, rel=0.01)
    assert measure("abcabc", estimate) == 2


def test_counters_by_name() -> None:
    assert counter("estimate") == ("estimate", estimate)
    assert estimate("") == 0 and estimate("é") == 1 and estimate("four") == 2
    if NAME == "estimate":
        pytest.skip("cl100k_base is not at hand")
    name, count = counter("cl100k")
    assert name == NAME == "cl100k_base" and count("hello world") == 2 < count("<|endoftext|>")


def test_compressing_keeps_what_the_schema_lists() -> None:
    schema = {"id": "str", "data": {"count": "int", "rows": [{"name": "str"}]}, "tags": ["str"]}
    value = {
        "id": 1,
        "more": 2,
        "data": {"count": 2, "page": 1, "rows": [{"name": "a", "x": 1}, {"x": 2}, "odd"]},
        "tags": ["x", "y"],
    }
    before = dumps(value)
    assert compress(value, schema) == {
        "id": 1,
        "data": {"count": 2, "rows": [{"name": "a"}, {}, "odd"]},
        "tags": ["x", "y"],
    }
    assert dumps(value) == before


@pytest.mark.parametrize("schema", [{}, [], None, "str", ["str"], [{}]])
def test_other_shapes_stay_as_they_are(schema: Any) -> None:
    value = {"a": {"b": [1, {"c": 2}]}}
    assert compress(value, schema) == value
    assert compress(value, {"a": schema}) == value
    assert compress("text", {"a": "str"}) == "text" and compress(None, {"a": "str"}) is None


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_compressing_loses_no_fact_that_it_was_to_keep(value: Any) -> None:
    def schema(of: Any) -> Any:
        if isinstance(of, dict):
            return {key: schema(each) for key, each in of.items()}
        return type(of).__name__

    assert compress(value, schema(value)) == value


def test_only_some_keys_wherever_they_stand() -> None:
    value = {"page": 1, "rows": [{"name": "a", "x": 1}, {"x": 2}], "more": {"name": {"x": 3}}}
    assert only(value, ["name"]) == {"rows": [{"name": "a"}], "more": {"name": {"x": 3}}}
    assert only(value, ["absent"]) == value


def recorded(shared: Path) -> Iterator[str]:
    with (shared / "derived/recorded_calls.jsonl").open() as file:
        for line in file:
            row = json.loads(line)
            if row["function"] != "Finish":
                yield row["observation"]


def test_toolbenchs_cut_is_that_of_its_traces(shared: Path) -> None:
    cuts = whole = 0
    for text in recorded(shared):
        assert characters(text) == text  # 1,024 and "...", or less
        if len(text) == 1_027:
            assert text.endswith("...")
            cuts += 1
        whole += len(text) <= 1_024
    assert (cuts, whole) == CUTS


CUTS = (714, 2_111)


def test_toolbenchs_text_of_a_response_is_that_of_its_traces(shared: Path) -> None:
    """Recorded responses, read back as the values that they were, are written as recorded."""
    written = values = 0
    for text in recorded(shared):
        try:
            envelope = json.loads(text)
        except ValueError:
            continue  # cut, or never JSON
        if not isinstance(envelope, dict) or set(envelope) != {"error", "response"}:
            continue
        response = envelope["response"]
        if not isinstance(response, str) or text != json.dumps(envelope):
            continue  # StableToolBench's server sends objects
        try:
            value = ast.literal_eval(response)
        except (ValueError, SyntaxError):
            value = response
        if str(value) != response:
            value = response  # the service answered with a text
        values += not isinstance(value, str)
        full = json.dumps({"error": envelope["error"], "response": value}, ensure_ascii=False)
        assert characters(as_toolbench(full)) == text
        written += 1
    assert (written, values) == WRITTEN


WRITTEN = (2_091, 1_039)


def test_toolbenchs_server_cuts_first() -> None:
    long = as_toolbench(json.dumps({"error": "", "response": {"text": "é" * 5_000}}))
    assert len(json.loads(long)["response"]) == 2_048
    assert len(characters(long)) == 1_027 and "\\u00e9" in long
    assert as_toolbench("no JSON") == "no JSON" and as_toolbench('{"a": 1}') == '{"a": 1}'
