"""Solution paths by search: caps on the whole run, resuming, what is kept and what is recorded."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.core import UsageError
from toolgrove.core.lines import read_lines
from toolgrove.training.annotate import Meter
from toolgrove.training.dataset import read_dataset

# A teacher that writes down each call when it is paid: at the provider's side, so to say.
COUNTING = """
import asyncio, os
from toolgrove.models.simulated import SimulatedModel

class Paid(SimulatedModel):
    def __init__(self, log: str) -> None:
        super().__init__("strong")
        self.log = log

    async def complete(self, requests):
        with open(self.log, "a") as file:
            for request in requests:
                file.write(f"{request.task.id} {request.node} {request.sample}\\n")
        await asyncio.sleep(0.003)
        return await super().complete(requests)
"""


def annotate(out: Path, *more: str, suite: str = "hub:train-i1", limit: int = 12) -> list[str]:
    return [
        sys.executable, "-m", "toolgrove", "data", "annotate", "--suite", suite, "--limit",
        str(limit), "--planner", "dfsdt", "--faults", "mixed", "--out", str(out), "--no-parquet",
        "--json", *more,
    ]  # fmt: skip


def run(words: Sequence[str], code: int = 0) -> dict[str, Any]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    told["stderr"] = done.stderr
    return told


def trees(out: Path) -> dict[str, Any]:
    directory = RunDirectory(out / "run")
    return {
        key.file: [
            {k: v for k, v in node.items() if k != "latency"}
            for node in directory.load(key).tree_data["nodes"]
        ]
        for key in directory.trials
    }


def test_paths_are_kept_failures_recorded_and_rows_written(tmp_path: Path) -> None:
    told = run(annotate(tmp_path / "a", "--model", "simulated:weak", limit=30))
    assert told["planned"] == 30 == told["solved"] + sum(told["failed"].values())
    assert told["owed"] == 0 and told["solved"] > 5 and told["failed"]
    failed = [json.loads(s) for s in (tmp_path / "a/failures.jsonl").read_text().splitlines()]
    assert len(failed) == sum(told["failed"].values())
    assert {row["outcome"] for row in failed} == set(told["failed"])
    made = read_dataset(tmp_path / "a/sft")
    assert len(made) == told["data"]["sft"] >= told["solved"]
    solved = {str(row["id"]).split("#")[0] for row in made}
    assert len(solved) == told["solved"]
    assert not solved & {f"{r['suite']}/{r['task']}/{r['planner']}/0" for r in failed}


def test_a_cap_on_the_whole_run_is_kept_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    whole = run(annotate(tmp_path / "whole", "--model", "simulated:strong"))
    first = annotate(tmp_path / "a", "--model", "simulated:strong", "--concurrency", "3")
    told = run([*first, "--total", "calls=20"], 3)
    assert 20 <= told["spent"]["calls"] < 20 + 3
    assert told["stopped_by"] == "calls" and told["owed"] > 0
    assert "--total calls=" in told["stderr"] and "resumes" in told["stderr"]
    assert run([*first, "--total", "calls=20"], 3)["spent"]["calls"] == told["spent"]["calls"]
    again = run(first)
    assert again["spent"]["calls"] == whole["spent"]["calls"]
    assert trees(tmp_path / "a") == trees(tmp_path / "whole")


def test_it_ends_when_enough_paths_were_found(tmp_path: Path) -> None:
    words = annotate(tmp_path / "a", "--model", "simulated:strong", "--concurrency", "2")
    told = run([*words, "--wanted", "3"])
    assert 3 <= told["solved"] <= 4 and told["stopped_by"] == "wanted" and told["owed"] > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_random_points_it_pays_nothing_twice_but_calls_in_flight(
    tmp_path: Path, seed: int
) -> None:
    (tmp_path / "paid.py").write_text(COUNTING)
    log, whole_log = tmp_path / "log", tmp_path / "whole-log"
    concurrency, limit = 3, 16

    def words(out: str, log: Path) -> list[str]:
        model = f"{tmp_path}/paid.py:Paid,log={log}"
        return annotate(tmp_path / out, "--model", model, "--concurrency", str(concurrency),
                        limit=limit)  # fmt: skip

    whole = run(words("whole", whole_log))
    rng, kills = random.Random(seed), 0
    for _ in range(4):
        before = log.read_text().count("\n") if log.exists() else 0
        child = subprocess.Popen(words("killed", log), stdout=-3, stderr=-3)
        deadline = time.monotonic() + 60
        more = rng.randint(3, 20)  # calls after which it is killed
        while child.poll() is None and time.monotonic() < deadline:
            if log.exists() and log.read_text().count("\n") >= before + more:
                os.kill(child.pid, signal.SIGKILL)
                break
            time.sleep(0.001)
        kills += child.wait(timeout=60) == -signal.SIGKILL
    assert kills >= 2
    # The log's name is part of the model's spec, so only trees and spend can be compared.
    told = run(words("killed", log))
    assert told["spent"] == whole["spent"] and told["solved"] == whole["solved"]
    assert trees(tmp_path / "killed") == trees(tmp_path / "whole")
    paid, owed = log.read_text().splitlines(), whole_log.read_text().splitlines()
    assert set(paid) == set(owed)
    assert len(paid) - len(owed) <= kills * concurrency


def test_a_torn_line_of_the_run_is_owed_again(tmp_path: Path) -> None:
    words = annotate(tmp_path / "a", "--model", "simulated:strong")
    told = run(words)
    trials = tmp_path / "a/run/trials.jsonl"
    data = trials.read_bytes()
    trials.write_bytes(data[: len(data) - 40])
    again = run(words)
    assert again["solved"] == told["solved"] and again["owed"] == 0
    assert read_lines(trials)[1] == 1


def test_mistakes_are_told_in_words(tmp_path: Path) -> None:
    out = tmp_path / "a"
    for more, says in [
        (("--format", "csv"), "expected sft, dpo"),
        (("--total", "nodes=3"), "the whole run is capped in"),
        (("--wanted", "0"), "--wanted must be 1 or more"),
        (("--model", "nobody"), "no model 'nobody'"),
    ]:
        words = annotate(out, *(() if "--model" in more else ("--model", "simulated")), *more)
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2 and says in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_a_meter_stops_once() -> None:
    stops: list[int] = []
    meter = Meter({"calls": 2}, None, lambda: stops.append(1))
    record: Mapping[str, Any] = {"key": "0:propose:0", "got": {"prompt_tokens": 3}}
    for _ in range(4):
        meter.effect(record)
    assert stops == [1] and meter.reached == "calls"
    assert meter.spent["calls"] == 4 and meter.spent["tokens"] == 12
    with pytest.raises(UsageError, match="capped in"):
        Meter({"seconds": 3}, None, lambda: None)
