"""``toolgrove bench`` killed at random points and begun again: the same result, nothing twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core.lines import read_lines


def command(out: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "toolgrove", "bench", "--suite", "hub:i1-inst", "--limit", "8"),
        *("--planner", "dfsdt", "--planner", "react@3", "--faults", "mixed", "--out", str(out)),
    ]


def lines(out: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in out.glob("journal/*"))


def outcome(out: Path) -> tuple[Any, Any]:
    trials, _ = read_lines(out / "trials.jsonl")
    [*rows] = json.loads((out / "summary.json").read_text("utf-8"))["runs"]
    told = {
        (t["task"], t["planner"]): (t["end"], t["answer"], t["spent"]["calls"], t["spent"]["steps"])
        for t in trials
    }
    return told, [(row["planner"], row["outcomes"], row["calls"]) for row in rows]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_killed_run_resumes_with_nothing_made_twice(tmp_path: Path, seed: int) -> None:
    chance, out = random.Random(seed), tmp_path / "killed"
    for _ in range(2):
        more = lines(out) + chance.randint(1, 60)
        with subprocess.Popen(command(out), stderr=subprocess.DEVNULL, stdout=-3) as run:
            while run.poll() is None and lines(out) < more:
                time.sleep(0.002)
            run.kill()
    subprocess.run(command(out), check=True, capture_output=True, timeout=120)
    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True, timeout=120)
    assert outcome(out) == outcome(tmp_path / "whole")
    for file in out.glob("journal/*"):
        names = Counter(record["key"] for record in read_lines(file)[0] if "key" in record)
        assert set(names.values()) == {1}
