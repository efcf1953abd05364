"""``toolgrove report``: the same numbers in every form, and clear words where there are none."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toolgrove.cli.report  # noqa: F401 - it adds the command
from toolgrove.benchmarks.suites import load_suites, write_jsonl

Run = Callable[..., Any]


@pytest.fixture
def run(toolgrove: Run) -> Path:
    words = ("--planner", "cot", "--planner", "dfsdt", "--out", "runs/one")
    assert toolgrove("bench", "--suite", "shop:n=4", *words).code == 0
    return Path("runs/one")


@pytest.fixture
def other(toolgrove: Run, run: Path) -> Path:
    words = ("--planner", "react", "--trials", 2, "--judge", "answered", "--out", "runs/two")
    assert toolgrove("bench", "--suite", "shop:n=4", *words).code == 0
    return Path("runs/two")


def test_tables_stand_in_the_terminal(toolgrove: Run, run: Path) -> None:
    done = toolgrove("report", run)
    assert done.code == 0 and done.err == ""
    assert "Judge: match." in done.out and "What became of the trials" in done.out
    assert max(map(len, done.out.splitlines())) <= 80 and "…" not in done.out


def test_rates_are_those_of_the_run(toolgrove: Run, run: Path) -> None:
    done = toolgrove("report", run, "--json")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    summary = json.loads((run / "summary.json").read_text())["runs"]
    bounds = {r["planner"]: r for r in records if r["table"] == "bounds"}
    costs = {r["planner"]: r for r in records if r["table"] == "cost"}
    for row in summary:
        mine = bounds[row["planner"]]
        assert mine["planned"] == row["planned"]
        assert mine["pass_rate"] == row["pass_rate"]
        assert [mine["pass_rate_low"], mine["pass_rate_high"]] == row["ci95"]
        assert costs[row["planner"]]["calls"] * 4 == pytest.approx(row["calls"])
    shapes = {r["planner"]: r for r in records if r["table"] == "shape"}
    assert shapes["cot"]["trees"] == 4 and shapes["dfsdt"]["nodes"] > 0


def test_several_trials_have_intervals_over_tasks(toolgrove: Run, other: Path) -> None:
    pytest.importorskip("statsmodels")
    done = toolgrove("report", other, "--json")
    [row] = [r for r in map(json.loads, done.out.splitlines()) if r["table"] == "bounds"]
    assert row["planned"] == 8 and row["pass_rate_low"] <= row["pass_rate"] <= row["pass_rate_high"]


@pytest.mark.parametrize(
    ("format", "begins"),
    [("markdown", "### "), ("latex", "% needs \\usepackage{booktabs}"), ("csv", "# bounds: ")],
)
def test_forms(toolgrove: Run, run: Path, format: str, begins: str) -> None:
    done = toolgrove("report", run, "--format", format)
    assert done.code == 0 and done.out.startswith(begins) and "dfsdt" in done.out


def test_two_runs_have_a_leaderboard_and_its_warnings(
    toolgrove: Run, run: Path, other: Path
) -> None:
    done = toolgrove("report", run, other, "--format", "csv")
    assert done.code == 0 and done.out.startswith("# leaderboard: ")
    assert "Judges differ, so that pass rates do not compare: match in one; answered in two." in (
        done.err
    )
    assert "\nA,one,dfsdt," in done.out and "\nB,two,react," in done.out


def test_one_page_holds_it_all(toolgrove: Run, run: Path, other: Path) -> None:
    pytest.importorskip("matplotlib")
    done = toolgrove("report", run, other, "--html", "deep/page.html", "--figures", "figures")
    assert done.code == 0 and "page: deep/page.html" in done.err
    text = Path("deep/page.html").read_text("utf-8")
    assert text.count("data:image/svg+xml;base64,") == 4 and text.count("<table>") == 6
    assert "Judges differ" in text
    assert len(list(Path("figures").iterdir())) == 8
    toolgrove("report", run, other, "--html", "again.html")
    assert Path("again.html").read_text("utf-8") == text


def test_another_judge_counts_where_it_is_asked_for(toolgrove: Run, run: Path) -> None:
    done = toolgrove("report", run, "--judge", "finish")
    assert done.code == 2 and "has no verdicts of the judge 'finish'" in done.err
    assert toolgrove("score", run, "--judge", "answered").code == 0
    done = toolgrove("report", run, "--judge", "answered")
    assert done.code == 0 and "Judge: answered." in done.out


def test_mistakes_are_told_in_a_line(toolgrove: Run, run: Path) -> None:
    Path("notes").mkdir()
    Path("file").write_text("")
    cases: list[tuple[list[Any], str]] = [
        (["nowhere"], "no run directory nowhere"),
        (["notes"], "notes is no run directory: it has no run.json"),
        ([run, run], "is given twice"),
        ([run, "--format", "pdf"], "--format 'pdf': expected one of rich, markdown, latex, csv"),
        ([run, "--html", "file/page.html"], "cannot write file/page.html"),
        ([run, "--html", "notes"], "cannot write notes: Is a directory"),
        ([run, "--figures", "file"], "cannot write to file"),
    ]
    for words, says in cases:
        done = toolgrove("report", *words)
        assert done.code == 2, words
        assert done.err.splitlines()[-1].startswith("toolgrove: ") and says in done.err


def test_what_was_not_judged_says_how_it_is(toolgrove: Run, run: Path) -> None:
    (run / "verdicts.jsonl").write_text("")
    done = toolgrove("report", run)
    assert done.code == 2
    assert re.search(r"nothing in runs/one was judged yet: `toolgrove score runs/one`", done.err)


def test_tables_need_no_matplotlib(
    toolgrove: Run, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(__import__("sys").modules, "toolgrove.benchmarks.figures", raising=False)
    assert toolgrove("report", run).code == 0
    done = toolgrove("report", run, "--html", "page.html")
    assert done.code == 0 and "the page has no figures: figures need matplotlib" in done.err
    assert "<img" not in Path("page.html").read_text("utf-8")
    done = toolgrove("report", run, "--figures", "figures")
    assert done.code == 2 and "pip install 'toolgrove[report]'" in done.err


def test_a_suite_that_is_gone_is_named(toolgrove: Run) -> None:
    own = Path("own.jsonl")
    write_jsonl(load_suites("shop:n=2")[0].tasks, own)
    words = ("--planner", "react", "--model", "stumble", "--env", "shop", "--out", "run")
    assert toolgrove("bench", "--suite", own, *words).code == 0
    own.unlink()
    done = toolgrove("report", "run")
    assert done.code == 0 and "status alone, for own.jsonl, which cannot be read" in " ".join(
        done.out.split()
    )
