"""`toolgrove prefer`: win rates over the pairs planned, kept and completed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("statsmodels", reason="the extra report is not installed")

BENCH = ("bench", "--suite", "shop", "--limit", 12, "--judge", "answered")
PLANNERS = ("react", "react@3", "dfsdt")


def model(path: Path, *said: str) -> str:
    lines = [json.dumps({"reason": "r", "better": word}) if word else "Hm." for word in said]
    path.write_text(json.dumps({"answers": {"better": lines}}))
    return f"scripted:{path}"


@pytest.fixture
def run(toolgrove: Callable[..., Any]) -> str:
    planners = [word for planner in PLANNERS for word in ("--planner", planner)]
    assert toolgrove(*BENCH, *planners, "--out", "run").code == 0
    return "run"


def rows(text: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in text.splitlines():
        row = json.loads(line)
        found.setdefault(row.pop("kind"), []).append(row)
    return found


def test_three_planners(toolgrove: Callable[..., Any], run: str, tmp_path: Path) -> None:
    spec = model(tmp_path / "judge.json", "equal")
    done = toolgrove("prefer", run, "--model", spec, "--json")
    assert done.code == 0
    told = rows(done.out)
    assert len(told["win_rate"]) == 3 and len(told["strength"]) == 3
    for row in told["win_rate"]:
        assert row["planned"] == 12
        assert row["wins"] + row["ties"] + row["losses"] + row["unjudged"] == 12
    kept = Path(run, "preferences.jsonl").read_bytes()
    shown = toolgrove("prefer", run, "--model", spec)
    assert shown.code == 0 and "Bradley-Terry" in shown.out and "exact sign test" in shown.out
    assert Path(run, "preferences.jsonl").read_bytes() == kept


def test_a_judge_that_goes_by_the_place_is_seen(
    toolgrove: Callable[..., Any], run: str, tmp_path: Path
) -> None:
    spec = model(tmp_path / "judge.json", "first")
    done = toolgrove(
        "prefer", run, "--model", spec, "--planner", "react", "--planner", "dfsdt", "--json"
    )
    told = rows(done.out)
    [place, _] = told["bias"]
    assert place["of"] == "position" and place["share"] == 1.0 and place["n"] > 0
    [rate] = told["win_rate"]
    assert rate["ties"] >= place["n"] / 2 and "strength" not in told


def test_looks_that_are_missing_are_owed(
    toolgrove: Callable[..., Any], run: str, tmp_path: Path
) -> None:
    spec = model(tmp_path / "judge.json", "equal")
    words = ("prefer", run, "--model", spec, "--planner", "react", "--planner", "dfsdt")
    done = toolgrove(*words, "--budget", "calls=3")
    assert done.code == 3 and "pairs are owed; the same command completes them" in done.err
    done = toolgrove(*words, "--json")
    assert done.code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--planner", "react"), "needs two planners"),
        (("--planner", "reakt"), "no planner 'reakt' in these runs; of: dfsdt, react, react@3"),
        (("--votes", 0), "--votes: votes must be 1 or more"),
        (("--budget", "steps=1"), "looks have calls, tokens and usd"),
        (("--judge", "truth"), "no verdicts of the judge 'truth'"),
        (("run",), "two of the runs have the same folder name"),
    ],
)
def test_mistakes_are_said(
    toolgrove: Callable[..., Any], run: str, tmp_path: Path, words: tuple[Any, ...], says: str
) -> None:
    spec = model(tmp_path / "judge.json", "equal")
    done = toolgrove("prefer", run, *words, "--model", spec)
    assert done.code == 2 and says in done.err and "Traceback" not in done.err
