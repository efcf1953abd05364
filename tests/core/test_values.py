"""The values that cross a boundary: arguments, JSON forms, digests."""

from __future__ import annotations

import dataclasses
import json

import pytest

from toolgrove.core import (
    API,
    Action,
    BadArguments,
    Completion,
    Message,
    Prompt,
    Request,
    Task,
    ToolCall,
    Turn,
)


@pytest.mark.parametrize(
    ("arguments", "kwargs"),
    [
        ("", {}),
        ("{}", {}),
        (' {"a": 1} ', {"a": 1}),
        ('{"a": "tab\tand\nnewline"}', {"a": "tab\tand\nnewline"}),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_arguments_as_an_object(arguments: str, kwargs: dict[str, object]) -> None:
    assert Action("f", arguments).kwargs() == kwargs


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("{", "arguments are not valid JSON: Expecting property name"),
        ("{'a': 1}", "arguments are not valid JSON"),
        ("[" * 100_000, "arguments are not valid JSON: maximum recursion"),
        ('{"n": ' + "9" * 5000 + "}", "arguments are not valid JSON: Exceeds the limit"),
        ("[1]", "arguments must be a JSON object, not list"),
        ("null", "arguments must be a JSON object, not NoneType"),
        ('"text"', "arguments must be a JSON object, not str"),
    ],
)
def test_arguments_that_are_none(arguments: str, says: str) -> None:
    with pytest.raises(BadArguments, match=says) as caught:
        Action("f", arguments).kwargs()
    assert caught.value.status == "bad_arguments"


def test_actions_compare_by_what_was_called() -> None:
    assert Action("f", "{}", "t", 1, "0.1") == Action("f", "{}", "t", 2, "0.2")
    assert Action("f", "{}") != Action("f", "{ }")


def test_apis_and_completions_survive_json() -> None:
    api = API("f", "Does.", {"type": "object", "properties": {}}, "Music", "Tool", "F", False)
    assert API.from_json(json.loads(json.dumps(api.to_json()))) == api
    assert API.from_json({"name": "f", "unknown": 1}) == API("f")
    full = Completion("x", (ToolCall("f", "{}"),), 1, 2, 0.5, "hm", -1.0)
    assert Completion.from_json(json.loads(json.dumps(full.to_json()))) == full
    assert Completion().to_json() == {"content": None}
    assert full.tokens == 3


def test_a_task_is_paired_by_its_content() -> None:
    task = Task("a", "Do it.", (API("f"),), answer=[1, {"b": None}])
    same = dataclasses.replace(task, id="b", group="g", recording=Turn(), extra={"x": 1})
    assert same.digest == task.digest and len(task.digest) == 24
    for changed in (
        dataclasses.replace(task, instruction="Do it!"),
        dataclasses.replace(task, apis=(API("f", "new"),)),
        dataclasses.replace(task, answer=[1, {"b": 0}]),
    ):
        assert changed.digest != task.digest


def test_a_request_shows_its_prompt_as_a_list() -> None:
    prompt = Prompt([Message("system", "s")]).then([Message("user", "u")])
    request = Request(prompt, task=Task("a", "x"))
    assert [m.role for m in request.messages] == ["system", "user"]
    assert request == Request(prompt)  # whose task it is makes no difference to the model
