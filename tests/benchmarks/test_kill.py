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

# A model that writes down each call when it is paid: at the provider's side, so to say.
PAID = """
import asyncio
from toolgrove.models.simulated import SimulatedModel

class Paid(SimulatedModel):
    def __init__(self, log: str, pause: float) -> None:
        super().__init__("strong")
        self.log, self.pause = log, pause

    async def complete(self, requests):
        with open(self.log, "a") as file:
            for request in requests:
                file.write(f"{request.task.id} {request.node} {request.sample}\\n")
        await asyncio.sleep(self.pause)
        return await super().complete(requests)
"""
CONCURRENCY = 3


def command(folder: Path, name: str, pause: float) -> list[str]:
    (folder / "paid.py").write_text(PAID)
    return [
        *(sys.executable, "-m", "toolgrove", "bench", "--suite", "hub:i1-inst", "--limit", "8"),
        *("--planner", "dfsdt", "--faults", "mixed", "--out", str(folder / name), "--json"),
        *("--model", f"{folder}/paid.py:Paid,log={folder}/{name}.log,pause={pause}"),
        *("--concurrency", str(CONCURRENCY)),
    ]


def paid(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def outcome(out: Path) -> dict[str, Any]:
    trials, _ = read_lines(out / "trials.jsonl")
    rows = json.loads((out / "summary.json").read_text("utf-8"))["runs"]
    told: dict[str, Any] = {
        t["task"]: (t["end"], t["answer"], t["spent"]["calls"], t["spent"]["steps"]) for t in trials
    }
    return {**told, "rows": [(row["planner"], row["outcomes"], row["calls"]) for row in rows]}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_killed_run_resumes_with_nothing_made_twice(tmp_path: Path, seed: int) -> None:
    chance, log, kills = random.Random(seed), tmp_path / "killed.log", 0
    for _ in range(3):
        due = len(paid(log)) + chance.randint(1, 12)
        words = command(tmp_path, "killed", 0.02)
        with subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=-3) as run:
            deadline = time.monotonic() + 60
            while run.poll() is None and len(paid(log)) < due:
                assert time.monotonic() < deadline
                time.sleep(0.002)
            run.kill()
        kills += run.returncode < 0
    assert kills >= 2
    for name in ("killed", "whole"):
        pause = 0.02 if name == "killed" else 0.0  # it is part of what must be equal to resume
        words = command(tmp_path, name, pause)
        subprocess.run(words, check=True, capture_output=True, timeout=120)
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
    for file in (tmp_path / "killed").glob("journal/*"):
        names = Counter(record["key"] for record in read_lines(file)[0] if "key" in record)
        assert set(names.values()) == {1}
    made, owed = paid(log), paid(tmp_path / "whole.log")
    assert set(made) == set(owed)
    assert len(made) - len(owed) <= kills * CONCURRENCY
