"""Curves: a search cut at x from its journal is the search that a run with so much would make."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.courses import (
    Course,
    Reader,
    Unasked,
    asks_model,
    budgets_of,
    courses,
    scorers_of,
)
from toolgrove.benchmarks.curves import Curves, curves_of
from toolgrove.benchmarks.curves import records as records_of
from toolgrove.benchmarks.cuts import Over, Recorded, recorded
from toolgrove.benchmarks.judges import Match, Verdict
from toolgrove.benchmarks.judges.choosing import ByJudge
from toolgrove.benchmarks.judges.tooleval import SoPR
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.scoring import Scorer
from toolgrove.benchmarks.statistics import wilson
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Completion, Journal, ModelError, Request, Task, make, run_sync
from toolgrove.core.lines import read_lines, seal
from toolgrove.envs.shop import ShopEnv, shop_tasks
from toolgrove.planners.best_of_n import BestOfN

pytest.importorskip("scipy")  # the extra report

SPECS = (
    "cot",
    "react@3",
    "react@3:answers=2",
    "dfsdt:width=3,answers=2",
    "dfsdt:ranked=true",
    "dfsdt:profile=toolbench",
    "beam:beam=2,width=2",
    "beam:beam=3,width=2,diverse=false",
    "dfs_value:threshold=0.4",
    "best_first:wave=3,width=2",
    "astar",
    "mcts:width=2",
    "mcts:wave=4,width=3,rollout=false",
    "reflexion@3:threshold=0.9",
    "best_of_n@3:(react)",
    "best_of_n@4:(mcts:width=2),wave=2,evaluator=(vote)",
)
BUDGETS = (1, 2, 3, 5, 8, 13, 21)


def run(path: Path, planners: Sequence[str], suite: str = "shop:n=4", **options: Any) -> ScoredRun:
    """A run for real, by the default judge of the suite."""
    suites = [found for text in suite.split(" ") for found in load_suites(text)]
    given = {"model": "stumble", "env": "shop", "judge": "match", "evaluator": "value"}
    plan = Plan(suites, planners, **{**given, **options})
    parts = Parts.of(plan)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        asyncio.run(Runner(plan, directory, parts=parts).run())
    return ScoredRun(path)


def curves(run: ScoredRun, over: Over = "calls", budgets: Sequence[float] = BUDGETS) -> Curves:
    reader = Reader.of(run, over, budgets)
    return curves_of(reader, courses(reader))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> ScoredRun:
    return run(tmp_path_factory.mktemp("whole") / "run", SPECS, trials=2, budget={"calls": 60})


@pytest.mark.parametrize("x", [2, 5, 13])
def test_a_cut_is_what_a_run_with_so_many_calls_gives(
    whole: ScoredRun, tmp_path: Path, x: int
) -> None:
    real = run(tmp_path / "run", SPECS, trials=2, budget={"calls": x})
    reader = Reader.of(whole, "calls", [x])
    for item in whole.items:
        trial, task = whole.directory.load(item.key), reader.tasks[item.key.suite, item.key.task]
        planner = reader.planners[item.key.planner]
        search = recorded(whole.path, trial, task, planner, reader.policy, reader.evaluator)
        [cut] = asyncio.run(search.cuts("calls", [x]))
        assert cut.result is not None, (item.key, cut.why)
        there = real.directory.load(item.key)
        found = Trial.of(item.key, task, trial.seed, {"calls": x}, cut.result)
        assert (found.end, found.answer) == (there.end, there.answer), item.key
        assert _shape(found) == _shape(there), item.key
        spent = ("calls", "tokens", "steps", "nodes")
        assert {k: found.spent[k] for k in spent} == {k: there.spent[k] for k in spent}
    points = {p.planner: p for p in curves(whole, budgets=[x]).points}
    for spec in SPECS:
        items = real.of(spec)
        assert points[spec].passed == sum(item.value == 1 for item in items)
        assert points[spec].unknown == 0
        assert (points[spec].tasks, points[spec].trials) == (4, 8)


def _shape(trial: Trial) -> list[tuple[Any, ...]]:
    return trial.tree.shape()


@pytest.mark.parametrize("x", [150, 700, 2000])
def test_tokens_are_cut_as_a_budget_of_tokens_cuts_them(tmp_path: Path, x: int) -> None:
    chains = ("cot", "react@3:answers=2", "dfsdt:width=3,answers=2", "best_of_n@3:(react)")
    whole = run(tmp_path / "whole", chains)
    real = run(tmp_path / "real", chains, budget={"tokens": x})
    found = curves(whole, "tokens", [x])
    for spec in chains:
        [point] = found.of(spec)
        assert point.passed == sum(item.value == 1 for item in real.of(spec)), spec


def test_the_last_point_is_the_run_itself(whole: ScoredRun) -> None:
    found = curves(whole, budgets=budgets_of(whole, "calls"))
    assert found.budgets[-1] >= 60 > found.budgets[-2]
    for spec in SPECS:
        last = found.of(spec)[-1]
        assert last.passed == sum(item.value == 1 for item in whole.of(spec))


def test_what_a_trial_of_its_own_budget_would_do_with_more_is_marked(whole: ScoredRun) -> None:
    found = curves(whole, budgets=[30, 60, 100])
    trials = [item.trial for item in whole.items if item.trial is not None]
    cut = [t for t in trials if t.limit is not None or t.spent["calls"] >= t.budget["calls"]]
    assert cut, "no trial was cut by its budget"
    for at, expected in ((30, 0), (60, 0), (100, len(cut))):
        assert sum(p.beyond for p in found.points if p.at == at) == expected


def test_the_interval_takes_the_task_for_the_unit(whole: ScoredRun, tmp_path: Path) -> None:
    from toolgrove.benchmarks.inference import rate_interval

    reader = Reader.of(whole, "calls", [60])
    found = courses(reader)
    for point in curves_of(reader, found).points:
        tasks: dict[str, list[float]] = {}
        for course in found:
            if course.key.planner == point.planner:
                tasks.setdefault(course.key.task, []).append(course.values[0] or 0.0)
        means = [sum(each) / 2 for each in tasks.values()]
        assert point.rate == round(sum(means) / 4, 4)
        expected = rate_interval(means)
        assert (point.low, point.high) == (round(expected.low, 4), round(expected.high, 4))
    once = run(tmp_path / "once", ["react"], "shop:n=6")
    [point] = curves(once, budgets=[3]).points
    assert (point.low, point.high) == wilson(point.passed, 6)


def test_several_suites_and_all(tmp_path: Path) -> None:
    two = run(tmp_path / "run", ["react", "dfsdt"], "shop:n=3 shop:n=5,seed=9")
    found = curves(two)
    assert [p.suite for p in found.points if p.at == 1] == [None, *found.suites] * 2
    for at in BUDGETS:
        whole, *parts = [p for p in found.points if p.planner == "dfsdt" and p.at == at]
        assert whole.passed == sum(p.passed for p in parts)
        assert whole.tasks == 8
    assert {r["suite"] for r in records_of(found)} == {"all", *found.suites}
    assert json.loads(json.dumps(records_of(found))) == records_of(found)


def test_processes_change_nothing(tmp_path: Path) -> None:
    many = run(tmp_path / "run", ["react@2", "dfsdt"], "shop:n=24")
    reader = Reader.of(many, "calls", BUDGETS)
    told: list[int] = []
    assert courses(reader, jobs=2, told=told.append) == courses(reader)
    assert sum(told) == 48


def test_a_journal_that_lacks_effects_is_told_of_and_never_guessed(tmp_path: Path) -> None:
    one = run(tmp_path / "run", ["react@2"], "shop:n=1")
    [item] = one.items
    file = one.path / "journal" / item.key.file
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:3]) + "\n")  # the beginning, one reply, one step
    [course] = courses(Reader.of(one, "calls", [1, 5]))
    assert course.values == (0.0, None)
    assert "the journal has no reply for 0.0:propose:0" in course.why
    found = curves(one, budgets=[1, 5])
    assert [p.unknown for p in found.points] == [0, 1]
    assert list(found.missing.values()) == [1]
    file.unlink()
    [course] = courses(Reader.of(one, "calls", [1, 5]))
    assert course == Course(item.key, (None, None), why="it has no journal")


def test_a_journal_of_another_search_is_told_of(tmp_path: Path) -> None:
    one = run(tmp_path / "run", ["react@2"], "shop:n=1")
    [item] = one.items
    file = one.path / "journal" / item.key.file
    changed = []
    for record in read_lines(file)[0]:
        if record["key"].endswith("propose:0"):
            record["asked"] = "another"
        changed.append(seal(record) + "\n")
    file.write_text("".join(changed))
    [course] = courses(Reader.of(one, "calls", [1]))
    assert course.values == (None,)
    assert "recorded for another request" in course.why


MODEL_JUDGE = "tooleval:(scripted)"


@lru_cache
def _judge() -> Any:
    return make("judges", MODEL_JUDGE)


def test_a_model_judge_is_not_asked_unless_it_is_told_to(tmp_path: Path) -> None:
    one = run(tmp_path / "run", ["mcts:width=2", "best_of_n@3:(react)"], "shop:n=4")
    final = {item.key: item.trial for item in one.items}
    asked: list[Key] = []

    class Asked(Scorer):
        async def decide(self, task: Task, trial: Trial) -> Verdict:
            asked.append(trial.key)
            return Verdict("passed", "")

    scorers = {"shop:n=4": Asked(one.directory, MODEL_JUDGE, _judge())}
    silent = Reader.of(one, "calls", BUDGETS, scorers=scorers)
    found = curves_of(silent, courses(silent))
    assert asked == []
    early = [p.unknown for p in found.points]
    assert any(early) and found.unjudged, "no trial answers: this tests nothing"
    told = Reader.of(one, "calls", BUDGETS, scorers=scorers, ask=True)
    courses(told)
    assert asked and set(asked) <= set(final)
    assert all(p.unknown == 0 for p in curves_of(told, courses(told)).points)


def test_a_judge_that_is_not_asked_is_not_made(tmp_path: Path) -> None:
    """Its model may need a key, or a server."""
    one = run(tmp_path / "run", ["react"], "shop:n=1")
    spec = "tooleval:(openai:nobody,url=http://127.0.0.1:9)"
    assert asks_model(spec) and not asks_model("match")
    assert isinstance(scorers_of(one, spec)["shop:n=1"].judge, Unasked)
    assert isinstance(scorers_of(one)["shop:n=1"].judge, Match)


class Counted:
    """Counts how often it is asked, and fails first."""

    def __init__(self) -> None:
        self.asked, self.fails = 0, True

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked += len(requests)
        if self.fails:
            return [ModelError("503", kind="server") for _ in requests]
        return [Completion('{"answer_status": "Solved"}') for _ in requests]


def test_a_judge_within_a_planner_is_not_asked_either() -> None:
    """Its model failed, so the journal has no reply of it; it would answer now, and be paid."""
    model = Counted()
    planner = BestOfN(make("planners", "react"), 3, evaluator=ByJudge(SoPR(model)))
    for task in shop_tasks(6):
        records: list[Any] = []
        journal = Journal(sink=records.append)
        result = run_sync(planner, task, make("models", "stumble"), ShopEnv, journal=journal)
        if result.end == "infra":
            break
    assert result.end == "infra" and model.asked, "no judge was asked: this tests nothing"
    model.asked, model.fails = 0, False
    trial = Trial.of(Key("shop", task.id, "p", 0), task, 0, {}, result)
    past = Recorded(trial, task, planner, make("policies", "functions"), None, records)
    cuts = asyncio.run(past.cuts("calls", [1, 2, 100]))
    assert model.asked == 0
    assert cuts[-1].result is None and "the journal has no reply" in cuts[-1].why
