"""Every component that the project has keeps its contract; a new one is checked by its name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from toolgrove.benchmarks.hub.suite import SETS
from toolgrove.benchmarks.judges import Hearing, Verdict
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    Journal,
    Model,
    Task,
    ToolEnv,
    Turn,
    make,
)
from toolgrove.core.registry import names
from toolgrove.envs import RecordedEnv, ReplayEnv, ShopEnv
from toolgrove.envs.hub.faults import PROFILES
from toolgrove.envs.hub.registry import endpoints
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import Batcher, ReplayModel, ScriptedModel
from toolgrove.models.scripted import line
from toolgrove.models.simulated import SimulatedModel
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
    "beam": ["beam", "beam:beam=2,width=2,diverse=false"],
    "dfs_value": ["dfs_value:threshold=0.4"],
    "best_first": ["best_first", "best_first:wave=3,width=2,diverse=true"],
    "astar": ["astar", "astar:cost=steps"],
    "mcts": ["mcts", "mcts:rule=puct,wave=4,width=2,rollout=false", "mcts:diverse=true,answers=1"],
    "reflexion": ["reflexion@3", "reflexion:threshold=0.95"],
    "best_of_n": ["best_of_n@3:(react)", "best_of_n@2:(mcts),wave=2,evaluator=(vote)"],
    "anytool": [],  # with a retriever: tests/planners/test_wrappers.py
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


needs_hub = pytest.mark.skipif(
    "CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub"
)


def hub_tasks(n: int) -> tuple[Task, ...]:
    """Tasks that can lose an API."""
    [suite] = load_suites("hub:i1-inst")
    return tuple(task for task in suite.tasks if task.extra["alternatives"])[:n]


def way(task: Task) -> list[Action]:
    """The calls of the solution that refer to no result, made twice, and ones that are refused."""
    steps: list[tuple[str, dict[str, Any]]] = task.extra["solution"]["steps"]
    calls = [Action(name, json.dumps(given)) for name, given in steps]
    return [*calls, *calls, Action(calls[0].api, "{}"), Action(calls[0].api, "x"), Action("none")]


@needs_hub
@pytest.mark.parametrize("faults", PROFILES)
def test_hub(faults: str) -> None:
    for task in hub_tasks(5):
        check_env(lambda: make("envs", f"hub:{faults}"), task, actions=way(task))


@needs_hub
@pytest.mark.parametrize(
    "spec", ["cot", "react@2", "dfsdt", "dfsdt:ranked=true,max_steps=4", "mcts", "reflexion"]
)
def test_planners_on_the_hub(spec: str) -> None:
    check_planner(
        make("planners", spec),
        tasks=hub_tasks(2),
        cap=30,
        model=lambda: make("models", "simulated"),
        env=lambda fork: lambda: make("envs", "hub:mixed"),
    )


@needs_hub
def test_the_simulated_model_on_tasks_that_it_knows() -> None:
    for task in hub_tasks(3):
        check_model(SimulatedModel, task=task)


def test_no_environment_is_left_out() -> None:
    elsewhere = {  # with what they stand on: tests/envs
        "faulty", "functions", "http", "langchain", "mcp", "openapi", "proxy", "rapidapi", "served",
        "simulated", "store", "trimmed",
    }  # fmt: skip
    assert set(names("envs")) == {"hub", "recorded", "replay", "shop"} | elsewhere


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
        SimulatedModel,
        lambda: ScriptedModel(default=line({"text": "so", "calls": [["search", {}]]})),
        lambda: ScriptedModel(),
        lambda: Batcher(StumblingModel(), max_batch=2),
        lambda: make("models", "guarded:(stumble),window=900,reply=20,context=trim"),
        lambda: make("models", "guarded:(stumble),window=50,reply=20"),
    ],
)
def test_models(make_model: Callable[[], Model]) -> None:
    check_model(make_model, task=TASK)
    check_model(make_model)


def test_no_model_is_left_out() -> None:
    here = {"guarded", "replay", "scripted", "simulated", "stumble"}
    own = {"cache", "hf", "llamacpp", "openai", "toolllama"}  # tests/models/
    teacher = {"simulated-teacher"}  # it plans nothing: tests/training/instruct/
    assert set(names("models")) == here | own | teacher


SUITES = {
    "shop": ["shop", "shop:n=3,seed=7"],
    "hub": [f"hub:{name}" for name in (*SETS, "train-i2")] + ["hub:i3-inst,steps=3"],
    "jsonl": [],  # a file of one's own: tests/benchmarks/test_suites.py
    "toolbench": [],  # ToolBench's: tests/benchmarks/test_toolbench_files.py
}


def test_no_evaluator_is_left_out() -> None:  # tests/models/evaluators/
    known = {"judge", "preference", "ranking", "scorer"}
    known |= {"self_consistency", "truth", "value", "vote"}
    assert set(names("evaluators")) == known


def test_no_suite_is_left_out() -> None:
    assert set(SUITES) == set(names("suites"))


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, marks=needs_hub if name == "hub" else ())
        for name, specs in SUITES.items()
        for spec in specs
    ],
)
def test_suites(spec: str) -> None:
    [suite] = load_suites(spec)
    [again] = load_suites(spec)
    assert suite.name == spec and suite.digest == again.digest
    assert len({task.id for task in suite.tasks}) == len(suite.tasks)
    for task in suite.tasks:
        offered = {api.name for api in task.apis}
        assert len(offered) == len(task.apis) and {*task.relevant} <= offered
        for value in (task.answer, dict(task.extra)):
            assert json.loads(json.dumps(value)) == value
    for kind, name in (("models", suite.model), ("envs", suite.env), ("judges", suite.judge)):
        assert make(kind, name) is not None


JUDGES = {"answered": "no idea", "match": "You paid 12.50.", "truth": "It is 12.5."}
JUDGES["finish"] = "no idea"
MODEL_JUDGES = ("fac", "sopr", "tooleval")
ODD = ("\x00\ud800", "12.5 " * 50_000, "[" * 5000, "${answer} {0} %s", '{"status": "Solved"}')


def test_no_judge_is_left_out() -> None:
    assert {*JUDGES, *MODEL_JUDGES} == set(names("judges"))


@pytest.mark.parametrize("name", JUDGES)
def test_judges(name: str) -> None:
    task = Task("t", "What did you pay?", answer=12.5)

    def verdict(answer: str, of: Task = task) -> Verdict:
        trial = Trial(Key("s", "t", "p", 0), of.digest, 0, "answered", answer, {}, {})
        found = asyncio.run(make("judges", name)(of, trial))
        assert isinstance(found, Verdict) and found.reason
        return found

    assert verdict(JUDGES[name]) == verdict(JUDGES[name])
    assert verdict(JUDGES[name]).decision == "passed"
    if name not in ("answered", "finish"):
        assert verdict("You paid 13.").decision == "failed"
        assert verdict("12.5", replace(task, answer=None)).decision == "unjudged"
    for odd in ("", "\x00\ud800", "12.5 " * 50_000, "[" * 5000):
        assert verdict(odd).decision in ("passed", "failed")


@pytest.mark.parametrize("name", MODEL_JUDGES)
def test_model_judges(name: str) -> None:
    task = Task("t", "What did you pay?", answer=12.5)

    def verdict(answer: str, status: str) -> Verdict:
        judge = make("judges", f"{name}:(scripted)")
        said = Completion(json.dumps({"reason": "r", "status": status}))
        able = Completion('{"status": "Solvable"}')
        stages = {"status": [said], "details": [said], "final": [said], "solvable": [able]}
        judge.model = ScriptedModel(answers=stages)
        tree = {"winner": None, "nodes": [{"id": "0"}]}
        trial = Trial(Key("s", "t", "p", 0), task.digest, 0, "answered", answer, {}, tree)
        found = asyncio.run(judge(task, trial, Hearing(Journal(), Budget())))
        assert isinstance(found, Verdict) and len(found.votes) == 3
        return found

    for answer in ("You paid 12.50.", *ODD):
        for status, decision in (("Solved", "passed"), ("Unsolved", "failed"), ("?", "unjudged")):
            assert verdict(answer, status).decision == decision
            assert verdict(answer, status) == verdict(answer, status)
    assert verdict("", "Solved").decision == "failed"


def test_tasks_of_the_shop_can_be_done() -> None:
    for task in shop_tasks(30):
        assert json.loads(json.dumps(task.answer)) == task.answer
        assert replace(task).digest == task.digest
