"""Keys: equal calls have equal keys, others do not."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import API, BadArguments
from toolgrove.envs.store.keys import Call, call_of
from toolgrove.envs.store.secrets import REPLACED, Secrets

FORECAST = API(
    "forecast_for_weather",
    parameters={
        "type": "object",
        "properties": {
            "city": {"type": "string", "default": "Oslo"},
            "days": {"type": "integer", "default": 3},
            "exact": {"type": "boolean", "default": True},
            "where": {"type": "object", "default": {"lat": 1, "lon": [2.0]}},
        },
        "required": ["city"],
    },
    tool="Weather",
    api="Forecast",
)
FREE = API("f")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8)
objects = st.dictionaries(st.text(), values, max_size=5)


def key(arguments: dict[str, Any], api: API = FREE, **options: Any) -> bytes:
    return call_of(api, arguments, **options).key


def shuffled(value: Any) -> Any:
    """The value with the keys of its objects in the opposite order."""
    if isinstance(value, dict):
        return {k: shuffled(v) for k, v in reversed(value.items())}
    return [shuffled(v) for v in value] if isinstance(value, list) else value


def with_points(value: Any) -> Any:
    """The value with its small integers written as 25.0."""
    if isinstance(value, dict):
        return {k: with_points(v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_points(v) for v in value]
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    return float(value) if whole else value


def decomposed(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFD", value)
    if isinstance(value, dict):
        return {decomposed(k): decomposed(v) for k, v in value.items()}
    return [decomposed(v) for v in value] if isinstance(value, list) else value


@given(objects)
def test_how_a_call_is_written_makes_no_difference(arguments: dict[str, Any]) -> None:
    first = key(arguments)
    assert key(shuffled(arguments)) == first
    assert key(with_points(arguments)) == first
    composed = {unicodedata.normalize("NFC", name) for name in arguments}
    if len(composed) == len(arguments):
        assert key(json.loads(json.dumps(decomposed(arguments)))) == key(
            json.loads(json.dumps(arguments))
        )


@given(objects, objects)
def test_different_calls_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    written = call_of(FREE, one).arguments, call_of(FREE, other).arguments
    assert (key(one) == key(other)) == (written[0] == written[1])


@given(objects)
def test_what_is_hashed_can_be_read_again(arguments: dict[str, Any]) -> None:
    call = call_of(FREE, arguments)
    json.loads(call.arguments)
    assert Call(*(call.tool, call.api, call.arguments, call.scope)).key == call.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "25"}, {"a": 25}),
        ({"a": True}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": ""}, {}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
        ({"a": float("inf")}, {"a": float("-inf")}),
        ({"a": "\ud800"}, {"a": "\ud801"}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
    ],
)
def test_calls_that_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) != key(other)


def test_tool_api_and_scope_count() -> None:
    api = API("f", tool="a", api="b")
    keys = {key({}, api), key({}, API("f", tool="ab", api="")), key({}, api, scope="s")}
    assert len(keys | {key({}, API("g", tool="a", api="c"))}) == 4
    assert key({}, API("other name", tool="a", api="b")) == key({}, api)


def test_an_optional_argument_given_as_its_default_is_as_good_as_left_out() -> None:
    plain = key({"city": "Rome"}, FORECAST)
    assert key({"city": "Rome", "days": 3}, FORECAST) == plain
    assert key({"city": "Rome", "days": 3.0, "exact": True}, FORECAST) == plain
    assert key({"city": "Rome", "where": {"lon": [2], "lat": 1.0}}, FORECAST) == plain
    assert key({"city": "Rome", "days": 4}, FORECAST) != plain
    assert key({"city": "Rome", "exact": 1}, FORECAST) != plain  # 1 is not true
    assert key({}, FORECAST) != key({"city": "Oslo"}, FORECAST)  # it is required
    assert key({"city": "Rome", "days": 3}, FORECAST, defaults=False) != plain


def test_the_first_key_of_version_1_stays_what_it_is() -> None:
    """Recordings are found again by later releases: a change of this needs a new version."""
    call = call_of(FORECAST, {"city": "Zürich", "days": 5.0})
    assert call == Call("Weather", "Forecast", '{"city":"Zürich","days":5}')
    assert call.key.hex() == "c570b983bf32c38b62fc61558e4440b3e4e1314d093318c7c61bdb851084cee7"


def test_arguments_nested_too_deep_are_refused() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(BadArguments, match="nested too deep"):
        call_of(FREE, {"a": value})


def test_anyones_key_gives_the_same_call() -> None:
    mine = Secrets.of_environment({"RAPIDAPI_KEY": "k" * 20, "HOME": "/root/someone"})
    yours = Secrets.of_environment({"SOME_TOKEN": "another secret"})
    calls = [
        call_of(FREE, {"q": "x", "api_key": "k" * 20, "h": "/root/someone"}, secrets=mine),
        call_of(FREE, {"q": "x", "api_key": "mine", "h": "/root/someone"}, secrets=yours),
    ]
    assert calls[0] == calls[1]
    assert json.loads(calls[0].arguments)["api_key"] == REPLACED
    shown = call_of(FREE, {"u": f"http://x/?k={'k' * 20}&y"}, secrets=mine).arguments
    assert json.loads(shown) == {"u": f"http://x/?k={REPLACED}&y"}
    assert "key" in json.loads(call_of(FREE, {"key": "C major"}, secrets=mine).arguments)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "AIza" + "b" * 35,
        "sk-proj-" + "A1b2" * 6,
        "0123456789msh0123456789abcdep1abcdejsn0123456789ab",
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
    ],
)
def test_well_known_formats_are_found_and_replaced(text: str) -> None:
    secrets = Secrets()
    body = f'{{"x": "{text}"}}'
    [finding] = secrets.scan(body)
    assert finding.what and len(finding.hint) <= 7
    assert text not in secrets.redacted(body) and not list(secrets.scan(secrets.redacted(body)))


def test_in_real_answers_the_one_token_is_found_and_nothing_else(shared: Any) -> None:
    secrets = Secrets()
    with (shared / "derived" / "recorded_calls.jsonl").open(encoding="utf-8") as file:
        found = [finding for line in file for finding in secrets.scan(line)]
    assert [finding.what for finding in found] == ["JSON web token"]
