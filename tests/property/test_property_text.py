"""Whatever text comes in, readers of text give a value or their documented error."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolgrove.core import Action, BadArguments, Completion, UsageError, WholePlan, final_answer
from toolgrove.core.finish import finish
from toolgrove.core.lines import seal, unseal
from toolgrove.core.references import resolve
from toolgrove.core.registry import Spec, make, parse, split
from toolgrove.envs.recorded import call_key
from toolgrove.envs.toolbench import LONGEST_NAME, function_name, standardize
from toolgrove.models import FunctionPolicy, ToolLLaMAPolicy
from toolgrove.models.policies import read_plan, read_text

# Lone surrogates too: models and tools send them.
CHARACTERS = st.characters(codec=None)
PIECES = st.sampled_from([
    "Action:", "Action Input:", "Thought:", "\n", "{", "}", "[", "]", '"', "'", ":", ",", "=", "(",
    ")", "@", "#E1", ".0", "api", "name", "arguments", '"return_type": "', "give_answer",
    '"final_answer": "', "give_up_and_restart", "\\", "1", "e9", "null", "NaN", " ", "\t", "\x00",
])  # fmt: skip
TEXT = st.one_of(st.text(CHARACTERS), st.lists(PIECES, max_size=30).map("".join))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.text(), JSON, max_size=5)
DEEP = "[" * 700 + "]" * 700

fast = settings(max_examples=70, deadline=None)


@fast
@given(TEXT)
@example("[" * 20_000)
@example(DEEP)
def test_arguments_are_an_object_or_bad_arguments(text: str) -> None:
    action = Action("f", text)
    try:
        assert isinstance(action.kwargs(), dict)
    except BadArguments as error:
        assert error.status == "bad_arguments"


@fast
@given(OBJECT)
def test_arguments_that_are_an_object_are_that_object(value: dict[str, object]) -> None:
    assert Action("f", json.dumps(value)).kwargs() == value


@fast
@given(TEXT)
@example('{"return_type": "give_answer", "final_answer": ' + DEEP + "}")
def test_finish_always_ends_or_says_what_is_wrong(text: str) -> None:
    step = finish(Action("Finish", text))
    assert step.info.status in ("answered", "gave_up", "bad_finish")
    assert step.terminated == (step.info.status != "bad_finish")
    assert isinstance(final_answer(text), str)


@fast
@given(TEXT)
def test_an_answer_is_read_as_it_was_given(text: str) -> None:
    assert final_answer(json.dumps({"final_answer": text})) == text


@fast
@given(TEXT)
@example("\n" * 100_000)
@example("Action" + "\n" * 50_000)
def test_read_text_gives_a_thought_and_at_most_one_call(text: str) -> None:
    reply = read_text(text)
    assert len(reply.actions) <= 1
    for action in reply.actions:
        assert action.api == action.api.strip() != "" and "\n" not in action.api
        assert action.arguments


NAME = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@fast
@given(st.text("abc .,'\n"), NAME, OBJECT)
def test_read_text_reads_what_is_well_formed(
    thought: str, name: str, value: dict[str, object]
) -> None:
    arguments = json.dumps(value)
    reply = read_text(f"\nThought: {thought}\nAction: {name}\nAction Input: {arguments}")
    [action] = reply.actions
    assert (action.api, action.arguments) == (name, arguments)
    assert reply.thought == action.thought == thought.strip()


@fast
@given(TEXT)
@example("[" * 3000)
@example(DEEP)
@example('[{"api": "f", "arguments": ' + DEEP + "}]")
def test_read_plan_gives_calls(text: str) -> None:
    for action in read_plan(text):
        assert action.api and isinstance(action.arguments, str)


@fast
@given(st.text(), st.lists(st.tuples(NAME, OBJECT), min_size=1, max_size=4), st.text())
def test_read_plan_finds_the_plan_within_any_text(
    before: str, calls: list[tuple[str, dict[str, object]]], after: str
) -> None:
    plan = json.dumps([{"api": name, "arguments": value} for name, value in calls])
    actions = read_plan(before.replace("[", "(") + plan + after)
    assert [(a.api, json.loads(a.arguments)) for a in actions] == calls


@fast
@given(TEXT)
def test_policies_read_anything(text: str) -> None:
    for policy in (FunctionPolicy(), ToolLLaMAPolicy()):
        for hint in (None, WholePlan()):
            reply = policy.read(Completion(text), hint)
            assert reply.thought is None or isinstance(reply.thought, str)


@fast
@given(TEXT)
@example("react@" + "9" * 5000)
def test_a_spec_is_read_or_a_usage_error(text: str) -> None:
    try:
        spec = parse(text)
    except UsageError:
        return
    assert isinstance(spec, Spec) and spec.name and (spec.n is None or spec.n > 0)


@fast
@given(TEXT.map(lambda text: f"dfsdt:{text}") | TEXT.filter(lambda text: ".py" not in text))
def test_making_what_a_spec_says_fails_with_a_usage_error_only(text: str) -> None:
    try:
        made = make("planners", text)
    except UsageError:
        return
    assert made is not None


WORD = st.text(st.characters(exclude_characters="'\"(),=:", codec="utf-8"), min_size=1)


@fast
@given(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.none() | st.integers(1, 99),
    st.none() | WORD.filter(lambda w: w.strip() == w),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), WORD, max_size=3),
)
def test_a_spec_that_is_written_is_read_back(
    name: str, n: int | None, main: str | None, items: dict[str, str]
) -> None:
    parts = ([] if main is None else [main]) + [f'{k}="{v}"' for k, v in items.items()]
    text = name + ("" if n is None else f"@{n}") + (":" + ",".join(parts) if parts else "")
    assert parse(text) == Spec(name, n, main, tuple(items.items()))


@fast
@given(TEXT)
def test_split_loses_nothing(text: str) -> None:
    try:
        parts = split(text)
    except UsageError:
        return
    assert ",".join(parts) == text


@fast
@given(OBJECT)
def test_unseal_is_the_inverse_of_seal(record: dict[str, object]) -> None:
    assert unseal(seal(record)) == record


@fast
@given(OBJECT, st.data())
def test_a_changed_byte_is_always_noticed(record: dict[str, object], data: st.DataObject) -> None:
    line = seal(record).encode()
    at = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = line[:at] + bytes([byte]) + line[at + 1 :]
    got = unseal(changed.decode("utf-8", "replace"))
    assert got == record if changed == line else got is None


@fast
@given(TEXT)
def test_unseal_of_anything_is_a_record_or_nothing(text: str) -> None:
    assert unseal(text) is None or text.startswith('{"crc":"')


@fast
@given(TEXT, st.lists(TEXT, max_size=3))
@example('{"x": "#E1", "y": ' + DEEP + "}", ["1"])
def test_references_are_filled_in_or_left(arguments: str, results: list[str]) -> None:
    filled = resolve(Action("f", arguments), results).arguments
    if "#E" not in arguments:
        assert filled == arguments


@fast
@given(TEXT, TEXT)
@example("f", DEEP)
@example("f", "9" * 5000)
def test_a_call_has_a_key(function: str, arguments: str) -> None:
    assert call_key(function, arguments).startswith(f"{function}(")


@fast
@given(OBJECT)
def test_the_key_of_a_call_is_the_same_however_it_is_written(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    spaced = json.dumps(turned, indent=3, ensure_ascii=False)
    assert call_key("f", spaced) == call_key("f", json.dumps(value))


@fast
@given(TEXT, TEXT)
def test_names_are_standard_and_short(api: str, tool: str) -> None:
    name = standardize(api)
    assert standardize(name) == name
    assert "__" not in name and name == name.strip("_")
    assert len(function_name(api, tool)) <= LONGEST_NAME


def test_the_worst_known_inputs_come_back() -> None:
    """These took minutes, or broke, once."""
    read_text("\n" * 1_000_000 + "x")
    assert call_key("f", DEEP) == f"f({DEEP})"
    with pytest.raises(UsageError):
        parse("react@" + "1" * 10_000)
