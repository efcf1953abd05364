"""Other people's answers as a run, and a run as their files."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from toolgrove.benchmarks.judges.tooleval import FAC
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import ScoredRun, tasks_of
from toolgrove.benchmarks.scoring import Scorer, score_run
from toolgrove.benchmarks.suites import load_suites, write_jsonl
from toolgrove.benchmarks.tooleval import read_converted, read_pass_rates, scored_files
from toolgrove.benchmarks.tooleval.runs import export_run, import_run, plain
from toolgrove.core import Completion, UsageError, make
from toolgrove.models import ScriptedModel


def test_released_answers_are_a_run(shared: Path, tmp_path: Path) -> None:
    source = shared / "stabletoolbench/toolbench/tooleval/results/default_evalset"
    directory = import_run(source, tmp_path / "run")
    ends = Counter(trial.end for trial in directory.trials.values())
    assert ends == {"answered": 200, "gave_up": 49, "limit": 143}
    with closing(RunDirectory(tmp_path / "run", write=True)) as opened:
        scorer = Scorer(opened, "finish", make("judges", "finish"))
        scorers = {key.suite: scorer for key in opened.trials}
        found = asyncio.run(score_run(scorers, tasks_of(opened), list(opened.trials)))
    assert Counter(v.decision for v in found.values()) == {"passed": 176, "failed": 24}
    run = ScoredRun(tmp_path / "run")
    assert len(run.items) == 392 and run.planners == ["gpt-3.5-turbo_CoT"]
    assert Counter(item.outcome for item in run.items)["passed"] == 176


def test_two_models_share_their_tasks(shared: Path, tmp_path: Path) -> None:
    source = shared / "stabletoolbench/data_example/model_predictions_converted"
    import_run(source, tmp_path / "run")
    run = ScoredRun(tmp_path / "run", None)
    assert len(run.planners) == 2 and [len(each) for each in run.tasks.values()] == [2]
    one, other = (run.of(planner) for planner in run.planners)
    assert [item.digest for item in one] == [item.digest for item in other]


@pytest.mark.parametrize(
    ("make_source", "says"),
    [
        (lambda path: path.mkdir(), "holds no converted answers"),
        (lambda path: path.write_text('{"1": '), "torn"),
        (lambda path: path.write_text('{"1": {"query": "q"}}'), "1"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, make_source: Callable[[Path], object], says: str
) -> None:
    make_source(tmp_path / "source")
    with pytest.raises(UsageError, match=says):
        import_run(tmp_path / "source", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text("{}")
    with pytest.raises(UsageError, match="exists: give another --out"):
        import_run(tmp_path / "source.json", tmp_path)


def test_a_model_is_named_by_the_folder_one_stands_in(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shared / "stabletoolbench/data_example/model_predictions_converted"
    monkeypatch.chdir(source / "virtual_chatgpt_dfs")
    directory = import_run(Path("."), tmp_path / "run")
    assert ScoredRun(directory).planners == ["virtual_chatgpt_dfs"]


def run_of(path: Path, *suites: Path) -> RunDirectory:
    found = [suite for each in suites for suite in load_suites(str(each))]
    plan = Plan(found, ["react"], "stumble", "shop", "answered")
    parts = Parts.of(plan)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        asyncio.run(Runner(plan, directory, parts=parts).run())
    return RunDirectory(path)


def test_two_suites_of_one_file_name_are_not_written_over_each_other(tmp_path: Path) -> None:
    tasks = list(load_suites("shop")[0].tasks)
    for name, each in (("a", tasks[:2]), ("b", tasks[2:5])):
        (tmp_path / name).mkdir()
        write_jsonl(each, tmp_path / name / "t.jsonl")
    directory = run_of(tmp_path / "run", tmp_path / "a/t.jsonl", tmp_path / "b/t.jsonl")
    with pytest.raises(UsageError, match="would both be written as t: rename one"):
        export_run(directory, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_task_that_is_gone_is_said(tmp_path: Path) -> None:
    tasks, path = list(load_suites("shop")[0].tasks), tmp_path / "t.jsonl"
    write_jsonl(tasks[:2], path)
    directory = run_of(tmp_path / "run", path)
    write_jsonl(tasks[:1], path)
    with pytest.raises(UsageError, match="no longer has the task"):
        export_run(directory, tmp_path / "out")


def test_names_of_files_lead_nowhere() -> None:
    assert [plain(name) for name in ("..", "a/b", "", "gpt-4.1")] == ["__", "a_b", "_", "gpt-4.1"]


def test_a_run_in_their_files(tmp_path: Path) -> None:
    plan = Plan(load_suites("shop"), ["react", "dfsdt"], "stumble", "shop", "match", limit=5)
    parts = Parts.of(plan)
    with closing(RunDirectory.create(tmp_path / "run", describe(plan, parts))) as directory:
        asyncio.run(Runner(plan, directory, parts=parts).run())
        said = Completion(json.dumps({"reason": "r", "status": "Solved"}))
        scorer = Scorer(directory, "fac", FAC(ScriptedModel(answers={"final": [said]})))
        keys = list(directory.trials)
        asyncio.run(score_run({"shop": scorer}, tasks_of(directory), keys))
    written = export_run(RunDirectory(tmp_path / "run"), tmp_path / "out", "fac")
    assert all(path.is_file() for path in written)
    run = ScoredRun(tmp_path / "run", "fac")
    for planner in run.planners:
        answers = read_converted(tmp_path / f"out/model_predictions_converted/{planner}/shop.json")
        assert len(answers) == 5
        rates = read_pass_rates(tmp_path / f"out/pass_rate_results/{planner}/shop_{planner}.json")
        answered = [item for item in run.of(planner) if item.outcome == "passed"]
        assert len(rates) == len(answered) and all(len(r.votes) == 3 for r in rates.values())
        for item in answered:
            assert item.trial is not None and item.trial.answer is not None
            told = json.loads(answers[item.key.task].final_answer)["final_answer"]
            assert told == item.trial.answer
    rows = scored_files(tmp_path / "out", "stabletoolbench")
    assert {row["model"] for row in rows} == set(run.planners)
    assert all(row["upstream"] == 1.0 for row in rows)
