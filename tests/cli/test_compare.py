"""``toolgrove compare``: what it says to people and to programs, and how it takes mistakes."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.inference import mcnemar, tango
from toolgrove.core.lines import read_lines, seal

Run = Callable[..., Any]


@pytest.fixture
def run(toolgrove: Run) -> Path:
    """Two planners on twelve tasks, run for real."""
    words = ("--planner", "react", "--planner", "dfsdt", "--out", "run")
    assert toolgrove("bench", "--suite", "shop:n=12", *words).code == 0
    return Path("run")


def records(text: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in text.splitlines():
        record = json.loads(line)
        found.setdefault(record["kind"], []).append(record)
    return found


def outcomes(run: Path) -> dict[str, dict[str, str]]:
    """By planner and task, read from the files themselves."""
    found: dict[str, dict[str, str]] = {}
    for trial in read_lines(run / "trials.jsonl")[0]:
        found.setdefault(trial["planner"], {})[trial["task"]] = trial["end"]
    for verdict in read_lines(run / "verdicts.jsonl")[0]:
        found[verdict["planner"]][verdict["task"]] = verdict["verdict"]
    return found


def told(text: str) -> str:
    [line] = text.splitlines()
    assert line.startswith("toolgrove: ")
    return line.removeprefix("toolgrove: ")


def test_two_planners_of_a_run(toolgrove: Run, run: Path) -> None:
    done = toolgrove("compare", run, "--json")
    assert done.code == 0 and done.err == ""
    found = records(done.out)
    assert set(found) == {"rate", "pair", "disagreement"}
    there = outcomes(run)
    passed = {p: {t for t, o in there[p].items() if o == "passed"} for p in there}
    react, dfsdt = passed["react"], passed["dfsdt"]
    assert [rate["pass_rate"] for rate in found["rate"]] == [
        round(len(react) / 12, 4),
        round(len(dfsdt) / 12, 4),
    ]
    [pair] = found["pair"]
    wins, losses = len(react - dfsdt), len(dfsdt - react)
    assert wins + losses > 0, "nothing to compare"
    assert (pair["first"], pair["second"], pair["tasks"]) == ("react", "dfsdt", 12)
    assert (pair["wins"], pair["losses"]) == (wins, losses)
    assert pair["p"] == pair["holm"] == mcnemar(wins, losses)
    assert pair["ci95"] == [round(end, 4) for end in tango(wins, losses, 12)]
    assert (pair["test"], pair["ci_method"]) == ("exact McNemar", "Tango")
    assert {d["planners"][0]["task"] for d in found["disagreement"]} == react ^ dfsdt


def test_each_tree_is_shown_by_its_command(toolgrove: Run, run: Path) -> None:
    there = outcomes(run)
    for record in records(toolgrove("compare", run, "--json").out)["disagreement"]:
        assert [member["planner"] for member in record["planners"]] == ["react", "dfsdt"]
        for member in record["planners"]:
            assert member["outcomes"] == [there[member["planner"]][member["task"]]]
            name, *words = shlex.split(member["tree"])
            done = toolgrove(*words)
            assert name == "toolgrove" and done.code == 0
            assert done.err.startswith(f"{member['task']} · {member['planner']} · trial 0: ")
            assert member["tree"] in " ".join(toolgrove("compare", run).out.split())


def test_what_people_read_fits_80_columns_but_for_commands(toolgrove: Run, run: Path) -> None:
    done = toolgrove("compare", run)
    assert done.code == 0
    assert all(len(line) <= 80 for line in done.out.splitlines() if "toolgrove" not in line)
    for text in ("pass rate, 95 % interval; judge: ", "react vs dfsdt", "exact McNemar", "Tango"):
        assert text in done.out
    assert "dfsdt passes more than react" in done.out or "no difference is shown" in done.out


def test_the_limit(toolgrove: Run, run: Path) -> None:
    count = len(records(toolgrove("compare", run, "--json").out)["disagreement"])
    assert count > 1
    done = toolgrove("compare", run, "--limit", 1)
    assert f"disagree on {count} tasks; --limit {count} shows all, here is 1" in done.out
    assert done.out.count("toolgrove tree") == 2
    assert len(records(toolgrove("compare", run, "--limit", 1, "--json").out)["disagreement"]) == 1
    assert "toolgrove tree" not in toolgrove("compare", run, "--limit", 0).out


def test_a_planner_in_two_runs(toolgrove: Run, run: Path) -> None:
    words = ("--suite", "shop:n=9", "--planner", "react", "--trials", 2, "--seed", 5)
    assert toolgrove("bench", *words, "--out", "more").code == 0
    done = toolgrove("compare", run, "more", "--planner", "react", "--json")
    found = records(done.out)
    [pair] = found["pair"]
    assert (pair["first"], pair["second"]) == ("react (run)", "react (more)")
    assert (pair["tasks"], pair["unpaired"]) == (9, [3, 0])
    assert pair["test"] == "sign-flip permutation" or pair["wins"] == pair["losses"] == 0
    said = [warning["text"] for warning in found["warning"]]
    assert "run and more differ in trials: 1 / 2" in said
    assert "run and more differ in seed: 0 / 5" in said
    assert any(text.startswith("3 tasks of run not compared: more has no equal") for text in said)
    [more] = [rate for rate in found["rate"] if rate["planner"] == "react (more)"]
    assert more["trials"] == 2 and more["pass_at_k"][0] == more["pass_hat_k"][0]
    assert more["pass_at_k"][0] == more["pass_rate"]
    shown = toolgrove("compare", run, "more", "--planner", "react")
    assert "warning: run and more differ in seed" in shown.out and "pass^2" in shown.out
    assert "--trial " in shown.out or "agree on every task" in shown.out


def test_several_suites_have_their_own_rows(toolgrove: Run) -> None:
    words = ("--planner", "react", "--planner", "dfsdt", "--planner", "cot", "--out", "two")
    assert toolgrove("bench", "--suite", "shop:n=8", "--suite", "shop:n=4", *words).code == 0
    found = records(toolgrove("compare", "two", "--json").out)
    assert [pair["suite"] for pair in found["pair"]] == [None, "shop:n=8", "shop:n=4"] * 3 or [
        pair["suite"] for pair in found["pair"]
    ] == [None, "shop:n=4", "shop:n=8"] * 3
    assert [pair["tasks"] for pair in found["pair"] if pair["suite"] is None] == [12] * 3
    done = toolgrove("compare", "two")
    assert "suite by suite" in done.out and "corrected for 3 pairs" in done.out
    # The same tasks are in both suites: a tree's command says which is meant.
    assert "--suite shop:n=" in done.out


def test_a_run_that_is_not_finished(toolgrove: Run, run: Path) -> None:
    whole = records(toolgrove("compare", run, "--json").out)
    trials, _ = read_lines(run / "trials.jsonl")
    lost = next(t for t in trials if outcomes(run)[t["planner"]][t["task"]] == "passed")
    lines = [seal({k: v for k, v in t.items() if k != "crc"}) for t in trials if t != lost]
    (run / "trials.jsonl").write_text("".join(f"{line}\n" for line in lines))
    done = toolgrove("compare", run, "--json")
    assert done.code == 3
    assert "1 trials of run are owed; to resume it: toolgrove bench --suite shop:n=12" in done.err
    found = records(done.out)
    [said] = [warning["text"] for warning in found["warning"]]
    assert said.startswith(
        f"{lost['planner']}: 1 missing of 12 planned trials, counted as not pass"
    )
    for before, after in zip(whole["rate"], found["rate"], strict=True):
        mine = before["planner"] == lost["planner"]
        assert after["planned"] == 12
        assert after["pass_rate"] == pytest.approx(before["pass_rate"] - mine / 12, abs=1e-4)
    shown = toolgrove("compare", run)
    assert shown.code == 3 and "unknown trials could make it anything from" in shown.out


def test_another_judge(toolgrove: Run, run: Path) -> None:
    done = toolgrove("compare", run, "--judge", "answered")
    assert done.code == 2
    assert told(done.err).startswith("run has no verdicts of the judge 'answered'; of: ")
    assert toolgrove("score", run, "--judge", "answered").code == 0
    done = toolgrove("compare", run, "--judge", "answered")
    assert done.code == 0 and "judge: answered" in done.out


def test_mistakes_say_what_to_do(toolgrove: Run, run: Path) -> None:
    assert toolgrove("bench", "--suite", "shop:n=3", "--planner", "cot", "--out", "one").code == 0
    shutil.copytree("run", "copy")
    for words, says in {
        "nope": "no run directory nope",
        ".": ". is no run directory: it has no run.json",
        "one": "a comparison needs two planners, or one planner in two runs; there is only cot",
        "run --planner react": "a comparison needs two planners, or one planner in two runs; there",
        "run --planner dfdt": "no planner 'dfdt' in these runs (did you mean 'dfsdt'?); of: react",
        "run run": "is given twice",
        "run --limit -1": "--limit must be 0 or more",
    }.items():
        done = toolgrove("compare", *words.split())
        assert (done.code, done.out) == (2, "")
        assert says in told(done.err)
    assert toolgrove("compare", "run", "copy", "--planner", "react").code == 0


WITHOUT = """
import sys
sys.modules["scipy"] = None
sys.argv = ["toolgrove", "compare", "run"]
from toolgrove.cli import main
main()
"""


def test_without_the_extra_it_says_how_to_get_it(run: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert told(done.stderr) == "`toolgrove compare` needs scipy: pip install 'toolgrove[report]'"
