"""Policies: the exact words that a model reads, and what is read from its replies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolgrove.core import (
    API,
    Action,
    Completion,
    Conclude,
    Hint,
    Message,
    Node,
    Reflections,
    Reply,
    Siblings,
    Step,
    StepInfo,
    Task,
    ToolCall,
    UsageError,
    WholePlan,
)
from toolgrove.core.finish import API_DOC
from toolgrove.models import FunctionPolicy, ToolLLaMAPolicy
from toolgrove.models.policies import listed, read_plan, read_text, shortened

WEATHER = API(
    "today_for_weather",
    "Today's weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    tool="Weather",
)
TASK = Task("t", "What's the weather in $city?", (WEATHER, API("f", tool="Other Tool")))

SYSTEM = (
    "You solve the user's task by calling the functions you are given, one step at a time. Look "
    "at each result before you choose the next call. Use only the functions offered, by their "
    "exact names. When you have what the task asks for, call Finish with return_type "
    '"give_answer" and a final answer that holds everything the user asked for. If you cannot '
    'get further from here, call Finish with return_type "give_up_and_restart".'
)
TOOLBENCH_HEAD = (
    "You are AutoGPT, you can use many tools(functions) to do the following task.\n"
    "First I will give you the task description, and your task start.\n"
    "At each step, you need to give your thought to analyze the status now and what to do next, "
    "with a function call to actually excute your step."
)
TOOLBENCH_TAIL = (
    "\nAfter the call, you will get the call result, and you are now in a new state.\n"
    "Then you will analyze your status now, then decide what to do next...\n"
    "After many (Thought-call) pairs, you finally perform the task, then you can give your "
    "finial answer.\n"
    "Remember: \n"
    "1.the state change is irreversible, you can't go back to one of the former state, if you "
    'want to restart the task, say "I give up and restart".\n'
    "2.All the thought is short, at most in 5 sentence.\n"
    "3.You can do more then one trys, so if your plan is to continusly try some conditions, you "
    "can do one of the conditions per try.\n"
    "Let's Begin!\n"
    "Task description: You should use functions to help handle the real time user querys. "
    "Remember:\n"
    '1.ALWAYS call "Finish" function at the end of the task. And the final answer should contain '
    "enough information to show to the user,If you can't handle the task, or you find that "
    "function calls always fail(the function is not valid now), use function "
    "Finish->give_up_and_restart.\n"
    "2.Do not use origin tool names, use only subfunctions' names.\n"
    "You have access of the following tools:\n"
    "1.Weather\n"
    "2.Other Tool\n"
)


def child(parent: Node, action: Action | None, observation: str = "", status: str = "ok") -> Node:
    node = Node(f"{parent.id}.{len(parent.children)}", parent, action)
    parent.children.append(node)
    if action is not None:
        node.thought = action.thought
        node.step = Step(observation, info=StepInfo(status))  # type: ignore[arg-type]
    return node


ROOT = Node("0")
CALLED = child(ROOT, Action("today_for_weather", '{"city": "Köln"}', "Look it up."), "12 °C")
INVENTED = child(ROOT, Action("made_up", "{}", None), "No such function", "no_such_api")
THOUGHT = child(ROOT, None)
THOUGHT.thought = "Hm."
SILENT = child(ROOT, None)
FAILED = child(ROOT, None)
FAILED.thought = FAILED.failed = "down"


# Function calling


def test_function_policy_starts_with_system_and_user() -> None:
    policy = FunctionPolicy()
    assert policy.start(TASK, TASK.apis, "") == [
        Message("system", SYSTEM),
        Message("user", "What's the weather in $city?"),
    ]
    shown = policy.start(TASK, TASK.apis, "A map.")[1]
    assert shown.content == ("What's the weather in $city?\n\nWhat you see at the start:\nA map.")


def test_function_policy_in_toolbenchs_words() -> None:
    assert FunctionPolicy("toolbench").start(TASK, TASK.apis, "A map.") == [
        Message("system", TOOLBENCH_HEAD + TOOLBENCH_TAIL),
        Message("user", "\nWhat's the weather in $city?\nBegin!\nA map.\n"),
    ]


def test_a_task_may_bring_its_own_list_of_tools() -> None:
    task = Task("t", "x", TASK.apis, extra={"tools": "1.Weather: all about it"})
    system = FunctionPolicy("toolbench").start(task, task.apis, "")[0]
    assert system.content is not None
    assert system.content.endswith("following tools:\n1.Weather: all about it\n")


@pytest.mark.parametrize(
    ("node", "messages"),
    [
        (CALLED, [
            Message("assistant", "Look it up.", (("today_for_weather", '{"city": "Köln"}'),)),
            Message("tool", "12 °C", (), "today_for_weather"),
        ]),
        (INVENTED, [
            Message("assistant", None, (("invalid_hallucination_function_name", "{}"),)),
            Message("tool", "No such function", (), "invalid_hallucination_function_name"),
        ]),
        (THOUGHT, [Message("assistant", "Hm.")]),
        (SILENT, []),
        (FAILED, []),
    ],
)  # fmt: skip
def test_function_policy_extends_by_the_call_and_its_result(
    node: Node, messages: list[Message]
) -> None:
    assert FunctionPolicy().extend(node) == messages


ATTEMPTS = """[
  {
    "name": "today_for_weather",
    "arguments": "{\\"city\\": \\"Köln\\"}",
    "function_output": "12 °C"
  },
  {
    "text": "Hm."
  }
]"""


def test_siblings_are_listed_in_one_last_message() -> None:
    hint = Siblings((CALLED, THOUGHT, SILENT, FAILED))
    assert FunctionPolicy().hint(hint, ROOT) == [
        Message(
            "user",
            "This state was reached before, and from here these steps were tried and led "
            f"nowhere:\n{ATTEMPTS}\nDo something different from all of them.",
        )
    ]
    assert FunctionPolicy().hint(Siblings((SILENT, FAILED)), ROOT) == []
    assert FunctionPolicy().hint(Siblings(()), ROOT) == []


def test_a_hint_may_repeat_less_of_a_result() -> None:
    [whole] = FunctionPolicy().hint(Siblings((CALLED,)), ROOT)
    [short] = FunctionPolicy(shown=4).hint(Siblings((CALLED,)), ROOT)
    result = "12 °C"
    assert result in str(whole.content) and result not in str(short.content)
    assert '"12 …"' in str(short.content)
    assert FunctionPolicy(shown=4).fingerprint != FunctionPolicy().fingerprint
    assert shortened("12345", 5) == "12345" and shortened("123456", 5) == "1234…"
    with pytest.raises(ValueError, match="0 or more"):
        FunctionPolicy(shown=-1)


def test_short_texts_say_less_and_leave_nothing_out() -> None:
    long, short = FunctionPolicy().texts, FunctionPolicy("short").texts
    assert short.keys() == long.keys()
    assert len(short["system"]) < len(long["system"]) / 4


def test_texts_of_ones_own_name_those_they_stand_on(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('rest = "short"\nconclude = "End."\n')
    texts = FunctionPolicy(str(file)).texts
    assert texts == {**FunctionPolicy("short").texts, "conclude": "End."}
    file.write_text('rest = "none"\n')
    with pytest.raises(UsageError, match="no texts 'none'"):
        FunctionPolicy(str(file))


def test_siblings_in_toolbenchs_words() -> None:
    [message] = FunctionPolicy("toolbench").hint(Siblings((CALLED,)), CALLED)
    assert message.content == (
        "This is not the first time you try this task, all previous trails failed.\n"
        "Before you generate my thought for this state, I will first show you your previous "
        "actions for this state, and then you must generate actions that is different from all "
        "of them. Here are some previous actions candidates:\n"
        "[\n"
        "  {\n"
        '    "name": "today_for_weather",\n'
        '    "arguments": "{\\"city\\": \\"K\\u00f6ln\\"}",\n'
        '    "function_output": "12 \\u00b0C",\n'
        '    "mento-carlo-action-value": 0.0\n'
        "  }\n"
        "]\n"
        "again, your former observation: 12 °C\n"
        "\n"
        "Remember you are now in the intermediate state of a trail, you will first analyze the "
        "now state and previous action candidates, then make actions that is different from all "
        "the previous."
    )
    [at_root] = FunctionPolicy("toolbench").hint(Siblings((CALLED,)), ROOT)
    assert "former observation" not in str(at_root.content)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Conclude(), "All calls have been made. Now call Finish."),
        (Reflections(("look first", "count $twice")),
         "You have tried this task before. Lessons from those tries:\n- look first\n"
         "- count $twice"),
        (WholePlan(),
         "Before anything is executed, write the whole plan: all calls in the order in which "
         "they shall run. Nothing can be changed later. Make the calls, or write them as a JSON "
         'list of objects with "api" and "arguments". Where a call needs a result of an earlier '
         "one, write #E1 for the whole result of the first call, or #E1.key.0.name for a part "
         "of it."),
    ],
)  # fmt: skip
def test_other_hints_in_words(hint: Hint, text: str) -> None:
    assert FunctionPolicy().hint(hint, ROOT) == [Message("user", text)]


def test_hints_that_a_policy_does_not_know_are_not_said() -> None:
    class Louder:
        def to_json(self) -> dict[str, object]:
            return {}

    assert FunctionPolicy().hint(Louder(), ROOT) == []
    assert FunctionPolicy().hint(Reflections(()), ROOT) == []


def test_functions_sent_with_a_request() -> None:
    policy, apis = FunctionPolicy(), (WEATHER, API_DOC)
    assert policy.tools(apis, None) is apis
    assert policy.tools(apis, Siblings(())) is apis
    assert policy.tools(apis, Conclude()) == (API_DOC,)
    assert policy.tools(apis, WholePlan()) == (WEATHER,)


def test_function_policy_reads_calls_as_they_are() -> None:
    completion = Completion("why", (ToolCall("f", "{broken"), ToolCall("", "")))
    reply = FunctionPolicy().read(completion, None)
    assert reply == Reply("why", (Action("f", "{broken", "why"), Action("", "", None)))
    assert FunctionPolicy().read(Completion('[{"api": "f"}]'), None).actions == ()
    assert FunctionPolicy().read(Completion('[{"api": "f"}]'), WholePlan()).actions == (
        Action("f", "{}"),
    )
    assert FunctionPolicy().read(Completion(), WholePlan()) == Reply(None)


def test_questions_about_nodes() -> None:
    deep = child(CALLED, Action("Finish", '{"return_type": "x"}', ""), "bad")
    [message] = FunctionPolicy().ask("rank", (deep, ROOT), TASK)
    assert message == Message(
        "user",
        "Two candidate solutions of a task have got this far. Which one is more likely to end "
        "well?\n\n"
        "Task: What's the weather in $city?\n\n"
        "Candidate A:\n"
        "Thought: Look it up.\n"
        'Call: today_for_weather({"city": "Köln"})\n'
        "Result: 12 °C\n"
        'Call: Finish({"return_type": "x"})\n'
        "Result: bad\n\n"
        "Candidate B:\n"
        "(nothing yet)\n\n"
        "Think, then end your reply with one letter, A or B.",
    )
    with pytest.raises(UsageError, match="the policy has no text 'ask_mood'"):
        FunctionPolicy().ask("mood", (), TASK)


# ToolLLaMA's text


def test_toolllama_policy_starts_with_the_functions_in_the_system_message() -> None:
    [system, user] = ToolLLaMAPolicy().start(TASK, (WEATHER,), "")
    assert system == Message(
        "system",
        TOOLBENCH_HEAD
        + " Your output should follow this format:\nThought:\nAction\nAction Input:\n"
        + TOOLBENCH_TAIL
        + "\nSpecifically, you have access to the following APIs: "
        "[{'name': 'today_for_weather', 'description': \"Today's weather.\", 'parameters': "
        "{'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city']}}]",
    )
    assert user == Message("user", "\nWhat's the weather in $city?\nBegin!\n")


def test_toolllama_policy_extends_by_text() -> None:
    policy = ToolLLaMAPolicy()
    assert policy.extend(CALLED) == [
        Message(
            "assistant",
            '\nThought: Look it up.\nAction: today_for_weather\nAction Input: {"city": "Köln"}',
        ),
        Message("tool", "12 °C", (), "today_for_weather"),
    ]
    assert policy.extend(INVENTED)[0].content == (
        "\nThought: \nAction: invalid_hallucination_function_name\nAction Input: {}"
    )
    assert policy.extend(THOUGHT) == [Message("assistant", "Hm.")]
    assert policy.tools((WEATHER, API_DOC), None) == ()


@pytest.mark.parametrize(
    ("text", "thought", "calls"),
    [
        ("\nThought: Look.\nAction: f\nAction Input: {\"a\": 1}", "Look.", [("f", '{"a": 1}')]),
        ("Thought: Look.\nAction: f\nAction Input: {\n \"a\": 1\n}", "Look.",
         [("f", '{\n "a": 1\n}')]),
        ("Action: f\nAction Input: {}", "", [("f", "{}")]),
        ("Thought: two\nlines\nAction: f", "two\nlines", [("f", "{}")]),
        ("Thought: x\nAction: f\nAction Input:", "x", [("f", "{}")]),
        ("Thought: x\n \t Action : f \nAction Input : {}", "x", [("f", "{}")]),
        ("Thought: x\n\n\nAction: f\n\n\nAction Input: {}", "x", [("f", "{}")]),
        # what the model imagines after its first call is dropped
        ("Thought: x\nAction: f\nAction Input: {}\nObservation: sunny\nThought: y\nAction: g",
         "x", [("f", "{}")]),
        ("Thought: x\nAction: f\nAction Input: {}\nThought: y", "x", [("f", "{}")]),
        ("Thought: x\nAction: f\nAction Input: {}\nAction: g\nAction Input: {}", "x",
         [("f", "{}")]),
        # no action: all of it is a thought
        ("Just talking.", "Just talking.", []),
        ("Thought: I am done.", "I am done.", []),
        ("Thought: x\nAction:\nAction Input: {}", "x", []),
        ("Thought: no Action: inside a line", "no Action: inside a line", []),
        ("Action Input: {}", "Action Input: {}", []),
        ("", None, []),
        ("  \n ", None, []),
    ],
)  # fmt: skip
def test_reading_text(text: str, thought: str | None, calls: Sequence[tuple[str, str]]) -> None:
    reply = read_text(text)
    assert reply.thought == thought
    assert [(a.api, a.arguments) for a in reply.actions] == list(calls)
    assert ToolLLaMAPolicy().read(Completion(text), None) == reply


def test_toolllama_policy_takes_real_calls_too() -> None:
    completion = Completion("why", (ToolCall("f", "{}"),))
    assert ToolLLaMAPolicy().read(completion, None) == Reply("why", (Action("f", "{}", "why"),))
    plan = 'First: [{"api": "f", "arguments": {"a": 1}}]'
    assert ToolLLaMAPolicy().read(Completion(plan), WholePlan()) == Reply(
        plan, (Action("f", '{"a": 1}'),)
    )


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('[{"api": "f", "arguments": {"a": "ü"}}]', [("f", '{"a": "ü"}')]),
        ('[{"name": "f", "arguments": "{raw"}]', [("f", "{raw")]),
        ('[{"api": "f", "name": "g"}, {"api": "h", "arguments": null}]',
         [("f", "{}"), ("h", "null")]),
        ('Plan [1]: see [2].\n```json\n[{"api": "f"}]\n```', [("f", "{}")]),
        ('[[{"api": "f"}]]', [("f", "{}")]),
        ('[{"api": "f"}] then [{"api": "g"}]', [("f", "{}")]),
        ('[{"api": ""}, {"api": 5}, "f", {"api": "g"}]', [("g", "{}")]),
        ('{"api": "f"}', []),
        ("[", []),
        ('[{"api": "f"}', []),
        ("", []),
    ],
)  # fmt: skip
def test_reading_a_plan(text: str, calls: list[tuple[str, str]]) -> None:
    assert [(a.api, a.arguments) for a in read_plan(text)] == calls


def test_listed_is_json_with_an_indent_of_two() -> None:
    rows: list[dict[str, object]] = [{"a": "ü\n", "b": 0.0}, {"c": None}]
    for ascii_only in (True, False):
        plain = json.dumps(rows, indent=2, ensure_ascii=ascii_only)
        assert listed(rows, ascii_only=ascii_only) == plain


def test_fingerprints_name_the_shape_and_the_words() -> None:
    policies = [FunctionPolicy(), FunctionPolicy("toolbench"), ToolLLaMAPolicy()]
    prints = [policy.fingerprint for policy in policies]
    assert len(set(prints)) == 3 and all(len(p) == 16 for p in prints)
    assert FunctionPolicy().fingerprint == prints[0]
    assert [policy.name for policy in policies] == ["functions", "functions", "toolllama"]


def test_texts_that_stand_on_themselves_or_on_nothing(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'rest = "{two}"\n')
    two.write_text(f'rest = "{one}"\n')
    with pytest.raises(UsageError, match="its rest leads back to it"):
        FunctionPolicy(str(one))
    one.write_text('rest = ""\n')
    with pytest.raises(UsageError, match="rest names no texts"):
        FunctionPolicy(str(one))
