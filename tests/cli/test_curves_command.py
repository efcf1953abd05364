"""``toolgrove curves``: what it says to people and to programs, and how it takes mistakes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolgrove.cli.curves import parse_budgets
from toolgrove.core import UsageError
from toolgrove.core.lines import read_lines

pytest.importorskip("scipy")  # the extra report

Run = Callable[..., Any]
PLANNERS = ("--planner", "react@2", "--planner", "dfsdt", "--planner", "best_of_n@2:(react)")


@pytest.fixture
def run(toolgrove: Run) -> Path:
    """Three planners on six tasks, run for real."""
    words = (*PLANNERS, "--evaluator", "value", "--out", "run")
    assert toolgrove("bench", "--suite", "shop:n=6", *words).code == 0
    return Path("run")


def passed(run: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for verdict in read_lines(run / "verdicts.jsonl")[0]:
        found[verdict["planner"]] = found.get(verdict["planner"], 0) + (
            verdict["verdict"] == "passed"
        )
    return found


def test_points_as_json_csv_and_a_figure(toolgrove: Run, run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = toolgrove(
        "curves", run, "--json", "--at", "1,2,3,99", "--csv", "p.csv", "--out", "f.svg"
    )
    assert done.code == 0
    points = [json.loads(line) for line in done.out.splitlines()]
    assert [p["at"] for p in points] == [1, 2, 3, 99] * 3
    assert {p["suite"] for p in points} == {"shop:n=6"}
    for planner, count in passed(run).items():
        mine = [p for p in points if p["planner"] == planner]
        assert mine[-1]["passed"] == count and mine[-1]["rate"] == round(count / 6, 4)
        assert all(0 <= p["low"] <= p["rate"] <= p["high"] <= 1 for p in mine)
    with Path("p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [{k: str(v) for k, v in p.items()} for p in points] == rows
    assert Path("f.svg").read_text().startswith("<?xml")
    assert done.err == "written: p.csv\nwritten: f.svg\n"
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert after == before, "reading a run changed it"


def test_a_table_for_people(toolgrove: Run, run: Path) -> None:
    done = toolgrove("curves", run)
    assert done.code == 0 and done.err == ""
    assert "within so many calls a trial, 95 % interval; judge: match" in done.out
    assert "shop:n=6, 6 tasks, 6 trials" in done.out
    for planner in ("react@2", "dfsdt"):
        assert planner in done.out
    assert "%" in toolgrove("curves", run, "--over", "tokens").out
    last = toolgrove("curves", run, "--at", "1,99").out
    assert f"{100 * passed(run)['dfsdt'] / 6:.1f} %" in last


def test_a_budget_of_its_own_is_marked(toolgrove: Run) -> None:
    words = ("--planner", "dfsdt", "--budget", "calls=2", "--out", "capped")
    assert toolgrove("bench", "--suite", "shop:n=4", *words).code == 0
    done = toolgrove("curves", "capped", "--at", "2,5")
    assert "%*" in done.out and "*: some trials had used up" in done.out
    assert "%*" not in toolgrove("curves", "capped", "--at", "1,2").out


def test_another_judge_judges_all(toolgrove: Run, run: Path) -> None:
    done = toolgrove("curves", run, "--judge", "answered", "--json", "--at", "99")
    trials = read_lines(run / "trials.jsonl")[0]
    for point in map(json.loads, done.out.splitlines()):
        mine = [t for t in trials if t["planner"] == point["planner"]]
        assert point["passed"] == sum(t["end"] == "answered" for t in mine)


def test_mistakes(toolgrove: Run, run: Path) -> None:
    for words, told in (
        (("nowhere",), "no run directory nowhere"),
        ((run, "--over", "steps"), "--over 'steps': expected calls, tokens, usd"),
        ((run, "--over", "usd"), "no trial of run spent any usd"),
        ((run, "--at", "1,x"), "--at 'x': no number"),
        ((run, "--at", "0"), "a budget of calls is a whole number from 1"),
        ((run, "--out", "f.pdf"), "the name of a figure ends in .png or .svg"),
        ((run, "--jobs", "0"), "--jobs must be 1 or more"),
        ((run, "--budget", "calls=3"), "--budget goes with --judge"),
        ((run, "--judge", "mach"), "no judge 'mach'"),
    ):
        done = toolgrove("curves", *words)
        assert done.code == 2, words
        assert told in done.err


def test_a_run_that_is_not_whole_says_so(toolgrove: Run, run: Path) -> None:
    file = run / "trials.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]))
    done = toolgrove("curves", run, "--at", "99")
    assert done.code == 3
    assert "1 trials count as not passed in part, it was not run" in done.err
    assert "1 trials are owed" in done.err


def test_budgets_of_dollars_need_not_be_whole() -> None:
    assert parse_budgets("0.5,2", "usd") == (0.5, 2.0)
    assert parse_budgets("5,10", "tokens") == (5, 10)
    with pytest.raises(UsageError):
        parse_budgets("0.5", "calls")
