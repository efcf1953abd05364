"""Training data of a run under ``--apis retrieve:..``: exactly what was offered."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from toolgrove.benchmarks.offering import offered_in, without_any
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.suites import load_suites, write_jsonl
from toolgrove.benchmarks.viewer.document import Texts, tasks_as_run, tree_of
from toolgrove.cli.app import app
from toolgrove.core import FINISH, Task
from toolgrove.core.lines import read_lines
from toolgrove.training.annotated import UNRECORDED, AnnotatedRun
from toolgrove.training.export import NoRows, Recipe, export_dataset

pytest.importorskip("bm25s", reason="retrieval needs bm25s: pip install 'toolgrove[retrieval]'")


def bench(path: Path, apis: str = "retrieve:k=6", stop: int = 0) -> Path:
    """A run; with ``stop`` it drains after so many nodes."""
    plan = Plan(load_suites("hub:i1-inst"), ["dfsdt"], "simulated", "", "", limit=12, apis=apis)
    parts = Parts.of(plan)
    directory = RunDirectory.create(path, describe(plan, parts))
    seen = []

    def listen(key: Any, node: Any) -> None:
        seen.append(node.id)
        runner.paused = len(seen) == stop or runner.paused

    runner = Runner(plan, directory, parts=parts, listen=listen)
    asyncio.run(runner.run(concurrency=2))
    directory.close()
    return path


def records(run: Path) -> dict[str, list[dict[str, Any]]]:
    return {f.name: read_lines(f)[0] for f in (run / "journal").iterdir()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bench(tmp_path_factory.mktemp("runs") / "found")


def test_each_trial_keeps_what_was_found(run: Path) -> None:
    directory = RunDirectory(run)
    assert len(directory.trials) == 12
    for key, trial in directory.trials.items():
        lines = read_lines(run / "journal" / key.file)[0]
        found = offered_in(lines)
        assert lines[0]["key"] == "offered" and found is not None and len(found) == 6
        assert trial.offered == tuple(api.name for api in found)


def test_rows_offer_exactly_that(run: Path, tmp_path: Path) -> None:
    by_id = {solved.id: solved for solved in AnnotatedRun(run, keep="all")}
    made = export_dataset([run], tmp_path / "data", Recipe(shape="chat", keep="all", parquet=False))
    rows = list(made)
    assert len(rows) > 12
    directory = RunDirectory(run)
    for row in rows:
        names = tuple(tool["function"]["name"] for tool in row["tools"])
        trial = directory.trials[by_id[row["id"].partition("#")[0]].trial.key]
        assert names == (*(trial.offered or ()), FINISH)


def test_the_viewer_shows_the_prompts_that_were_sent(run: Path) -> None:
    scored = ScoredRun(run)
    tasks, _ = tasks_as_run(scored)
    for item in scored.items:
        shown = tree_of(scored, item.key, tasks[item.key.suite, item.key.task], Texts())
        assert any(node.get("sent") for node in shown["nodes"])


def test_a_resumed_trial_offers_what_it_began_with(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the retriever would find others by now."""
    resumed = bench(tmp_path / "run", stop=7)
    begun = records(resumed)
    assert any(lines[0]["key"] == "offered" for lines in begun.values())
    assert len(RunDirectory(resumed).trials) < 12
    found = Parts.offered
    with monkeypatch.context() as patched:

        def others(self: Parts, task: Task) -> Task:
            return replace(task, apis=found(self, task).apis[::-1])

        patched.setattr(Parts, "offered", others)
        bench(resumed)
    for name, lines in begun.items():
        again = records(resumed)[name]
        assert again[: len(lines)] == lines
        assert sum(line.get("key") == "offered" for line in again) == 1
    assert not any(trial.error for trial in RunDirectory(resumed).trials.values())


def test_a_run_without_the_record_is_read_and_says_so(run: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("run.json", "trials.jsonl", "verdicts.jsonl"):
        (old / name).write_bytes((run / name).read_bytes())
    assert list(AnnotatedRun(old, keep="all")) == []
    with pytest.raises(NoRows, match=UNRECORDED):
        export_dataset([old], tmp_path / "data", Recipe(keep="all", parquet=False))
    assert json.loads((old / "run.json").read_text())["identity"]["apis"] == "retrieve:k=6"


def test_a_task_for_which_nothing_is_found_is_run_and_counted(tmp_path: Path) -> None:
    tasks = load_suites("hub:i1-inst")[0].tasks[:2]
    write_jsonl([tasks[0], replace(tasks[1], instruction="Zzyzx qwfpgj?")], tmp_path / "t.jsonl")
    words = ["bench", "--suite", str(tmp_path / "t.jsonl"), "--env", "hub", "--model", "simulated",
             "--planner", "react", "--judge", "answered", "--out", str(tmp_path / "run"),
             "--apis", "retrieve:k=3"]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "found none for the instruction: 1. They" in done.output.replace("\n", " ")
    trials = RunDirectory(tmp_path / "run").trials.values()
    assert without_any(trials) == 1 and not any(trial.error for trial in trials)
    [none] = [trial for trial in trials if trial.offered == ()]
    assert none.end in ("answered", "gave_up", "limit")
