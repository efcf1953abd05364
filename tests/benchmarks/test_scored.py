"""A run as its verdicts count it."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path

import pytest

from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import UNKNOWN, ScoredRun, tasks_of
from toolgrove.benchmarks.suites import load_suites
from toolgrove.core import UsageError

PLANNERS = ["react", "dfsdt"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    plan = Plan(load_suites("shop"), PLANNERS, "stumble", "shop", "match", trials=2, limit=6)
    parts = Parts.of(plan)
    with closing(RunDirectory.create(tmp_path / "run", describe(plan, parts))) as directory:
        asyncio.run(Runner(plan, directory, parts=parts).run())
    return tmp_path / "run"


def rates(run: ScoredRun) -> list[float]:
    found = []
    for planner in run.planners:
        items = run.of(planner)
        found.append(sum(item.value or 0.0 for item in items) / len(items))
    return found


def test_it_is_what_the_summary_says(path: Path) -> None:
    run = ScoredRun(path)
    rows = json.loads((path / "summary.json").read_text())["runs"]
    assert run.planners == PLANNERS and run.trials == 2
    assert run.judges == {"shop": "match"} and len(run.tasks["shop"]) == 6
    assert [len(run.of(planner)) for planner in PLANNERS] == [12, 12]
    assert rates(run) == pytest.approx([row["passed"] / row["planned"] for row in rows])
    tasks = tasks_of(run.directory)
    for item in run.items:
        assert run[item.key] is item and tasks["shop", item.key.task].digest == item.digest
        assert (item.value is None) == (item.outcome in UNKNOWN)


def test_a_missing_trial_never_raises_a_rate(path: Path) -> None:
    before = rates(ScoredRun(path))
    lines = (path / "trials.jsonl").read_text().splitlines(keepends=True)
    for gone in range(len(lines)):
        (path / "trials.jsonl").write_text("".join(lines[:gone] + lines[gone + 1 :]))
        run = ScoredRun(path)
        assert [item.outcome for item in run.items].count("missing") == 1
        assert all(now <= old for now, old in zip(rates(run), before, strict=True))


def test_a_run_that_names_no_tasks_is_read_by_its_suites(path: Path) -> None:
    told = ScoredRun(path)
    config = json.loads((path / "run.json").read_text())
    del config["tasks"]
    (path / "run.json").write_text(json.dumps(config))
    assert ScoredRun(path).items == told.items


def test_a_judge_that_was_not_asked(path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no verdicts of the judge 'truth'; of: match\. `toolgrove"
    ):
        ScoredRun(path, "truth")
    with pytest.raises(UsageError, match="no run"):
        ScoredRun(path.parent)
