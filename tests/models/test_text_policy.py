"""The text policy: its words, and what is read from careless replies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    Message,
    Node,
    Step,
    StepInfo,
    Task,
    ToolCall,
    WholePlan,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.text_policy import TextPolicy, object_text, read_react
from toolgrove.planners import ReACT

F = API("f", "Does f.", {"type": "object", "properties": {"a": {"type": "integer"}}})
TASK = Task("t", "Do it.", (F,))
SYSTEM = (
    "You solve the user's task by calling the functions you are given, one step at a time. Look "
    "at each result before you choose the next call. Use only the functions offered, by their "
    "exact names. When you have what the task asks for, call Finish with return_type "
    '"give_answer" and a final answer that holds everything the user asked for. If you cannot '
    'get further from here, call Finish with return_type "give_up_and_restart".\n'
    "\n"
    "Write each turn in exactly this form, with one call, and stop after it:\n"
    "Thought: what you know, and what to do next\n"
    "Action: the name of one function\n"
    "Action Input: its arguments, as one JSON object\n"
    "You are then shown an Observation with the result.\n"
    "\n"
    "Functions, one a line as JSON:\n"
    '{"name": "f", "description": "Does f.", "parameters": {"type": "object", "properties": '
    '{"a": {"type": "integer"}}}}'
)


def child(action: Action | None, observation: str = "", thought: str | None = None) -> Node:
    node = Node("0.0", Node("0"), action)
    node.thought = thought
    if action is not None:
        node.step = Step(observation, info=StepInfo("ok"))
    return node


def test_the_functions_stand_in_the_system_message_and_none_is_sent() -> None:
    policy = TextPolicy()
    assert policy.start(TASK, TASK.apis, "") == [
        Message("system", SYSTEM),
        Message("user", "Do it."),
    ]
    assert policy.tools(TASK.apis, None) == ()


def test_a_step_is_its_text_and_the_observation_as_the_users() -> None:
    node = child(Action("f", '{"a": 1}', "Now f."), "got", "Now f.")
    assert TextPolicy().extend(node) == [
        Message("assistant", 'Thought: Now f.\nAction: f\nAction Input: {"a": 1}'),
        Message("user", "Observation: got"),
    ]


def test_a_reply_without_a_call_is_told_so_in_a_line() -> None:
    told = (
        "No call was found in that. Write Thought:, Action: and Action Input: on lines of their "
        "own."
    )
    assert TextPolicy().extend(child(None, thought="Hm.")) == [
        Message("assistant", "Hm."),
        Message("user", told),
    ]
    assert TextPolicy().extend(child(None)) == []


def test_a_file_of_ones_own_stands_on_the_text_policys_words(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text('unread = "Again."\n')
    policy = make("policies", f"text:texts={path}")
    assert policy.start(TASK, TASK.apis, "")[0] == Message("system", SYSTEM)
    assert policy.extend(child(None, thought="Hm."))[1] == Message("user", "Again.")
    assert policy.fingerprint != TextPolicy().fingerprint


WELL = 'Thought: Look.\nAction: f\nAction Input: {"a": 1}'


@pytest.mark.parametrize(
    "text",
    [
        WELL,
        WELL + "\nObservation: made up\nThought: And on.\nAction: g\nAction Input: {}",
        WELL.replace("Action:", "Tool:").replace("Action Input:", "Tool Input:"),
        WELL.replace("Action:", "Function:").replace("Action Input:", "Arguments:"),
        WELL.replace("Action:", "action :").replace("Action Input:", "Action_Input:"),
        "**Thought:** Look.\n**Action:** `f`\n**Action Input:** {\"a\": 1}",
        'Thought: Look.\nAction: f\nAction Input:\n```json\n{"a": 1}\n```',
        '```\nThought: Look.\nAction: f\nAction Input: {"a": 1}\n```',
        'Thought: Look.\nAction: f({"a": 1})',
        'Thought: Look.\nAction: functions.f\nAction Input: {"a": 1}',
        'Thought: Look.\nAction:\n{"name": "f", "arguments": {"a": 1}}',
        'Thought: Look.\nAction: {"name": "f", "arguments": {"a": 1}}',
        'Thought: Look.\nAction:\n```json\n{"action": "f", "action_input": {"a": 1}}\n```',
        'Thought: Look.\nAction: f\n{"a": 1}',
        'Look.\n```json\n{"name": "f", "parameters": {"a": 1}}\n```',
        'Look.\n{"function": {"name": "f", "arguments": {"a": 1}}}',
        "Thought: Look.\nAction: f\nAction Input: {'a': 1}",
        'Thought: Look.\nAction: f\nAction Input: {"a": 1,}',
        "Thought: Look.\nAction: f\nAction Input: {a: 1}",
        'Thought: Look.\nAction: f\nAction Input: {"a": 1',
        'Thought: Look.\nAction: f\nAction Input: Sure: {"a": 1} is it.',
        WELL + '\nAction Input: {"a": 2}\nAction Input: {"a": 3}',  # a real model's
        WELL + '\nAction Output: {"error": ""}\nThought: Done.',
        WELL + ' {"a": 2}',
    ],
)  # fmt: skip
def test_a_call_is_read_however_it_is_written(text: str) -> None:
    reply = read_react(text)
    assert reply.thought == "Look."
    assert [(a.api, json.loads(a.arguments)) for a in reply.actions] == [("f", {"a": 1})]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('{"a":\t1}', '{"a":\t1}'),
        ("", "{}"),
        ("{}", "{}"),
        ("none", "none"),
        ("[1, 2]", "[1, 2]"),
        ("{'a': 'it\\'s', 'b': True, 'c': None}", '{"a": "it\'s", "b": true, "c": null}'),
        ('{"a": [1, 2,], "b": {"c": "d",},}', '{"a": [1, 2], "b": {"c": "d"}}'),
    ],
)
def test_arguments_stay_as_they_are_or_are_repaired(text: str, arguments: str) -> None:
    assert object_text(text) == arguments


def test_a_final_answer_is_a_finish() -> None:
    [action] = read_react("Thought: Done.\nFinal Answer: It is 5.").actions
    assert action.api == "Finish" and action.thought == "Done."
    assert action.kwargs() == {"return_type": "give_answer", "final_answer": "It is 5."}
    text = 'Action: finish\nAction Input: {"return_type": "give_up_and_restart"}'
    assert read_react(text).actions[0].api == "Finish"


@pytest.mark.parametrize(
    "text", ["I do not know.", "Thought: I do not know.", "Action:", "Action: ()", "{}", '{"a": 1}']
)
def test_without_a_call_all_of_it_is_a_thought(text: str) -> None:
    assert read_react(text).actions == ()
    assert read_react("Thought: I do not know.").thought == "I do not know."


def test_a_plan_is_a_list_repaired_if_need_be() -> None:
    text = 'Plan:\n[{"api": "f", "arguments": {"a": 1}}, {"api": "g", "arguments": {"b": "#E1"}},]'
    reply = TextPolicy().read(Completion(text), WholePlan())
    assert [(a.api, a.arguments) for a in reply.actions] == [
        ("f", '{"a": 1}'),
        ("g", '{"b": "#E1"}'),
    ]


def test_real_function_calls_are_taken_too() -> None:
    reply = TextPolicy().read(Completion("So.", (ToolCall("f", "{}"),)), None)
    assert reply.actions == (Action("f", "{}", "So."),)


@given(st.text() | st.text("Action Input:\n{}[]\"'`* ,()Thought", max_size=300))
def test_reading_never_fails(text: str) -> None:
    for hint in (None, WholePlan()):
        reply = TextPolicy().read(Completion(text), hint)
        assert all(isinstance(a.api, str) and a.api for a in reply.actions)


@pytest.mark.parametrize("flood", ["\n", " ", "Action", "Action ", "{", "[", "```\n", "Action:\n"])
def test_a_flood_is_read_in_no_time(flood: str) -> None:
    text = flood * 20_000
    assert read_react(text).actions == ()
    read = TextPolicy().read(Completion(text), WholePlan())
    assert read.actions == () and read.thought == text


def test_a_trial_goes_on_after_a_reply_that_cannot_be_read() -> None:
    task = shop_tasks(1)[0]
    finish = '{"return_type": "give_answer", "final_answer": "5"}'
    replies = [
        Completion("I wonder."),
        Completion("Thought: Look.\nTool: list_shelf\nTool Input: {'shelf': 'fruit'}"),
        Completion(f"Thought: Done.\nAction: Finish\nAction Input: {finish}"),
    ]
    result = run_sync(
        ReACT(), task, ScriptedModel(replies=replies), ShopEnv, policy=TextPolicy(),
        budget=Budget(calls=5),
    )  # fmt: skip
    assert (result.end, result.answer) == ("answered", "5")
    steps = [n.step.info.status for n in result.tree.walk() if n.step is not None]
    assert steps == ["ok", "answered"]
