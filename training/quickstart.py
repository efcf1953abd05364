"""The whole pipeline as one command: each stage is a command of its own, which is printed first.

So that a stranger sees all of it work, and scales it by changing names: another source of APIs, a
real teacher, a larger base, more steps. Every stage resumes; a stage that is finished costs
seconds.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..core import UsageError

TEACHER = "simulated:strong,mistake=0,early=0,repeat=0,settle=0,thoughts=need"
WORDS = "functions:texts=short"


class Stage(NamedTuple):
    """One command, what it is for, and a file that says that it is done, if there is one."""

    what: str
    words: tuple[str, ...]
    done: Path | None = None


@dataclass(frozen=True)
class Quickstart:
    """What the stages are told.

    Attributes:
        out: the folder of everything.
        base: the model that is fine-tuned; a GGUF file, a folder or a name.
        tasks: instructions a level.
        steps: optimizer steps.
        limit: tasks a suite that are benchmarked.
        calls: calls a trial, at most.
        threads: of torch; 0 is its own choice.
    """

    out: Path
    base: str
    tasks: int = 60
    steps: int = 12
    limit: int = 4
    calls: int = 6
    threads: int = 0

    def stages(self) -> Iterator[Stage]:
        """The commands, in order."""
        apis, written = self.out / "apis.jsonl", self.out / "instructions"
        annotated, model = self.out / "annotated", self.out / "model"
        trains = ",".join(str(written / f"train-i{level}.jsonl") for level in (1, 2, 3))
        resume = ("--resume",) if (model / "train.json").is_file() else ()
        threads = ("--threads", str(self.threads)) if self.threads else ()
        yield Stage("API documents into one table", ("data", "collect", "hub", "--out", str(apis)))
        yield Stage(
            "instructions of three levels, split; the hub's sampler stands for a teacher",
            ("data", "instruct", "--source", "hub", "--level", "I1,I2,I3",
             "--tasks", str(self.tasks), "--out", str(written)),
        )  # fmt: skip
        yield Stage(
            "solution paths by DFSDT, with a simulated teacher, while some APIs fail",
            ("data", "annotate", "--suite", trains, "--planner", "dfsdt",
             "--model", TEACHER, "--env", "hub", "--faults", "mixed", "--judge", "truth",
             "--out", str(annotated), "--format", "sft", "--shape", "chat", "--words", WORDS,
             "--per", "path", "--offer", "3-6", "--no-parquet"),
        )  # fmt: skip
        yield Stage(
            "a few steps of fine-tuning",
            ("train", "toolllama", "--base", self.base, "--data", str(annotated / "sft"),
             "--out", str(model), "--steps", str(self.steps), "--batch", "2", "--accumulate", "2",
             "--lr", "1e-3", "--context", "768", "--calls", "lines", *resume, *threads),
            model / "toolgrove.json",
        )  # fmt: skip
        suites = ",".join(str(written / f"{name}.jsonl") for name in ("i1-inst", "i1-tool"))
        tuned = f"hf:{self.base},lora={model},max_tokens=128,temperature=0.2"
        if self.threads:
            tuned += f",threads={self.threads}"
        yield Stage(
            "the tuned model, benchmarked by the same planners",
            ("bench", "--suite", suites, "--limit", str(self.limit), "--planner", "react",
             "--planner", "dfsdt", "--model", tuned, "--env", "hub", "--judge", "truth",
             "--budget", f"calls={self.calls}", "--out", str(self.out / "benchmark")),
        )  # fmt: skip


def run_stages(stages: Sequence[Stage]) -> list[tuple[str, float]]:
    """Run the commands, each in a process of its own; what each took in seconds.

    Raises:
        UsageError: one failed: which, and that the same command goes on from there.
    """
    took = []
    for number, stage in enumerate(stages, 1):
        said = shlex.join(("toolgrove", *stage.words))
        print(f"\n[{number}/{len(stages)}] {stage.what}\n$ {said}", flush=True)
        if stage.done is not None and stage.done.is_file():
            print(f"done already: {stage.done}")
            took.append((stage.what, 0.0))
            continue
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "toolgrove", *stage.words])
        took.append((stage.what, time.monotonic() - start))
        if done.returncode:
            raise UsageError(
                f"stage {number} ({stage.what}) ended with {done.returncode}; put right what it "
                f"says, and the same command goes on from there"
            )
    return took
