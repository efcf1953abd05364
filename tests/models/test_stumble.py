"""The stumbling model: deterministic in what it is sent, and wrong as often as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from toolgrove.core import (
    API,
    Completion,
    Message,
    ModelError,
    Prompt,
    Request,
    Task,
    ToolCall,
    Turn,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.finish import API_DOC
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel, progress, solution
from toolgrove.planners import DFSDT, CoT, ReACT

TASKS = shop_tasks(40)
TASK = TASKS[0]
START = Prompt([Message("user", TASK.instruction)])
TOOLS = (*TASK.apis, API_DOC)


def say(requests: Sequence[Request], rate: float = 0.5) -> list[Completion | ModelError]:
    return asyncio.run(StumblingModel(rate).complete(requests))


def requests(n: int = 20, task: Task = TASK) -> list[Request]:
    return [Request(START, TOOLS, seed=i, task=task) for i in range(n)]


def test_equal_requests_get_equal_replies_in_any_company_and_order() -> None:
    whole = say(requests())
    assert say(requests()) == whole
    assert say(requests()[::-1]) == whole[::-1]
    model = StumblingModel(0.5)
    assert [asyncio.run(model.complete([r]))[0] for r in requests()] == whole
    assert len({str(c) for c in whole}) > 3


def test_at_rate_0_every_task_is_solved_by_every_planner() -> None:
    for task in TASKS:
        for planner in (ReACT(), CoT(), DFSDT()):
            result = run_sync(planner, task, StumblingModel(0.0), ShopEnv)
            assert (result.end, result.answer) == ("answered", f"You paid {task.answer}.")


def test_at_rate_1_no_first_call_is_right() -> None:
    [right, *_] = solution(TASK)
    replies = say(requests(50), 1.0)
    calls = [r.calls[0] for r in replies if isinstance(r, Completion)]
    assert len(calls) == 50 and right not in calls
    kinds = {call.name.endswith("_v2") for call in calls}
    assert kinds == {True, False}


def test_mistakes_come_about_as_often_as_told() -> None:
    [right, *_] = solution(TASK)
    for rate, least, most in ((0.1, 70, 110), (0.5, 350, 450)):
        replies = say(requests(800), rate)
        wrong = sum(r.calls != (right,) for r in replies if isinstance(r, Completion))
        assert least < wrong < most


def test_it_notices_what_went_wrong_and_gives_up() -> None:
    call = ("add_to_cart", '{"item": "cake", "quantity": 9}')
    wrong = START.then([
        Message("assistant", None, (call,)),
        Message("tool", '{"error": "", "response": {}}', (), call[0]),
    ])  # fmt: skip
    asked = [Request(wrong, TOOLS, seed=i, task=TASK) for i in range(40)]

    def gives_up(notice: float) -> int:
        replies = asyncio.run(StumblingModel(0.0, notice).complete(asked))
        return sum("give_up" in str(r) for r in replies)

    assert gives_up(0.0) == 0 and gives_up(1.0) == 40
    assert 8 < gives_up(0.5) < 32


def test_progress_counts_the_calls_of_the_way_that_worked() -> None:
    way = [ToolCall("a", "{}"), ToolCall("b", "{}")]
    ok, no = '{"error": "", "response": 1}', '{"error": "no", "response": ""}'

    def made(*calls: tuple[str, str]) -> list[Message]:
        return [
            message
            for name, said in calls
            for message in (Message("assistant", None, ((name, "{}"),)), Message("tool", said))
        ]

    assert progress(made(), way) == (0, False)
    assert progress(made(("a", ok)), way) == (1, False)
    assert progress(made(("a", no), ("a", ok)), way) == (1, False)
    assert progress(made(("b", ok), ("a", ok)), way) == (1, True)
    assert progress(made(("a", ok), ("b", ok)), way) == (2, False)


def test_asked_for_a_plan_it_writes_one_and_asked_to_conclude_it_finishes() -> None:
    [plan] = say([Request(START, TASK.apis, task=TASK)], 0.0)
    assert isinstance(plan, Completion) and plan.calls == ()
    assert [c["api"] for c in json.loads(plan.content or "")] == [c.name for c in solution(TASK)]
    [end] = say([Request(START, (API_DOC,), task=TASK)], 0.0)
    assert isinstance(end, Completion)
    assert json.loads(end.calls[0].arguments)["final_answer"] == "You paid nothing."


def test_it_counts_what_it_reads() -> None:
    [reply] = say([Request(Prompt([Message("user", "x" * 400)]), TOOLS, task=TASK)])
    assert isinstance(reply, Completion)
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 20)


def test_questions_are_answered_by_chance_that_depends_on_the_seed() -> None:
    asked = [Request(START, (), seed=i, purpose="ask.rank", task=TASK) for i in range(20)]
    replies = say(asked)
    assert {r.content for r in replies if isinstance(r, Completion)} == {"A", "B"}
    assert say(asked) == replies


def test_a_task_without_a_solution_is_an_error() -> None:
    for task in (None, Task("bare", "x", (API("f"),))):
        [error] = say([Request(START, TOOLS, task=task)])
        assert isinstance(error, ModelError)
        assert str(error) == "the stumble model needs tasks with a solution"


@pytest.mark.parametrize("spec", ["rate=1.5", "rate=-1", "notice=2", "rate=nan"])
def test_rates_are_from_0_to_1(spec: str) -> None:
    with pytest.raises(UsageError, match="must be from 0 to 1, not"):
        make("models", f"stumble:{spec}")


@pytest.mark.parametrize("apis", [(), (API("f"), API("g"))])
@pytest.mark.parametrize("broken", ["{city: Paris}", "[1]", "", "[" * 5000])
def test_broken_arguments_in_a_recording_are_repeated_as_they_are(
    broken: str, apis: tuple[API, ...]
) -> None:
    way = Turn(api="f", arguments=broken, turns=(Turn(api="g", arguments='{"n": 1}'),))
    task = Task("x", "Do it.", apis, recording=Turn(turns=(way,)))
    for planner in (CoT(), ReACT(max_steps=3)):
        for rate in (0.0, 1.0):
            for seed in range(10):
                result = run_sync(planner, task, StumblingModel(rate), ShopEnv, seed=seed)
                assert result.error is None
    first = run_sync(CoT(), task, StumblingModel(0.0), ShopEnv).tree.find("0.0")
    assert first is not None and first.action is not None
    assert first.action.arguments == broken


@pytest.mark.parametrize("paid", ["1.2.3", ".", "9" * 5000, "1."])
def test_it_reads_what_was_paid_from_any_text(paid: str) -> None:
    messages = [Message("user", "?"), Message("tool", f'{{"paid": {paid}}}', (), "checkout")]
    [reply] = say([Request(Prompt(messages), (API_DOC,), task=TASK)])
    assert isinstance(reply, Completion) and reply.calls[0].name == "Finish"
