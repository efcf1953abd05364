"""`toolgrove score`: verdicts again, without running anything again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.rundir import RunDirectory

BENCH = ("bench", "--suite", "shop", "--limit", 8, "--planner", "react", "--planner", "react@3")


def script(path: Path, *statuses: str) -> str:
    """The spec of a judge whose model says these one after another; "-" cannot be read."""
    lines = ["Hm." if s == "-" else json.dumps({"reason": "r", "status": s}) for s in statuses]
    path.write_text(json.dumps({"answers": {"final": lines}}))
    return f"fac:(scripted:{path})"


@pytest.fixture
def run(toolgrove: Callable[..., Any]) -> str:
    assert toolgrove(*BENCH, "--out", "run").code == 0
    return "run"


def test_the_runs_own_judge_changes_nothing(toolgrove: Callable[..., Any], run: str) -> None:
    before = {p.name: p.read_bytes() for p in Path(run).iterdir() if p.is_file()}
    done = toolgrove("score", run)
    assert done.code == 0 and "judge: match" in done.out
    assert {p.name: p.read_bytes() for p in Path(run).iterdir() if p.is_file()} == before


def test_another_judge_stands_beside_it(toolgrove: Callable[..., Any], run: str) -> None:
    own = json.loads(Path(run, "summary.json").read_text())["runs"]
    done = toolgrove("score", run, "--judge", "answered", "--json")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0 and {row["judge"] for row in rows} == {"answered"}
    summary = json.loads(Path(run, "summary.json").read_text())
    assert summary["runs"] == own
    told = summary["judges"]["answered"]
    assert [{**row, "judge": "answered"} for row in told] == rows
    assert all(row["passed"] >= old["passed"] for row, old in zip(rows, own, strict=True))


def test_votes_that_are_missing_are_owed(
    toolgrove: Callable[..., Any], run: str, tmp_path: Path
) -> None:
    spec = script(tmp_path / "judge.json", "-")
    trials = Path(run, "trials.jsonl").read_bytes()
    done = toolgrove("score", run, "--judge", spec)
    answered = sum(t.end == "answered" for t in RunDirectory(Path(run)).trials.values())
    assert done.code == 3 and f"{answered} verdicts are owed" in done.err
    assert f"{3 * answered} votes are missing" in done.err and "unjudged" in done.out
    script(tmp_path / "judge.json", "Solved")  # another model by the same name: all is judged anew
    done = toolgrove("score", run, "--judge", spec)
    assert done.code == 0 and "0 votes are missing" in done.err
    done = toolgrove("score", run, "--judge", spec, "--votes", 5)
    assert done.code == 0
    verdicts = RunDirectory(Path(run)).verdicts[spec]
    assert {len(verdict.votes) for verdict in verdicts.values()} == {5}
    assert Path(run, "trials.jsonl").read_bytes() == trials


def test_a_budget_caps_all_judging(toolgrove: Callable[..., Any], run: str, tmp_path: Path) -> None:
    spec = script(tmp_path / "judge.json", "Solved")
    done = toolgrove("score", run, "--judge", spec, "--budget", "tokens=0")
    assert done.code == 3 and "judging took 0 calls" not in done.err
    done = toolgrove("score", run, "--judge", spec, "--budget", "calls=7")
    assert done.code == 3 and "judging took 7 calls" in done.err
    kept = [path.read_bytes() for path in sorted(Path(run, "judging").iterdir())]
    assert sum(text.count(b'"got"') for text in kept) == 7
    done = toolgrove("score", run, "--judge", spec)
    assert done.code == 0 and "0 votes are missing" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--judge", "mach"), "did you mean 'match'?"),
        (("--judge", "fac"), "'fac' lacks model"),
        (("--judge", "fac:gpt-4o"), "expected the spec of a model in parentheses, (gpt-4o)"),
        (("--votes", 3), "asks no model, so it has no votes"),
        (("--budget", "steps=3"), "judging has calls, tokens and usd"),
        (("--concurrency", 0), "--concurrency must be 1 or more"),
    ],
)
def test_mistakes_are_said(
    toolgrove: Callable[..., Any], run: str, words: tuple[Any, ...], says: str
) -> None:
    done = toolgrove("score", run, *words)
    assert done.code == 2 and says in done.err and "Traceback" not in done.err


def test_no_run_there(toolgrove: Callable[..., Any], tmp_path: Path) -> None:
    done = toolgrove("score", tmp_path)
    assert done.code == 2 and "no run" in done.err


def test_other_peoples_scores(toolgrove: Callable[..., Any], shared: Path) -> None:
    folder = shared / "stabletoolbench/data_example"
    done = toolgrove("score", folder, "--compat", "stabletoolbench", "--json")
    rows = {(r["model"], r["figure"]): r for r in map(json.loads, done.out.splitlines())}
    assert done.code == 0
    assert rows["virtual_chatgpt_cot", "solve_rate"]["upstream"] == 0.5
    assert rows["virtual_chatgpt_dfs", "solve_rate"]["upstream"] == 1.0
    ids = shared / "stabletoolbench/solvable_queries/test_query_ids/G1_instruction.json"
    passes = folder / "pass_rate_results"
    done = toolgrove("score", passes, "--compat", "stabletoolbench", "--test-ids", ids)
    assert done.code == 0 and "judged_denominator" in done.out and "105" in done.out
    done = toolgrove("score", passes, "--compat", "toolbench")
    assert done.code == 2 and "use --compat stabletoolbench" in done.err


@pytest.mark.parametrize(
    ("fields", "words", "says"),
    [
        ('{"query": "q", "is_solved": "Solved", "passed": Infinity, "failed": 0}', (), "infinity"),
        ('{"query": "q", "is_solved": {"9000000000": "Solved"}}', (), "numbered from 0 to 9999"),
        ('{"round_0": "complete", "a": Infinity, "b": 0}', (), "no preference"),
        ('{"query": "q", "is_solved": {"0": "Solved"}}', ("--votes", -1), "must be 1 or more"),
        ('{"query": "q", "is_solved": {"0": "Solved"}}', ("--votes", 0), "must be 1 or more"),
        ('{"query": "q", "is_solved": {"0": "Solved"}}', ("--judge", "x"), "does not go with"),
    ],
)
def test_other_peoples_mistakes(
    toolgrove: Callable[..., Any], tmp_path: Path, fields: str, words: tuple[Any, ...], says: str
) -> None:
    file = tmp_path / "G1_instruction_m.json"
    file.write_text(f'{{"1": {fields}}}')
    done = toolgrove("score", file, "--compat", "stabletoolbench", *words)
    assert done.code == 2 and says in done.err and "Traceback" not in done.err


def test_no_such_scoring(toolgrove: Callable[..., Any], run: str) -> None:
    done = toolgrove("score", run, "--compat", "bench")
    assert done.code == 2 and "no scoring 'bench': toolbench or stabletoolbench" in done.err
    done = toolgrove("score", run, "--test-ids", run)
    assert done.code == 2 and "--test-ids goes with --compat" in done.err
