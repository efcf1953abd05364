"""The replay model: a recording's turns, by place, and misses where it ends."""

from __future__ import annotations

import asyncio

import pytest

from toolgrove.core import (
    API,
    Completion,
    ModelError,
    Prompt,
    Request,
    Task,
    ToolCall,
    Turn,
    run_sync,
)
from toolgrove.envs import ReplayEnv
from toolgrove.models import ReplayModel
from toolgrove.planners import DFSDT, ReACT

END = Turn(None, "Finish", '{"return_type": "give_answer", "final_answer": "2"}', tokens=4)
RECORDING = Turn(
    turns=(
        Turn("first", "search", '{"q": 1}', "one", tokens=11, turns=(Turn("lost"),)),
        Turn("", "search", '{"q": 2}', "two", tokens=12, turns=(END,)),
        Turn("it broke", status="model_error", tokens=5),
    )
)
TASK = Task("r", "do it", (API("search"),), recording=RECORDING)


def ask(node: str, attempt: int, task: Task | None = TASK, purpose: str = "propose") -> object:
    request = Request(Prompt([]), node=node, attempt=attempt, task=task, purpose=purpose)
    [result] = asyncio.run(ReplayModel().complete([request]))
    return result


@pytest.mark.parametrize(
    ("node", "attempt", "completion"),
    [
        ("0", 0, Completion("first", (ToolCall("search", '{"q": 1}'),), 0, 11)),
        ("0", 1, Completion("", (ToolCall("search", '{"q": 2}'),), 0, 12)),
        ("0.0", 0, Completion("lost", (), 0, 0)),
        ("0.1", 0, Completion(None, (ToolCall("Finish", END.arguments),), 0, 4)),
        ("0~2", 0, Completion("first", (ToolCall("search", '{"q": 1}'),), 0, 11)),
    ],
)
def test_the_kth_sample_is_the_kth_turn_of_the_place(
    node: str, attempt: int, completion: Completion
) -> None:
    assert ask(node, attempt) == completion


def test_a_recorded_failure_fails_again() -> None:
    error = ask("0", 2)
    assert isinstance(error, ModelError)
    assert (str(error), error.kind, error.tokens, error.miss) == ("it broke", "recorded", 5, False)


@pytest.mark.parametrize(
    ("node", "attempt", "says"),
    [
        ("0", 3, "the recording of task r ends before turn 3 at node 0: this planner asks for"),
        ("0.0", 1, "ends before turn 1 at node 0.0"),
        ("0.7.1", 0, "ends before turn 0 at node 0.7.1"),
    ],
)
def test_where_the_recording_ends_is_a_miss(node: str, attempt: int, says: str) -> None:
    error = ask(node, attempt)
    assert isinstance(error, ModelError) and error.miss and says in str(error)


def test_without_a_recording_or_a_turn_everything_is_a_miss() -> None:
    for task, name in ((Task("bare", "x"), "bare"), (None, "?")):
        error = ask("0", 0, task)
        assert isinstance(error, ModelError) and error.miss
        assert str(error) == f"task {name} has no recording to replay"
    error = ask("0", 0, purpose="ask.rank")
    assert isinstance(error, ModelError) and error.miss
    assert str(error) == "the recording of task r has no ask.rank"


def test_a_search_that_follows_the_recording_meets_every_turn() -> None:
    once = DFSDT(max_steps=2)
    result = run_sync(once, TASK, ReplayModel(), ReplayEnv)
    assert (result.end, result.answer) == ("env_miss", None)  # 0.0 is asked for a second turn
    chain = run_sync(ReACT(n=2), TASK, ReplayModel(), ReplayEnv)
    assert chain.end == "env_miss"
    result = run_sync(DFSDT(max_steps=2, width=1), TASK, ReplayModel(), ReplayEnv)
    assert result.end == "limit" and result.spent["tokens"] == 11
    assert [n.observation for n in result.tree.walk()] == ["", "one", ""]
