"""The whole pipeline as one command: a smoke version, on a real small model."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.training.dataset import read_dataset
from toolgrove.training.instruct.output import SETS

NEEDS = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tensorboard")


def toolgrove(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolgrove", *words], capture_output=True, text=True, timeout=900
    )


def test_its_commands_are_printed() -> None:
    done = toolgrove("data", "quickstart", "--dry-run", "--out", "q", "--steps", "7")
    assert done.returncode == 0, done.stderr
    commands = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    assert [words[1:3] for words in commands[:4]] == [
        ["data", "collect"], ["data", "instruct"], ["data", "annotate"], ["train", "toolllama"],
    ]  # fmt: skip
    suites = commands[2][commands[2].index("--suite") + 1].split(",")
    assert {Path(suite).stem for suite in suites} <= set(SETS)
    assert commands[4][1] == "bench" and "--steps 7" in done.stdout


@pytest.mark.skipif(
    all(map(importlib.util.find_spec, NEEDS)), reason="the packages of training are here"
)
def test_what_is_missing_is_said() -> None:
    done = toolgrove("data", "quickstart", "--out", "nowhere")
    assert done.returncode == 2 and "pip install 'toolgrove[hub,train]'" in done.stderr


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, NEEDS)) or not os.environ.get("TOOLGROVE_SMOLLM2"),
    reason="needs the extra train, and TOOLGROVE_SMOLLM2: python -m toolgrove.models.smollm2 DIR",
)
def test_all_of_it(tmp_path: Path) -> None:
    out = tmp_path / "q"
    words = ["data", "quickstart", "--out", str(out), "--tasks", "20", "--steps", "2",
             "--limit", "1", "--calls", "2", "--threads", "1"]  # fmt: skip
    done = toolgrove(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len((out / "apis.jsonl").read_text().splitlines()) > 500
    report = json.loads((out / "annotated/annotation.json").read_text())
    assert report["owed"] == 0 and report["solved"] > report["planned"] / 2
    assert len(read_dataset(out / "annotated/sft")) > 10
    said = json.loads((out / "model/toolgrove.json").read_text())
    assert said["policy"] == "functions:texts=short" and said["steps"] == 2
    trials = RunDirectory(out / "benchmark").trials
    assert len(trials) == 4 and {trial.end for trial in trials.values()} <= {
        "answered", "gave_up", "limit",
    }  # fmt: skip
    assert all(trial.spent["calls"] for trial in trials.values())
