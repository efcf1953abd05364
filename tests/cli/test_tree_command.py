"""``toolgrove tree``: the right trial, at any width, and near names for what is not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from toolgrove.benchmarks.drawing import clip, draw
from toolgrove.core import Action, Node, Step, Tree

Run = Callable[..., Any]


@pytest.fixture
def run(toolgrove: Run) -> Path:
    words = ("--planner", "react", "--planner", "dfsdt", "--trials", 2, "--out", "run")
    assert toolgrove("bench", "--suite", "shop:n=4", *words).code == 0
    return Path("run")


def test_a_tree_is_drawn(toolgrove: Run, run: Path) -> None:
    done = toolgrove("tree", run, "shop-001", "--planner", "dfsdt", "--text")
    assert done.code == 0
    assert done.err == "shop-001 · dfsdt · trial 0: answered\n"
    assert done.out.startswith("● task\n└─") and "● the path of the answer" in done.out
    assert toolgrove("tree", run, "shop-001", "--planner", "dfsdt").out == done.out


def test_of_several_the_first_is_drawn_and_the_others_are_named(toolgrove: Run, run: Path) -> None:
    done = toolgrove("tree", run, "shop-001")
    assert done.code == 0 and "there are also: --planner " in done.err
    other = toolgrove("tree", run, "shop-001", "--planner", "dfsdt", "--trial", 1)
    assert other.err == "shop-001 · dfsdt · trial 1: answered\n"


def test_json_is_the_trial(toolgrove: Run, run: Path) -> None:
    done = toolgrove("tree", run, "shop-001", "--planner", "react", "--json")
    [line] = done.out.splitlines()
    trial = json.loads(line)
    assert (trial["task"], trial["planner"], trial["trial"]) == ("shop-001", "react", 0)
    assert Tree.from_json(trial["tree"]).to_json() == trial["tree"] and done.err == ""


def test_what_is_not_there_is_said_with_what_is(toolgrove: Run, run: Path) -> None:
    for words, says in {
        "run shop-1": "no task 'shop-1' in run (did you mean 'shop-001'?); there are: shop-",
        "run shop-00": "no task 'shop-00' in run (did you mean 'shop-00",
        "run zzz": "no task 'zzz' in run; there are: shop-",
        "run shop-001 --planner dfdt": "no planner 'dfdt' in run (did you mean 'dfsdt'?); there ",
        "run shop-001 --suite shop": "no suite 'shop' in run (did you mean 'shop:n=4'?); there ar",
        "run shop-001 --trial 7": "no trial 7 in run; there are: ",
        "nope shop-001": "no run directory nope",
        ". shop-001": ". is no run directory: it has no run.json",
    }.items():
        done = toolgrove("tree", *words.split())
        assert (done.code, done.out) == (2, "")
        [line] = done.err.splitlines()
        assert line.startswith(f"toolgrove: {says}")


def test_a_run_without_a_trial_and_a_damaged_one(toolgrove: Run, run: Path) -> None:
    (run / "trials.jsonl").write_text("")
    assert "run has no finished trial yet" in toolgrove("tree", run, "shop-001").err
    (run / "run.json").write_text('{"format": 1')
    assert "run/run.json is damaged: " in toolgrove("tree", run, "shop-001").err
    (run / "run.json").write_text('{"format": 99}')
    assert "run/run.json is no run of this version" in toolgrove("tree", run, "shop-001").err


def test_real_trees_fit_the_terminal(
    toolgrove: Run, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = f"toolbench:{shared}/toolbench_example/answer"
    words = ("bench", "--suite", suite, "--planner", "dfsdt:profile=toolbench", "--out", "ten")
    assert toolgrove(*words).code == 0
    for columns in (40, 60, 80, 120, 400):
        monkeypatch.setenv("COLUMNS", str(columns))
        for name, calls in (("G3_answer/15", 45), ("G2_answer/10", 31)):
            done = toolgrove("tree", "ten", f"{name}_ChatGPT_DFS_woFilter_w2")
            drawing, _, legend = done.out.rpartition("\n\n")
            rows = drawing.splitlines()
            assert done.code == 0 and legend
            assert max(map(cell_len, [*rows, *legend.splitlines()])) <= columns
            assert len(rows) == calls + 1  # a line for each call, and the root's


def chain(levels: int, text: str = "ok") -> Tree:
    root = node = Node("0")
    for _ in range(levels):
        child = Node(f"{node.id}.0", node)
        child.action, child.step = Action("look", "{}"), Step(text)
        node.children.append(child)
        node = child
    return Tree([root], None)


def test_what_is_far_down_shows_its_level() -> None:
    rows = draw(chain(200), width=60).splitlines()
    assert len(rows) == 201 and max(map(len, rows)) <= 60
    assert rows[-1].startswith("‹200›") and rows[-1].endswith("└─○ look({}) → ok")
    assert rows[10] == 18 * " " + "└─○ look({}) → ok"


@pytest.mark.parametrize(
    ("text", "room", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("天气预报", 8, "天气预报"),
        ("天气预报", 7, "天气预…"),
        ("天气预报", 6, "天气…"),
        ("e\u0301te\u0301", 3, "e\u0301te\u0301"),
        ("🍎🍎🍎", 5, "🍎🍎…"),
        ("", 3, ""),
    ],
)
def test_text_is_cut_by_columns(text: str, room: int, shown: str) -> None:
    assert clip(text, room) == shown
    assert cell_len(shown) <= room


def test_a_terminal_is_never_told_what_a_tool_says() -> None:
    text = draw(chain(1, "\x1b[2J\x07\r\n\u202eevil\x9b31m"), width=60)
    assert all(char.isprintable() or char == "\n" for char in text) and text.count("\n") == 2


def test_characters_that_the_terminal_lacks_do_not_break_it(run: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "toolgrove", "tree", str(run), "shop-001", "--planner", "dfsdt"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "shop-001 ? dfsdt ? trial 0: answered\n"
    assert done.stdout.isascii() and "Finish" in done.stdout
