"""``toolgrove sweep``: what it runs, what it says, and how it takes mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.ranges import variants
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.sweeps import Swept, best, planners_of, settings, swept

pytest.importorskip("scipy")  # the extra report

Run = Callable[..., Any]
SHOP = ("sweep", "--suite", "shop:n=4")


def test_it_runs_what_bench_runs(toolgrove: Run) -> None:
    words = ("--planner", "dfsdt:width=1..3", "--planner", "react@2|4", "--out", "s")
    done = toolgrove(*SHOP, *words, "--figure", "f.png")
    assert done.code == 0
    assert "5 planners on 4 tasks, 1 times each: 20 trials" in done.err
    assert "dfsdt:width=1..3" in done.out and "react@2|4" in done.out
    assert "passes most" in done.out and "toolgrove curves s" in done.out
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")
    five = ["dfsdt:width=1", "dfsdt:width=2", "dfsdt:width=3", "react@2", "react@4"]
    assert ScoredRun(Path("s")).planners == five
    again = toolgrove(*SHOP, *words, "--json")
    rows = [json.loads(line) for line in again.out.splitlines()]
    assert [row["planner"] for row in rows] == five
    assert [row["parameters"] for row in rows] == [
        {"width": "1"}, {"width": "2"}, {"width": "3"}, {"n": "2"}, {"n": "4"},
    ]  # fmt: skip
    assert len(Path("s/trials.jsonl").read_text().splitlines()) == 20, "it was resumed"
    named = [word for spec in five for word in ("--planner", spec)]
    same = toolgrove("bench", "--suite", "shop:n=4", *named, "--out", "s", "--json")
    assert same.code == 0, "a sweep is a run of bench"
    plain = [{k: v for k, v in row.items() if k != "parameters"} for row in rows]
    assert plain == [json.loads(line) for line in same.out.splitlines()]


def test_at_equal_cost_the_reference_runs_too(toolgrove: Run) -> None:
    cost = ("--match", "calls", "--reference", "dfsdt", "--out", "s")
    done = toolgrove(*SHOP, "--planner", "react@1..5..2", *cost, "--json")
    assert done.code == 0
    rows = {json.loads(line)["planner"]: json.loads(line) for line in done.out.splitlines()}
    assert list(rows) == ["dfsdt", "react@1", "react@3", "react@5"]
    assert rows["dfsdt"]["parameters"] == {}
    assert all(row["calls"] <= rows["dfsdt"]["calls"] for row in rows.values())
    assert "(reference)" in toolgrove(*SHOP, "--planner", "react@1..5..2", *cost).out


def test_a_cost_that_nobody_counts_is_no_equal_cost(toolgrove: Run) -> None:
    """Matched at nothing the others would do nothing, and look as if they failed."""
    cost = ("--match", "usd", "--reference", "dfsdt", "--out", "s")
    done = toolgrove(*SHOP, "--planner", "react@1..2", *cost)
    assert done.code == 2
    assert "--match usd: dfsdt made" in done.err and "match calls instead" in done.err
    assert toolgrove(*SHOP, "--planner", "react@1..2", *cost).code == 2, "nor when resumed"


def test_many_planners_need_a_yes(toolgrove: Run) -> None:
    many = ("--planner", "dfsdt:width=1..11,max_steps=1..10", "--limit", "1", "--out", "s")
    done = toolgrove(*SHOP, *many)
    assert done.code == 2 and not Path("s").exists()
    assert "110 planners: --yes runs so many" in done.err
    dry = toolgrove(*SHOP, *many, "--dry-run")
    assert dry.code == 0 and "trials: 110" in dry.out


def test_mistakes(toolgrove: Run) -> None:
    for words, told in (
        (("--planner", "dfsdt:width=4..1"), "runs backwards: write 1..4"),
        (("--planner", "dfsdt:width=1..x"), "is no range"),
        (("--planner", "dfsdt:widht=1..4"), "has no parameter 'widht' (did you mean 'width'?)"),
        (("--planner", "dfsdt:width=0..2"), "width must be 1 or more"),
        (("--planner", "dfsdt", "--figure", "f.png"), "no --planner has just one range"),
        (("--planner", "dfsdt:width=1..2", "--figure", "f.gif"), "ends in .png or .svg"),
        (("--planner", "dfsdt:width=1..2", "--match", "calls"), "go together"),
    ):
        done = toolgrove(*SHOP, *words)
        assert done.code == 2, words
        assert told in done.err.splitlines()[-1]
    assert "--suite is needed" in toolgrove("sweep", "--planner", "react@1..2").err


def test_planners_of_several_texts_are_there_once() -> None:
    sweeps = swept(["dfsdt:width=1..3", "dfsdt:width=2", "react"])
    three = [f"dfsdt:width={w}" for w in (1, 2, 3)]
    assert planners_of(sweeps) == [*three, "react"]
    assert planners_of(sweeps, "cot") == ["cot", *three, "react"]
    assert planners_of(sweeps, "react") == [*three, "react"]
    assert [each.parameter for each in sweeps] == ["width", None, None]
    assert Swept("x", tuple(variants("mcts:c=1|2,width=1..2"))).parameter is None


def test_settings_of_several_suites_are_pooled() -> None:
    [sweep] = swept(["react@1..2"])
    base = {"planned": 10, "outcomes": {}, "size": 10.0, "ci95": [0.1, 0.9]}
    rows = [
        {**base, "planner": f"react@{n}", "suite": suite, "pass_rate": rate, "calls": 10 * n}
        for n in (1, 2)
        for suite, rate in (("a", 0.2), ("b", 0.6))
    ]
    found = settings(sweep, rows)
    assert [(s.value, s.suite) for s in found] == [
        (value, suite) for value in ("1", "2") for suite in (None, "a", "b")
    ]
    assert found[0].rate == 0.4 and found[0].low > 0.2 and found[3].calls == 2


def test_a_best_planner_is_marked_only_where_the_run_shows_it(toolgrove: Run) -> None:
    """``cot:max_calls=1`` can answer nothing here; two equal planners are never told apart."""
    planners = ("--planner", "cot:max_calls=1", "--planner", "dfsdt:width=4")
    assert toolgrove("bench", "--suite", "shop:n=30", *planners, "--out", "a").code == 0
    [found] = best(ScoredRun(Path("a")))
    assert found.planner == "dfsdt:width=4" and found.clear
    twins = ("--planner", "dfsdt", "--planner", "dfsdt:width=2")
    assert toolgrove("bench", "--suite", "shop:n=10", *twins, "--out", "b").code == 0
    [found] = best(ScoredRun(Path("b")))
    assert not found.clear and found.tied == ("dfsdt:width=2",)
    owed = [line for line in Path("a/trials.jsonl").read_text().splitlines() if "dfsdt" in line]
    Path("a/trials.jsonl").write_text("".join(f"{line}\n" for line in owed))
    [found] = best(ScoredRun(Path("a")))
    assert found.tied == ("cot:max_calls=1",), "what is owed may pass"
