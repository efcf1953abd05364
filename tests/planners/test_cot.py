"""CoT: one plan, executed as it was written, and one last completion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    ModelError,
    Request,
    Result,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import Line, line
from toolgrove.planners import CoT

TASK = shop_tasks(1)[0]
ANSWER = line({"calls": [["Finish", {"return_type": "give_answer", "final_answer": "1.00"}]]})
Call = tuple[str, Mapping[str, Any]]
SHELF: Call = ("list_shelf", {"shelf": "fruit"})
APPLES: Call = ("add_to_cart", {"item": "apple", "quantity": 2})
PAY: Call = ("checkout", {})


class Noting(ScriptedModel):
    """Keeps the requests."""

    def __init__(self, *replies: Line) -> None:
        super().__init__(replies=replies)
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked.extend(requests)
        return await super().complete(requests)


def calling(*calls: Call) -> Line:
    return line({"text": "My plan.", "calls": [[name, dict(args)] for name, args in calls]})


def written(*calls: Call) -> Line:
    return line("My plan: " + json.dumps([{"api": n, "arguments": dict(a)} for n, a in calls]))


def follow(*replies: Line, planner: CoT | None = None, **options: Any) -> Result:
    env = options.pop("env", ShopEnv)
    task = options.pop("task", TASK)
    return run_sync(planner or CoT(), task, Noting(*replies), env, **options)


def made(result: Result) -> list[tuple[str, Any]]:
    """The calls of the tree, with the arguments as they arrived."""
    actions = [node.action for node in result.tree.walk() if node.action is not None]
    return [(a.api, json.loads(a.arguments)) for a in actions]


@pytest.mark.parametrize("plan", [calling, written])
def test_the_plan_is_executed_in_order(plan: Any) -> None:
    result = follow(plan(SHELF, APPLES, PAY), ANSWER)
    assert made(result)[:3] == [SHELF, APPLES, PAY]
    assert [n.id for n in result.tree.walk()] == [
        "0", "0.0", "0.0.0", "0.0.0.0", "0.0.0.0.0",
    ]  # fmt: skip
    assert (result.end, result.answer) == ("answered", "1.00")
    assert (result.spent["calls"], result.spent["steps"]) == (2, 3)
    paid = result.tree.find("0.0.0.0")
    assert paid is not None
    assert json.loads(paid.observation) == {"error": "", "response": {"paid": 1.0, "items": 2}}


def test_it_asks_for_a_plan_without_finish_and_for_an_answer_with_nothing_else() -> None:
    model = Noting(calling(SHELF, PAY), ANSWER)
    run_sync(CoT(), TASK, model, ShopEnv)
    plan, answer = model.asked
    assert (plan.node, answer.node) == ("0", "0.0.0")
    assert [api.name for api in plan.tools] == [api.name for api in TASK.apis]
    assert [api.name for api in answer.tools] == ["Finish"]
    assert "whole plan" in str(plan.messages[-1].content)
    assert answer.messages[-1].content == "All calls have been made. Now call Finish."
    assert not any("whole plan" in str(m.content) for m in answer.messages)
    assert [m.role for m in answer.messages] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "user",
    ]  # fmt: skip


def test_an_error_does_not_change_the_plan() -> None:
    result = follow(calling(("no_such", {}), ("list_shelf", {"shelf": "moon"}), APPLES), ANSWER)
    status = [n.step.info.status for n in result.tree.walk() if n.step is not None]
    assert status == ["no_such_api", "bad_arguments", "ok", "answered"]
    assert result.spent["calls"] == 2


def test_placeholders_take_earlier_results_with_their_types() -> None:
    plan = written(
        SHELF,
        ("add_to_cart", {"item": "#E1.2.item", "quantity": "#E1.response.2.stock"}),
        ("list_shelf", {"shelf": "#E1.1.item of #E2.total for #E1.0.price"}),
        ("view_cart", {"cart": "#E2.response.cart", "all": ["#E2.error", "#E2.cart.melon"]}),
    )
    assert made(follow(plan, ANSWER))[:4] == [
        SHELF,
        ("add_to_cart", {"item": "melon", "quantity": 9}),
        ("list_shelf", {"shelf": "pear of 27.0 for 0.5"}),
        ("view_cart", {"cart": {"melon": 9}, "all": ["", 9]}),
    ]


def test_a_placeholder_for_a_result_that_is_not_there_yet_stays_and_is_refused() -> None:
    own = ("add_to_cart", {"item": "#E2.item", "quantity": 1})
    result = follow(calling(("add_to_cart", {"item": "#E2.0.item", "quantity": 1}), own), ANSWER)
    assert [args["item"] for _, args in made(result)[:2]] == ["#E2.0.item", "#E2.item"]
    first = result.tree.find("0.0")
    assert first is not None and first.step is not None
    assert first.step.info.status == "bad_arguments"


@pytest.mark.parametrize(
    "text", ["First I would look around.", "[", "[1, 2]", "[]", "{}", "", None]
)
def test_a_plan_that_is_empty_or_unreadable_is_a_thought(text: str | None) -> None:
    result = follow(Completion(text), ANSWER)
    assert [(n.id, n.thought) for n in result.tree.walk()][:2] == [("0", None), ("0.0", text)]
    assert (result.end, result.answer) == ("answered", "1.00")
    assert (result.spent["calls"], result.spent["steps"], result.spent["nodes"]) == (2, 0, 2)


def test_an_unreadable_plan_is_shown_to_the_one_who_concludes() -> None:
    model = Noting(line("I cannot plan."), ANSWER)
    run_sync(CoT(), TASK, model, ShopEnv)
    said = [(m.role, m.content) for m in model.asked[1].messages]
    assert said[-2] == ("assistant", "I cannot plan.")


@pytest.mark.parametrize(("most", "calls"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3)])
def test_max_calls(most: int, calls: int) -> None:
    result = follow(calling(SHELF, APPLES, PAY), ANSWER, planner=CoT(max_calls=most))
    assert made(result)[:-1] == [SHELF, APPLES, PAY][:calls]
    assert (result.end, result.spent["steps"], result.spent["calls"]) == ("answered", calls, 2)


def test_a_plan_may_end_with_finish() -> None:
    finish = ("Finish", {"return_type": "give_answer", "final_answer": "#E1.1.price"})
    result = follow(written(SHELF, finish, PAY))
    assert (result.end, result.answer, result.spent["calls"]) == ("answered", "0.75", 1)
    assert len(made(result)) == 2


def test_an_answer_in_words_alone_is_no_answer() -> None:
    result = follow(calling(SHELF), line("You paid 1.00."))
    assert (result.end, result.answer, result.spent["calls"]) == ("limit", None, 2)


def test_a_world_that_ends_the_episode_ends_the_plan() -> None:
    class Door(ToolEnv):
        async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
            return "", {}

        async def step(self, action: Action) -> Step:
            return Step("through", 1.0, terminated=True)

    result = follow(
        Completion(None, (ToolCall("open", "{}"), ToolCall("open", "{}"))),
        task=Task("d", "Go.", (API("open"),)),
        env=Door,
    )
    assert (result.end, result.answer, result.spent["calls"]) == ("answered", "through", 1)
    assert [n.id for n in result.tree.walk()] == ["0", "0.0"]


@pytest.mark.parametrize(
    ("caps", "nodes", "calls"),
    [
        ({"calls": 0}, 0, 0),
        ({"calls": 1}, 3, 1),
        ({"steps": 2}, 2, 1),
        ({"nodes": 1}, 1, 1),
        ({"nodes": 3}, 3, 2),
    ],
)
def test_a_budget_that_ends_is_no_answer(caps: dict[str, Any], nodes: int, calls: int) -> None:
    result = follow(calling(SHELF, APPLES, PAY), ANSWER, budget=Budget(**caps))
    assert (result.end, result.answer, result.limit) == ("limit", None, next(iter(caps)))
    assert (result.spent["nodes"], result.spent["calls"]) == (nodes, calls)


def test_a_plan_is_one_path_so_any_world_will_do() -> None:
    result = follow(calling(APPLES, PAY), ANSWER, env=lambda: ShopEnv("never"))
    assert result.end == "answered"


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="max_calls must be 0 or more, not -1"):
        CoT(max_calls=-1)
    with pytest.raises(UsageError, match="'cot:max_calls=-1': max_calls must be 0 or more, not -1"):
        make("planners", "cot:max_calls=-1")
    with pytest.raises(UsageError, match="max_calls='many' in 'cot:max_calls=many': expected int"):
        make("planners", "cot:max_calls=many")
    with pytest.raises(UsageError, match="planner 'cot' has no @N"):
        make("planners", "cot@3")
