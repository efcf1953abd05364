"""ToolLLaMA's format, on strings worked out by hand, and its model on a tiny random LLaMA."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    Message,
    Prompt,
    Request,
    Result,
    Step,
    Task,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.hf.formats import ToolLLaMAFormat
from toolgrove.models.policies import ToolLLaMAPolicy
from toolgrove.models.scripted import ScriptedModel
from toolgrove.planners import DFSDT, ReACT

WEATHER = API(
    "weather_for_skies",
    "Today's weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    tool="skies",
)
TASK = Task("t", "Do I need an umbrella in Oslo?", (WEATHER,))

# By hand, from ToolBench's tool_llama_model.py (a line `Role: content` a message, the system's with
# what process_system_message adds) and the messages of its traces.
SYSTEM = """System: You are AutoGPT, you can use many tools(functions) to do the following task.
First I will give you the task description, and your task start.
At each step, you need to give your thought to analyze the status now and what to do next, with a \
function call to actually excute your step. Your output should follow this format:
Thought:
Action
Action Input:

After the call, you will get the call result, and you are now in a new state.
Then you will analyze your status now, then decide what to do next...
After many (Thought-call) pairs, you finally perform the task, then you can give your finial answer.
Remember:\x20
1.the state change is irreversible, you can't go back to one of the former state, if you want to \
restart the task, say "I give up and restart".
2.All the thought is short, at most in 5 sentence.
3.You can do more then one trys, so if your plan is to continusly try some conditions, you can do \
one of the conditions per try.
Let's Begin!
Task description: You should use functions to help handle the real time user querys. Remember:
1.ALWAYS call "Finish" function at the end of the task. And the final answer should contain enough \
information to show to the user,If you can't handle the task, or you find that function calls \
always fail(the function is not valid now), use function Finish->give_up_and_restart.
2.Do not use origin tool names, use only subfunctions' names.
You have access of the following tools:
1.skies

Specifically, you have access to the following APIs: [{'name': 'weather_for_skies', 'description': \
"Today's weather.", 'parameters': {'type': 'object', 'properties': {'city': {'type': 'string'}}, \
'required': ['city']}}"""
USER = """User:\x20
Do I need an umbrella in Oslo?
Begin!

"""
TURN = """Assistant:\x20
Thought: Look first.
Action: weather_for_skies
Action Input: {"city": "Oslo"}
Function: {"error": "", "response": "rain"}
"""
REPLY = 'Thought: Look first.\nAction: weather_for_skies\nAction Input: {"city": "Oslo"}'
OBSERVED = '{"error": "", "response": "rain"}'


class Recorder(ScriptedModel):
    """Keeps the requests that it answers."""

    def __init__(self, replies: list[str]) -> None:
        super().__init__(replies=[Completion(reply) for reply in replies])
        self.asked: list[Request] = []

    async def complete(self, requests: Any) -> Any:
        self.asked += requests
        return await super().complete(requests)


def asked(planner: Any, replies: list[str]) -> list[str]:
    """The prompts of a search, as ToolLLaMA would get them."""

    class Skies(ShopEnv):
        async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
            return "", {}

        async def step(self, action: Action) -> Step:
            return Step(OBSERVED)

    model = Recorder(replies)
    run_sync(planner, TASK, model=model, env=Skies, policy=ToolLLaMAPolicy())
    assert all(request.tools == () for request in model.asked)
    return [ToolLLaMAFormat().text(request) for request in model.asked]


def test_the_first_prompt_to_the_letter() -> None:
    [first, *_] = asked(ReACT(max_steps=1), [REPLY])
    start, comma, finish = first.partition(", {'name': 'Finish'")
    assert start == SYSTEM and comma
    assert finish.endswith("}]\n" + USER + "Assistant:\n")


def test_history_keeps_the_models_own_actions() -> None:
    """ToolBench #304: its loop shows thoughts only, which the model was not trained on."""
    first, second = asked(ReACT(max_steps=2), [REPLY, REPLY])
    assert second == first.removesuffix("Assistant:\n") + TURN + "Assistant:\n"


def test_one_diversity_prompt_at_most_and_it_stays_out_of_the_path() -> None:
    prompts = asked(DFSDT(width=3, max_steps=2), [REPLY] * 9)
    counts = [prompt.count("This is not the first time you try this task") for prompt in prompts]
    assert max(counts) == 1 and counts[0] == 0
    for prompt, count in zip(prompts, counts, strict=True):
        if count:  # it is the last message
            assert prompt.rpartition("\nUser: ")[2].lstrip().startswith("This is not the first")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (REPLY, True),
        (REPLY[:-1], False),
        (REPLY + "\nFunction: made up", True),
        ('Thought: x\nAction: f\nAction Input: {"a": {"b": "}"}', False),
        ('Thought: x\nAction: f\nAction Input: {"a": {"b": "}"}}', True),
        ("Thought: {}", False),
        ("Thought: I see.\nUser: next", True),
        ("Action Input: [1]", False),
    ],
)
def test_a_reply_ends_with_its_call(text: str, whole: bool) -> None:
    assert ToolLLaMAFormat().complete(text, Request(Prompt([]))) is whole


@pytest.mark.parametrize(
    ("text", "thought", "call"),
    [
        (REPLY, "Look first.", ("weather_for_skies", '{"city": "Oslo"}')),
        ("\n" + REPLY + "\nFunction: rain\nAssistant: \nThought: done", "Look first.",
         ("weather_for_skies", '{"city": "Oslo"}')),
        ("Thought: I give up and restart", "I give up and restart", None),
        ("Thought: t\nAction: Finish\nAction Input: {\n  \"return_type\": \"give_answer\"\n}", "t",
         ("Finish", '{\n  "return_type": "give_answer"\n}')),
        ("Thought: t\nAction: f\nAction Input: ", "t", ("f", "{}")),
        ("", None, None),
    ],
)  # fmt: skip
def test_replies_are_read(text: str, thought: str | None, call: tuple[str, str] | None) -> None:
    content, calls = ToolLLaMAFormat().read(text, Request(Prompt([])))
    assert calls == ()
    reply = ToolLLaMAPolicy().read(Completion(content), None)
    assert reply.thought == thought
    assert [(a.api, a.arguments) for a in reply.actions] == ([call] if call else [])


def test_it_wants_its_own_policy(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra hf is not installed")
    import tiny

    folder = tiny.saved(tmp_path / "tiny", None)
    command = [sys.executable, "-m", "toolgrove", "bench", "--suite", "shop", "--limit", "1",
               "--planner", "react", "--dry-run", "--model", f"toolllama:{folder}"]  # fmt: skip
    other = [*command, "--policy", "functions"]
    done = subprocess.run(other, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "needs --policy toolllama" in done.stderr
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 0  # its own


def test_a_checkpoint_runs_end_to_end(tmp_path: Path) -> None:
    """A random model says nothing that can be read: thoughts, up to the limit."""
    pytest.importorskip("torch", reason="the extra hf is not installed")
    import tiny

    model = make("models", f"toolllama:{tiny.saved(tmp_path, None)},rope=4,max_tokens=30")
    assert (model.temperature, model.context) == (0.5, 16_384)
    [task] = shop_tasks(1, seed=1)
    result: Result = run_sync(
        DFSDT(width=2, max_steps=3), task, model=model, env=ShopEnv, policy=ToolLLaMAPolicy(),
        budget=Budget(calls=4),
    )  # fmt: skip
    assert result.end == "limit" and result.spent["calls"] == 4, result
    # The beginning of sequence is there once, as FastChat's tokenization has it.
    tokens = model.encode(Request(Prompt([Message("user", "hi")])))
    assert tokens.count(1) <= 1
    # A child computes what its parent did not: with the words of a whole system prompt, little.
    assert model.counts.reused > model.counts.prefilled
    from toolgrove.models.policies import FunctionPolicy

    wrong = run_sync(ReACT(), task, model=model, env=ShopEnv, policy=FunctionPolicy())
    assert wrong.end == "infra" and "--policy toolllama" in str(wrong.error)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from toolgrove.models.hf import model as module

    monkeypatch.setattr(module, "_installed", lambda package: package != "torch")
    with pytest.raises(UsageError, match=r"needs torch: pip install 'toolgrove\[hf\]'"):
        make("models", "toolllama:somewhere")
