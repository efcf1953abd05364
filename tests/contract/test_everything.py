"""Every component that the project has keeps its contract; a new one is checked by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from toolgrove.core import API, Action, Model, Task, ToolEnv, Turn, make
from toolgrove.core.registry import names
from toolgrove.envs import RecordedEnv, ReplayEnv, ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import Batcher, ReplayModel, ScriptedModel
from toolgrove.models.scripted import line
from toolgrove.models.stumble import StumblingModel
from toolgrove.testing import check_env, check_model, check_planner

PLANNERS = {
    "cot": ["cot", "cot:max_calls=2"],
    "react": ["react", "react@3", "react@3:answers=2,max_steps=6", "react@2:profile=toolbench"],
    "dfsdt": [
        "dfsdt",
        "dfsdt:width=3,answers=2",
        "dfsdt:ranked=true,max_steps=4",
        "dfsdt:profile=toolbench",
        "dfsdt:profile=toolbench,ranked=true,max_steps=9",
        "dfsdt:profile=toolbench,depth_backoff=2,max_calls=9",
    ],
}


def test_no_planner_is_left_out() -> None:
    assert set(PLANNERS) == set(names("planners"))


@pytest.mark.parametrize("spec", [spec for specs in PLANNERS.values() for spec in specs])
def test_planners(spec: str) -> None:
    check_planner(make("planners", spec), tasks=shop_tasks(2, seed=3), cap=30)


TASK = shop_tasks(1)[0]
RECORDING = Turn(
    turns=(
        Turn("a", "search", '{"q": 1}', "one", turns=(Turn(None, "search", '{"q": 2}', "two"),)),
    )
)
RECORDED = Task("r", "do it", (API("search"),), recording=RECORDING)
SHOPPING = [
    Action("draw_coupon"),
    Action("add_to_cart", '{"item": "apple", "quantity": 2}'),
    Action("add_to_cart", '{"item": "apple", "quantity": 9}'),
    Action("view_cart"),
    Action("checkout"),
    Action("checkout"),
]


@pytest.mark.parametrize("fork", ["snapshot", "replay", "never"])
def test_shop(fork: str) -> None:
    check_env(lambda: make("envs", f"shop:fork={fork}"), TASK, actions=SHOPPING)
    check_env(ShopEnv, TASK)


def test_no_environment_is_left_out() -> None:
    assert set(names("envs")) == {"recorded", "replay", "shop"}


def test_replay_and_recorded() -> None:
    actions = [Action("search", '{"q": 1}'), Action("search", '{"q": 2}')]
    for env in (ReplayEnv, RecordedEnv):
        make_env: Callable[[], ToolEnv] = env
        check_env(make_env, RECORDED, actions=actions)


@pytest.mark.parametrize(
    "make_model",
    [
        ReplayModel,
        StumblingModel,
        lambda: ScriptedModel(default=line({"text": "so", "calls": [["search", {}]]})),
        lambda: ScriptedModel(),
        lambda: Batcher(StumblingModel(), max_batch=2),
    ],
)
def test_models(make_model: Callable[[], Model]) -> None:
    check_model(make_model, task=TASK)
    check_model(make_model)


def test_no_model_is_left_out() -> None:
    assert set(names("models")) == {"replay", "scripted", "stumble"}


def test_tasks_of_the_shop_can_be_done() -> None:
    for task in shop_tasks(30):
        assert json.loads(json.dumps(task.answer)) == task.answer
        assert replace(task).digest == task.digest
